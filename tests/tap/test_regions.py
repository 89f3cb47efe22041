"""A region is only ever cut into smaller ones."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ft42.reading.regions import MAX_ID, Region

from tests.tap.pages import page

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
    cuts = region.halved(key, seen), region.cut(key, parts), region.cut_around(key, seen)
    for pieces in cuts:
        bounds = [piece.interval(key) for piece in pieces]
        assert all(begin <= end and end - begin < width for begin, end in bounds)
        assert (bounds[0][0], bounds[-1][1]) == region.interval(key)
        step = 1 if key == "id" else 0
        assert all(a[1] + step == b[0] for a, b in pairwise(bounds))


def intervals(pieces: list[Region], key: Key) -> list[tuple[int, int]]:
    return [piece.interval(key) for piece in pieces]


COLUMNS = pytest.mark.parametrize("column", ["begin_at", "updated_at"])


@COLUMNS
def test_parts_are_of_equal_width_and_share_no_id_but_an_instant(column: Key) -> None:
    ids, instants = Region({"id": (3, 12)}), Region({column: (3, 13)})
    assert intervals(ids.cut("id", 2), "id") == [(3, 7), (8, 12)]
    assert intervals(ids.cut("id", 3), "id") == [(3, 6), (7, 10), (11, 12)]
    assert intervals(ids.cut("id", 99), "id") == [(n, n) for n in range(3, 13)]
    assert intervals(instants.cut(column, 2), column) == [(3, 8), (8, 13)]


@COLUMNS
def test_a_half_ends_with_the_middle_one_of_the_keys_that_were_seen(column: Key) -> None:
    ids, instants = Region({"id": (3, 12)}), Region({column: (3, 13)})
    assert intervals(ids.halved("id", []), "id") == [(3, 7), (8, 12)]
    assert intervals(ids.halved("id", [9, 4, 5]), "id") == [(3, 5), (6, 12)]
    assert intervals(ids.halved("id", [9, 4, 5, 6]), "id") == [(3, 5), (6, 12)]
    assert intervals(ids.halved("id", [3]), "id") == [(3, 3), (4, 12)]
    assert intervals(ids.halved("id", [12]), "id") == [(3, 11), (12, 12)]
    assert intervals(instants.halved(column, [3]), column) == [(3, 4), (4, 13)]


@pytest.mark.parametrize(("key", "least"), [("id", 1), ("begin_at", 2), ("updated_at", 2)])
def test_what_is_too_small_to_be_cut_is_known(key: Key, least: int) -> None:
    assert not Region({key: (5, 5 + least - 1)}).is_divisible(key)
    assert Region({key: (5, 5 + least)}).is_divisible(key)


def test_as_many_ids_as_there_is_room_for_are_all() -> None:
    assert not Region({"id": (1, 3)}).is_filled_by([1, 2])
    assert Region({"id": (1, 3)}).is_filled_by([1, 2, 3])


@COLUMNS
def test_bounds_that_42_leaves_out_are_reached_and_none_is_beyond_what_it_can_hold(
    column: Key,
) -> None:
    region = Region({"id": (5, 9), column: (1000, 2000)})
    assert region.params() == {
        "range[id]": "5,9",
        f"range[{column}]": "1970-01-01T00:00:00.999Z,1970-01-01T00:00:02.001Z",
    }
    written = {"both": "5,9", "lower": "5,10", "upper": "4,9", "none": "4,10"}
    for bounds, ids in written.items():
        assert region.params(bounds)["range[id]"] == ids  # type: ignore[arg-type]
    everything = Region({"id": (0, MAX_ID), column: (0, 0)})
    assert everything.params("none") == {
        "range[id]": f"0,{2**31 - 1}",
        f"range[{column}]": "1970-01-01T00:00:00.000Z,1970-01-01T00:00:00.001Z",
    }


@COLUMNS
def test_rows_outside_of_a_region_are_counted_but_instants_may_be_rounded(column: Key) -> None:
    region = Region({"id": (5, 9), column: (10_000, 20_000)})
    rows = [(4, 9_000), (5, 21_000), (9, 8_999), (10, 21_001), (11, 15_000)]
    assert region.strangers(page(rows)) == {"id": 3, column: 2}
    assert region.strangers(page([(5, 10_000), (9, 20_000)])) == {}
    assert (region.width("id"), region.without("id").interval("id")) == (4, (0, MAX_ID))
