"""Campuses that 42 does not list are found for few requests; what is not found is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.campuses import (
    HIDDEN,
    LISTED,
    MEMBERSHIPS,
    NOWHERE,
    asked_for,
    campuses,
    days_later,
    enrolment,
    expected,
    of_march,
)
from tests.tap.pretended import Pretended, record_of
from tests.tap.scripted import paged

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import ScriptedApi


@pytest.mark.slow
def test_rows_of_no_campus_are_sought_once_a_month(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.rows = [*there.rows, enrolment(9999, 0)]
    here = tap.pointed_at(api)
    first = here.fail("projects_users")
    assert "1 rows belong to no campus_id" in first.last_word
    there.asked.clear()
    second = here.fail("projects_users", state=days_later(first.state, 1))
    assert asked_for(there) == ["1,9", "4,42", None, "1,4,9,42"]
    assert "1 rows belong to no campus_id" in second.last_word
    third = here.fail("projects_users", state=days_later(second.state, 31))
    assert "1 rows belong to no campus_id" in third.last_word


def test_they_are_found_for_a_few_requests(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.rows = [enrolment(campus, campus) for campus in range(1, 60)]
    ties = [
        of_march("campus_users", 100 * campus + one, user_id=campus, campus_id=campus)
        for campus in range(1, 60)
        for one in range(3)
    ]
    memberships = Pretended(ties)
    api.script[MEMBERSHIPS] = memberships
    listed = [record_of("campuses", id=campus) for campus in range(1, 60) if campus % 3]
    api.script["/v2/campus"] = paged(listed)
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run) == {campus: campus for campus in range(1, 60)}
    one_by_one = {named for named in asked_for(there) if named and "," not in named}
    assert one_by_one <= {"0", "1"}  # looks at what filters do: one total tells of all of them
    assert len(memberships.asked) <= 7  # one of them asks which bounds of a range count


def test_look_ups_of_many_people_are_full(tap: Tap, api: ScriptedApi, there: Pretended) -> None:
    people = range(1, 721)
    there.rows = [enrolment(number, LISTED[0]) for number in people]
    ties = [of_march("campus_users", one, user_id=one, campus_id=LISTED[0]) for one in people]
    api.script[MEMBERSHIPS] = memberships = Pretended(ties)
    api.script["/v2/cursus/21/users"] = Pretended([of_march("users", one) for one in people])
    run = tap.pointed_at(api, page_size=80).run("users", "projects_users")
    assert campuses(run).keys() == set(people)
    # 75 people each; three more ask who is hidden, and how ranges are answered.
    assert len(memberships.asked) <= 13


def test_nothing_is_tried_where_nothing_is_left_over(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.rows = [row for row in there.rows if row["campus"] in LISTED]
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert campuses(first) == expected(there)
    # A load, four looks at what filters do, two at how ranges are answered, two totals, and
    # a look whether a list of so many campuses counts.
    assert len(there.asked) == 10
    there.asked.clear()
    here.run("projects_users", state=first.state)
    assert len(there.asked) == 1


@pytest.mark.slow
def test_where_nothing_is_counted_ids_are_tried_all_the_same(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.tells_totals = False
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert campuses(first) == expected(there)
    there.asked.clear()
    second = here.run("projects_users", state=days_later(first.state, 1))
    assert len(there.asked) <= 4  # two windows, each asked for twice, as it is empty
    there.asked.clear()
    here.run("projects_users", state=days_later(second.state, 31))
    assert len(there.asked) > 4  # a month later they are tried again


def test_where_only_the_first_id_of_a_list_counts_each_is_tried(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.honours = 1
    there.rows = [row for row in there.rows if row["campus"] != HIDDEN[-1]]
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run) == expected(there)


def test_what_belongs_to_no_campus_is_sought_once_and_told_each_night(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.rows = [*there.rows, *(enrolment(number, NOWHERE) for number in (901, 902, 903))]
    here = tap.pointed_at(api)
    first = here.fail("projects_users")
    assert set(campuses(first).values()) == {*LISTED, *HIDDEN}
    assert "3 rows belong to no campus_id" in first.last_word
    there.asked.clear()
    second = here.fail("projects_users", state=days_later(first.state, 1))
    assert len(there.asked) == 4  # two windows, and two totals
    assert "3 rows belong to no campus_id" in second.last_word

    there.rows = [*there.rows, *(enrolment(number, 17) for number in range(910, 915))]
    third = here.fail("projects_users", state=days_later(second.state, 1))
    assert set(campuses(third).values()) == {17}


@pytest.mark.slow
def test_a_search_that_is_refused_half_way_is_told_and_goes_on_the_next_night(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = Pretended([])  # so that ids are tried one by one
    there.rows = [row for row in there.rows if row["campus"] != HIDDEN[1]]
    there.forbidden = [str(HIDDEN[0])]
    here = tap.pointed_at(api)
    first = here.fail("projects_users", "sync_runs")
    assert set(campuses(first).values()) == set(LISTED)
    assert f"projects_users of campus_id {HIDDEN[0]}: 42 answered 403" in first.last_word
    (row,) = first.records("sync_runs")[-1:]
    assert row["failed_streams"] == ["projects_users"]
    assert f"campus_id {HIDDEN[0]}" in row["reason"]

    there.asked.clear()
    quarter_hour = here.run("projects_users", state=first.state)
    assert len(there.asked) == 1
    there.asked.clear()
    night = here.fail("projects_users", state=days_later(quarter_hour.state, 1))
    assert asked_for(there).count(str(HIDDEN[0])) == 1
    there.forbidden = []
    there.asked.clear()
    later = here.run("projects_users", state=days_later(night.state, 1))
    assert HIDDEN[0] in later.state["bookmarks"]["projects_users"]["hidden"]["ids"]


@pytest.mark.slow
def test_a_campus_that_is_found_late_loses_no_row_to_small_budgets(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    here, state, found = tap.pointed_at(api, max_requests=9), None, dict[int, int]()
    for _ in range(12):
        run = here.run("projects_users", state=state)
        state = run.state
        found |= campuses(run)
    assert found == expected(there)
