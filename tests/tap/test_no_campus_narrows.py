"""Where 42 narrows enrolments by no campus, they go to the campuses of their people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.campuses import (
    ENROLMENTS,
    HIDDEN,
    LISTED,
    MEMBERSHIPS,
    NOWHERE,
    campuses,
    enrolment,
    expected,
    told,
)
from tests.tap.pretended import LATELY, Pretended
from tests.tap.proofs import a_day_later, named
from tests.tap.scripted import DENIED, Reply, always

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi


HABITS = pytest.mark.parametrize("habit", ["ignored", "refused"])
"""What 42 may do with the filter of campuses."""


@pytest.mark.few(2)
@HABITS
@pytest.mark.parametrize("campus_ids", [None, [1], [1, 9]])
def test_where_no_campus_narrows_rows_go_to_the_campuses_of_their_people(
    tap: Tap, api: ScriptedApi, there: Pretended, campus_ids: list[int] | None, habit: str
) -> None:
    setattr(there, habit, ["filter[campus]"])
    here = tap.pointed_at(api, campus_ids=campus_ids)
    first = here.run("projects_users")
    wanted = {*LISTED, *HIDDEN} if campus_ids is None else set(campus_ids)
    own = {row: campus for row, campus in expected(there).items() if campus in wanted}
    assert campuses(first) == own
    (line,) = told(first, "does not narrow it by filter[campus]")
    assert "to the campuses of their people" in line

    there.asked.clear()
    there.rows[0]["updated_at"] = LATELY
    second = here.run("projects_users", state=first.state)
    assert campuses(second)[there.rows[0]["id"]] == there.rows[0]["campus"]
    assert len(there.asked) == 1


def test_where_no_campus_narrows_that_is_noticed_while_rows_come(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.rows = [*there.rows, *(enrolment(number, 1) for number in range(1000, 1300))]

    def growing(asked: Asked) -> Reply:
        first = asked.size == 1 and enrolment(2000 - len(there.asked), 1)
        there.rows = [*([first] if first else []), *there.rows]
        return there(asked)

    there.ignored = ["filter[campus]"]
    api.script[ENROLMENTS] = growing
    run = tap.pointed_at(api).fail("projects_users")
    assert "303 rows belong to no campus_id" in run.last_word
    assert told(run, "does not narrow it by filter[campus]")
    assert len(there.asked) < 20


def test_where_filters_add_rows_each_goes_to_the_campus_of_its_person(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    others = [
        enrolment(row["id"] + 1000, row["campus"]) | {"cursus_ids": [9]} for row in there.rows
    ]

    def with_any(asked: Asked) -> Reply:
        wanted = asked.query.get("filter[campus]", "").split(",")
        more = [row for row in others if str(row["campus"]) in wanted]
        return Pretended([*there.rows, *more], ignored=["filter[campus]"])(asked)

    api.script[ENROLMENTS] = with_any
    assert campuses(tap.pointed_at(api).run("projects_users")) == expected(there)


def test_where_no_campus_narrows_rows_of_people_without_campus_are_told(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    there.ignored = ["filter[campus]"]
    own = expected(there)
    there.rows = [*there.rows, *(enrolment(number, NOWHERE) for number in (901, 902, 903))]
    first = tap.pointed_at(api).fail("projects_users")
    assert campuses(first) == own
    assert "3 rows belong to no campus_id" in first.last_word


@pytest.mark.few(1)
@HABITS
def test_where_no_campus_narrows_a_night_takes_away_just_what_is_gone(
    tap: Tap, api: ScriptedApi, there: Pretended, habit: str
) -> None:
    setattr(there, habit, ["filter[campus]"])
    here = tap.pointed_at(api, page_size=10)
    first = here.run("projects_users", "census")
    before = set(campuses(first))
    gone = there.rows[3]["id"]
    there.rows = [row for row in there.rows if row["id"] != gone]
    night = here.run("projects_users", "census", state=a_day_later(first.state))
    assert named(night, "projects_users", before) == {gone}


@pytest.mark.few(1)
@HABITS
def test_where_nothing_tells_the_campus_of_a_row_that_is_told_until_42_does(
    tap: Tap, api: ScriptedApi, there: Pretended, habit: str
) -> None:
    setattr(there, habit, ["filter[campus]"])
    api.script[MEMBERSHIPS] = always(DENIED)
    here = tap.pointed_at(api)
    run = here.fail("projects_users")
    assert "42 does not narrow its rows by campus" in run.last_word
    assert campuses(run) == {}
    setattr(there, habit, [])
    well = here.run("projects_users", state=run.state)
    assert campuses(well) == expected(there)
