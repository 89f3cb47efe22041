"""What a run reads next of a list: steps, as data.

A step is one read, for one partition or for several. Which steps there are follows from
the list, its state, and the instants of the run, and from nothing else. A run executes
them, and ``tap-ft42 plan`` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_ft42.declared.instants import DAY, milliseconds
from tap_ft42.declared.listing import ID
from tap_ft42.reading.reads import read_from_scratch, read_window
from tap_ft42.reading.regions import MAX_ID, Region
from tap_ft42.reading.whole import read_list

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.declared.listing import Cursor, Listing
    from tap_ft42.reading.asking import Ask, Part

    ReadFunction = Callable[[Ask], AsyncIterator[Part]]

_APART = DAY
"""By which the clock that stamps rows may differ from that of this machine."""

BEGINNING = 0
"""Lower bound of a window that has none: 1970, older than 42 itself."""


class Way(Enum):
    """How a step is read, and what it leaves in the state."""

    LIST = "list"
    """The whole list, which nothing narrows."""
    FULL = "full"
    """The whole list in the order of ids; there is no bookmark."""
    LOAD = "load"
    """The same, with a bookmark at its end."""
    WINDOW = "window"
    """A closed window of the cursor: the bookmark moves with the rows."""
    CHANGES = "changes"
    """A closed window of a cursor that the rows do not show."""


@dataclass(frozen=True, slots=True)
class Times:
    """The instants between which a run reads, in milliseconds since 1970."""

    until: int
    """Upper bound of its windows. It lies a settle time in the past, where rows have
    stopped arriving: one that 42 stamps now and commits a moment later is left to
    the next run."""
    overlap: int
    """How far before its bookmark a window begins, because the clocks that stamp
    rows are not one clock. Rows in the overlap are read twice; the target upserts
    them by primary key."""
    not_before: int | None
    """The setting ``start_date``: nothing older is read."""
    is_past: bool = False
    """Whether nothing can arrive before the upper bound, so that it is read but once."""


@dataclass(frozen=True, slots=True)
class Step:
    """A read that brings a list nearer to the present."""

    way: Way
    region: Region
    """Which rows."""
    until: int
    """Instant up to which all changes will be in."""
    begins: int | None = None
    """Lower bound of its window, if it has one."""
    since: str | int | None = None
    """Rows whose cursor is greater are new to the target. None where that cannot be told; the
    empty text if all of them are."""
    latest: int | None = None
    """Greatest position that an earlier run has met, whose load this one goes on with."""

    def reading(
        self, listing: Listing, accepts: Callable[[Page], bool] | None = None
    ) -> ReadFunction:
        """Return what reads it.

        Args:
            listing: The list.
            accepts: Whether a load or a window is worth its cost, judged by its first page.
        """
        is_sortable = listing.is_sortable
        match self.way:
            case Way.LIST:
                return partial(read_list, is_sortable=is_sortable)
            case Way.FULL | Way.LOAD:
                return partial(
                    read_from_scratch,
                    region=self.region,
                    is_sortable=is_sortable,
                    window=self._window(listing.cursor),
                    accepts=accepts,
                )
            case Way.CHANGES:
                # Without positions there are no borders of pages to prove.
                return partial(read_window, region=self.region, is_sortable=False)
            case Way.WINDOW:
                return partial(
                    read_window,
                    region=self.region,
                    is_sortable=is_sortable,
                    is_newest_first=listing.is_newest_first,
                    accepts=accepts,
                )

    def _window(self, cursor: Cursor | None) -> Region | None:
        """Return the rows of a load by the list's cursor."""
        if cursor is None or cursor.kind == "id":
            return None
        begins = BEGINNING if self.begins is None else self.begins
        return Region({cursor.column: (begins, self.until)})


def full_steps(listing: Listing, state: Mapping[str, Any], until: int) -> list[Step]:
    """Tell how a list without bookmarks is read."""
    if not listing.has_ranges:
        return [Step(Way.LIST, Region(), until)]
    return [Step(Way.FULL, _what_is_left(state), until)]


def change_steps(
    cursor: Cursor, state: Mapping[str, Any], until: int, times: Times
) -> list[Step]:
    """Return the steps for changes of a list whose rows do not show the cursor."""
    read_until = milliseconds(state.get("read_until")) or BEGINNING
    lower = max(BEGINNING, min(read_until, until) - _APART - times.overlap)
    region = Region({cursor.column: (lower, until)})
    return [Step(Way.CHANGES, region, until, begins=lower)]


def incremental_steps(  # noqa: PLR0913 - what a plan follows from
    listing: Listing,
    cursor: Cursor,
    state: Mapping[str, Any],
    stops: Sequence[int],
    times: Times,
    *,
    is_short: bool = False,
) -> Iterator[Step]:
    """Tell what brings a list with bookmarks up to date.

    Args:
        listing: The list.
        cursor: Its cursor.
        state: The state of the stream or partition. Of a sweep it is the one that
            `tap_ft42.planning.sweeps.together` says.
        stops: Instants up to which it is read, one after the other.
        times: The instants of the run.
        is_short: Whether its first window is to show all rows, as one page has room for them.
    """
    position = cursor.position(state.get("replication_key_value"))
    if cursor.kind == "id":
        if not times.is_past:
            yield _ids_beyond(cursor, position, state, stops[-1])
        return
    first = BEGINNING if times.not_before is None else times.not_before
    if times.is_past and (milliseconds(state.get("read_until")) or 0) >= times.until:
        return
    if position is None:
        begun: dict[str, Any] = state.get("from_scratch") or {}
        position = milliseconds(begun.get("until")) or stops[0]
        region = _what_is_left(state)
        if times.not_before is not None or not listing.is_sortable:
            region = region.narrowed(cursor.column, first, position)
        latest = cursor.position(begun.get("latest"))
        yield Step(Way.LOAD, region, position, times.not_before, since="", latest=latest)
        stops = [stop for stop in stops if stop > position]
    if read_until := milliseconds(state.get("read_until")):
        # A change that moved many rows at once need not be read every night.
        margin = _APART if listing.widest_window is None else listing.widest_window
        position = max(position, read_until - min(_APART, margin))
    for stop in stops:
        lower = max(first, position - times.overlap - 1000 * cursor.looks_back)
        if lower <= stop:
            region = Region({cursor.column: (first if is_short else lower, stop)})
            is_short = False
            yield Step(Way.WINDOW, region, stop, lower, since=cursor.written(position))
        position = stop


def _ids_beyond(
    cursor: Cursor, position: int | None, state: Mapping[str, Any], until: int
) -> Step:
    """Return the step that reads the rows with greater ids than the bookmark."""
    region = _what_is_left(state)
    if position is not None:
        begun, _ = region.interval(ID)
        first = max(begun, position + 1 - cursor.looks_back)
        region = Region({ID: (min(first, MAX_ID), MAX_ID)})
    latest = cursor.position((state.get("from_scratch") or {}).get("latest"))
    since = "" if position is None else position
    return Step(Way.LOAD, region, until, since=since, latest=latest)


def _what_is_left(state: Mapping[str, Any]) -> Region:
    """Return what a load from scratch has not read yet."""
    begun = state.get("from_scratch")
    return Region({ID: (begun["next_id"], MAX_ID)} if begun else {})
