"""What a route was found to do decides what it is asked, and for how long."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from tap_ft42.declared.instants import DAY, HOUR
from tap_ft42.declared.listing import Cursor, Listing
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.regions import MAX_ID, Region

TODAY = date(2026, 11, 30)
COLUMN = "begin_at"
LISTING = Listing(name="moons", path="/v2/moons", cursor=Cursor(COLUMN))
SOME_IDS = Region({"id": (1, 5)})


@pytest.fixture
def state() -> dict[str, Any]:
    return {}


@pytest.fixture
def facts(state: dict[str, Any]) -> RouteFacts:
    return RouteFacts(LISTING, LISTING.path, lambda: state, TODAY)


def days_later(facts: RouteFacts, state: dict[str, Any], days: int) -> RouteFacts:
    facts.save()
    return RouteFacts(LISTING, LISTING.path, lambda: state, TODAY + timedelta(days=days))


def test_any_order_is_tried_until_one_is_refused(facts: RouteFacts) -> None:
    order = f"-{COLUMN},id"
    assert [facts.order_of(one) for one in (None, order, "name")] == [None, order, "name"]
    facts.note_single_sorts()
    assert [facts.order_of(one) for one in (None, order, "id")] == [None, f"-{COLUMN}", "id"]
    facts.unsorted(order)
    assert [facts.order_of(one) for one in (None, order, "-id")] == [None, None, "-id"]
    assert facts.can.sorts == ("id",)


def test_any_range_is_tried_until_one_is_refused(facts: RouteFacts) -> None:
    columns = ("id", COLUMN, "updated_at")
    assert [facts.narrows_by(one) for one in columns] == [True, True, True]
    facts.unnarrowed("id")
    assert [facts.narrows_by(one) for one in columns] == [False, True, False]


def test_bounds_are_tested_twice_at_most_and_only_where_rows_may_lie_on_them(
    facts: RouteFacts,
) -> None:
    regions = (None, SOME_IDS, Region(), Region({COLUMN: (1, 5)}))
    assert [facts.are_bounds_due(one) for one in regions] == [True, True, False, False]
    facts.note_bounds(None)
    assert facts.are_bounds_due(SOME_IDS)
    facts.note_bounds(None)
    assert not facts.are_bounds_due(SOME_IDS)


@pytest.mark.parametrize("bounds", ["both", "lower"])
def test_bounds_that_were_found_are_known_for_a_month(
    facts: RouteFacts, state: dict[str, Any], bounds: str
) -> None:
    facts.note_bounds(bounds)  # type: ignore[arg-type]
    assert not facts.are_bounds_due(SOME_IDS)
    later = days_later(facts, state, 29)
    assert later.can.bounds == bounds
    assert not later.are_bounds_due(SOME_IDS)
    assert days_later(facts, state, 30).are_bounds_due(SOME_IDS)


def test_where_ids_do_not_narrow_no_bounds_are_tested(facts: RouteFacts) -> None:
    facts.unnarrowed("id")
    assert not facts.are_bounds_due(SOME_IDS)


@pytest.mark.parametrize(
    ("column", "trusted"), [("id", 10_000), (COLUMN, DAY + 2 * HOUR)], ids=["ids", "instants"]
)
def test_a_wide_range_is_tested_and_a_narrow_one_is_trusted(
    facts: RouteFacts, column: str, trusted: int
) -> None:
    assert not facts.is_reach_due(column, trusted)
    assert facts.is_reach_due(column, trusted + 1)
    assert not facts.is_reach_due("updated_at", trusted + 1)
    assert facts.keys_due(Region({column: (5, 5 + trusted + 1)})) == [column]
    facts.note_reach(column, trusted + 1, None)
    assert facts.is_reach_due(column, trusted + 1)
    facts.note_reach(column, trusted + 1, None)
    assert not facts.is_reach_due(column, trusted + 1)


def test_a_width_that_was_found_whole_is_known_for_a_month(
    facts: RouteFacts, state: dict[str, Any]
) -> None:
    facts.note_reach(COLUMN, 90 * DAY, 90 * DAY)
    facts.note_reach("id", 20_000, 50_000)
    for known in (facts, days_later(facts, state, 29)):
        assert known.can.whole_ranges == {COLUMN: 90 * DAY, "id": 50_000}
        assert not known.is_reach_due(COLUMN, 90 * DAY)
        assert known.is_reach_due(COLUMN, 90 * DAY + 1)
    late = days_later(facts, state, 30)
    assert late.is_reach_due(COLUMN, 90 * DAY)
    late.note_reach("id", 20_000, 20_000)
    assert late.can.whole_ranges == {"id": 20_000}


def test_a_width_beyond_which_ranges_are_cut_is_the_widest(facts: RouteFacts) -> None:
    facts.note_reach(COLUMN, 90 * DAY, 30 * DAY, is_cut=False)
    assert facts.can.widest_ranges == {}
    facts.note_reach(COLUMN, 90 * DAY, 30 * DAY)
    assert facts.can.widest_ranges == {COLUMN: 30 * DAY}
    assert not facts.is_reach_due(COLUMN, 90 * DAY)


def test_without_instants_nobody_can_tell_whether_ranges_are_cut() -> None:
    for cursor in (None, Cursor("id", kind="id")):
        listing = Listing(name="moons", path="/v2/moons", cursor=cursor)
        assert not RouteFacts(listing, "", dict, TODAY).is_reach_due("id", 20_000)


def test_the_looks_that_are_due_are_counted_before_they_are_sent(facts: RouteFacts) -> None:
    long, many = Region({COLUMN: (1, 90 * DAY)}), Region({"id": (1, 20_000)})
    assert facts.looks_due() == 0
    assert facts.looks_due(Region()) == 0
    assert facts.looks_due(SOME_IDS) == 1
    assert facts.looks_due(long) == 2
    assert facts.looks_due(long, SOME_IDS) == 2  # one request tests bounds and width
    assert facts.looks_due(many) == 2
    assert facts.looks_due(many, long) == 2  # that of ids tells of instants, too
    facts.unnarrowed("id")
    assert facts.looks_due(long) == 2
    assert facts.looks_due(long, SOME_IDS) == 2


def test_a_window_is_believed_up_to_a_day_if_no_id_can_test_it(facts: RouteFacts) -> None:
    long = Region({COLUMN: (1, 90 * DAY)})
    assert facts.believed(long) is None
    facts.unnarrowed("id")
    assert facts.believed(long) == DAY + 2 * HOUR
    assert facts.believed(Region({COLUMN: (1, DAY)})) is None
    assert (
        facts.believed(Region({COLUMN: (0, 90 * DAY)})) is None
    )  # compared with the whole list
    assert facts.believed(Region({"id": (1, MAX_ID)})) is None


def test_a_window_that_was_cut_in_silence_is_the_widest_but_for_a_known_one(
    facts: RouteFacts,
) -> None:
    facts.note_cut(90 * DAY, is_cut=False)
    assert facts.can.whole_ranges == {COLUMN: 90 * DAY}
    facts.note_cut(90 * DAY, is_cut=True)
    assert facts.can.widest_ranges == {COLUMN: DAY + 2 * HOUR}
    facts.note_widest(COLUMN, HOUR)
    facts.note_cut(90 * DAY, is_cut=True)
    assert facts.can.widest_ranges == {COLUMN: HOUR}


def test_only_news_are_written_down(facts: RouteFacts, state: dict[str, Any]) -> None:
    facts.save()
    assert state == {}
    facts.doubt_totals()
    facts.save()
    assert state["capabilities"] == {
        "/v2/moons": {"totals": {"is": "doubted", "on": "2026-11-30"}}
    }
    state.clear()
    facts.save()
    assert state == {}


def test_lists_of_ids_become_shorter_but_not_by_a_longer_one(facts: RouteFacts) -> None:
    facts.shorten("filter[id]", 101, 50)
    assert facts.can.longest_list == 100
    facts.shorten("filter[id]", 100, 50)
    assert facts.can.longest_list == 50
    assert not facts.is_list_due
