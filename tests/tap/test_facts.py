"""What a route was found to do decides what it is asked and tested, and for how long."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.instants import DAY, HOUR
from tap_ft42.declared.listing import Cursor, Listing
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.looks import Looks
from tap_ft42.reading.regions import MAX_ID, Region

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@pytest.fixture
def looks(facts: RouteFacts) -> Looks:
    return Looks(facts)


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
    looks: Looks,
) -> None:
    some = (None, SOME_IDS, Region({"id": (1, MAX_ID)}), Region({"id": (0, 5)}))
    assert all(looks.are_bounds_due(one) for one in some)
    others = (Region(), Region({"id": (0, MAX_ID)}), Region({COLUMN: (1, 5)}))
    assert not any(looks.are_bounds_due(one) for one in others)
    looks.note_bounds(None)
    assert looks.are_bounds_due(SOME_IDS)
    looks.note_bounds(None)
    assert not looks.are_bounds_due(SOME_IDS)


@pytest.mark.parametrize("bounds", ["both", "lower"])
def test_bounds_that_were_found_are_known_for_a_month(
    looks: Looks, state: dict[str, Any], bounds: str
) -> None:
    looks.note_bounds(bounds)  # type: ignore[arg-type]
    assert not looks.are_bounds_due(SOME_IDS)
    later = Looks(days_later(looks.facts, state, 29))
    assert later.facts.can.bounds == bounds
    assert not later.are_bounds_due(SOME_IDS)
    assert Looks(days_later(looks.facts, state, 30)).are_bounds_due(SOME_IDS)


def test_where_ids_do_not_narrow_no_bounds_are_tested(looks: Looks) -> None:
    looks.facts.unnarrowed("id")
    assert not looks.are_bounds_due(SOME_IDS)


@pytest.mark.parametrize(
    ("column", "trusted"), [("id", 10_000), (COLUMN, DAY + 2 * HOUR)], ids=["ids", "instants"]
)
def test_a_wide_range_is_tested_and_a_narrow_one_is_trusted(
    looks: Looks, column: str, trusted: int
) -> None:
    assert not looks.is_reach_due(column, trusted)
    assert looks.is_reach_due(column, trusted + 1)
    assert not looks.is_reach_due("updated_at", trusted + 1)
    assert looks.number_due(Region({column: (5, 5 + trusted + 1)})) > 0
    looks.note_reach(column, trusted + 1, None)
    assert looks.is_reach_due(column, trusted + 1)
    looks.note_reach(column, trusted + 1, None)
    assert not looks.is_reach_due(column, trusted + 1)


def test_a_width_that_was_found_whole_is_known_for_a_month(
    looks: Looks, state: dict[str, Any]
) -> None:
    looks.note_reach(COLUMN, 90 * DAY, 90 * DAY)
    looks.note_reach("id", 20_000, 50_000, is_cut=False)  # ids grow by a tenth at most
    for known in (looks, Looks(days_later(looks.facts, state, 29))):
        assert known.facts.can.whole_ranges == {COLUMN: 90 * DAY, "id": 55_000}
        assert not known.is_reach_due(COLUMN, 90 * DAY)
        assert known.is_reach_due(COLUMN, 90 * DAY + 1)
    late = Looks(days_later(looks.facts, state, 30))
    assert late.is_reach_due(COLUMN, 90 * DAY)
    late.note_reach("id", 20_000, 20_000, is_cut=False)
    assert late.facts.can.whole_ranges == {"id": 22_000}


def test_a_width_beyond_which_ranges_are_cut_is_the_widest(looks: Looks) -> None:
    looks.note_reach(COLUMN, 90 * DAY, 30 * DAY, is_cut=False)
    assert looks.facts.can.widest_ranges == {}
    looks.note_reach(COLUMN, 90 * DAY, 30 * DAY)
    assert looks.facts.can.widest_ranges == {COLUMN: 30 * DAY}
    assert not looks.is_reach_due(COLUMN, 90 * DAY)


def test_without_instants_nobody_can_tell_whether_ranges_are_cut() -> None:
    for cursor in (None, Cursor("id", kind="id")):
        listing = Listing(name="moons", path="/v2/moons", cursor=cursor)
        looks = Looks(RouteFacts(listing, "", dict, TODAY))
        assert not looks.is_reach_due("id", 20_000)


def test_the_looks_that_are_due_are_counted_before_they_are_sent(looks: Looks) -> None:
    long, many = Region({COLUMN: (1, 90 * DAY)}), Region({"id": (1, 20_000)})
    assert looks.number_due() == 0
    assert looks.number_due(Region()) == 0
    assert looks.number_due(SOME_IDS) == 1
    assert looks.number_due(long) == 2
    assert looks.number_due(long, SOME_IDS) == 2  # one request tests bounds and width
    assert looks.number_due(many) == 2
    assert looks.number_due(many, long) == 2  # that of ids tells of instants, too
    looks.facts.unnarrowed("id")
    assert looks.number_due(long) == 2
    assert looks.number_due(long, SOME_IDS) == 2


def test_a_window_is_believed_up_to_a_day_if_no_id_can_test_it(looks: Looks) -> None:
    long = Region({COLUMN: (1, 90 * DAY)})
    assert looks.believed(long) is None
    looks.facts.unnarrowed("id")
    assert looks.believed(long) == DAY + 2 * HOUR
    assert looks.believed(Region({COLUMN: (1, DAY)})) is None
    assert (
        looks.believed(Region({COLUMN: (0, 90 * DAY)})) is None
    )  # compared with the whole list
    assert looks.believed(Region({"id": (1, MAX_ID)})) is None


def test_a_window_that_was_cut_in_silence_is_the_widest_but_for_a_known_one(
    looks: Looks,
) -> None:
    looks.note_cut(90 * DAY, is_cut=False)
    assert looks.facts.can.whole_ranges == {COLUMN: 90 * DAY}
    looks.note_cut(90 * DAY, is_cut=True)
    assert looks.facts.can.widest_ranges == {COLUMN: DAY + 2 * HOUR}
    looks.facts.note_widest(COLUMN, HOUR)
    looks.note_cut(90 * DAY, is_cut=True)
    assert looks.facts.can.widest_ranges == {COLUMN: HOUR}


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
    assert not facts.is_due("longest_list")


def test_what_two_requests_find_at_once_is_both_remembered(facts: RouteFacts) -> None:
    names = [f"filter[{number}]" for number in range(1000)]

    def note(some: Sequence[str]) -> None:
        for name in some:
            facts.note_filter(name, is_ignored=True, instead="The tap does")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [Thread(target=note, args=(names[first::8],)) for first in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert sorted(facts.can.ignored_filters) == sorted(names)


def test_that_42_counts_no_empty_list_does_not_excuse_wrong_totals(facts: RouteFacts) -> None:
    facts.doubt_totals()
    facts.note_uncounted()
    assert facts.has_wrong_totals
