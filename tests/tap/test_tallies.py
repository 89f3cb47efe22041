"""What is known of a list fits in a bookmark, whatever its ids."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_ft42.census.tallies import LONGEST, MOST_IDS, MOST_SLICES, Tally
from tap_ft42.reading.regions import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

IDS = st.sets(st.integers(1, MAX_ID) | st.integers(1, 5000), max_size=300)
EXAMPLES = settings(max_examples=100, deadline=None)


def tally_of(ids: Iterable[int], page_size: int = 100) -> Tally:
    tally = Tally(page_size=page_size)
    for row in ids:
        tally.add(row)
    return tally


def restored(tally: Tally) -> Tally:
    return Tally.restored(json.loads(json.dumps(tally.as_state())), page_size=100)


@EXAMPLES
@given(ids=IDS)
def test_a_tally_is_the_same_after_it_was_written_down(ids: set[int]) -> None:
    assert list(restored(tally_of(ids)).ids) == sorted(ids)


@EXAMPLES
@given(ids=IDS, lower=st.integers(1, 5000), width=st.integers(0, 5000), now=IDS)
def test_an_interval_that_was_read_is_what_was_read(
    ids: set[int], lower: int, width: int, now: set[int]
) -> None:
    upper = lower + width
    now = {row for row in now if lower <= row <= upper}
    tally = tally_of(ids)
    tally.replace(lower, upper, sorted(now))
    assert set(tally.ids) == {row for row in ids if not lower <= row <= upper} | now
    assert tally.expectation.total == len(set(tally.ids))


def test_forty_thousand_students_take_some_thirty_kilobytes() -> None:
    students = Random(1).sample(range(1, 250_000), 40_341)  # noqa: S311 - ids, no secrets
    assert len(json.dumps(tally_of(students).as_state())) < 35_000


@pytest.mark.parametrize("greatest", [MOST_IDS, 5_000_000, MAX_ID])
def test_a_tally_is_bounded_however_ids_are_given_away(greatest: int) -> None:
    luck = Random(greatest)  # noqa: S311 - ids, no secrets
    exact = tally_of(luck.sample(range(1, greatest + 1), MOST_IDS))
    assert "ids" in exact.as_state()
    assert len(json.dumps(exact.as_state())) < LONGEST
    tally = exact
    for row in luck.sample(range(1, greatest + 200_001), 200_000):
        tally.add(row)
    assert "ids" not in tally.as_state()
    assert len(json.dumps(tally.as_state())) < LONGEST


class TestLargeTallies:
    """Beyond 100,000 rows only counts by slices of ids are left."""

    IDS = range(2, 2 * MOST_IDS + 4, 2)

    def test_they_count_the_same_rows(self) -> None:
        large = restored(tally_of(self.IDS))
        assert not large.is_exact
        assert large.expectation.total == len(self.IDS)
        assert large.greatest == self.IDS[-1]
        assert max(large.expectation.rows) == 100

    def test_their_slices_grow_where_they_would_be_too_many(self) -> None:
        many = restored(tally_of(self.IDS, page_size=5))
        assert MOST_SLICES / 2 <= len(many.expectation.firsts) <= MOST_SLICES
        assert many.expectation.total == len(self.IDS)

    def test_a_row_counts_once_if_it_is_new_and_never_if_it_is_not(self) -> None:
        large = restored(tally_of(self.IDS))
        assert not large.add(4, is_new=False)
        assert large.add(5, is_new=True)
        assert not large.add(5, is_new=True)
        assert large.add(self.IDS[-1] + 1, is_new=False)
        assert not large.add(self.IDS[-1] + 1, is_new=False)
        assert large.expectation.total == len(self.IDS) + 2

    def test_rows_beyond_the_greatest_fill_slices_of_a_page(self) -> None:
        large = restored(tally_of(self.IDS))
        slices = len(large.expectation.firsts)
        for row in range(self.IDS[-1] + 1, self.IDS[-1] + 1001):
            large.add(row)
        assert len(large.expectation.firsts) == slices + 10
        assert max(large.expectation.rows) == 100

    def test_a_slice_that_was_read_has_what_was_read(self) -> None:
        large = restored(tally_of(self.IDS))
        first, second = large.expectation.firsts[10:12]
        ids = list(range(first, second, 2))[5:]
        large.replace(first, second - 1, ids)
        assert large.expectation.between(first, second - 1) == 95
        assert large.expectation.total == len(self.IDS) - 5


@pytest.mark.parametrize("text", ["", "AAAA", "not base64", "eJwDAAAAAAE"])
def test_a_damaged_tally_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Tally.restored({"ids": text}, page_size=100)
