"""Fits requests to what the API answers on a route.

What a `Listing` assumes of a list may not hold. A refused parameter is left out: every read
copes with a list that is not sorted or not narrowed. A page or a list of ids that is too large
is divided into smaller ones. Each finding is logged in one line and kept in the state, see
`tap_ft42.declared.capabilities`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from tap_ft42.api.client import logger_of
from tap_ft42.declared import capabilities
from tap_ft42.declared.instants import DAY, HOUR
from tap_ft42.declared.listing import ID
from tap_ft42.reading.bounds import depends_on_bounds
from tap_ft42.reading.regions import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from tap_ft42.declared.capabilities import Bounds, Capabilities
    from tap_ft42.declared.listing import Listing
    from tap_ft42.reading.regions import Key, Region


_LOOKS = 2
"""How often a run tests the bounds and width of ranges: a row may leave meanwhile."""

NIGHTLY = 2 * DAY
"""The widest window of a night, in milliseconds."""

_UNASKED = {True: 10_000, False: DAY + 2 * HOUR}
"""Ranges up to this width are trusted without a test: ids (True), and milliseconds (False),
which no window of a quarter-hourly run exceeds."""

_LEFT_OUT: Mapping[Bounds, str] = {
    "lower": "their upper bound",
    "upper": "their lower bound",
    "none": "their bounds",
}


class RouteFacts:
    """What one route was found to do; several threads use it."""

    def __init__(
        self, listing: Listing, route: str, state: Callable[[], dict[str, Any]], today: date
    ) -> None:
        """Begin with what the state knows.

        Args:
            listing: The list.
            route: Its route, with names in braces.
            state: Returns the state of the stream, which may be changed.
            today: The day.
        """
        self._listing = listing
        self._route = route
        self._state = state
        self._today = today
        self._lock = Lock()
        self._is_news = self._has_odd_ids = False
        self.looking = asyncio.Lock()
        """Held while one read tests the bounds, so that all others wait for the answer."""
        self.shows_instants = False
        """Whether a range of instants was seen to show the row of just these instants."""
        self._looks_left = _LOOKS
        self._reaches_left: dict[str, int] = {}
        kept = state().get(capabilities.STATE_KEY)
        written = kept.get(route) if isinstance(kept, dict) else None
        self.can: Capabilities = capabilities.read(listing, written, today)
        """What the route can do."""

    def order_of(self, sort: str | None) -> str | None:
        """Return the part of a wanted order that the list can be sorted by; None for none."""
        if not self.sorts_by(sort):
            return None
        if sort is None or self.can.sorts_by_several:
            return sort
        return sort.partition(",")[0]

    def sorts_by(self, sort: str | None) -> bool:
        """Tell whether the list can be asked for in an order."""
        columns = [name.removeprefix("-") for name in sort.split(",")] if sort else []
        # An order that nobody has tried is tried.
        return "sorts" not in self.can.observed or set(columns) <= set(self.can.sorts)

    def narrows_by(self, column: str) -> bool:
        """Tell whether the list can be narrowed by a range of a column."""
        return "ranges" not in self.can.observed or column in self.can.ranges

    def learn(self, why: str, lasts: str = "for a month", **seen: Any) -> None:  # noqa: ANN401 - fields of `Capabilities`
        """Take note of what an answer has shown.

        Args:
            why: The finding and what follows from it, for people.
            lasts: How long it counts.
            seen: The finding.
        """
        if not self._keep(**seen):
            return
        logger_of(self._listing).warning(
            "%s: %s. This is remembered %s.",
            self._listing.name,
            why,
            lasts,
            extra={"happened": "capability", "route": self._route, **_told(seen)},
        )

    def _keep(self, **seen: Any) -> bool:  # noqa: ANN401 - fields of `Capabilities`
        """Keep a finding for the state, and tell whether it is new."""
        with self._lock:
            before, self.can = self.can, self.can.corrected(self._today, **seen)
            self._is_news = True
        return any(getattr(before, name) != value for name, value in seen.items())

    def save(self) -> None:
        """Bring the state up to date; called while nobody else writes it."""
        with self._lock:
            written, is_news, self._is_news = self.can.written(), self._is_news, False
        if is_news:
            self._state().setdefault(capabilities.STATE_KEY, {})[self._route] = written

    def unsorted(self, sort: str) -> None:
        """Take note that an order was refused."""
        column = sort.split(",", maxsplit=1)[0].removeprefix("-")
        self.learn(
            f"42 does not sort it by {column}. It is read in pieces instead",
            sorts=tuple(name for name in self.can.sorts if name != column),
        )

    def note_single_sorts(self) -> None:
        """Take note that an order by several columns was refused, but not by a single one."""
        self.learn(
            "42 sorts it by one column at a time. Rows that share an instant are read by id",
            sorts_by_several=False,
        )

    def unnarrowed(self, column: str, why: str = "42 does not narrow it by") -> None:
        """Take note that a range was refused, made no difference, or shows other rows."""
        self.learn(
            f"{why} ranges of {column}. " + self._without_range(column),
            ranges=tuple(name for name in self.can.ranges if name != column),
        )

    def _without_range(self, column: str) -> str:
        if column == ID:
            return "It is read by what changed when instead"
        changes = self._listing.changes
        is_refreshed = changes is not None and changes.column == column
        return f"All of it is read {'once a day' if is_refreshed else 'each time'}"

    def note_widest(self, column: str, widest: int) -> None:
        """Take note of how wide a range may be."""
        shown = f"{widest:,} ids" if column == ID else str(timedelta(milliseconds=widest))
        self.learn(
            f"42 does not answer wider ranges of {column} than {shown}. It is read in pieces",
            widest_ranges={**self.can.widest_ranges, column: widest},
        )

    def looks_due(self, *regions: Region) -> int:
        """Return how many requests test whether some ranges are answered completely."""
        keys = {key for region in regions for key in self.keys_due(region)}
        if not self.narrows_by(ID):
            return 2 * len(keys)  # a row is asked for at either end of a range
        # One request tests both bounds and width; another one, if instants are understood,
        # unless that of the width of ids tells it.
        is_exact_due = bool(keys - {ID}) and ID not in keys and self.are_bounds_due()
        is_alone = not keys - {ID} and any(map(self.are_bounds_due, regions))
        return len(keys) + is_alone + is_exact_due

    def are_bounds_due(self, region: Region | None = None) -> bool:
        """Tell whether rows may lie on bounds that a range may not include."""
        is_due = self.can.is_due("bounds", self._today)
        is_unknown = is_due and self._looks_left > 0 and self.narrows_by(ID)
        return is_unknown and (region is None or depends_on_bounds(region))

    def keys_due(self, region: Region) -> list[Key]:
        """Return the keys whose ranges 42 may cut at this width: nobody has tested it."""
        return [key for key in region.bounds if self.is_reach_due(key, region.width(key))]

    def note_bounds(self, bounds: Bounds | None) -> None:
        """Take note of which bounds a range includes; None if that is unknown."""
        self._looks_left -= 1
        if bounds == "both":
            self._keep(bounds=bounds)
        elif bounds is not None:
            self.learn(
                f"42 leaves out {_LEFT_OUT[bounds]} of ranges. They reach one further from now "
                "on",
                bounds=bounds,
            )

    @property
    def cursor(self) -> str:
        """The column of the list's cursor; empty if it has none."""
        return "" if self._listing.cursor is None else self._listing.cursor.column

    def is_reach_due(self, column: str, width: int) -> bool:
        """Tell whether to test if a range of this width is cut."""
        return self._may_be_cut(column, width) and self._reaches_left.get(column, _LOOKS) > 0

    def believed(self, region: Region) -> int | None:
        """Return up to which width a window is believed untested; None if all of it is.

        A window of all rows is compared with the whole list.
        """
        lower, _ = region.interval(self.cursor)
        is_window = self.cursor in region.bounds and lower > 0
        if self.narrows_by(ID) or not is_window:
            return None
        width = region.width(self.cursor)
        return _UNASKED[False] if self._may_be_cut(self.cursor, width) else None

    def _may_be_cut(self, column: str, width: int) -> bool:
        """Tell whether a range of this width may be cut, as far as is known."""
        cursor, can = self._listing.cursor, self.can
        if cursor is None or cursor.kind == "id" or column not in {ID, cursor.column}:
            return False  # no test can tell
        is_proven = width <= max(_UNASKED[column == ID], self._whole_ranges.get(column, 0))
        is_known = column in can.widest_ranges or not self.narrows_by(column)
        return not (is_known or is_proven)

    @property
    def _whole_ranges(self) -> Mapping[str, int]:
        """By column: a width of ranges that 42 was seen not to cut, within the last month."""
        is_late = self.can.is_due("whole_ranges", self._today)
        return {} if is_late else self.can.whole_ranges

    def note_cut(self, width: int, *, is_cut: bool) -> None:
        """Take note of whether a window of all rows was cut in silence."""
        if is_cut and self.cursor not in self.can.widest_ranges:
            self.note_widest(self.cursor, _UNASKED[False])
        elif not is_cut:
            self.note_reach(self.cursor, width, width)

    def note_reach(
        self, column: str, wanted: int, reach: int | None, *, is_cut: bool = True
    ) -> None:
        """Take note of the width up to which ranges of a column are complete.

        Args:
            column: The column.
            wanted: The width that is wanted.
            reach: The width up to which they are complete; None if it is unknown.
            is_cut: Whether wider ones are known to be cut.
        """
        self._reaches_left[column] = self._reaches_left.get(column, _LOOKS) - 1
        if reach is not None and reach >= wanted:
            self._keep(whole_ranges={**self._whole_ranges, column: reach})
        elif reach is not None and is_cut:
            self.note_widest(column, reach)

    def note_order(self, *, is_newest_first: bool) -> None:
        """Take note of the order in which the list comes by itself."""
        if is_newest_first != self.can.is_newest_first:
            self.learn(
                "the latest change comes first. A later read ends where nothing is new"
                if is_newest_first
                else "the latest change does not come first any more. All of it is read",
                is_newest_first=is_newest_first,
            )

    @property
    def has_wrong_totals(self) -> bool:
        """Whether totals count other rows than the list shows; a first doubt lasts a day."""
        return self.can.totals in {"doubted", "wrong"} and not self._were_doubted

    @property
    def _were_doubted(self) -> bool:
        """Whether totals are believed, but were doubted on another day of the last month."""
        is_of_today = self.can.observed.get("totals") == self._today
        return self.can.totals == "doubted" and not is_of_today

    def doubt_again(self) -> bool:
        """Doubt totals if they were doubted lately; return whether they were."""
        is_again = self._were_doubted
        if is_again:
            self.doubt_totals()
        return is_again

    def doubt_totals(self) -> None:
        """Take note that totals contradict each other, or the rows."""
        is_again = self.can.totals == "wrong" or self._were_doubted
        self.learn(
            "the API counts other rows than it shows. What it shows is read, and what it does "
            "not show is not taken for gone",
            "for a month" if is_again else "until tomorrow",
            totals="wrong" if is_again else "doubted",
        )

    def tell_odd_ids(self) -> None:
        """Tell once a run that a row has an id for which no range asks."""
        with self._lock:
            is_news, self._has_odd_ids = not self._has_odd_ids, True
        if is_news:
            logger_of(self._listing).warning(
                "%s: it has ids below 1 or above %s. Rows with such ids may be missing, and "
                "stay in the tables when they disappear.",
                self._listing.name,
                f"{MAX_ID:,}",
                extra={"happened": "odd_ids", "route": self._route},
            )

    def note_uncounted(self) -> None:
        """Take note that an answer without rows does not say that there are none."""
        self.learn(
            "42 does not count rows where there are none. Such an answer is asked for twice, "
            "and believed if both are empty",
            totals="none",
        )

    @property
    def is_list_due(self) -> bool:
        """Whether no test of the last month tells if all ids of a list count."""
        return self.can.is_due("longest_list", self._today)

    @property
    def is_filter_due(self) -> bool:
        """Whether no test of the last month tells if a filter narrows the list."""
        return self.can.is_due("ignored_filters", self._today)

    def note_filter(self, name: str, *, is_ignored: bool, instead: str) -> None:
        """Take note of whether a filter narrows the list."""
        ignored = tuple(one for one in self.can.ignored_filters if one != name)
        if is_ignored:
            why = f"42 does not narrow it by {name}. {instead}"
            self.learn(why, ignored_filters=(*ignored, name))
        else:
            self._keep(ignored_filters=ignored)

    def assume_lists(self, longest: int) -> None:
        """Assume that lists of so many ids are answered, to test it."""
        with self._lock:
            self.can = msgspec.structs.replace(self.can, longest_list=longest)

    def confirm_lists(self) -> None:
        """Take note that all ids count in lists of up to the known length."""
        self._keep(longest_list=self.can.longest_list)

    def shorten(self, name: str, length: int, longest: int) -> None:
        """Take note that 42 answers only shorter lists of ids.

        Args:
            name: The parameter.
            length: How long it was.
            longest: How long the answered lists were, at most.
        """
        if length <= self.can.longest_list:
            self.learn(
                f"42 does not answer lists of {length} ids in {name}. They have {longest} at "
                "most from now on",
                longest_list=longest,
            )


def _told(seen: dict[str, Any]) -> dict[str, Any]:
    return {f"found_{name}": value for name, value in seen.items()}
