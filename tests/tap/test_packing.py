"""Numbers come back from the text of a state as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tap_ft42.census.packing import packed, packed_ids, stepped, steps, unpacked, unpacked_ids

WORDS = st.integers(0, 2**32 - 1)


@given(st.lists(WORDS))
def test_words_of_32_bits_come_back(words: list[int]) -> None:
    assert unpacked(packed(words)) == words


@given(st.sets(st.integers(1, 2**31 - 1)))
def test_ids_come_back_ascending(ids: set[int]) -> None:
    assert unpacked_ids(packed_ids(ids)) == sorted(ids)


@given(st.lists(st.integers(-(2**29), 2**29)))
def test_numbers_that_rise_and_fall_come_back(numbers: list[int]) -> None:
    assert stepped(steps(numbers)) == numbers


def test_ids_close_to_each_other_take_a_byte_or_less() -> None:
    assert len(packed_ids(range(1, 100_000, 3))) < 1_000
    assert len(packed_ids(n * n % 250 + 250 * n for n in range(10_000))) < 15_000
