"""Lists that the API narrows only by people, in a run of some campuses.

Such a list can be read in batches of people. But a window of everybody's rows is read instead
if it has not many more pages than there are batches. It moves the bookmark, so the next
window is short.

A window does not hold the older rows of a person who joins the scope. So the state says,
below ``people``, whose rows have been read; those of newcomers are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from typing_extensions import override

from tap_ft42.api.page import Page
from tap_ft42.census.packing import packed_ids, unpacked_ids
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.planning.bookmarks import has_bookmark, note_scope
from tap_ft42.planning.plan import PlannedRead
from tap_ft42.reading.id_lists import id_lists
from tap_ft42.run.list_in_run import ListInRun

_CATCHING_UP = 10
"""A window of everybody's rows may have so many pages more than there are batches."""


class Newcomers(Trait):
    """Rows of the people in scope, and the older rows of people who join them."""

    def __init__(self, of: ListInRun) -> None:
        self._list = of
        self._are_newcomers_read = False

    @override
    def is_in_scope(self, row: Mapping[str, Any]) -> bool:
        run = self._list.run
        return run.is_dry_run or run.people.has(row[self._list.listing.people_column])

    @override
    def is_worth_sweeping(self, head: Page, read: PlannedRead) -> bool:
        if head.total is None:
            return not head.more
        return head.pages <= len(read.partitions) + _CATCHING_UP

    @override
    def first(self) -> Iterator[Any]:
        run = self._list.run
        if self._are_newcomers_read or not run.scope.campus_ids or run.backfill is not None:
            return
        self._are_newcomers_read = True
        state, present = self._list.output.stream_state, run.people.ids
        note_scope(state, self._list.bookmark_scope(None))
        is_loaded = has_bookmark(state)
        if not is_loaded and "from_scratch" not in state:
            known = present  # the first load asks for all of them
        else:
            known = present.intersection(_ids_in(state))
        if is_loaded:
            self._list.emitted.begin(self._list.route.entry, "")
            for batch in id_lists(present - known):
                query = self._list.query({"user_ids": batch})
                name = f"newcomers to {self._list.listing.name}"
                yield from self._list.read_apart([query], name)
            known = present
        state["people"] = {"ids": packed_ids(known)}


def _ids_in(state: Mapping[str, Any]) -> Iterable[int]:
    """Return the ids of the people whose rows have been read, by the state."""
    try:
        return unpacked_ids(state["people"]["ids"])
    except (KeyError, ValueError):
        return ()
