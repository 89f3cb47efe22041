"""A set of ids in bits is a set."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.regions import MAX_ID

IDS = st.sets(st.integers(1, 3000) | st.integers(1, MAX_ID), max_size=200)


@settings(max_examples=200, deadline=None)
@given(ids=IDS, others=IDS, lower=st.integers(0, 3000), width=st.integers(0, 3000))
def test_it_has_the_ids_that_were_added_and_not_removed(
    ids: set[int], others: set[int], lower: int, width: int
) -> None:
    held = IdSet()
    assert held.update(ids) == len(ids)
    assert [held.add(one) for one in others] == [one not in ids for one in others]
    assert [held.remove(one) for one in ids] == [True] * len(ids)
    left = sorted(others - ids)
    assert (list(held), len(held)) == (left, len(left))
    assert list(held.between(lower, lower + width)) == [
        one for one in left if lower <= one <= lower + width
    ]
    assert {one for one in ids | others if one in held} == set(left)
    assert not any(held.remove(one) for one in ids)
