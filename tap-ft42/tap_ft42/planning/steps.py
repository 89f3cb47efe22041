"""What a run reads next of a list: steps, as data.

A step is one read, for one partition or for several. The steps depend on the list, its state
and the instants of the run, and on nothing else. A run executes them, and ``tap-ft42 plan``
counts their requests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from tap_ft42.api.page import Page
from tap_ft42.declared.instants import DAY, milliseconds
from tap_ft42.declared.listing import ID, Cursor, Listing
from tap_ft42.reading.asking import Ask, Part
from tap_ft42.reading.reads import read_from_scratch, read_window
from tap_ft42.reading.regions import MAX_ID, Region
from tap_ft42.reading.whole import read_list

ReadFunction = Callable[[Ask], AsyncIterator[Part]]

_CLOCK_DIFFERENCE = DAY
"""So much may the clock that stamps rows differ from the clock of the run."""

BEGINNING = 0
"""Lower bound of a window without one: 1970, older than 42 itself."""


class Way(Enum):
    """How a step is read, and what it leaves in the state."""

    LIST = "list"
    """The whole list, if the API cannot narrow it by ranges."""
    FULL = "full"
    """The whole list in the order of ids, without a bookmark."""
    LOAD = "load"
    """The whole list in the order of ids, with a bookmark at the end."""
    WINDOW = "window"
    """A closed window of the cursor. The bookmark moves with the rows."""
    CHANGES = "changes"
    """A closed window of a cursor that the rows do not show."""


@dataclass(frozen=True, slots=True)
class Times:
    """The instants between which a run reads, in milliseconds since 1970."""

    until: int
    """Upper bound of all windows. It lies a settle time in the past, because 42 may stamp a
    row now and commit it a moment later. The next run reads such a row."""
    overlap: int
    """How far before the bookmark a window begins, because rows are stamped by several
    clocks. Rows in the overlap are read twice; the target upserts them by primary key."""
    not_before: int | None
    """The setting ``start_date``: rows that changed earlier are not read."""
    is_past: bool = False
    """Whether no row can be added before the upper bound, so one read is enough."""


@dataclass(frozen=True, slots=True)
class Step:
    """One read of a list. After it, the target has all changes up to `until`."""

    way: Way
    region: Region
    """The rows to read."""
    until: int
    """Instant up to which the step reads all changes."""
    begins: int | None = None
    """Lower bound of the window, if it has one."""
    since: str | int | None = None
    """Rows whose cursor is greater are new to the target. None if that cannot be told; the
    empty text if all rows are new."""
    latest: int | None = None
    """Greatest position that the load has met in earlier runs, if this step continues it."""

    def reading(
        self, listing: Listing, accepts: Callable[[Page], bool] | None = None
    ) -> ReadFunction:
        """Return the function that executes the step.

        `accepts` judges by the first page whether a load or a window is worth its cost.
        """
        match self.way:
            case Way.LIST:
                return read_list
            case Way.FULL | Way.LOAD:
                return partial(
                    read_from_scratch,
                    region=self.region,
                    window=self._window(listing.cursor),
                    accepts=accepts,
                )
            case Way.CHANGES:
                return partial(read_window, region=self.region, shows_key=False)
            case Way.WINDOW:
                return partial(read_window, region=self.region, accepts=accepts)

    def _window(self, cursor: Cursor | None) -> Region | None:
        """Return the window of a load, by the list's cursor."""
        if cursor is None or cursor.kind == "id":
            return None
        begins = BEGINNING if self.begins is None else self.begins
        return Region({cursor.column: (begins, self.until)})


def full_step(listing: Listing, state: Mapping[str, Any], until: int) -> Step:
    """Return the step of a full read of a list without bookmarks."""
    if not listing.has_ranges:
        return Step(Way.LIST, Region(), until)
    return Step(Way.FULL, _unread_region(state), until)


def change_step(cursor: Cursor, state: Mapping[str, Any], until: int, times: Times) -> Step:
    """Return the step for changes of a list whose rows do not show the cursor."""
    read_until = milliseconds(state.get("read_until")) or BEGINNING
    lower = max(BEGINNING, min(read_until, until) - _CLOCK_DIFFERENCE - times.overlap)
    region = Region({cursor.column: (lower, until)})
    return Step(Way.CHANGES, region, until, begins=lower)


def incremental_steps(  # noqa: PLR0913 - all that a plan depends on
    listing: Listing,
    cursor: Cursor,
    state: Mapping[str, Any],
    stops: Sequence[int],
    times: Times,
    *,
    is_short: bool = False,
) -> Iterator[Step]:
    """Yield the steps that bring a list with bookmarks up to date.

    Args:
        listing: The list.
        cursor: Its cursor.
        state: The state of the stream or partition; for a sweep, that of
            `tap_ft42.planning.sweeps.sweep_state`.
        stops: The instants up to which the steps read, one after the other.
        times: The instants of the run.
        is_short: Whether the first window is to show all rows, as one page has room for them.
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
        region = _unread_region(state)
        if times.not_before is not None or not listing.is_sortable:
            region = region.narrowed(cursor.column, first, position)
        latest = cursor.position(begun.get("latest"))
        yield Step(Way.LOAD, region, position, times.not_before, since="", latest=latest)
        stops = [stop for stop in stops if stop > position]
    if read_until := milliseconds(state.get("read_until")):
        # If many rows changed at the bookmark's instant, they need not be read every night.
        widest = listing.widest_window
        margin = _CLOCK_DIFFERENCE if widest is None else min(_CLOCK_DIFFERENCE, widest)
        position = max(position, read_until - margin)
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
    """Return the step that reads the rows whose ids are greater than the bookmark."""
    region = _unread_region(state)
    if position is not None:
        begun, _ = region.interval(ID)
        first = max(begun, position + 1 - cursor.looks_back)
        region = Region({ID: (min(first, MAX_ID), MAX_ID)})
    latest = cursor.position((state.get("from_scratch") or {}).get("latest"))
    since = "" if position is None else position
    return Step(Way.LOAD, region, until, since=since, latest=latest)


def _unread_region(state: Mapping[str, Any]) -> Region:
    """Return the region that a first load has not read yet."""
    begun = state.get("from_scratch")
    return Region({ID: (begun["next_id"], MAX_ID)} if begun else {})
