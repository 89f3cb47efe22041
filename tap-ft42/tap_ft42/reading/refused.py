"""Finds out which part of a request 42 refuses, by leaving parts out.

An answer 400 may give no reason, or a wrong one. So the parts that a list can do without are
left out one after the other until 42 answers, first the part that the answer names. If it
names none, the request is first sent without all of these parts: if 42 refuses that, too, more
requests are in vain. Then it is sent as it was, as the refusal may have passed. The part that
was left out last is a reason, and only this part is remembered. Then the request is sent again,
as 42 may refuse other parts, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import NoReturn, TypeVar

from tap_ft42.api.errors import (
    FatalAPIError,
    may_be_of_parameters,
    may_be_too_long,
    said_by,
)
from tap_ft42.api.page import Page
from tap_ft42.declared.listing import ID, filtered_key
from tap_ft42.reading.asking import halves_of
from tap_ft42.reading.regions import Key, RangeIgnoredError, RangeTooWideError, Region
from tap_ft42.reading.route import Route

_Found = TypeVar("_Found")

_SORT, _TOO_MANY = r"\bsort", r"too (many|long)"
_SIZE, _PERHAPS_SIZE = r"per_page|page\W?size", r"\bpage\b|\bsize\b|\blimit\b"


def asked_again_if_refused(ask: Callable[[], _Found]) -> _Found:
    """Ask, and once more if 42 refuses that: a refusal is remembered for a month."""
    try:
        return ask()
    except FatalAPIError:
        return ask()


@dataclass(frozen=True)
class Asked:
    """The parts of a request that 42 may refuse.

    Attributes:
        region: Which rows.
        order: How they are sorted; None if in no order.
        size: Rows a page.
        is_of_one: Whether only the first id of each list is asked for.
        without: Filters that are left out.
    """

    region: Region
    order: str | None
    size: int
    is_of_one: bool = False
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Suspect:
    """A part of a request that 42 may refuse.

    Attributes:
        less: Returns a request without the part.
        convict: Takes note that 42 refuses the part, given a request that it answers without
            it. Or raises an error that says how to read instead.
        named: Lower-case regular expression for answers that name the part.
        hinted: The same for answers that may mean the part.
        is_proven: Whether 42 has answered other requests with this part. Then only an answer
            that mentions it makes it suspect.
    """

    less: Callable[[Asked], Asked]
    convict: Callable[[Asked], None]
    named: str
    hinted: str | None = None
    is_proven: bool = False

    def likelihood(self, said: str) -> int:
        """Tell how likely an answer means the part: 2 if it names it, 1 if it hints, else 0."""
        if re.search(self.named, said):
            return 2
        return int(self.hinted is not None and bool(re.search(self.hinted, said)))


def _words_for_range(key: Key) -> tuple[str, str]:
    """Return the expressions for answers that name, or hint at, a range of a key."""
    named = rf"range\[{key}\]|\brange.*\b{key}\b|\b{key}\b.*\brange"
    return named, r"\brange" if key == ID else r"\brange|\b(date|year|time)"


def _words_for_filter(name: str) -> tuple[str, str]:
    """Return the expressions for answers that name a filter, or mention it among others."""
    column = re.escape(filtered_key(name).rstrip("?"))
    return rf"attributes? {column}\W* do", rf"\b{column}\b"


def answered_without(
    suspects: Sequence[Suspect],
    asked: Asked,
    ask: Callable[[Asked], Page],
    refusal: FatalAPIError,
) -> tuple[Page, Asked]:
    """Leave parts out of a refused request until it is answered.

    Args:
        suspects: The parts, those refused most often first.
        asked: The request.
        ask: Sends it.
        refusal: The answer.

    Returns:
        The first page, and the request that it answers.

    Raises:
        FatalAPIError: It is refused without any of them, too.
        Exception: What a suspect raises once it is convicted.
    """
    first, left = refusal, [*suspects]
    if left and not any(one.likelihood(said_by(refusal)) for one in left):
        if len(left) > 1:
            _ask_for_least(left, asked, ask, refusal)
        with suppress(FatalAPIError):
            return ask(asked), asked
        left = [one for one in left if not one.is_proven]
    while left:
        said = said_by(refusal)
        suspect = max(left, key=lambda one: one.likelihood(said))
        left.remove(suspect)
        asked = suspect.less(asked)
        try:
            page = ask(asked)
        except FatalAPIError as another:
            refusal = another
            continue
        suspect.convict(asked)
        return page, asked
    raise first


def _ask_for_least(
    suspects: Sequence[Suspect],
    asked: Asked,
    ask: Callable[[Asked], Page],
    refusal: FatalAPIError,
) -> None:
    """Ask without all parts that may be refused, as nothing says which one is.

    Raises:
        FatalAPIError: It is refused, too.
    """
    try:
        ask(reduce(lambda least, one: one.less(least), suspects, asked))
    except FatalAPIError:
        raise refusal from None


@dataclass(frozen=True)
class Suspects:
    """The parts of a list's requests that 42 may refuse, and what follows.

    Attributes:
        route: The list's route.
        ask: Sends a request for a first page.
        filters: Filters that the tap can do without, as rows show what they select.
        ids: The parameter that names several ids; empty if none does.
        too_long: Returns an error that asks for fewer ids.
        too_large: Returns an error that asks for pages of at most so many rows.
    """

    route: Route
    ask: Callable[[Asked], Page]
    filters: Sequence[str]
    ids: str
    too_long: Callable[[FatalAPIError], Exception]
    too_large: Callable[[int], Exception]

    def of(self, asked: Asked, refusal: FatalAPIError, *, is_first: bool) -> Iterator[Suspect]:
        """Yield the parts of a request that may be refused, those refused often first.

        Args:
            asked: The request.
            refusal: The answer.
            is_first: Whether it is for a first page; later ones have the same size.
        """
        is_of_any = may_be_of_parameters(refusal)
        if is_of_any and asked.order is not None:
            yield from self._orders(asked.order)
        if is_of_any:
            yield from (self._range(key, asked.region) for key in asked.region.bounds)
        if may_be_too_long(refusal):
            yield from map(self._filter, self.filters)
        if self.ids and may_be_too_long(refusal):
            _, hinted = _words_for_filter(self.ids)
            less = partial(replace, is_of_one=True)
            yield Suspect(less, partial(self._divide, refusal), _TOO_MANY, hinted)
        if is_of_any and is_first and asked.size > 1:
            less, convict = partial(replace, size=1), partial(self._shrink, asked.size)
            yield Suspect(less, convict, _SIZE, _PERHAPS_SIZE)

    def _orders(self, order: str) -> Iterator[Suspect]:
        facts, (first, *others) = self.route.facts, order.split(",")
        if others:
            one = partial(replace, order=first)
            yield Suspect(one, lambda _: facts.note_single_sorts(), _SORT)
        yield Suspect(partial(replace, order=None), lambda _: facts.unsorted(order), _SORT)

    def _filter(self, name: str) -> Suspect:
        def less(asked: Asked) -> Asked:
            return replace(asked, without=asked.without | {name})

        def convict(_: Asked) -> None:
            self.route.facts.note_filter(name, is_ignored=True, instead="The tap does")

        return Suspect(less, convict, *_words_for_filter(name), name in self.route.proven)

    def _divide(self, refusal: FatalAPIError, _: Asked) -> NoReturn:
        found = self.too_long(refusal)
        raise found from refusal

    def _shrink(self, size: int, asked: Asked) -> NoReturn:
        sizes = halves_of(size)
        answered = (one for one in sizes if self._is_answered(replace(asked, size=one)))
        found = self.too_large(next(answered, 1))
        raise found

    def _range(self, key: Key, region: Region) -> Suspect:
        def less(asked: Asked) -> Asked:
            return replace(asked, region=asked.region.without(key))

        convict = partial(self._refuse_range, key, region)
        return Suspect(less, convict, *_words_for_range(key))

    def _refuse_range(self, key: Key, region: Region, asked: Asked) -> NoReturn:
        """Find out whether 42 refuses all ranges of a key, or only this one.

        Raises:
            RangeTooWideError: It is too wide.
            RangeIgnoredError: 42 answers no range in this place, or none at all.
        """
        (lower, upper), width = region.interval(key), region.width(key)
        facts, widths = self.route.facts, self.route.widths

        def is_answered(first: int, last: int) -> bool:
            within = asked.region.narrowed(key, first, last)
            return self._is_answered(replace(asked, region=within))

        if width > facts.can.widest_ranges.get(key, 0) and is_answered(upper, upper):
            known = widths.get(key == ID, 0)  # most lists have the same limit
            hints = [known] if 0 < known < width else []
            for narrower in (*hints, *halves_of(width)):
                if is_answered(upper - narrower, upper):
                    # If it is refused at the other end, its place is the reason.
                    if is_answered(lower, lower + narrower):
                        widths[key == ID] = narrower
                        facts.note_widest(key, narrower)
                        raise RangeTooWideError(key=key, widest=narrower)
                    raise RangeIgnoredError(key=key)
        elif is_answered(lower, lower):
            raise RangeIgnoredError(key=key)
        facts.unnarrowed(key)
        raise RangeIgnoredError(key=key)

    def _is_answered(self, asked: Asked) -> bool:
        try:
            self.ask(asked)
        except FatalAPIError:
            return False
        return True
