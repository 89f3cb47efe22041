"""Each row goes to one campus of its person, however 42 lets people be looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
    run_after_a_change,
    told,
)
from tests.tap.pretended import LATELY, Pretended, dated, record_of
from tests.tap.proofs import remembered
from tests.tap.scripted import DENIED, Reply, always, in_turn, paged

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi


@pytest.mark.few(1)
@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_that_passes_lets_people_be_looked_up(
    tap: Tap, api: ScriptedApi, there: Pretended, status: int
) -> None:
    ties = api.script[MEMBERSHIPS]
    api.script[MEMBERSHIPS] = in_turn(always(Reply({}, status)), ties)
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run) == expected(there)
    assert not told(run, "does not let this application")


def test_where_42_looks_up_one_person_at_a_time_all_are_read_instead(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    people = range(1, 401)
    there.rows = [enrolment(number, LISTED[0]) for number in people]
    ties = [dated("campus_users", one, user_id=one, campus_id=LISTED[0]) for one in people]
    api.script[MEMBERSHIPS] = memberships = Pretended(ties, honours=1)
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run).keys() == set(people)
    assert len(memberships.asked) <= 15  # four pages have all of them


def test_where_only_the_first_id_of_a_list_counts_all_campuses_are_read_at_once(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = Pretended(memberships_of(there.rows), honours=2)
    there.honours = 1
    run_after_a_change(tap.pointed_at(api), there)
    assert asked_for(there) == [None]


def test_who_may_not_look_up_campuses_reads_them_all_the_same(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = always(DENIED)
    here = tap.pointed_at(api)
    second = run_after_a_change(here, there)
    # Campuses that are not listed come first, as who has another one belongs there.
    assert asked_for(there) == ["1,9,4,42", "1,9", "42"]
    there.asked.clear()
    third = here.run("projects_users", state=second.state)
    assert set(campuses(third).values()) <= {HIDDEN[-1]}
    assert asked_for(there) == ["1,9,4,42"]


@pytest.mark.few(1)
@pytest.mark.parametrize("status", [414, 502])
def test_rows_are_dealt_by_shorter_lists_where_42_does_not_answer_for_many_ids(
    tap: Tap, api: ScriptedApi, there: Pretended, status: int
) -> None:
    def answer(asked: Asked) -> Reply:
        is_long = asked.query.get("filter[id]", "").count(",") > 5
        return Reply({}, status) if is_long else there(asked)

    api.script |= {MEMBERSHIPS: always(DENIED), ENROLMENTS: answer}
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    there.rows = [row | {"updated_at": LATELY} for row in there.rows]
    second = here.run("projects_users", state=first.state)
    assert campuses(second) == expected(there)
    assert not told(second, "does not narrow it by filter[id]")


def test_rows_are_dealt_where_42_answers_neither_so_many_ids_nor_so_many_campuses(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = always(DENIED)
    api.script["/v2/campus"] = paged([record_of("campuses", id=one) for one in range(1, 7)])
    there.rows = [enrolment(20 * at + one, at) for at in range(1, 9) for one in range(20)]
    there.refuses = lambda asked: any(
        values.count(",") > 5 for name, values in asked.query.items() if "filter" in name
    )
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run) == expected(there)
    assert len(there.asked) < 120  # all rows by their ids cost 184


def test_a_list_of_ids_that_is_cut_in_silence_deals_no_row_to_another_campus(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    def answer(asked: Asked) -> Reply:
        if ids := asked.query.get("filter[id]"):
            asked.query["filter[id]"] = ",".join(ids.split(",")[:3])
        return there(asked)

    api.script |= {MEMBERSHIPS: always(DENIED), ENROLMENTS: answer}
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert campuses(first) == expected(there)
    there.rows = [row | {"updated_at": LATELY} for row in there.rows]
    assert campuses(here.run("projects_users", state=first.state)) == expected(there)


def test_rows_of_people_who_study_elsewhere_too_stay_with_the_campus_that_is_listed(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = always(DENIED)
    shared = there.rows[0] | {"campus": HIDDEN[0]}

    def answer(asked: Asked) -> Reply:
        """Answer as if the first row's person had a campus that is not listed, too."""
        named = asked.query.get("filter[campus]")
        is_there = named is not None and str(HIDDEN[0]) in named.split(",")
        rows, there.rows = there.rows, [shared, *there.rows[1:]] if is_there else there.rows
        reply = there(asked)
        there.rows = rows
        return reply

    api.script[ENROLMENTS] = answer
    first = tap.pointed_at(api).run("projects_users")
    assert campuses(first) == expected(there)


def test_rows_of_people_of_two_campuses_that_are_not_listed_are_lost_by_neither(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = always(DENIED)
    there.rows = [*there.rows, there.rows[10] | {"campus": HIDDEN[1]}]
    assert there.rows[10]["campus"] == HIDDEN[0]
    first = tap.pointed_at(api).run("projects_users")
    assert campuses(first) == expected(there)


@pytest.mark.few(1)
@pytest.mark.parametrize("changes", [1, 5], ids=["fewer", "more"])
def test_that_no_other_campus_has_a_row_does_not_show_that_42_answers_only_short_lists(
    tap: Tap, api: ScriptedApi, there: Pretended, changes: int
) -> None:
    """The list of campuses is the longer one, or that of rows."""
    api.script[MEMBERSHIPS] = always(DENIED)
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    changed = [row for row in there.rows if row["campus"] in LISTED or row["id"] % 10 < changes]
    for row in changed:
        row["updated_at"] = LATELY
    second = here.run("projects_users", state=days_later(first.state, 1))
    assert campuses(second) == {row["id"]: row["campus"] for row in changed}
    assert not remembered(second)


@pytest.mark.slow
@pytest.mark.parametrize("deviation", ["ignored", "refused"])
def test_where_nothing_tells_who_studies_elsewhere_too_the_rows_that_came_before_do(
    tap: Tap, api: ScriptedApi, there: Pretended, deviation: str
) -> None:
    api.script[MEMBERSHIPS] = always(DENIED)
    setattr(there, deviation, ["filter[id]"])
    shared = there.rows[0] | {"campus": HIDDEN[0]}
    wanted = expected(there)
    there.rows = [*there.rows, shared]
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert {row["id"]: row["campus_id"] for row in first.records("projects_users")} == wanted
    there.rows = [row | {"updated_at": LATELY} for row in there.rows]
    second = here.run("projects_users", state=first.state)
    assert campuses(second) == wanted
