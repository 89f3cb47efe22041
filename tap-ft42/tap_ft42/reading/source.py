"""Asks for rows of a list, or recalls them from the spool; in smaller requests if needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import ceil
from typing import Any

from tap_ft42.api.errors import FatalAPIError, may_be_of_page, may_be_of_parameters
from tap_ft42.api.page import Page
from tap_ft42.declared.contexts import CURSUS
from tap_ft42.declared.listing import BY_ID, ID
from tap_ft42.reading.asking import COUNT, halves_of
from tap_ft42.reading.id_lists import cut, longest_list, pieces
from tap_ft42.reading.refused import Asked, Suspects, answered_without
from tap_ft42.reading.regions import MAX_ID, RangeIgnoredError, Region
from tap_ft42.reading.route import Route


@dataclass(frozen=True)
class Source:
    """The source of a read's pages: some rows of a list, and their pages on disk.

    Attributes:
        route: The list's route.
        url: The list's address.
        query: Parameters that select its rows.
        plan: Name of the plan in the spool; None if its pages are not kept.
        size: Rows a page.
        look: How often the read has looked at these rows before.
        is_divided: Whether to divide lists of too many ids; otherwise they raise a
            `TooLargeError`.
    """

    route: Route
    url: str
    query: Mapping[str, Any]
    plan: str | None
    size: int
    look: int = 0
    is_divided: bool = field(default=True, kw_only=True)

    def recall(self, region: Region, number: int, sort: str | None) -> Page | None:
        """Return a page that is kept already, or None; called in the event loop."""
        self.route.facts.refuse_ranges(region)  # a request that is not sent must cost no quota
        if self.plan is None:
            return None
        request = self._request(region, number, sort)
        page = self.route.spool.recall(self.plan, request, self.route.listing.cursor)
        return page if page is None else self._believed(page, number)

    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        """Ask for a page; called in a thread."""
        self.route.facts.refuse_ranges(region)
        asked = self._asked(region, sort)
        try:
            page = self._fetched(asked, number)
        except FatalAPIError as refusal:
            behind = self._behind_the_last(asked, number, refusal)
            page = behind or self._otherwise(asked, number, sort, refusal)
        if number <= 1 and not page.count:
            self._refuse_unheeded(region, page)
            if page.total is None:
                page = self._asked_again_if_empty(asked, number, page)
        if page.ids and not 1 <= min(page.ids) <= max(page.ids) <= MAX_ID:
            self.route.facts.keep(has_odd_ids=True)
        strangers = region.strangers(page)
        for key, rows in strangers.items():
            if 2 * rows > page.count:
                self.route.facts.unnarrowed(key)
        if not region.width(ID) and (page.total or 0) > 1 and not strangers:
            self.route.facts.doubt_totals()  # a single id cannot have several rows
        self._compare_changes(region, number, page)
        if self.plan is not None:
            self.route.spool.keep(self.plan, self._request(region, number, sort), page)
        return page

    def _compare_changes(self, region: Region, number: int, page: Page) -> None:
        """Test whether 42 heeds a range of a column that rows do not show, if it has many.

        Raises:
            RangeIgnoredError: The range has as many rows as the whole list.
        """
        changes = self.route.listing.changes
        if changes is None or changes.column not in region.bounds:
            return
        if number == 1 and page.more and page.total is not None:
            rest = region.without(changes.column)
            whole = self._asked_apart(self._asked(rest, None))
            if whole.total == page.total:
                self.route.facts.unnarrowed(changes.column)
                raise RangeIgnoredError(key=changes.column)

    def _fetched(self, asked: Asked, number: int) -> Page:
        with self.route.entry.request():
            page = self.route.client.fetch(
                self.route.listing, self.url, self._params(asked, number)
            )
        self.route.entry.take(page)
        self.route.proven.update(self.query.keys() - asked.without)
        if page.ids:
            self.route.examples[self._rows] = page.ids[0]
            name, ids = self._ids
            is_sent = not asked.is_of_one and name not in asked.without
            if is_sent and len(ids) > len(self.route.shown.get(name, ())):
                self.route.shown[name] = ids
        return self._believed(page, number)

    def _believed(self, page: Page, number: int) -> Page:
        """Return a page without its total, if the totals are known to be wrong."""
        # If they were doubted lately, a page that lacks counted rows is enough to know it.
        if page.count < page.size and page.count < (page.total or 0) - (number - 1) * page.size:
            self.route.facts.doubt_again()
        page = page.without_total() if self.route.facts.has_wrong_totals else page
        is_only_one = number == 1 and page.count and page.total is None
        return page.as_all() if is_only_one and self.route.facts.is_last(page) else page

    def _asked_apart(self, asked: Asked, number: int = 1) -> Page:
        """Ask for a page besides the wanted one, once the quota allows it."""
        self.route.permit()
        return self._fetched(asked, number)

    def _refuse_unheeded(self, region: Region, page: Page) -> None:
        """Find out whether no row comes because a list has too many ids.

        A list that is longer than any for which rows came is asked for with ids that had rows,
        then these alone. If none are known, its first ids are asked for, fewer each time. What
        else selects rows is left out as far as possible: it may be why no row comes.

        Raises:
            TooLargeError: Rows come for fewer ids.
        """
        name, ids = self._ids
        known = self.route.shown.get(name, [])
        if len(ids) <= max(1, len(known)) or page.total or region.bounds.keys() - {ID}:
            return
        tried = [*known, *(one for one in ids if one not in known)][: len(ids)]
        lengths = [len(ids), *([len(known)] if known else [*halves_of(len(ids)), 1])]
        wide = {
            other: value
            for other, value in self.query.items()
            if other not in {name, BY_ID} and "," not in str(value)
        }
        is_asked = not (known or region.bounds) and len(wide) + 1 == len(self.query)
        for longest in lengths[is_asked:]:
            some = replace(self, query={**wide, name: ",".join(tried[:longest])}, size=1)
            try:
                answer = some._asked_apart(some._asked(Region(), None))  # noqa: SLF001 - of the same class
            except FatalAPIError:
                return  # one of the ids may be refused
            if answer.count:
                break
        else:
            return  # nothing shows that these ids have rows
        if longest < len(ids):
            shorter = self._too_many(longest)
            raise shorter

    def _asked_again_if_empty(self, asked: Asked, number: int, page: Page) -> Page:
        """Ask once more after an answer that has neither rows nor a total."""
        if self.route.facts.has_wrong_totals:
            return page  # it may have counted them
        with suppress(FatalAPIError):
            page = self._asked_apart(asked, number)
        if not page.count and page.total is None:
            self.route.facts.note_uncounted()
        return page

    def _behind_the_last(
        self, asked: Asked, number: int, refusal: FatalAPIError
    ) -> Page | None:
        """Return an empty page behind the last one; None if the first page is refused, too.

        The first page tells the total. A refusal that may have passed is not taken for the end.
        """
        if number <= 1 or not may_be_of_page(refusal):
            return None
        with suppress(FatalAPIError):
            if may_be_of_parameters(refusal):
                return self._asked_apart(asked, number)
        with suppress(FatalAPIError):
            return self._asked_apart(asked).holding([])
        return None

    def _otherwise(
        self, asked: Asked, number: int, sort: str | None, refusal: FatalAPIError
    ) -> Page:
        """Ask again for a refused page, without the part that the API refuses.

        Raises:
            FatalAPIError: It refuses the rest, too.
            RangeIgnoredError: It refuses a range.
            RangeTooWideError: It refuses a range of this width.
            TooLargeError: It refuses so many rows, or perhaps so many ids.
        """
        # Meanwhile, another request may have found out what 42 refuses.
        self.route.facts.refuse_ranges(asked.region)
        if self._asked(asked.region, sort) != asked:
            self.route.permit()
            return self.fetch(asked.region, number, sort)
        name, ids = self._ids
        suspects = Suspects(
            self.route,
            ask=self._asked_apart,
            filters=[
                one for one in self.query if self._is_checked(one) and one not in asked.without
            ],
            ids=name if len(ids) > 1 else "",
            too_long=lambda refusal: self._too_long(why=str(refusal)),
            too_large=partial(self._too_heavy, why="42 refuses pages of {} rows"),
        )
        page, less = answered_without(
            [*suspects.of(asked, refusal, is_first=number == 1)],
            asked,
            partial(self._asked_apart, number=number),
            refusal,
        )
        if self._asked(asked.region, sort) == less:
            return page
        self.route.permit()
        return self.fetch(asked.region, number, sort)

    def _asked(self, region: Region, sort: str | None) -> Asked:
        """Return a request, without what the API is known to refuse or to ignore."""
        order = self.route.facts.order_of(sort)
        return Asked(region, order, self.size, without=self._ignored)

    @property
    def _ignored(self) -> frozenset[str]:
        """The filters that 42 is known to ignore, and that the list can do without."""
        facts = self.route.facts
        ignored = [name for name in facts.can.ignored_filters if self.query.get(name)]
        if ignored and facts.is_due("ignored_filters"):
            ignored = []
        return frozenset(filter(self._is_checked, ignored))

    def _is_checked(self, name: str) -> bool:
        """Tell whether rows show what a filter selects, or the path selects it, too."""
        listing = self.route.listing
        if name == listing.cursus_filter:
            return listing.cursus_column is not None or f"{{{CURSUS}}}" in self.route.path
        return (name, self.query[name]) in listing.filters.items()

    @property
    def example(self) -> int | None:
        """The id of one of its rows, if one is known."""
        return self.route.examples.get(self._rows)

    @cached_property
    def _rows(self) -> str:
        return json.dumps([self.url, self.query])

    @cached_property
    def _ids(self) -> tuple[str, list[str]]:
        """The parameter that names the most ids, and these."""
        return longest_list(self.query)

    def _pieces(self, longest: int) -> list[Source]:
        """Return sources with lists of at most so many ids."""
        return [replace(self, query=query) for query in pieces(self.query, longest)]

    def sized(self, size: int) -> Source:
        """Return a source of the same rows on pages of another size, which are not kept."""
        return replace(self, size=size, plan=None)

    def again(self) -> Source:
        """Return a source of the same rows that is asked again; see `Ask.again`."""
        return replace(self, look=self.look + 1)

    def smaller(self) -> Source:
        """Return a source of the same rows on smaller pages."""
        return replace(self, size=ceil(self.size / 2))

    def fitted(self) -> Sequence[Source]:
        """Return the sources to read instead, according to what is known of the route."""
        can = self.route.facts.can
        if can.page_size < self.size:
            return replace(self, size=can.page_size).fitted()
        is_short = len(self._ids[1]) <= can.longest_list
        return [self] if is_short else self._pieces(can.longest_list)

    def remedies(self, *, is_heavy: bool) -> Iterator[Remedy]:
        """Yield smaller requests to send instead, if this one is too large.

        Args:
            is_heavy: Whether the API may have taken too long to answer.
        """
        probe = self.sized(1)
        if is_heavy and self.size > 1:
            pages = [(size, replace(probe, size=size)) for size in (*halves_of(self.size), 1)]
            yield Remedy(pages, self._too_heavy, page_size=self.size)
        if (ids := len(self._ids[1])) > 1:
            lists = [
                (length, replace(probe, query=cut(self.query, length)))
                for length in (*halves_of(ids), 1)
            ]
            yield Remedy(lists, self._too_many, as_long=probe)

    def _too_heavy(
        self, size: int, why: str = "42 does not answer pages of {} rows in time"
    ) -> TooLargeError:
        if self.route.facts.can.page_size >= self.size:
            why = why.format(self.size)
            self.route.facts.learn(f"{why}. They have {size} from now on", page_size=size)
        return TooLargeError("a page is too large", self.fitted())

    def _too_many(self, longest: int) -> TooLargeError:
        name, ids = self._ids
        self.route.facts.shorten(name, len(ids), longest)
        return TooLargeError(f"it answers for {longest} of them", self._pieces(longest))

    def _too_long(self, why: str) -> TooLargeError:
        name, ids = self._ids
        longest = ceil(len(ids) / 2)
        learn = partial(self.route.facts.shorten, name, len(ids), longest)
        return TooLargeError(why, self._pieces(longest), learn)

    def _params(self, asked: Asked, number: int) -> dict[str, Any]:
        """Return the parameters that ask for a page; None values are not sent."""
        query = cut(self.query, 1) if asked.is_of_one else self.query
        return {
            **{name: value for name, value in query.items() if name not in asked.without},
            **asked.region.params(self.route.facts.can.bounds),
            "sort": asked.order,
            "page[number]": max(number, 1),
            "page[size]": 1 if number == COUNT else asked.size,
        }

    def _request(self, region: Region, number: int, sort: str | None) -> str:
        """Return the name of a request in the spool."""
        asked = Asked(region, sort, self.size, without=self._ignored)
        # A continued run looks as often as the one before, and finds the pages of each look.
        look = [self.look] if self.look else []
        return json.dumps([self.url, self._params(asked, number), *look])


@dataclass(frozen=True)
class Remedy:
    """Smaller requests that replace one which may be too large.

    Attributes:
        smaller: They and their sizes, the largest one first. If the last one is answered, the
            API is not down.
        too_large: Makes the exception, and notes the size that is answered.
        page_size: Rows of the page that may be too large; None if the list of ids may be.
        as_long: A request with all ids. If it is answered, they are not too many.
    """

    smaller: Sequence[tuple[int, Source]]
    too_large: Callable[[int], TooLargeError]
    page_size: int | None = None
    as_long: Source | None = None


class TooLargeError(Exception):
    """The API answers smaller requests, but not this one."""

    def __init__(
        self, why: str, instead: Sequence[Source], learn: Callable[[], None] | None = None
    ) -> None:
        super().__init__(why)
        self.instead: Sequence[Source] = instead
        self.learn = learn
