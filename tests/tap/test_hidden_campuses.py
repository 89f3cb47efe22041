"""Enrolments at campuses that 42 does not list are found and read, each once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.campuses import (
    ENROLMENTS,
    HIDDEN,
    LISTED,
    MEMBERSHIPS,
    asked_for,
    campuses,
    days_later,
    enrolment,
    expected,
    memberships_of,
    told,
)
from tests.tap.conftest import SIZE
from tests.tap.pretended import LATELY, Pretended, Row, record_of
from tests.tap.proofs import a_day_later, named
from tests.tap.scripted import DENIED, Reply, always, paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi


def test_what_no_listed_campus_has_is_found_read_and_told_once(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert campuses(first) == expected(there)
    (line,) = told(first, "42 does not list campus_id")
    assert "4, 42" in line

    there.rows[-1]["updated_at"] = LATELY
    there.asked.clear()
    second = here.run("projects_users", state=first.state)
    assert campuses(second)[there.rows[-1]["id"]] == HIDDEN[-1]
    assert asked_for(there) == ["1,9,4,42"]  # a quarter-hour costs no more than without them
    assert not told(second, "does not list")

    there.asked.clear()
    third = here.run("projects_users", state=days_later(second.state, 1))
    assert asked_for(there) == ["1,9", "4,42", None, "1,4,9,42"]  # two totals, once a night
    assert not told(third, "does not list")


def test_totals_that_stop_at_a_maximum_hide_no_campus_while_rows_move(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.rows = [*there.rows, *(enrolment(number, 1) for number in range(1000, 1120))]

    def moving(asked: Asked) -> Reply:
        reply = there(asked)
        if asked.page > 1 and "range[id]" not in asked.query:
            there.rows = there.rows[:-1]
        total = min(int(reply.headers["X-Total"]), 80)
        return dataclasses.replace(reply, headers={**reply.headers, "X-Total": str(total)})

    api.script[ENROLMENTS] = moving
    run = tap.pointed_at(api, page_size=10).run("projects_users")
    assert set(run.ids("projects_users")) >= {row["id"] for row in there.rows}


def test_who_comes_to_study_at_one_later_is_found_the_next_night(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    everybody = there.rows
    there.rows = [row for row in everybody if row["campus"] in LISTED]
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    there.rows = everybody
    second = here.run("projects_users", state=days_later(first.state, 1))
    assert campuses(second) == {
        number: campus for number, campus in expected(there).items() if campus in HIDDEN
    }
    assert told(second, "42 does not list campus_id 4, 42")


def test_a_first_run_that_finds_no_row_does_not_put_off_the_search(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    here, everybody = tap.pointed_at(api), there.rows
    there.rows = []
    first = here.run("projects_users")
    there.rows = everybody
    second = here.run("projects_users", state=first.state)
    assert campuses(second) == expected(there)


def test_a_load_that_learns_half_way_that_lists_are_refused_misses_no_earlier_row(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.rows = [enrolment(3, 4), enrolment(5, 42), *there.rows]
    api.script[MEMBERSHIPS] = Pretended(memberships_of(there.rows))
    later_pages: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        is_list = "," in asked.query.get("filter[campus]", "")
        later_pages.extend([asked] if is_list and asked.page > 1 else [])
        return Reply({}, 400) if is_list and later_pages else there(asked)

    api.script[ENROLMENTS] = answer
    here = tap.pointed_at(api, page_size=5)
    first = here.run("projects_users")
    assert told(first, "does not answer lists of 2 ids")
    second = here.run("projects_users", state=days_later(first.state, 1))
    assert campuses(first) | campuses(second) == expected(there)


@pytest.mark.parametrize(
    ("longest", "far", "is_found"),
    [(1, 45, False), (2, 45, True), (10, 150, True), (10, 900, False), (100, 900, True)],
)
def test_a_campus_with_a_far_id_is_found_though_no_list_holds_all_campuses_or_that_is_told(
    tap: Tap, api: ScriptedApi, longest: int, far: int, *, is_found: bool
) -> None:
    listed = range(1, 13)
    rows = [enrolment(10 * at + one, at) for at in (*listed, far) for one in range(3)]
    api.script["/v2/campus"] = paged([record_of("campuses", id=campus) for campus in listed])
    api.script[MEMBERSHIPS] = always(DENIED)
    there = Pretended(rows, tells_totals=longest < 100)
    there.refuses = lambda asked: asked.query.get("filter[campus]", "").count(",") >= longest
    api.script[ENROLMENTS] = there
    run = tap.pointed_at(api).start("projects_users").finish()
    found = {row for row, campus in expected(there).items() if is_found or campus in listed}
    assert campuses(run).keys() == found
    # What many lists count is not added up; several may count a row twice.
    assert run.exit_code == (longest == 10 and not is_found)
    assert bool(told(run, "or more, if there are any, are missing")) is (
        longest < 100 and not run.exit_code
    )
    assert len(there.asked) < 120


@pytest.mark.parametrize("longest", [2, 100])
def test_a_far_campus_is_missed_each_night_where_42_refuses_ids_that_it_does_not_have(
    tap: Tap, api: ScriptedApi, there: Pretended, longest: int
) -> None:
    api.script[MEMBERSHIPS] = always(DENIED)

    def refuses(asked: Asked) -> bool:
        ids = asked.query.get("filter[campus]", "1").split(",")
        return len(ids) > longest or not {*map(int, ids)} <= {*LISTED, *HIDDEN}

    there.refuses = refuses
    here = tap.pointed_at(api)
    load = here.fail("projects_users")
    assert set(campuses(load).values()) == {*LISTED, HIDDEN[0]}
    there.asked.clear()
    quarter = here.run("projects_users", state=load.state)
    assert len(there.asked) <= 2
    night = here.fail("projects_users", state=days_later(quarter.state, 1))
    for run in (load, night):
        assert "at least 5 rows belong to no campus_id" in run.last_word


def test_a_search_asks_for_no_campus_that_42_does_not_have(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.rows = [*there.rows, *(enrolment(number, 1) for number in range(1000, 1020))]
    api.script[MEMBERSHIPS] = Pretended(memberships_of(there.rows))
    there.asked.clear()
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run) == expected(there)
    assert "1,4,9,42" in asked_for(there)
    assert all(
        one is None or {*one.split(",")} <= {"1", "4", "9", "42"} for one in asked_for(there)
    )


def test_a_campus_that_is_listed_later_is_one_like_the_others(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    listed = [record_of("campuses", id=campus) for campus in (*LISTED, HIDDEN[0])]
    api.script["/v2/campus"] = paged(listed)
    there.rows[12]["updated_at"] = LATELY
    second = here.run("projects_users", state=days_later(first.state, 1))
    assert campuses(second)[there.rows[12]["id"]] == HIDDEN[0]
    assert second.state["bookmarks"]["projects_users"]["hidden"]["ids"] == [HIDDEN[1]]


def test_a_campus_that_is_no_longer_listed_is_read_on(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    api.script["/v2/campus"] = paged([record_of("campuses", id=LISTED[0])])
    there.rows[5]["updated_at"] = LATELY
    second = here.run("projects_users", state=days_later(first.state, 1))
    assert campuses(second)[there.rows[5]["id"]] == LISTED[1]


def test_what_is_gone_is_found_where_42_answers_for_no_list_of_all_campuses(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script["/v2/campus"] = paged([record_of("campuses", id=one) for one in range(1, 7)])
    there.rows = [enrolment(20 * at + one, at) for at in range(1, 9) for one in range(20)]
    api.script[MEMBERSHIPS] = Pretended(memberships_of(there.rows))
    there.refuses = lambda asked: asked.query.get("filter[campus]", "").count(",") > 5
    here, streams = tap.pointed_at(api, census_hour=0), ("projects_users", "census")
    first = here.run(*streams)
    assert campuses(first) == expected(there)
    assert not told(first, "the rows cannot be counted")
    known, (gone, *there.rows) = {*expected(there)}, there.rows
    night = here.run(*streams, state=a_day_later(first.state))
    assert named(night, "projects_users", known) == {gone["id"]}


def test_where_42_ignores_a_list_of_campuses_as_too_long_none_is_overlooked(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    def answer(asked: Asked) -> Reply:
        query = dict(asked.query)
        if "," in query.get("filter[campus]", ""):
            del query["filter[campus]"]
        return there(dataclasses.replace(asked, query=query))

    api.script[ENROLMENTS] = answer
    here = tap.pointed_at(api)
    assert campuses(here.run("projects_users")) == expected(there)
    api.script[MEMBERSHIPS] = always(DENIED)  # then no far campus is found
    run = here.fail("projects_users")
    assert set(campuses(run).values()) == {*LISTED, HIDDEN[0]}
    assert "at least 5 rows belong to no campus_id" in run.last_word


def test_a_campus_that_a_setting_names_is_read_listed_or_not(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script |= {f"/v2/campus/{campus}/users": paged([]) for campus in (*LISTED, *HIDDEN)}
    here = tap.pointed_at(api, campus_ids=[1, HIDDEN[1]])
    first = here.run("projects_users")
    assert set(campuses(first).values()) == {1, HIDDEN[1]}
    there.rows[-1]["updated_at"] = LATELY
    second = here.run("projects_users", state=first.state)
    assert there.rows[-1]["id"] in campuses(second)


@pytest.fixture
def closed() -> Iterator[RunningSandbox]:
    """A sandbox in which somebody has only a closed campus, and somebody else one as well."""
    with running_sandbox(**SIZE) as running:
        yield running


def test_no_enrolment_of_the_network_is_missing_and_none_leaves_its_campus(
    tap: Tap, closed: RunningSandbox
) -> None:
    here = tap.pointed_at(closed)
    before = campuses(here.run("projects_users"))
    listed = {row["id"] for row in closed.truth("campus")}
    ties: dict[int, list[Row]] = {}
    for tie in closed.truth("campus_users"):
        ties.setdefault(tie["user_id"], []).append(tie)
    enrolled = {row["user"]["id"] for row in closed.truth("projects_users")}
    only_ties = [
        own[0] for user, own in sorted(ties.items()) if user in enrolled and len(own) == 1
    ]
    *leaving, staying = [tie for tie in only_ties if tie["campus_id"] in listed][:7]
    for tie in leaving:
        closed.update("campus_users", tie["id"], campus_id=42)
    closed.insert("campus_users", user_id=staying["user_id"], campus_id=74, is_primary=False)
    after = campuses(here.run("projects_users"))
    path = "/v2/projects_users?filter[cursus]=21"
    assert after.keys() == {row["id"] for row in closed.truth_of(path, columns="id")}
    assert 42 in after.values()
    moved = {row for row, campus in after.items() if before.get(row) != campus}
    assert {after[row] for row in moved} == {42}
