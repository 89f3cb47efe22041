"""What people do: projects, badges, points for their house."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.client import FT42Stream
from tap_ft42.scope import BATCH
from tap_ft42.scores import ScoredStream
from tap_ft42.streams.reference import CampusesStream, CoalitionsStream

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record


class ProjectsUsersStream(FT42Stream):
    """Enrolments in projects, campus by campus, each with its own bookmark."""

    name = "projects_users"
    path = "/v2/projects_users"
    replication_key = "updated_at"
    parent_stream_type = CampusesStream
    campus_filter = "filter[campus]"
    joined_filter = "filter[campus]"
    is_sortable = False
    weight = 4
    added_columns = ("campus_id", "cursus_id")

    @override
    def query(self, context: Context | None) -> dict[str, Any]:
        query = {**super().query(context), "filter[cursus]": self.config["cursus_id"]}
        return query | {"filter[campus]": context["campus_id"]} if context else query

    @override
    def contexts_of(
        self, records: Sequence[Mapping[str, Any]], parents: Collection[int]
    ) -> Mapping[int, Context]:
        users = {
            record["id"]: record["user"]["id"]
            for record in records
            if type(record.get("id")) is int and isinstance(record.get("user"), dict)
        }
        # An enrolment is a row of each campus of its user; the last one read stays.
        campuses: dict[int, int] = {}
        user_ids = sorted(set(users.values()))
        for start in range(0, len(user_ids), BATCH):
            batch = ",".join(map(str, user_ids[start : start + BATCH]))
            query = {"filter[user_id]": batch}
            for row in self._tap.api_streams["campus_users"].look_up(query):
                if row["campus_id"] in parents:
                    known = campuses.get(row["user_id"], 0)
                    campuses[row["user_id"]] = max(known, row["campus_id"])
        return {
            row: {"campus_id": campuses[user]}
            for row, user in users.items()
            if user in campuses
        }

    @override
    def is_in_scope(self, row: Record) -> bool:
        # filter[cursus] has been seen to let other cursus through.
        return row["cursus_id"] in row["cursus_ids"]


class AchievementsUsersStream(FT42Stream):
    """Badges that people earned."""

    name = "achievements_users"
    path = "/v2/achievements_users"
    replication_key = "updated_at"
    weight = 2
    state_partitioning_keys = ()  # one bookmark, however many batches of users

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        batches = self._tap.scope.user_batches
        return None if batches is None else [{"user_ids": batch} for batch in batches]

    @override
    def query(self, context: Context | None) -> dict[str, Any]:
        return {
            **super().query(context),
            "filter[user_id]": context["user_ids"] if context else None,
        }


class CoalitionsUsersStream(ScoredStream):
    """Memberships in coalitions, coalition by coalition."""

    name = "coalitions_users"
    path = "/v2/coalitions/{coalition_id}/coalitions_users"
    replication_key = "updated_at"
    list_path = "/v2/coalitions_users"
    parent_stream_type = CoalitionsStream
    joined_filter = "filter[coalition_id]"
    weight = 2
