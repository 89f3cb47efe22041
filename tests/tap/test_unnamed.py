"""Rows too many for ids: those that went are found by the days they were created on."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.proofs import AT_ONCE, a_day_later
from tests.tap.published import ENROLMENTS, MOST_IDS, WORLD, Published

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tap.proofs import Row
    from tests.tap.running import Tap


@pytest.fixture(scope="module")
def here(tap: Tap) -> Iterator[Published]:
    """A copy of more enrolments than a state has room for."""
    with running_sandbox(**WORLD) as sandbox:
        yield Published(tap, sandbox)


def test_what_is_finished_and_goes_by_itself_is_found_in_a_night(here: Published) -> None:
    assert here.landed > MOST_IDS
    for like in (9, 1_500, 3_500):
        here.sandbox.delete("projects_users", here.a_finished_one(like))
    assert here.night() < 25
    assert set(here.rows) == here.truth
    assert here.audit["gone"] == 3
    assert here.audit["unsettled"] == 0


def test_an_open_row_whose_id_lies_beyond_those_of_its_finished_ones_stays(
    here: Published,
) -> None:
    like = here.rows[here.a_finished_one(2_500)]
    names = ("user_id", "project_id", "cursus_id", "occurrence", "marked")
    values = {name: like[name] for name in names}
    statuses = ("in_progress", "finished", "finished", "finished", "in_progress")
    new = [here.sandbox.insert("projects_users", status=one, **values) for one in statuses]
    here.night()
    here.sandbox.delete("projects_users", new[2])
    assert here.night() < 25
    read = [target for target in here.asked if ENROLMENTS in target and "range[id]" in target]
    by_day = [target for target in here.asked if "&range[created_at]" in target]
    assert len(read) == 1
    assert all("/graph/" in target for target in by_day)  # the day is not read again
    assert set(here.rows) == here.truth
    assert {new[0], new[-1]} <= set(here.rows)
    assert here.audit["gone"] == 1


def test_an_open_one_that_came_unseen_does_not_hide_a_finished_one_that_went(
    here: Published,
) -> None:
    gone = here.rows[here.a_finished_one(1_000)]
    here.sandbox.delete("projects_users", gone["id"])
    names = ("user_id", "project_id", "cursus_id", "occurrence", "marked", "created_at")
    values = {name: gone[name] for name in names}
    values |= {"status": "in_progress", "updated_at": gone["created_at"]}
    came = here.sandbox.insert("projects_users", **values)
    assert here.night() < 35
    assert set(here.rows) == here.truth
    assert came in here.rows
    assert here.audit["gone"] == here.audit["missing"] == 1


def test_a_finished_one_that_came_unseen_is_read_where_two_went(here: Published) -> None:
    done = here.by_day("finished")
    day = next(day for day in sorted(done)[100:] if len(done[day]) > 2)
    for row in done[day][:2]:
        here.sandbox.delete("projects_users", row["id"])
    came = here.insert_unseen(done[day][2])
    assert here.night() < 35
    assert set(here.rows) == here.truth
    assert came in here.rows


def test_a_day_that_lies_between_days_that_are_read_keeps_its_turn(here: Published) -> None:
    done = here.by_day("finished")
    between = next(day for day in sorted(done) if done.get(day - 1) and done.get(day + 1))
    here.sandbox.delete("projects_users", done[between][0]["id"])
    for day in (between - 1, between + 1):
        here.insert_unseen(done[day][0])
    for most in range(2, 12):  # one of them suffices for a page, and not for two
        here.night(census_requests=most)
    here.night()
    assert set(here.rows) == here.truth


@pytest.mark.slow
def test_a_row_that_went_from_a_day_that_is_read_for_another_one_keeps_its_turn(
    here: Published,
) -> None:
    done, underway = here.by_day("finished"), here.by_day("in_progress")
    days = [day for day in sorted(done) if len(done[day]) > 1 and day in underway]
    for day in days[1:4]:
        here.sandbox.delete("projects_users", done[day][0]["id"])
        here.insert_unseen(underway[day][0])
    for most in range(2, 12):
        here.night(census_requests=most)
        here.night(census_requests=1)
    here.night()
    assert set(here.rows) == here.truth


def test_nobody_who_is_there_is_taken_for_gone_as_rows_of_others_go_on_all_their_days(
    here: Published,
) -> None:
    others: dict[int, list[list[int]]] = {}
    for rows in here.by_day("finished").values():
        owners = [row["user_id"] for row in rows]
        for person in owners:
            others.setdefault(person, []).append(
                [row["id"] for row in rows if row["user_id"] != person]
                if owners.count(person) == 1
                else []
            )
    some = [days for days in others.values() if len(days) > 6 and all(days)]
    for there, *_ in min(some, key=len):
        here.sandbox.delete("projects_users", there)
    here.night()
    assert set(here.rows) == here.truth
    assert here.audit["along"] == 0


def test_what_goes_in_the_night_in_which_people_go_is_found_in_that_night(
    here: Published,
) -> None:
    here.sandbox.delete("projects_users", here.a_finished_one(2_000))
    here.sandbox.live(seed=3, events={"disappear": 3, "graduate": 2})
    assert here.night() < 40
    assert set(here.rows) == here.truth
    assert here.audit["along"] > 20
    assert here.audit["unsettled"] == 0


def test_where_42_cannot_tell_whose_rows_are_there_known_leavers_take_theirs_along(
    here: Published,
) -> None:
    here.sandbox.fault("missing", route="/v2/projects_users", query="filter[user_id]")
    here.sandbox.live(seed=9, events={"disappear": 2, "graduate": 1})
    here.night()
    here.sandbox.clear_faults()
    assert set(here.rows) == here.truth
    assert here.audit["along"] > 20
    assert here.audit["unsettled"] == 0


def test_a_night_that_does_not_read_people_finds_what_goes_as_they_go(here: Published) -> None:
    here.sandbox.delete("projects_users", here.a_finished_one(1_000))
    here.sandbox.live(seed=4, events={"disappear": 4, "graduate": 1})
    here.night_of_enrolments()
    assert here.audit["along"] > 40
    assert here.audit["unsettled"] == 0
    here.night()
    assert set(here.rows) == here.truth


def test_who_went_while_42_did_not_count_costs_no_hundreds_of_requests_once_it_does(
    here: Published,
) -> None:
    here.sandbox.configure(graphs="refused")
    for seed in (5, 6):
        here.sandbox.live(seed=seed, events={"disappear": 2, "unregister": 3, "mark": 5})
        assert here.night() < 200
        assert set(here.rows) == here.truth
    here.sandbox.configure(graphs="answered")
    here.forget_refusals()
    assert here.night() < 100
    assert here.audit["unsettled"] == 0
    assert set(here.rows) == here.truth


def test_without_a_graph_what_goes_in_the_night_in_which_people_go_is_found_or_told(
    here: Published,
) -> None:
    here.sandbox.configure(graphs="refused")
    here.sandbox.live(seed=8, events={"disappear": 3, "graduate": 3})
    for like in range(200, 2_200, 400):
        here.sandbox.delete("projects_users", here.a_finished_one(like))
    for _ in range(4):
        here.night()
        fewer = [one for one in here.last.warnings if "fewer row" in one]
        assert fewer or set(here.rows) == here.truth
        assert bool(fewer) == (here.audit["unsettled"] > 0)
    assert not fewer
    assert set(here.rows) == here.truth


def test_a_difference_whose_days_no_request_is_left_to_find_is_told(here: Published) -> None:
    here.sandbox.configure(graphs="refused")
    here.sandbox.delete("projects_users", here.a_finished_one(250))
    here.night(census_requests=12)
    assert any("42 counts 1 fewer row than are known" in one for one in here.last.warnings)
    here.night()
    assert set(here.rows) == here.truth


def test_without_a_graph_rows_of_a_merged_account_are_not_taken_for_gone(
    here: Published,
) -> None:
    here.sandbox.configure(graphs="refused")
    here.night()
    rows = here.rows.values()
    kept, merged, *_ = sorted({row["user_id"] for row in rows if row["status"] == "finished"})
    own = [row for row in rows if row["user_id"] == merged]
    for row in own:
        here.sandbox.update("projects_users", row["id"], user_id=kept)
    here.sandbox.delete("users", merged)
    for _ in range(5):
        here.night()
        told = [one for one in here.last.warnings if "than are known" in one]
        assert told or set(here.rows) == here.truth
    assert set(here.rows) == here.truth


@pytest.mark.few(1)
@pytest.mark.parametrize("owners", [None, {"people": "damaged"}])
def test_where_the_state_does_not_say_whose_rows_are_the_days_that_lack_some_are_read(
    here: Published, owners: Row | None
) -> None:
    here.sandbox.configure(graphs="answered")
    here.forget_refusals()
    state = copy.deepcopy(here.last.state)
    state["bookmarks"]["projects_users"]["census"]["owners"] = owners
    here.last.messages.append({"type": "STATE", "value": state})
    here.sandbox.delete("projects_users", here.a_finished_one(1_500))
    here.sandbox.live(seed=7, events={"disappear": 1})
    for _ in range(4):
        here.night()
    assert set(here.rows) == here.truth
    assert here.audit["unsettled"] == 0


def test_a_night_without_requests_left_warns_of_no_difference_where_there_is_none(
    here: Published,
) -> None:
    here.sandbox.configure(graphs="refused")
    here.night(census_requests=4)
    assert set(here.rows) == here.truth
    assert not any("42 counts 0 " in one for one in here.last.warnings)


def test_memberships_that_went_with_people_are_no_reason_to_warn(tap: Tap) -> None:
    streams = ("coalitions", "coalitions_users", "census")
    with running_sandbox(users=400, enrolments=0, achievements_per_user=0) as sandbox:
        here = replace(tap, most_ids=200).pointed_at(sandbox, **AT_ONCE)
        first = here.run(*streams)
        assert len(first.ids("coalitions_users")) > 200
        for number in first.ids("coalitions_users")[:9]:
            sandbox.delete("coalitions_users", number)
        night = here.run(*streams, state=a_day_later(first.state), census_requests=40)
    assert "42 counts 9 fewer rows than are known. People who left" in night.log
    assert not [one for one in night.warnings if "fewer" in one]
