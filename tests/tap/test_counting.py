"""Rows that went are found by counting: the halving against a set, and what it costs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from itertools import chain
from math import ceil, log2
from sys import maxsize
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tap_ft42.api.page import restored_page
from tap_ft42.census.accounts import Account
from tap_ft42.census.counting import (
    Differing,
    Expectation,
    Interval,
    Proof,
    UncountableError,
    count_all,
    find_differing,
    read_sector,
    read_whole,
)
from tap_ft42.reading.asking import COUNT, IncompleteReadError
from tap_ft42.reading.regions import RangeIgnoredError, Region
from typing_extensions import override

from tests.tap.pages import PretendedList, Unsorted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from tap_ft42.api.page import Page

SIZE = 5


@dataclass
class Api(PretendedList):
    """A list of the API.

    Attributes:
        ids: which rows exist.
        has_totals: whether answers tell totals.
        ranges: whether `range` is heeded.
        sorts: whether `sort` is heeded.
        requests: how many requests came.
        rows: how many rows were sent.
        going: ids of rows that go, one with each request.
        lie: what it tells instead of a total.
    """

    ids: set[int]
    has_totals: bool = True
    ranges: bool = True
    sorts: bool = True
    requests: int = 0
    rows: int = 0
    going: list[int] = field(default_factory=list)
    lie: Callable[[int], int] = int

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        self.requests += 1
        await asyncio.sleep(0)
        if self.going:
            self.ids.discard(self.going.pop())
        lower, upper = region.interval("id") if self.ranges else (0, 2**40)
        found = sorted(row for row in self.ids if lower <= row <= upper)
        if not self.sorts or sort is None:
            found.sort(key=lambda row: row % 7)
        size = 1 if number == COUNT else SIZE
        page = found[max(number - 1, 0) * size :][:size]
        self.rows += len(page)
        told = max(self.lie(len(found)), 0)
        return restored_page(
            json.dumps([{"id": row} for row in page]).encode(),
            None,
            total=told if self.has_totals and told >= len(page) else None,
            size=size,
            more=told < len(page) or max(number, 1) * size < told,
            sent=self.requests,
            answered=self.requests,
        )


def account_of(ids: Iterable[int]) -> Account:
    account = Account()
    for row in ids:
        account.add(row)
    return account


def in_days(ids: list[int], width: int = 7) -> Expectation:
    """What is expected of a list of which only is known how many rows lie where."""
    firsts = sorted({number // width * width for number in ids})
    rows = [sum(first <= number < first + width for number in ids) for first in firsts]
    return Expectation(firsts, rows, SIZE)


async def _whole(api: Api, expected: Expectation, greatest: int) -> list[Interval]:
    region = Region({"id": (0, greatest)})
    rows = expected.between(0, greatest)
    return [
        Interval(region, rows, part.total)
        async for part in count_all(api, region)
        if isinstance(part, Proof)
    ]


def counted(api: Api, account: Account, **settings: Any) -> list[Proof]:  # noqa: ANN401 - of find_differing
    """The proofs of a census of the whole list."""
    expected = account.expectation(SIZE)

    async def count() -> list[Proof]:
        (whole,) = await _whole(api, expected, account.greatest)
        there = api if api.sorts else Unsorted(api)
        found = [part async for part in find_differing(there, whole, expected, **settings)]
        differing = [part for part in found if isinstance(part, Differing)]
        return [
            part
            for each in chain.from_iterable(one.intervals for one in differing)
            async for part in read_sector(there, each.region, pages=each.pages(SIZE))
            if isinstance(part, Proof)
        ]

    return asyncio.run(count())


def spans(api: Api, expected: Expectation, greatest: int) -> list[Interval]:
    """The days that differ."""

    async def find() -> list[Interval]:
        (whole,) = await _whole(api, expected, greatest)
        parts = find_differing(api, whole, expected)
        return [
            each
            async for part in parts
            if isinstance(part, Differing)
            for each in part.intervals
        ]

    return asyncio.run(find())


def named(proofs: list[Proof], known: set[int]) -> set[int]:
    """Which of the known rows the proofs say to be gone."""
    return {
        row
        for proof in proofs
        if proof.ids is not None
        for row in known
        if proof.lower <= row <= proof.upper and row not in proof.ids
    }


def judge(account: Account, proofs: list[Proof]) -> None:
    """Let what the proofs say be all that is known."""
    for proof in proofs:
        if proof.ids is not None:
            for row in set(account.between(proof.lower, proof.upper)) - {*proof.ids}:
                account.remove(row)
            for row in proof.ids:
                account.add(row)


KNOWN = st.sets(st.integers(1, 3000), min_size=1, max_size=400)
EXAMPLES = settings(max_examples=100, deadline=None)


@EXAMPLES
@given(known=KNOWN, luck=st.randoms(use_true_random=False), part=st.integers(0, 100))
def test_exactly_the_rows_that_went_are_named(known: set[int], luck: Random, part: int) -> None:
    gone = set(luck.sample(sorted(known), len(known) * part // 100))
    for sorts in (True, False):
        api = Api(known - gone, sorts=sorts)
        assert named(counted(api, account_of(known)), known) == gone


@EXAMPLES
@given(known=KNOWN, luck=st.randoms(use_true_random=False), part=st.integers(0, 100))
def test_all_days_are_found_that_lack_rows(known: set[int], luck: Random, part: int) -> None:
    left = known - set(luck.sample(sorted(known), len(known) * part // 100))
    expected = in_days(sorted(known))
    found = [
        (range(lower, upper + 1), each.total)
        for each in spans(Api(set(left)), expected, max(known))
        for lower, upper in [each.region.interval("id")]
    ]
    for days, total in found:
        assert total == sum(row in days for row in left) != sum(row in days for row in known)
    assert all(any(row in days for days, _ in found) for row in known - left)


@pytest.mark.slow
@EXAMPLES
@given(
    known=KNOWN,
    luck=st.randoms(use_true_random=False),
    gone=st.integers(0, 8),
)
def test_a_row_that_went_costs_a_count_a_halving_and_a_page(
    known: set[int], luck: Random, gone: int
) -> None:
    lost = set(luck.sample(sorted(known), min(gone, len(known))))
    pages = ceil(len(known) / SIZE)
    assume(len(lost) < pages)
    api = Api(known - lost)
    counted(api, account_of(known))
    # Where one row of a list is gone, each answer can tell one of two halves, so that
    # log2(pages) answers are the least that name its page.
    depth = ceil(log2(pages)) if pages > 1 else 0
    assert api.requests <= 1 + len(lost) * (depth + 1)
    if pages > 1:
        assert api.rows <= api.requests + 2 * SIZE * len(lost)


@EXAMPLES
@given(known=KNOWN, luck=st.randoms(use_true_random=False), most=st.integers(0, 60))
def test_a_census_that_may_not_ask_enough_says_nothing_wrong_and_goes_on_the_next_time(
    known: set[int], luck: Random, most: int
) -> None:
    gone = set(luck.sample(sorted(known), len(known) // 5))
    api, account, found = Api(known - gone), account_of(known), set[int]()
    for bound in (most, most, maxsize):
        api.requests = 0
        proofs = counted(api, account, most=bound)
        assert api.requests <= 1 + bound  # and the total of all
        found |= named(proofs, known)
        judge(account, proofs)
    assert found == gone


def test_few_requests_name_some_pages_at_least() -> None:
    known = set(range(1, 2001))
    gone = set(range(7, 2001, 41))
    proofs = counted(Api(known - gone), account_of(known), most=60)
    assert len(named(proofs, known)) >= 60 / log2(400) / 2


@EXAMPLES
@given(known=KNOWN)
def test_nothing_gone_costs_one_request(known: set[int]) -> None:
    api = Api(set(known))
    proofs = counted(api, account_of(known))
    assert api.requests == 1
    assert proofs == []


@EXAMPLES
@given(known=KNOWN, entered=st.sets(st.integers(1, 3000), max_size=20))
def test_rows_that_came_unseen_are_read(known: set[int], entered: set[int]) -> None:
    entered = {row for row in entered if row <= max(known)} - known
    api = Api(known | entered)
    proofs = counted(api, account_of(known))
    read = {row for proof in proofs for row in proof.ids or ()}
    assert read >= entered
    assert named(proofs, known) == set()


@EXAMPLES
@given(known=KNOWN, luck=st.randoms(use_true_random=False), going=st.integers(1, 30))
def test_no_row_that_exists_is_named_when_rows_go_while_they_are_counted(
    known: set[int], luck: Random, going: int
) -> None:
    leaving = luck.sample(sorted(known), min(going, len(known)))
    api, account = Api(set(known), going=leaving), account_of(known)
    while True:
        proofs = counted(api, account)
        assert named(proofs, known) <= known - api.ids
        judge(account, proofs)
        if not leaving:
            break
    # What a census cannot see while rows go, the next one does.
    judge(account, counted(api, account))
    assert set(account.ids) == api.ids


@EXAMPLES
@given(known=KNOWN, nights=st.integers(1, 9), luck=st.randoms(use_true_random=False))
def test_a_rolling_read_has_seen_every_row_after_its_nights(
    known: set[int], nights: int, luck: Random
) -> None:
    gone = set(luck.sample(sorted(known), len(known) // 3))
    account, api = account_of(known), Api(known - gone)
    start, found = 1, set[int]()

    async def read(lower: int, upper: int) -> list[Proof]:
        pages = ceil(len(account.between(lower, upper)) / SIZE)
        parts = read_sector(api, Region({"id": (lower, upper)}), pages=pages)
        return [part async for part in parts if isinstance(part, Proof)]

    for _ in range(nights):
        rows = ceil(len(known) / nights)
        lower, upper = account.sector(start, rows)
        (proof,) = asyncio.run(read(lower, upper))
        assert proof.ids is not None
        found |= named([proof], known)
        start = upper + 1
    assert found == gone


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("api", "error"),
    [
        (Api(set(range(1, 50)), has_totals=False), UncountableError),
        (Api(set(range(90, 150)), ranges=False), RangeIgnoredError),
    ],
)
def test_a_list_that_cannot_be_counted_proves_nothing(api: Api, error: type) -> None:
    with pytest.raises(error):
        counted(api, account_of(range(1, 51)))


@EXAMPLES
@given(known=KNOWN, luck=st.randoms(use_true_random=False), sorts=st.booleans())
def test_nobody_is_named_by_totals_that_contradict_each_other(
    known: set[int], luck: Random, *, sorts: bool
) -> None:
    # Nothing has gone, but each answer counts other rows.
    api = Api(set(known), sorts=sorts, lie=lambda true: true + luck.choice([-3, -1, 1, 7]))
    try:
        proofs = counted(api, account_of(known))
    except UncountableError:
        return
    assert named(proofs, known) == set()
    assert api.requests <= 40 * ceil(len(known) / SIZE) + 100


def test_a_page_that_is_smaller_than_its_count_names_nobody() -> None:
    # Whatever fills more than a page counts one less than it has, and pages tell the truth.
    known = set(range(1, 201))
    api = Api(set(known), lie=lambda true: true - (true > SIZE))
    assert named(counted(api, account_of(known)), known) == set()


def test_a_range_of_which_most_rows_went_is_read_and_not_halved() -> None:
    api, account = Api({*range(1, 101, 5)}), account_of(range(1, 101))
    assert {row for proof in counted(api, account) for row in proof.ids or ()} == api.ids
    assert api.requests <= 1 + 20 // SIZE + 1


def test_a_range_too_long_to_be_read_is_halved_as_far_as_requests_go() -> None:
    api, account = Api({*range(1, 101, 5)}), account_of(range(1, 101))
    assert [proof for proof in counted(api, account, most=12) if proof.ids]
    assert api.requests <= 13


@dataclass
class Shuffled(PretendedList):
    """A list of 400 rows, of which each page is in an order of its own."""

    requests: list[int] = field(default_factory=list)
    size: int = SIZE

    @override
    def smaller(self) -> Shuffled:
        return Shuffled(self.requests, ceil(self.size / 2))

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        self.requests.append(number)
        first = len(self.requests) % 300  # the other rows are never shown
        await asyncio.sleep(0)
        rows = [{"id": row} for row in range(first, first + self.size)]
        told = {"total": 400, "size": self.size, "more": number * self.size < 400}
        body, at = json.dumps(rows).encode(), len(self.requests)
        return restored_page(body, None, **told, sent=at, answered=at)


def test_a_list_that_moves_all_the_time_costs_a_census_four_requests_a_page() -> None:
    api, pages = Shuffled(), 400 // SIZE

    async def read() -> None:
        async for _ in read_whole(Unsorted(api), Region({"id": (1, 400)}), pages=pages):
            pass

    with pytest.raises(IncompleteReadError):
        asyncio.run(read())
    assert len(api.requests) <= 16 + 4 * pages + 64  # so many are on their way
