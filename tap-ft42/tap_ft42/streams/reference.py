"""What the network consists of: curricula, places, projects, badges, houses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_ft42.planning.refreshing import ReferenceStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context, Record

    from tap_ft42.api.page import Page
    from tap_ft42.tap import TapFT42

_WEEK = 7 * 24
_CENTURY = 100 * 366 * 24
"""Hours."""


class CursusStream(ReferenceStream):
    """Every curriculum."""

    name = "cursus"
    path = "/v2/cursus"
    refresh_hours = 168


class CampusesStream(ReferenceStream):
    """Every active, public campus; parent of what is asked campus by campus."""

    name = "campuses"
    path = "/v2/campus"
    refresh_hours = 24

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        if self._tap.scope.has_campus(record["id"]):
            yield {"campus_id": record["id"]}

    @property
    @override
    def interval(self) -> float:
        hours = super().interval
        if not hours or not self._tap.scope.campus_ids:
            return hours
        # Where the campuses are named, no other one can join those that are asked.
        is_set = self.name in (self.config.get("refresh_hours") or {})
        return hours if is_set else _WEEK if self.selected else _CENTURY


class ProjectsStream(ReferenceStream):
    """Projects of the run's cursus, with the sessions of every campus.

    One that belongs to several of them comes once for each.
    """

    name = "projects"
    is_by_cursus = True
    added_columns = ("cursus_id",)
    path = "/v2/cursus/{cursus_id}/projects"
    replication_key = "updated_at"
    refresh_hours = 672
    largest_page = 30  # 100 projects are 4 MB, and the API often times out on them


class AchievementsStream(ReferenceStream):
    """Every badge."""

    name = "achievements"
    path = "/v2/achievements"
    refresh_hours = 672
    lists_changes = True


class CampusAchievementsStream(ReferenceStream):
    """Which campus awards which badge.

    Off by default: the names in ``achievements.campus`` say the same for twelve
    requests instead of one a campus.
    """

    name = "campus_achievements"
    path = "/v2/campus/{campus_id}/achievements"
    parent_stream_type = CampusesStream
    list_path = None
    selected_by_default = False
    refresh_hours = 168
    added_columns = ("campus_id",)


class BlocsStream(ReferenceStream):
    """Groups of coalitions: the only tie from a coalition to a campus."""

    name = "blocs"
    path = "/v2/blocs"
    campus_filter = "filter[campus_id]"
    has_ranges = False
    refresh_hours = 168


class CoalitionsStream(ReferenceStream):
    """Every coalition; parent of the memberships.

    The API narrows their list by nothing. For a scope, the blocs of its campuses are
    asked for instead: they carry their coalitions, points and all.
    """

    name = "coalitions"
    path = "/v2/coalitions"
    campus_filter = BlocsStream.campus_filter
    has_ranges = False
    refresh_hours = 24

    def __init__(self, tap: TapFT42) -> None:
        """Choose the list.

        Args:
            tap: The tap, which knows the scope.
        """
        super().__init__(tap)
        if tap.scope.campus_ids:
            self.path = BlocsStream.path

    @override
    def unpacked(self, page: Page) -> Page:
        scope = self._tap.scope
        if not scope.campus_ids:
            return page
        return page.holding(
            [
                coalition
                for bloc in page.records()
                if isinstance(bloc, dict) and scope.has_campus(bloc.get("campus_id"))
                for coalition in bloc.get("coalitions") or ()
            ]
        )

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        if "score" in record and self.backfill is None:
            self._tap.coalition_totals[record["id"]] = record["score"]
        yield {"coalition_id": record["id"]}


REFRESH_HOURS = {
    stream.name: stream.refresh_hours
    for stream in (
        CursusStream,
        ProjectsStream,
        AchievementsStream,
        CampusesStream,
        CampusAchievementsStream,
        BlocsStream,
        CoalitionsStream,
    )
}
"""Hours for which a full read of each is good enough."""
