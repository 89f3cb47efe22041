"""What people do: projects, badges, points for their house."""

from __future__ import annotations

from functools import cached_property
from math import ceil
from sys import maxsize
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.census.tallies import Tally
from tap_ft42.declared.contexts import cursus_of, parent_of
from tap_ft42.planning.bookmarks import note_scope
from tap_ft42.planning.scope import id_lists
from tap_ft42.planning.sweeps import LARGEST
from tap_ft42.run.dealing import CampusDealer, campuses_of, is_worth_it
from tap_ft42.run.scores import ScoredStream
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams.reference import CampusesStream, CoalitionsStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record

    from tap_ft42.api.page import Page
    from tap_ft42.planning.sweeps import Planned
    from tap_ft42.reading.pipeline import Place
    from tap_ft42.reading.reads import Part

_CATCHING_UP = 10
"""Pages that a window of everybody's badges may cost more than the batches, once."""


class ProjectsUsersStream(FT42Stream):
    """Enrolments in projects, by campus and cursus, each with its own bookmark."""

    name = "projects_users"
    is_by_cursus = True
    path = "/v2/projects_users"
    replication_key = "updated_at"
    parent_stream_type = CampusesStream
    campus_filter = "filter[campus]"
    joined_filter = "filter[campus]"
    largest_sweep = LARGEST
    is_sortable = False
    weight = 4
    added_columns = ("campus_id", "cursus_id")
    settled = ("status", "finished")  # nobody unregisters from what is finished
    census_share = 0.5

    @override
    def query(self, context: Context | None) -> dict[str, Any]:
        query = {**super().query(context), "filter[cursus]": cursus_of(context)}
        campus_id = parent_of(context)
        return query | {"filter[campus]": campus_id} if campus_id else query

    @cached_property
    def _dealers(self) -> dict[int, CampusDealer]:
        """What deals the rows of each cursus out."""
        scope, overlap = self._tap.scope, self._tap.times.overlap
        return {
            cursus_of(whole): CampusDealer(scope, self.get_context_state(whole), overlap)
            for whole in self.lists
        }

    @override
    def take_up(self, context: Context | None, state: dict[str, Any]) -> None:
        super().take_up(context, state)
        self._dealers[cursus_of(context)].note(context, state)

    @override
    def is_worth_sweeping(self, head: Page, members: int) -> bool:
        return is_worth_it(head, members)

    @override
    def prepared(
        self, parts: Iterator[tuple[Part, Place]], planned: Planned
    ) -> Iterator[tuple[Part, Place]]:
        (context, _), *_ = planned.members
        return self._dealers[cursus_of(context)].prepared(parts, planned)

    @override
    def added_values(self, record: Record, context: Context | None) -> dict[str, Any]:
        added, dealer = super().added_values(record, context), self._dealers[cursus_of(context)]
        return {**added, "campus_id": dealer.campus_of(record, added["campus_id"])}

    @override
    def contexts_of(
        self, records: Sequence[Mapping[str, Any]], contexts: Sequence[Context | None]
    ) -> Mapping[int, Context | None]:
        by_campus = {parent_of(context): context for context in contexts}
        campuses = campuses_of(records, by_campus, self._tap.scope)
        return {row: by_campus[campus] for row, campus in campuses.items()}

    @override
    def is_in_scope(self, row: Record) -> bool:
        # filter[cursus] has been seen to let other cursus through.
        return row["cursus_id"] in row["cursus_ids"]


class AchievementsUsersStream(FT42Stream):
    """Badges that people earned.

    The API can narrow them by people only. For a scope, everybody's window is read as a
    sweep of all batches of people, if it has not many more pages than there are
    batches: it moves the bookmark on, so that the next window has next to none.

    No window has the older badges of somebody who joins the scope. So the state holds
    under ``people`` whose badges have been read, and the others are asked for.
    """

    name = "achievements_users"
    path = "/v2/achievements_users"
    replication_key = "updated_at"
    weight = 2
    is_batched = True
    state_partitioning_keys = ()  # one bookmark, however many batches of users
    largest_sweep = maxsize

    _are_newcomers_read = False

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        backfill = self.backfill
        if backfill is not None and backfill.has_read(self.stream_state):
            return None  # nobody has to be looked up for nothing
        batches = self._tap.scope.user_batches
        return None if batches is None else [{"user_ids": batch} for batch in batches]

    @property
    @override
    def is_known_ahead(self) -> bool:
        return not self._tap.scope.campus_ids  # the stream users tells who is in it

    @override
    def query(self, context: Context | None) -> dict[str, Any]:
        return {
            **super().query(context),
            "filter[user_id]": context["user_ids"] if context else None,
        }

    @override
    def is_worth_sweeping(self, head: Page, members: int) -> bool:
        if head.total is None:
            return not head.more
        return ceil(head.total / head.size) <= members + _CATCHING_UP

    @override
    def is_in_scope(self, row: Record) -> bool:
        return self._tap.scope.has_user(row["user_id"])

    @override
    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        tap = self._tap
        is_due = tap.scope.campus_ids and not tap.is_dry_run and self.backfill is None
        if is_due and not self._are_newcomers_read:
            self._are_newcomers_read = True
            yield from self._of_newcomers()
        yield from super().request_records(context)

    def _of_newcomers(self) -> Iterator[dict[str, Any]]:
        state, present = self.stream_state, self._tap.scope.user_ids
        note_scope(state, self.bookmark_scope(None))
        is_loaded = state.get("replication_key_value") is not None
        if not is_loaded and "from_scratch" not in state:
            known = present  # all of whom the first load asks for
        else:
            known = present.intersection(_ids_in(state))
        if is_loaded:
            for batch in id_lists(present - known):
                query = self.query({"user_ids": batch})
                name = f"newcomers to {self.name}"
                yield from self.read_apart(query, name, is_news=True)
            known = present
        people = Tally(page_size=self.page_size)
        for user_id in known:
            people.add(user_id)
        state["people"] = people.as_state()


class CoalitionsUsersStream(ScoredStream):
    """Memberships in coalitions, coalition by coalition."""

    name = "coalitions_users"
    path = "/v2/coalitions/{coalition_id}/coalitions_users"
    replication_key = "updated_at"
    list_path = "/v2/coalitions_users"
    parent_stream_type = CoalitionsStream
    joined_filter = "filter[coalition_id]"
    largest_sweep = LARGEST
    weight = 2
    census_share = 0.05  # people are looked for first: they take theirs along


def _ids_in(state: Mapping[str, Any]) -> Iterable[int]:
    """Return whose badges have been read, as far as the state tells."""
    try:
        return Tally.restored(state["people"], page_size=LARGEST).ids
    except (KeyError, ValueError):
        return ()
