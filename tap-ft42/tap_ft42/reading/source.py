"""Rows of a list: asked for, or recalled from the spool; in smaller requests where need be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.api.errors import (
    FatalAPIError,
    blamed_by,
    blamed_filter,
    may_be_of_page,
    may_be_too_long,
)
from tap_ft42.declared.listing import ID
from tap_ft42.reading.asking import (
    COUNT,
    RangeIgnoredError,
    RangeTooWideError,
    Remedy,
    Source,
    TooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_ft42.api.client import Client
    from tap_ft42.api.ledger import Entry
    from tap_ft42.api.page import Page
    from tap_ft42.declared.listing import Listing
    from tap_ft42.reading.fitting import Fit
    from tap_ft42.reading.regions import Key, Region
    from tap_ft42.reading.spool import Spool


@dataclass(frozen=True, eq=False)
class Route:
    """Where a list is asked for, and by what.

    Attributes:
        listing: The list.
        path: The route, with names in braces.
        client: Asks for pages.
        spool: Keeps pages until a state covers them.
        entry: Counts what is asked for.
        fit: What the route was found to do.
        widths: How far a range of ids, or else one of instants, may reach, as any list of the
            run has shown.
        examples: By what selects them, the id of one of the rows that came.
    """

    listing: Listing
    path: str
    client: Client
    spool: Spool
    entry: Entry
    fit: Fit
    widths: dict[bool, int] = field(default_factory=dict)
    examples: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ListSource(Source):
    """Some rows of a list, and what is left on disk of them.

    Attributes:
        route: The list's route.
        url: Where it is.
        query: Parameters that select its rows.
        plan: Name of the plan in the spool; None if its pages are not kept.
        size: Rows a page.
        look: How often the read has looked at these rows before.
    """

    route: Route
    url: str
    query: Mapping[str, Any]
    plan: str | None
    size: int
    look: int = 0

    @property
    @override
    def entry(self) -> Entry:
        return self.route.entry

    @override
    def recall(self, region: Region, number: int, sort: str | None) -> Page | None:
        self._refuse_known(region)  # what is not sent must not be paid for
        if self.plan is None:
            return None
        request = self._request(self.params(region, number, sort))
        return self.route.spool.recall(self.plan, request, self.route.listing.cursor)

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        self._refuse_known(region)
        # While it is on its way another one may find out that the order is refused.
        order = sort if self.fit.sorts_by(sort) else None
        try:
            page = self._fetched(region, number, order)
        except FatalAPIError as refusal:
            if number > 1 and may_be_of_page(refusal):
                # Behind the last page. The first one tells how many rows there are.
                page = self._fetched(region, 1, order).holding([])
            else:
                page = self._fetched_with_less(region, number, order, refusal)
        for key, strangers in region.strangers(page).items():
            if 2 * strangers > page.count:
                self.fit.unnarrowed(key)
        self._compare_changes(region, number, page)
        if self.plan is not None:
            self.route.spool.keep(
                self.plan, self._request(self.params(region, number, sort)), page
            )
        return page

    def _refuse_known(self, region: Region) -> None:
        """Refuse ranges that the API is known not to answer.

        Raises:
            RangeIgnoredError: It does not narrow the list by them.
            RangeTooWideError: It answers narrower ones.
        """
        for key in region.bounds:
            if not self.fit.narrows_by(key):
                raise RangeIgnoredError(key=key)
            widest = self.fit.can.widest_ranges.get(key)
            if widest is not None and region.width(key) > widest:
                raise RangeTooWideError(key=key, widest=widest)

    def _compare_changes(self, region: Region, number: int, page: Page) -> None:
        """Look whether a range counts that rows do not show, where it has many of them.

        Raises:
            RangeIgnoredError: It has as many as the whole list.
        """
        changes = self.route.listing.changes
        if changes is None or changes.column not in region.bounds:
            return
        if number == 1 and page.more and page.total is not None:
            whole = self._fetched(region.without(changes.column), 1, None)
            if whole.total == page.total:
                self.fit.unnarrowed(changes.column)
                raise RangeIgnoredError(key=changes.column)

    def _fetched(
        self, region: Region, number: int, order: str | None, without: Sequence[str] = ()
    ) -> Page:
        params = self.params(region, number, order)
        for name in without:
            params.pop(name, None)
        with self.entry.request():
            page = self.route.client.fetch(self.route.listing, self.url, params)
        self.entry.take(page)
        if page.ids:
            self.route.examples[self._rows] = page.ids[0]
        return page.untold() if self.fit.can.totals == "wrong" else page

    def _fetched_with_less(
        self, region: Region, number: int, order: str | None, refusal: FatalAPIError
    ) -> Page:
        """Ask for a page that was refused without what the API may refuse of it.

        Raises:
            FatalAPIError: It refuses all of it.
            RangeIgnoredError: It refuses a range.
            TooLargeError: It may refuse so many ids.
        """
        first, less, wanted = refusal, region, order
        notes, without = list[Callable[[], None]](), list[str]()
        while True:
            blamed, named = blamed_by(refusal), blamed_filter(refusal)
            checked = [
                name for name in self._sent if self._is_checked(name) and name not in without
            ]
            if order is not None and "sort" in blamed:
                note = partial(self.fit.unsorted, order)
                order = None
            elif less.bounds and "range" in blamed:
                key = next((key for key in less.bounds if key in str(refusal)), None)
                key = key or next(iter(less.bounds))
                self._refuse_wide(less, key, order)
                note, less = partial(self.fit.unnarrowed, key), less.without(key)
            elif self._may_be_too_long(refusal, named):
                raise self._too_long(why=str(refusal)) from refusal
            elif may_be_too_long(refusal) and checked:
                name = named if named in checked else checked[0]
                note = partial(self._drop, name)
                without.append(name)
            else:
                raise first
            is_named = len(blamed) == 1 or named in without[-1:]
            try:
                page = self._fetched(less, number, order, without)
            except FatalAPIError as another:
                refusal = another
                notes += [note] if is_named else []
                continue
            notes.append(note)
            for learn in notes:
                learn()
            if without and (less is not region or order != wanted):
                return self.fetch(region, number, wanted)  # it was a filter
            for key in region.bounds.keys() - less.bounds.keys():
                raise RangeIgnoredError(key=key)
            return page

    def _is_checked(self, name: str) -> bool:
        """Tell whether rows show what a filter asks for, so that the tap can filter, too."""
        return (name, self.query[name]) in self.route.listing.filters.items()

    @property
    def _sent(self) -> Mapping[str, Any]:
        """The query without filters of which the API is known to make nothing."""
        if self.fit.is_filter_due:
            return self.query
        ignored = [name for name in self.fit.can.ignored_filters if name in self.query]
        dropped = set(filter(self._is_checked, ignored))
        return {name: value for name, value in self.query.items() if name not in dropped}

    def _drop(self, name: str) -> None:
        self.fit.note_filter(name, is_ignored=True, instead="The tap does")

    def _may_be_too_long(self, refusal: FatalAPIError, named: str | None) -> bool:
        name, ids = self._ids
        is_other = named is not None and named != name and named in self.query
        return may_be_too_long(refusal) and len(ids) > 1 and not is_other

    def _refuse_wide(self, region: Region, key: Key, order: str | None) -> None:
        """Find out whether a range was refused because of its width, and of which one is not.

        Raises:
            RangeTooWideError: It was.
        """
        width, (_, upper) = region.width(key), region.interval(key)
        if width <= self.fit.can.widest_ranges.get(key, 0):
            return
        is_answered = False
        known = self.route.widths.get(key == ID, 0)  # most lists have the same limit
        hints = [known] if 0 < known < width else []
        for narrower in (0, *hints, *halves_of(width)):
            try:
                self._fetched(region.narrowed(key, upper - narrower, upper), 1, order)
            except FatalAPIError:
                if not narrower:
                    return
                continue
            if is_answered:
                self.route.widths[key == ID] = narrower
                self.fit.note_widest(key, narrower)
                raise RangeTooWideError(key=key, widest=narrower)
            is_answered = True

    @property
    @override
    def fit(self) -> Fit:
        return self.route.fit

    @property
    @override
    def example(self) -> int | None:
        return self.route.examples.get(self._rows)

    @property
    def _rows(self) -> str:
        """What names the rows that it selects."""
        return json.dumps([self.url, self.query])

    @property
    def _ids(self) -> tuple[str, list[str]]:
        """The parameter that names the most ids, and these."""
        lists = {
            name: value.split(",")
            for name, value in self.query.items()
            if isinstance(value, str) and name.startswith("filter[")
        }
        return max(lists.items(), key=lambda each: len(each[1]), default=("", []))

    def pieces(self, longest: int) -> list[ListSource]:
        """Return the source in lists of so many ids at most."""
        name, ids = self._ids
        return [
            replace(self, query={**self.query, name: ",".join(ids[first : first + longest])})
            for first in range(0, len(ids), longest)
        ]

    @override
    def again(self) -> ListSource:
        return replace(self, look=self.look + 1)

    @override
    def smaller(self) -> ListSource:
        return replace(self, size=ceil(self.size / 2))

    @override
    def fitted(self) -> Sequence[ListSource]:
        longest, size = self.fit.can.longest_list, min(self.size, self.fit.can.page_size)
        if size < self.size:
            return replace(self, size=size).fitted()
        return [self] if len(self._ids[1]) <= longest else self.pieces(longest)

    @override
    def remedies(self, *, is_heavy: bool) -> Iterator[Remedy]:
        probe = replace(self, size=1, plan=None)
        if is_heavy and self.size > 1:
            pages = [(size, replace(probe, size=size)) for size in halves_of(self.size)]
            yield Remedy(probe, pages, self._too_heavy)
        if (ids := len(self._ids[1])) > 1:
            lists = [(length, probe.pieces(length)[0]) for length in halves_of(ids)]
            yield Remedy(probe.pieces(1)[0], lists, self._too_many)

    def _too_heavy(self, size: int) -> TooLargeError:
        if self.fit.can.page_size >= self.size:
            self.fit.learn(
                f"42 does not answer pages of {self.size} rows in time. They have {size} from "
                "now on",
                page_size=size,
            )
        return TooLargeError("a page is too large", self.fitted())

    def _too_many(self, longest: int) -> TooLargeError:
        name, ids = self._ids
        self.fit.shorten(name, len(ids), longest)
        return TooLargeError(f"it answers for {longest} of them", self.pieces(longest))

    def _too_long(self, why: str) -> TooLargeError:
        name, ids = self._ids
        longest = ceil(len(ids) / 2)
        learn = partial(self.fit.shorten, name, len(ids), longest)
        return TooLargeError(why, self.pieces(longest), learn)

    def params(self, region: Region, number: int, sort: str | None) -> dict[str, Any]:
        """Return the parameters that ask for a page; those that are None are not sent."""
        return {
            **self._sent,
            **region.params(self.fit.can.margins),
            "sort": sort,
            "page[number]": max(number, 1),
            "page[size]": 1 if number == COUNT else self.size,
        }

    def _request(self, params: Mapping[str, Any]) -> str:
        # A run that goes on looks as often as the one before, and finds each look's pages.
        return json.dumps([self.url, params, *([self.look] if self.look else [])])


def halves_of(number: int) -> Iterator[int]:
    """Yield the half of a number, the half of that, and so on, but not one."""
    while (number := ceil(number / 2)) > 1:
        yield number
