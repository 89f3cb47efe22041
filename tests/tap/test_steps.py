"""What is read next of a list follows from its state and from the instants of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.instants import DAY, from_milliseconds
from tap_ft42.declared.listing import Cursor, Listing
from tap_ft42.planning.steps import Step, Times, Way, change_step, incremental_steps
from tap_ft42.reading.regions import MAX_ID, Region

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 20_000 * DAY
OVERLAP = 60_000
TIMES = Times(until=NOW, overlap=OVERLAP, not_before=None)
CHANGED = Cursor("updated_at")
IDS = Cursor("id", kind="id")


def steps(
    cursor: Cursor,
    state: Mapping[str, object],
    *stops: int,
    times: Times = TIMES,
    **known: Any,  # noqa: ANN401 - what a listing takes
) -> list[Step]:
    """The steps of a list, up to the end of the run or to some stops."""
    is_short = known.pop("is_short", False)
    listing = Listing(name="events", path="/v2/events", cursor=cursor, **known)
    found = incremental_steps(listing, cursor, state, stops or (NOW,), times, is_short=is_short)
    return list(found)


def seen(position: int) -> dict[str, str]:
    """The state of a list whose latest change was at an instant."""
    return {"replication_key_value": from_milliseconds(position)}


def windows(found: list[Step]) -> list[tuple[int, int]]:
    """The windows of steps, of which each reads one."""
    assert {step.way for step in found} <= {Way.WINDOW}
    return [step.region.interval(CHANGED.column) for step in found]


class TestIds:
    """Ids only grow: what lies beyond the bookmark is new."""

    @pytest.mark.parametrize(
        ("bookmark", "looks_back", "first"),
        [(41, 0, 42), (41, 10, 32), (41, 100, 0), (MAX_ID, 0, MAX_ID)],
    )
    def test_rows_beyond_the_bookmark_are_read_at_once(
        self, bookmark: int, looks_back: int, first: int
    ) -> None:
        cursor = replace(IDS, looks_back=looks_back)
        (step,) = steps(cursor, {"replication_key_value": bookmark}, NOW - DAY, NOW)
        assert (step.way, step.until, step.since) == (Way.LOAD, NOW, bookmark)
        assert step.region == Region({"id": (first, MAX_ID)})

    def test_a_load_that_was_cut_short_goes_on_behind_what_it_read(self) -> None:
        begun = {"from_scratch": {"next_id": 70, "latest": 69}}
        (step,) = steps(IDS, begun)
        assert (step.way, step.since, step.latest) == (Way.LOAD, "", 69)
        assert step.region == Region({"id": (70, MAX_ID)})
        (step,) = steps(IDS, begun | {"replication_key_value": 7})
        assert step.region == Region({"id": (70, MAX_ID)})

    def test_a_time_that_is_over_has_none(self) -> None:
        past = replace(TIMES, is_past=True)
        assert steps(IDS, {"replication_key_value": 41}, times=past) == []


class TestInstants:
    """Windows reach from shortly before the bookmark to the end of the run."""

    def test_a_window_begins_before_the_bookmark_by_the_overlap_and_what_the_list_needs(
        self,
    ) -> None:
        (step,) = found = steps(replace(CHANGED, looks_back=3_600), seen(NOW - DAY))
        begins = NOW - DAY - OVERLAP - 3_600_000
        assert windows(found) == [(begins, NOW)]
        assert (step.since, step.begins) == (from_milliseconds(NOW - DAY), begins)

    def test_each_stop_has_a_window_that_begins_before_the_end_of_the_last_one(self) -> None:
        stops = (NOW - 2 * DAY, NOW - DAY, NOW)
        found = steps(CHANGED, seen(NOW - 3 * DAY), *stops)
        assert windows(found) == [(stop - DAY - OVERLAP, stop) for stop in stops]
        found = steps(CHANGED, seen(NOW - 3 * DAY), *stops, is_short=True)
        assert windows(found) == [
            (0, stops[0]),
            *((stop - DAY - OVERLAP, stop) for stop in stops[1:]),
        ]

    def test_no_window_begins_before_the_start_date(self) -> None:
        times = replace(TIMES, not_before=NOW - DAY)
        assert windows(steps(CHANGED, seen(NOW - DAY), times=times)) == [(NOW - DAY, NOW)]

    @pytest.mark.parametrize(("ahead", "windows_"), [(0, [(NOW, NOW)]), (1, [])])
    def test_a_bookmark_beyond_the_end_of_the_run_leaves_nothing_to_read(
        self, ahead: int, windows_: list[tuple[int, int]]
    ) -> None:
        assert windows(steps(CHANGED, seen(NOW + OVERLAP + ahead))) == windows_

    @pytest.mark.parametrize(("widest", "margin"), [(None, DAY), (7 * DAY, DAY), (9, 9)])
    def test_where_nothing_changed_a_window_begins_a_day_before_the_end_of_the_last_run(
        self, widest: int | None, margin: int
    ) -> None:
        until = {"read_until": from_milliseconds(NOW - DAY)}
        found = steps(CHANGED, seen(NOW - 300 * DAY) | until, widest_window=widest)
        assert windows(found) == [(NOW - DAY - margin - OVERLAP, NOW)]
        found = steps(CHANGED, seen(NOW - DAY - 1) | until)
        assert windows(found) == [(NOW - DAY - 1 - OVERLAP, NOW)]

    @pytest.mark.parametrize("until", [NOW + 1, NOW, NOW - 1])
    def test_a_time_that_is_over_is_read_once(self, until: int) -> None:
        past = Times(until=NOW, overlap=0, not_before=0, is_past=True)
        found = steps(CHANGED, {"read_until": from_milliseconds(until)}, times=past)
        assert bool(found) is (until < NOW)

    def test_a_first_load_reads_all_ids_up_to_the_first_stop_and_windows_from_there(
        self,
    ) -> None:
        load, window = steps(CHANGED, {}, NOW - DAY, NOW)
        assert (load.way, load.since, load.until) == (Way.LOAD, "", NOW - DAY)
        assert load.region == Region()
        assert windows([window]) == [(NOW - DAY - OVERLAP, NOW)]

    def test_a_load_that_was_cut_short_goes_on_and_keeps_the_end_that_it_had(self) -> None:
        begun = {"next_id": 70, "until": from_milliseconds(NOW - 5 * DAY)}
        load, window = steps(CHANGED, {"from_scratch": begun}, NOW - 6 * DAY, NOW)
        assert (load.region, load.until) == (Region({"id": (70, MAX_ID)}), NOW - 5 * DAY)
        assert windows([window]) == [(NOW - 5 * DAY - OVERLAP, NOW)]

    @pytest.mark.parametrize(
        ("since", "is_sortable", "begins"), [(None, False, 0), (9, True, 9), (9, False, 9)]
    )
    def test_a_load_from_a_date_or_without_an_order_is_of_the_rows_of_a_time(
        self, since: int | None, begins: int, *, is_sortable: bool
    ) -> None:
        times = replace(TIMES, not_before=since)
        (load,) = steps(CHANGED, {}, times=times, is_sortable=is_sortable)
        assert load.region == Region({CHANGED.column: (begins, NOW)})


@pytest.mark.parametrize(
    ("read_until", "lower"), [(NOW - DAY, NOW - 2 * DAY), (NOW + 9, NOW - DAY), (9, OVERLAP)]
)
def test_changes_that_rows_do_not_show_are_asked_for_a_day_before_the_end_of_the_last_run(
    read_until: int, lower: int
) -> None:
    step = change_step(CHANGED, {"read_until": from_milliseconds(read_until)}, NOW, TIMES)
    begins = lower - OVERLAP
    assert (step.way, step.begins, step.until) == (Way.CHANGES, begins, NOW)
    assert step.region == Region({CHANGED.column: (begins, NOW)})
