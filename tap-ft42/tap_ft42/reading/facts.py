"""Fits requests to what the API answers on a route.

What a `Listing` assumes of a list may not hold. A refused parameter is left out: every read
copes with a list that is not sorted or not narrowed. A page or a list of ids that is too large
is divided into smaller ones. Each finding is logged in one line and kept in the state, see
`tap_ft42.declared.capabilities`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from threading import RLock
from typing import Any

import msgspec

from tap_ft42.api.page import Page
from tap_ft42.declared import capabilities
from tap_ft42.declared.capabilities import Bounds, Capabilities
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import DAY
from tap_ft42.declared.listing import ID, Listing
from tap_ft42.reading.regions import Key, RangeIgnoredError, RangeTooWideError, Region

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
        self.listing = listing
        self._route = route
        self._state = state
        self._today = today
        self._lock = RLock()
        self._is_news = False
        kept = state().get(capabilities.STATE_KEY)
        written = kept.get(route) if isinstance(kept, dict) else None
        self.can: Capabilities = capabilities.read(listing, written, today)
        """What the route can do."""

    def order_of(self, sort: str | None) -> str | None:
        """Return the part of a wanted order that the list can be sorted by; None for none."""
        if sort is None or not self.sorts_by(sort):
            return None
        return sort if self.can.sorts_by_several else sort.partition(",")[0]

    def sorts_by(self, sort: str) -> bool:
        """Tell whether the list can be asked for in an order."""
        columns = {name.removeprefix("-") for name in sort.split(",")}
        # An order that nobody has tried is tried.
        return "sorts" not in self.can.observed or columns <= {*self.can.sorts}

    @property
    def is_sortable(self) -> bool:
        """Whether the list can be sorted by ids and by its cursor, as far as known."""
        return {ID, self.listing.key} <= {*self.can.sorts}

    @property
    def tells_changes(self) -> bool:
        """Whether 42 can be asked for the changes of a list that is read in full."""
        changes = self.listing.changes
        if changes is None or not self.narrows_by(changes.column):
            return False
        # Windows of changes overlap by a day. If only shorter ones are possible, they cost more
        # than the whole list once a day.
        return self.can.widest_ranges.get(changes.column, 2 * DAY) >= 2 * DAY

    def narrows_by(self, column: str) -> bool:
        """Tell whether the list can be narrowed by a range of a column."""
        return "ranges" not in self.can.observed or column in self.can.ranges

    def refuse_ranges(self, region: Region) -> None:
        """Refuse ranges that the API is known not to answer.

        Raises:
            RangeIgnoredError: It does not narrow the list by them.
            RangeTooWideError: It answers only narrower ones.
        """
        for key in region.bounds:
            self.refuse_range(key, region.width(key))

    def refuse_range(self, key: Key, width: int) -> None:
        """Refuse a range of a key; raises as `refuse_ranges`."""
        if not self.narrows_by(key):
            raise RangeIgnoredError(key=key)
        widest = self.can.widest_ranges.get(key, width)
        if widest < width:
            raise RangeTooWideError(key=key, widest=widest)

    def is_due(self, name: str) -> bool:
        """Tell whether no test of the last month has shown an attribute of `Capabilities`."""
        return self.can.is_due(name, self._today)

    def learn(self, why: str, lasts: str = "for a month", **seen: Any) -> None:  # noqa: ANN401 - fields of `Capabilities`
        """Take note of what an answer has shown.

        Args:
            why: The finding and what follows from it, for people.
            lasts: How long it counts.
            seen: The finding.
        """
        if not self.keep(**seen):
            return
        found = {f"found_{name}": value for name, value in seen.items()}
        Events(self.listing.name).warning(
            "%s. This is remembered %s.",
            why,
            lasts,
            happened="capability",
            route=self._route,
            **found,
        )

    def keep(self, **seen: Any) -> bool:  # noqa: ANN401 - fields of `Capabilities`
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
        with self._lock:
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
        with self._lock:
            self.learn(
                f"{why} ranges of {column}. " + self._without_range(column),
                ranges=tuple(name for name in self.can.ranges if name != column),
            )

    def _without_range(self, column: str) -> str:
        if column == ID:
            return "It is read by what changed when instead"
        changes = self.listing.changes
        is_refreshed = changes is not None and changes.column == column
        return f"All of it is read {'once a day' if is_refreshed else 'each time'}"

    def note_widest(self, column: str, widest: int) -> None:
        """Take note of how wide a range may be."""
        shown = f"{widest:,} ids" if column == ID else str(timedelta(milliseconds=widest))
        with self._lock:
            self.learn(
                f"42 does not answer wider ranges of {column} than {shown}. It is read in "
                "pieces",
                widest_ranges={**self.can.widest_ranges, column: widest},
            )

    def note_bounds(self, bounds: Bounds) -> None:
        """Take note of which bounds a range includes."""
        if bounds == "both":
            self.keep(bounds=bounds)
        else:
            self.learn(
                f"42 leaves out {_LEFT_OUT[bounds]} of ranges. They reach one further from now "
                "on",
                bounds=bounds,
            )

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

    def is_last(self, page: Page) -> bool:
        """Tell whether a page without a total is the last one, as fuller ones have come."""
        if page.count > self.can.fullest_page:
            self.keep(fullest_page=page.count)
        return page.count < min(page.size, self.can.fullest_page)

    def note_uncounted(self) -> None:
        """Take note that an answer without rows does not say that there are none."""
        with self._lock:
            if self.has_wrong_totals:
                return  # another answer has just shown that
            self.learn(
                "42 does not count rows where there are none. Such an answer is asked for "
                "twice, and believed if both are empty",
                totals="none",
            )

    def note_filter(self, name: str, *, is_ignored: bool, instead: str) -> None:
        """Take note of whether a filter narrows the list."""
        with self._lock:
            ignored = tuple(one for one in self.can.ignored_filters if one != name)
            if is_ignored:
                why = f"42 does not narrow it by {name}. {instead}"
                self.learn(why, ignored_filters=(*ignored, name))
            else:
                self.keep(ignored_filters=ignored)

    def assume_lists(self, longest: int) -> None:
        """Assume that lists of so many ids are answered, to test it."""
        with self._lock:
            self.can = msgspec.structs.replace(self.can, longest_list=longest)

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
