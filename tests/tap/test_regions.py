"""A region is only ever cut into smaller ones."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from tap_ft42.reading.regions import Key


@pytest.mark.parametrize("key", ["id", "updated_at"])
@given(
    data=st.data(), lower=st.integers(0, 9), width=st.integers(1, 9), parts=st.integers(2, 9)
)
def test_pieces_are_smaller_and_make_the_whole(
    key: Key, data: st.DataObject, lower: int, width: int, parts: int
) -> None:
    region = Region({key: (lower, lower + width)})
    seen = data.draw(st.lists(st.integers(lower, lower + width)))
    if not region.is_divisible(key):
        assert (key, width) == ("updated_at", 1)
        return
    for pieces in (region.halved(key, seen), region.cut(key, parts)):
        bounds = [piece.interval(key) for piece in pieces]
        assert all(begin <= end and end - begin < width for begin, end in bounds)
        assert (bounds[0][0], bounds[-1][1]) == region.interval(key)
        step = 1 if key == "id" else 0
        assert all(a[1] + step == b[0] for a, b in pairwise(bounds))
