"""Enrolments at campuses that 42 does not list are read, or it is told that some are not."""

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
    NOWHERE,
    asked_for,
    campuses,
    days_later,
    enrolment,
    expected,
    four_campuses,
    of_march,
    run_after_a_change,
    told,
)
from tests.tap.conftest import SIZE
from tests.tap.pretended import LATELY, Pretended, Row, dated, record_of
from tests.tap.proofs import a_day_later, named, remembered
from tests.tap.scripted import Reply, always, in_turn, paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi


REFUSED = Reply({"error": "Access Denied"}, 403)


@pytest.fixture
def there(api: ScriptedApi) -> Pretended:
    return four_campuses(api)


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
    ties = [
        of_march("campus_users", row["id"], user_id=row["id"], campus_id=row["campus"])
        for row in there.rows
    ]
    api.script[MEMBERSHIPS] = Pretended(ties)
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
    ties = [
        of_march("campus_users", row["id"], user_id=row["id"], campus_id=row["campus"])
        for row in there.rows
    ]
    api.script[MEMBERSHIPS] = Pretended(ties, honours=2)
    there.honours = 1
    run_after_a_change(tap.pointed_at(api), there)
    assert asked_for(there) == [None]


@pytest.mark.parametrize(
    ("longest", "far", "is_found"),
    [(2, 45, True), (10, 150, True), (10, 900, False), (100, 900, True)],
)
def test_a_campus_with_a_far_id_is_found_though_no_list_holds_all_campuses_or_that_is_told(
    tap: Tap, api: ScriptedApi, longest: int, far: int, *, is_found: bool
) -> None:
    listed = range(1, 13)
    rows = [enrolment(10 * at + one, at) for at in (*listed, far) for one in range(3)]
    api.script["/v2/campus"] = paged([record_of("campuses", id=campus) for campus in listed])
    api.script[MEMBERSHIPS] = always(REFUSED)
    there = Pretended(rows, tells_totals=longest < 100)
    there.refuses = lambda asked: asked.query.get("filter[campus]", "").count(",") >= longest
    api.script[ENROLMENTS] = there
    run = tap.pointed_at(api).run("projects_users")
    found = {row for row, campus in expected(there).items() if is_found or campus in listed}
    assert campuses(run).keys() == found
    assert bool(told(run, "or more, if there are any, are missing")) is (longest < 100)
    assert len(there.asked) < 120


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


def test_who_may_not_look_up_campuses_reads_them_all_the_same(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = always(REFUSED)
    here = tap.pointed_at(api)
    second = run_after_a_change(here, there)
    # Campuses that are not listed come first, as who has another one belongs there.
    assert asked_for(there) == ["1,9,4,42", "1,9", "42"]
    there.asked.clear()
    third = here.run("projects_users", state=second.state)
    assert set(campuses(third).values()) <= {HIDDEN[-1]}
    assert asked_for(there) == ["1,9,4,42"]


@pytest.mark.parametrize("status", [414, 502])
def test_rows_are_dealt_by_shorter_lists_where_42_does_not_answer_for_many_ids(
    tap: Tap, api: ScriptedApi, there: Pretended, status: int
) -> None:
    def answer(asked: Asked) -> Reply:
        is_long = asked.query.get("filter[id]", "").count(",") > 5
        return Reply({}, status) if is_long else there(asked)

    api.script |= {MEMBERSHIPS: always(REFUSED), ENROLMENTS: answer}
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    there.rows = [row | {"updated_at": LATELY} for row in there.rows]
    second = here.run("projects_users", state=first.state)
    assert campuses(second) == expected(there)
    assert not told(second, "does not narrow it by filter[id]")


def test_rows_are_dealt_where_42_answers_neither_so_many_ids_nor_so_many_campuses(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = always(REFUSED)
    api.script["/v2/campus"] = paged([record_of("campuses", id=one) for one in range(1, 7)])
    there.rows = [enrolment(20 * at + one, at) for at in range(1, 9) for one in range(20)]
    there.refuses = lambda asked: any(
        values.count(",") > 5 for name, values in asked.query.items() if "filter" in name
    )
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run) == expected(there)
    assert len(there.asked) < 120  # all rows by their ids cost 184


def test_what_is_gone_is_found_where_42_answers_for_no_list_of_all_campuses(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script["/v2/campus"] = paged([record_of("campuses", id=one) for one in range(1, 7)])
    there.rows = [enrolment(20 * at + one, at) for at in range(1, 9) for one in range(20)]
    ties = [
        of_march("campus_users", row["id"], user_id=row["id"], campus_id=row["campus"])
        for row in there.rows
    ]
    api.script[MEMBERSHIPS] = Pretended(ties)
    there.refuses = lambda asked: asked.query.get("filter[campus]", "").count(",") > 5
    here, streams = tap.pointed_at(api, census_hour=0), ("projects_users", "census")
    first = here.run(*streams)
    assert campuses(first) == expected(there)
    assert not told(first, "the rows cannot be counted")
    known, (gone, *there.rows) = {*expected(there)}, there.rows
    night = here.run(*streams, state=a_day_later(first.state))
    assert named(night, "projects_users", known) == {gone["id"]}


def test_a_list_of_ids_that_is_cut_in_silence_deals_no_row_to_another_campus(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    def answer(asked: Asked) -> Reply:
        if ids := asked.query.get("filter[id]"):
            asked.query["filter[id]"] = ",".join(ids.split(",")[:3])
        return there(asked)

    api.script |= {MEMBERSHIPS: always(REFUSED), ENROLMENTS: answer}
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert campuses(first) == expected(there)
    assert told(first, "in filter[id]. They have 3 at most")
    there.rows = [row | {"updated_at": LATELY} for row in there.rows]
    assert campuses(here.run("projects_users", state=first.state)) == expected(there)


def test_rows_of_people_who_study_elsewhere_too_stay_with_the_campus_that_is_listed(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = always(REFUSED)
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
    api.script[MEMBERSHIPS] = always(REFUSED)
    there.rows = [*there.rows, there.rows[10] | {"campus": HIDDEN[1]}]
    assert there.rows[10]["campus"] == HIDDEN[0]
    first = tap.pointed_at(api).run("projects_users")
    assert campuses(first) == expected(there)


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
    api.script[MEMBERSHIPS] = always(REFUSED)  # then nothing tells whose rows they are
    assert f"campus_id {HIDDEN[0]}" in here.fail("projects_users").last_word


@pytest.mark.parametrize("changes", [1, 5], ids=["fewer", "more"])
def test_that_no_other_campus_has_a_row_does_not_show_that_42_answers_only_short_lists(
    tap: Tap, api: ScriptedApi, there: Pretended, changes: int
) -> None:
    """The list of campuses is the longer one, or that of rows."""
    api.script[MEMBERSHIPS] = always(REFUSED)
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
def test_where_nothing_tells_who_studies_elsewhere_too_each_run_tells_what_is_not_read(
    tap: Tap, api: ScriptedApi, there: Pretended, deviation: str
) -> None:
    api.script[MEMBERSHIPS] = always(REFUSED)
    setattr(there, deviation, ["filter[id]"])
    here = tap.pointed_at(api)
    first = here.fail("projects_users")
    assert set(campuses(first).values()) == set(LISTED)
    second = here.fail("projects_users", state=first.state)
    for run in (first, second):
        assert all(f"campus_id {campus}" in run.last_word for campus in HIDDEN)


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


HABITS = pytest.mark.parametrize("habit", ["ignored", "refused"])
"""What 42 may do with the filter of campuses."""


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
    run = tap.pointed_at(api).run("projects_users")
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
    first = tap.pointed_at(api).run("projects_users")
    assert campuses(first) == own
    (line,) = told(first, "could be found")
    assert "3 rows belong to no campus_id" in line


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


@HABITS
def test_where_nothing_tells_the_campus_of_a_row_that_is_told_until_42_does(
    tap: Tap, api: ScriptedApi, there: Pretended, habit: str
) -> None:
    setattr(there, habit, ["filter[campus]"])
    api.script[MEMBERSHIPS] = always(Reply({"error": "Access Denied"}, 403))
    here = tap.pointed_at(api)
    run = here.fail("projects_users")
    assert "42 does not narrow its rows by campus" in run.last_word
    assert campuses(run) == {}
    setattr(there, habit, [])
    well = here.run("projects_users", state=run.state)
    assert campuses(well) == expected(there)
