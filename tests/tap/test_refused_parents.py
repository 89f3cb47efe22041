"""What hangs on a list that cannot be read is read as far as it is known, and none is lost."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING

import pytest

from tests.tap.campuses import enrolment, memberships_of, of_march
from tests.tap.houses import houses_of
from tests.tap.pretended import LATELY, Pretended, Row, record_of
from tests.tap.proofs import a_day_later, named
from tests.tap.scripted import DENIED, Reply, always, paged

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import Asked, ScriptedApi

ENROLMENTS = "projects_users"
MEMBERSHIPS = "coalitions_users"
CAMPUSES = (1, 9, 12)
CLOSED = 42
HOUSES = (3, 4, 5)
BROKEN = Reply(b"<html>", 500)


@pytest.fixture
def there(api: ScriptedApi) -> Pretended:
    """Five enrolments at each of three listed campuses and of a closed one."""
    rows = [
        enrolment(10 * campus + one, campus)
        for campus in (*CAMPUSES, CLOSED)
        for one in range(5)
    ]
    api.script["/v2/campus"] = listed()
    api.script["/v2/campus_users"] = Pretended(memberships_of(rows))
    api.script["/v2/projects_users"] = pretended = Pretended(rows)
    return pretended


def listed() -> Callable[[Asked], Reply]:
    return paged([record_of("campuses", id=campus) for campus in CAMPUSES])


@pytest.fixture
def houses(api: ScriptedApi) -> Pretended:
    """Three coalitions with three members each."""
    return houses_of(api, HOUSES)


def places(run: Run) -> dict[int, int]:
    return {row["id"]: row["campus_id"] for row in run.records(ENROLMENTS)}


def expected(there: Pretended, **which: str) -> dict[int, int]:
    return {row["id"]: row["campus"] for row in there.rows if which.items() <= row.items()}


def a_month_later(state: Row, parent: str) -> Row:
    """The state as it will be when a list is due to be read in full again."""
    later = a_day_later(copy.deepcopy(state))
    known = later["bookmarks"][parent]["refreshed_at"]
    for reader, at in known.items():
        known[reader] = (datetime.fromisoformat(at) - timedelta(days=31)).isoformat()
    return later


@pytest.mark.few(1)
@pytest.mark.parametrize("refusal", [DENIED, Reply({}, 404), BROKEN], ids=["403", "404", "500"])
def test_enrolments_of_known_campuses_are_read_and_none_is_taken_for_gone(
    tap: Tap, api: ScriptedApi, there: Pretended, refusal: Reply
) -> None:
    here, streams = tap.pointed_at(api), ("campuses", ENROLMENTS, "census", "sync_runs")
    first = here.run(*streams)
    assert places(first) == expected(there)
    api.script["/v2/campus"] = always(refusal)
    there.rows[1]["updated_at"] = there.rows[-1]["updated_at"] = LATELY
    left = there.rows[2]["id"]
    there.rows = [row for row in there.rows if row["id"] != left]
    night = here.fail(*streams, state=a_month_later(first.state, "campuses"))
    # What the census reads comes once more.
    assert expected(there, updated_at=LATELY).items() <= places(night).items()
    assert places(night).items() <= expected(there).items()
    assert named(night, ENROLMENTS, set(places(first))) <= {left}
    assert f"campuses: 42 answered {refusal.status}" in night.last_word
    assert ENROLMENTS in night.last_word
    (told,) = [line for line in night.warnings if "known already" in line]
    assert "4 of them are known already" in told

    api.script["/v2/campus"] = listed()
    later = here.run(*streams, state=a_day_later(night.state))
    gone = named(night, ENROLMENTS, set(places(first)))
    assert gone | named(later, ENROLMENTS, set(places(first))) == {left}


def test_enrolments_are_found_without_a_list_of_campuses(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script["/v2/campus"] = always(DENIED)
    here = tap.pointed_at(api)
    first = here.fail(ENROLMENTS)
    assert places(first) == expected(there)
    api.script["/v2/campus"] = listed()
    there.rows[-1]["updated_at"] = LATELY
    second = here.run(ENROLMENTS, state=first.state)
    assert places(second)[there.rows[-1]["id"]] == CLOSED


def test_rows_found_without_a_list_of_campuses_go_to_those_that_are_listed_later(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    both = there.rows[0]["id"]
    closed = of_march("campus_users", 999, user_id=both, campus_id=CLOSED)
    api.script["/v2/campus_users"] = Pretended([*memberships_of(there.rows), closed])
    there.rows = [*there.rows, there.rows[0] | {"campus": CLOSED}]
    api.script["/v2/campus"] = always(DENIED)
    here = tap.pointed_at(api)
    first = here.fail(ENROLMENTS)
    assert places(first)[both] == CLOSED
    api.script["/v2/campus"] = listed()
    second = here.run(ENROLMENTS, state=first.state)
    assert places(second)[both] == CAMPUSES[0]


def test_enrolments_are_found_without_campuses_and_without_who_studies_where(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script |= {"/v2/campus": always(DENIED), "/v2/campus_users": always(DENIED)}
    run = tap.pointed_at(api).fail(ENROLMENTS)
    assert places(run) == expected(there)


@pytest.mark.slow
def test_all_campuses_of_a_shared_read_that_fails_are_named(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    here = tap.pointed_at(api)
    first = here.run(ENROLMENTS)
    api.script["/v2/projects_users"] = always(BROKEN)
    second = here.fail(ENROLMENTS, state=first.state)
    assert all(f"campus_id {campus}" in second.last_word for campus in (*CAMPUSES, CLOSED))
    api.script["/v2/projects_users"] = there
    there.rows[1]["updated_at"] = LATELY
    third = here.run(ENROLMENTS, state=second.state)
    assert places(third) == expected(there, updated_at=LATELY)


@pytest.mark.slow
def test_enrolments_are_read_campus_by_campus_where_no_look_up_is_answered(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    here = tap.pointed_at(api)
    first = here.run(ENROLMENTS)
    api.script["/v2/campus_users"] = always(BROKEN)
    there.rows[1]["updated_at"] = there.rows[-1]["updated_at"] = LATELY
    second = here.run(ENROLMENTS, state=first.state)
    assert places(second) == expected(there, updated_at=LATELY)
    assert [line for line in second.warnings if "cannot be looked up in this run" in line]
    third = here.run(ENROLMENTS, state=second.state)
    assert not [line for line in third.warnings if "looked up" in line]


def test_enrolments_of_campuses_that_a_setting_names_are_read_without_their_list(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script["/v2/campus"] = always(DENIED)
    run = tap.pointed_at(api, campus_ids=[1, CLOSED]).fail(ENROLMENTS)
    assert places(run) == {
        row["id"]: row["campus"] for row in there.rows if row["campus"] in {1, CLOSED}
    }


def test_members_of_known_coalitions_are_read_without_their_list(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    here, streams = tap.pointed_at(api), ("coalitions", MEMBERSHIPS, "census")
    first = here.run(*streams)
    members = {row["id"] for row in houses.rows}
    assert set(first.ids(MEMBERSHIPS)) == members
    api.script["/v2/coalitions"] = always(DENIED)
    houses.rows[4]["updated_at"] = LATELY
    night = here.fail(*streams, state=a_month_later(first.state, "coalitions"))
    assert houses.rows[4]["id"] in night.ids(MEMBERSHIPS)
    assert named(night, MEMBERSHIPS, members) == set()


@pytest.mark.usefixtures("houses")
def test_what_hangs_on_a_list_that_was_never_read_is_named(tap: Tap, api: ScriptedApi) -> None:
    coalitions, api.script["/v2/coalitions"] = api.script["/v2/coalitions"], always(DENIED)
    here = tap.pointed_at(api)
    first = here.fail("coalitions", MEMBERSHIPS)
    assert f"Rows of {MEMBERSHIPS} may be missing" in first.last_word
    api.script["/v2/coalitions"] = coalitions
    assert len(here.run("coalitions", MEMBERSHIPS, state=first.state).ids(MEMBERSHIPS)) == 9


def blocs(*houses: int) -> Callable[[Asked], Reply]:
    """Blocs of two coalitions each."""
    rows = [record_of("coalitions", id=house, score=3) for house in houses]
    return paged(
        [
            record_of("blocs", id=number, coalitions=rows[first : first + 2])
            for number, first in enumerate(range(0, len(rows), 2), 1)
        ]
    )


@pytest.mark.few(1)
@pytest.mark.parametrize("refusal", [DENIED, BROKEN], ids=["403", "500"])
def test_members_are_read_where_others_carry_the_list_of_coalitions(
    tap: Tap, api: ScriptedApi, houses: Pretended, refusal: Reply
) -> None:
    api.script |= {"/v2/coalitions": always(refusal), "/v2/blocs": blocs(*HOUSES)}
    run = tap.pointed_at(api).run("coalitions", MEMBERSHIPS)
    assert run.ids("coalitions") == [*HOUSES]
    assert sorted(run.ids(MEMBERSHIPS)) == [row["id"] for row in houses.rows]
    (told,) = [line for line in run.warnings if "taken from /v2/blocs" in line]
    assert f"42 answered {refusal.status}" in told


def test_a_coalition_that_no_other_list_carries_is_not_taken_for_gone(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    here, streams = tap.pointed_at(api), ("coalitions", MEMBERSHIPS, "census")
    first = here.run(*streams)
    api.script |= {"/v2/coalitions": always(DENIED), "/v2/blocs": blocs(*HOUSES[1:])}
    houses.rows[1]["updated_at"] = LATELY
    night = here.run(*streams, state=a_month_later(first.state, "coalitions"))
    assert houses.rows[1]["id"] in night.ids(MEMBERSHIPS)
    assert named(night, "coalitions", set(HOUSES)) == set()
    assert named(night, MEMBERSHIPS, {row["id"] for row in houses.rows}) == set()


MANY = range(1, 151)


def many_houses(api: ScriptedApi, allowed: set[int]) -> None:
    """Let 42 show the members of some coalitions, and refuse those of all others."""
    for house in MANY:
        own = [of_march(MEMBERSHIPS, 10 * house, coalition_id=house)]
        answer = Pretended(own) if house in allowed else always(DENIED)
        api.script[f"/v2/coalitions/{house}/coalitions_users"] = answer
    api.script["/v2/coalitions"] = paged(
        [record_of("coalitions", id=house, score=3) for house in MANY]
    )
    api.script["/v2/coalitions_users"] = always(DENIED)


def test_a_list_that_is_refused_for_all_parents_is_not_asked_for_each(
    tap: Tap, api: ScriptedApi
) -> None:
    many_houses(api, set())
    here = tap.pointed_at(api)
    first = here.fail(MEMBERSHIPS)
    asked = [one.path for one in api.asked if "coalitions_users" in one.path]
    assert len(asked) <= 20
    assert f"{MEMBERSHIPS} of coalition_id 1, " in first.last_word
    assert "140 more" in first.last_word
    many_houses(api, {*MANY})
    second = here.run(MEMBERSHIPS, state=first.state)
    assert second.ids(MEMBERSHIPS) == [10 * house for house in MANY]


WRONG = Reply({"error": "Bad Request"}, 400)
WRAPPED = Reply({"data": []})


@pytest.mark.few(1)
@pytest.mark.parametrize("is_of_filter", [False, True], ids=["list", "filter"])
@pytest.mark.parametrize("refusal", [DENIED, WRONG, WRAPPED], ids=["403", "400", "wrapped"])
def test_a_list_that_is_refused_from_the_second_run_on_is_not_asked_for_each_parent(
    tap: Tap, api: ScriptedApi, refusal: Reply, is_of_filter: bool
) -> None:
    rows = [of_march(MEMBERSHIPS, 10 * house, coalition_id=house) for house in MANY]
    many_houses(api, {*MANY})
    there = api.script["/v2/coalitions_users"] = Pretended(rows)
    here = tap.pointed_at(api)
    first = here.run(MEMBERSHIPS)

    def refuses(asked: Asked) -> Reply:
        is_refused = "filter[coalition_id]" in asked.query or not is_of_filter
        return refusal if is_refused else there(asked)

    api.script |= {f"/v2/coalitions/{one}/coalitions_users": always(refusal) for one in MANY}
    api.script["/v2/coalitions_users"] = refuses
    api.asked.clear()
    second = here.fail(MEMBERSHIPS, state=first.state)
    assert len(api.asked) <= 80
    assert "140 more" in second.last_word

    many_houses(api, {*MANY})
    api.script["/v2/coalitions_users"] = there
    there.rows[70]["updated_at"] = LATELY
    third = here.run(MEMBERSHIPS, state=second.state)
    assert rows[70]["id"] in third.ids(MEMBERSHIPS)


def test_parents_whose_rows_alone_are_shown_are_found_among_those_that_are_refused(
    tap: Tap, api: ScriptedApi
) -> None:
    many_houses(api, {2, 77})
    assert tap.pointed_at(api).fail(MEMBERSHIPS).ids(MEMBERSHIPS) == [20, 770]


@pytest.mark.slow
def test_a_list_that_is_refused_is_not_cut_in_halves_and_is_asked_again_later(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    many_houses(api, {*MANY})
    here = tap.pointed_at(api)
    first = here.run(MEMBERSHIPS)
    api.asked.clear()
    second = here.run(MEMBERSHIPS, state=first.state)
    assert len(api.asked_for("/v2/coalitions_users")) <= 4
    assert not second.warnings
    api.script["/v2/coalitions_users"] = houses
    api.asked.clear()
    here.run(MEMBERSHIPS, state=second.state)
    assert len(api.asked) <= 10


@pytest.mark.long
def test_a_list_that_breaks_for_all_parents_is_not_asked_for_each(
    tap: Tap, api: ScriptedApi
) -> None:
    some = MANY[:40]
    api.script |= {f"/v2/coalitions/{house}/coalitions_users": always(BROKEN) for house in some}
    api.script["/v2/coalitions"] = paged(
        [record_of("coalitions", id=house, score=3) for house in some]
    )
    api.script["/v2/coalitions_users"] = always(BROKEN)
    here = tap.pointed_at(api)
    first = here.fail("coalitions", MEMBERSHIPS)
    assert len(api.asked) < 100
    assert "30 more" in first.last_word
    many_houses(api, {*MANY})
    second = here.run(MEMBERSHIPS, state=first.state)
    assert second.ids(MEMBERSHIPS) == [10 * house for house in some]


@pytest.mark.few(1)
@pytest.mark.parametrize("largest", [100, 2])
def test_a_parent_that_is_listed_twice_is_read_once(
    tap: Tap, api: ScriptedApi, there: Pretended, houses: Pretended, largest: int
) -> None:
    listed_twice = {
        "campuses": [record_of("campuses", id=campus) for campus in CAMPUSES],
        "coalitions": [record_of("coalitions", id=house, score=3) for house in HOUSES],
    }
    for name, parents in listed_twice.items():
        twice = sorted(2 * parents, key=itemgetter("id"))
        path = "/v2/campus" if name == "campuses" else f"/v2/{name}"
        api.script[path] = paged(twice, largest=largest)
    run = tap.pointed_at(api).run("campuses", ENROLMENTS, "coalitions", MEMBERSHIPS)
    assert places(run) == expected(there)
    assert set(run.ids(MEMBERSHIPS)) == {row["id"] for row in houses.rows}
    reads = [asked for asked in (*there.asked, *houses.asked) if asked.size > 1]
    for asked in reads:  # a count may name a parent twice, in place of another one
        for name in ("filter[campus]", "filter[coalition_id]"):
            ids = asked.query.get(name, "").split(",")
            assert len(ids) == len(set(ids))
