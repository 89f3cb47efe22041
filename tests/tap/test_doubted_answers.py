"""An answer that looks like a loss is doubted: what 42 has is not taken for gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.tap.houses import coalition, member
from tests.tap.pretended import LATELY, Pretended, Row, dated, record_of
from tests.tap.proofs import a_day_later, named, remembered
from tests.tap.scripted import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import Asked, ScriptedApi

BADGES = "/v2/achievements_users"
MEMBERS = "/v2/coalitions_users"
NONE = Reply([], headers={"X-Total": "0", "X-Per-Page": "100"})


def members_of(there: Pretended, coalition: int) -> Callable[[Asked], Reply]:
    def answer(asked: Asked) -> Reply:
        asked.query["filter[coalition_id]"] = str(coalition)
        return there(asked)

    return answer


def in_half_a_day(run: Run) -> Row:
    """The state as it will be when what a night doubted is asked for again."""
    state = a_day_later(run.state)
    for bookmark in state["bookmarks"].values():
        for notes in (bookmark, bookmark.get("census", {})):
            if "collapsed" in notes:
                notes["collapsed"] = "2026-01-01T00:00:00.000Z"
    return state


@pytest.mark.few(1)
@pytest.mark.parametrize("size", [100, 10])
@pytest.mark.parametrize("left", [0, 7])
def test_rows_that_most_of_a_list_seems_to_have_lost_are_gone_on_the_second_night(
    tap: Tap, api: ScriptedApi, left: int, size: int
) -> None:
    rows = [dated("achievements_users", number) for number in range(1, 61)]
    there = api.script[BADGES] = Pretended(rows)
    here = tap.pointed_at(api, census_hour=0, page_size=size)
    streams, known = ("achievements_users", "census"), set(range(1, 61))
    first = here.run(*streams)
    there.rows = rows[:left]
    doubted = here.run(*streams, state=a_day_later(first.state))
    assert named(doubted, "achievements_users", known) == set()
    assert any(f"42 shows {left} of the 60 rows" in line for line in doubted.warnings)

    there.rows = rows
    well = here.run(*streams, state=in_half_a_day(doubted))
    assert "42 shows" not in well.log
    there.rows = rows[:left]
    again = here.run(*streams, state=in_half_a_day(well))
    assert named(again, "achievements_users", known) == set()
    believed = here.run(*streams, state=in_half_a_day(again))
    assert named(believed, "achievements_users", known) == {*range(left + 1, 61)}


def test_a_reference_list_that_seems_to_have_lost_its_rows_keeps_them_and_its_children(
    tap: Tap, api: ScriptedApi
) -> None:
    houses = Pretended([coalition(number) for number in range(1, 31)])
    there = Pretended([member(number, 1 + number % 30) for number in range(1, 91)])
    api.script |= {"/v2/coalitions": houses, MEMBERS: there}
    api.script |= {f"/v2/coalitions/{n}{MEMBERS[3:]}": members_of(there, n) for n in range(31)}
    here = tap.pointed_at(api, census_hour=0, refresh_hours={"coalitions": 0})
    streams, known = ("coalitions", "coalitions_users", "census"), set(range(1, 31))
    first = here.run(*streams)
    assert len(set(first.ids("coalitions_users"))) == 90

    houses.rows, every = [], houses.rows
    there.rows = [*there.rows, member(91, 5) | {"updated_at": LATELY}]
    doubted = here.fail(*streams, state=a_day_later(first.state))
    assert "coalitions: 42 shows 0 of the 30 rows that it had" in doubted.log
    assert named(doubted, "coalitions", known) == set()
    assert 91 in doubted.ids("coalitions_users")

    believed = here.run(*streams, state=in_half_a_day(doubted))
    assert named(believed, "coalitions", known) == known
    houses.rows = every
    well = here.run(*streams, state=doubted.state)
    assert named(well, "coalitions", known) == set()
    assert set(well.ids("coalitions_users")) <= {91}  # the bookmarks are still there


@pytest.mark.few(1)
@pytest.mark.parametrize("is_ranged", [True, False])
def test_points_that_moved_while_a_night_was_falsely_empty_come_with_the_next_one(
    tap: Tap, api: ScriptedApi, *, is_ranged: bool
) -> None:
    moved_at = "this_year_score_updated_at"
    still = {"score": 1, moved_at: None}
    rows = [member(number, 1 + number % 3) | still for number in range(1, 9)]
    there = Pretended(rows, ignored=[] if is_ranged else [f"range[{moved_at}]"])
    routes = {f"/v2/coalitions/{n}{MEMBERS[3:]}": members_of(there, n) for n in range(1, 4)}
    routes[MEMBERS] = there
    houses = api.script["/v2/coalitions"] = Pretended([coalition(n) for n in range(1, 4)])
    api.script |= routes
    here = tap.pointed_at(api, census_hour=0, refresh_hours={"coalitions": 0})
    first = here.run("coalitions_users")

    there.rows = [there.rows[0] | {"score": 6, moved_at: LATELY}, *there.rows[1:]]
    houses.rows = [coalition(n) | {"score": 8 if n == 2 else 3} for n in range(1, 4)]
    api.script |= dict.fromkeys(routes, lambda _: NONE)
    empty = here.run("coalitions_users", state=first.state)
    assert empty.ids("coalitions_users") == []

    api.script |= routes
    night = here.run("coalitions_users", state=empty.state)
    assert {row["score"] for row in night.records("coalitions_users") if row["id"] == 1} == {6}
    quiet = here.run("coalitions_users", state=night.state)
    assert len(quiet.ids("coalitions_users")) <= 1


@pytest.mark.few(1)
@pytest.mark.parametrize("longest", [1, 4, 20])
def test_a_list_of_ids_that_is_too_long_for_42_and_so_answered_with_nothing_is_divided(
    tap: Tap, api: ScriptedApi, longest: int
) -> None:
    there = Pretended([member(number, 1 + number % 22) for number in range(1, 91)])

    def answer(asked: Asked) -> Reply:
        listed = asked.query.get("filter[coalition_id]", "").split(",")
        return there(asked) if len(listed) <= longest else NONE

    api.script |= {f"/v2/coalitions/{n}{MEMBERS[3:]}": members_of(there, n) for n in range(31)}
    api.script |= {"/v2/coalitions": Pretended([coalition(n) for n in range(1, 23)])}
    api.script[MEMBERS] = answer
    here = tap.pointed_at(api, census_hour=0)
    streams, known = ("coalitions_users", "census"), set(range(1, 91))
    first = here.run(*streams)
    assert set(first.ids("coalitions_users")) == known
    (told,) = remembered(first)
    assert "lists of 22 ids in filter[coalition_id]" in told
    there.rows = there.rows[1:]
    night = here.run(*streams, state=a_day_later(first.state))
    assert named(night, "coalitions_users", known) == {1}
    assert remembered(night) == []


def test_members_of_a_coalition_that_42_does_not_list_are_read_by_the_next_night_and_told_of(
    tap: Tap, api: ScriptedApi
) -> None:
    there = Pretended([member(number, 1 + number % 5) for number in range(1, 301)])
    api.script |= {f"/v2/coalitions/{n}{MEMBERS[3:]}": members_of(there, n) for n in range(6)}
    api.script |= {"/v2/coalitions": Pretended([coalition(n) for n in range(1, 5)])}
    api.script[MEMBERS] = there
    here = tap.pointed_at(api, census_hour=0, page_size=50)
    streams = ("coalitions_users", "census")
    first = here.run(*streams)
    night = here.run(*streams, state=a_day_later(first.state))
    assert {*first.ids("coalitions_users"), *night.ids("coalitions_users")} == {*range(1, 301)}
    assert any("42 has rows of coalition_id 5, which it does not" in w for w in night.warnings)
    later = here.run(*streams, state=a_day_later(night.state))
    assert "which it does not" not in later.log


@pytest.mark.few(2)
@pytest.mark.parametrize("ids", [[], [None]], ids=str)
@pytest.mark.parametrize("is_leaky", [False, True])
def test_an_enrolment_that_names_no_cursus_is_kept_unless_42_sends_those_of_any_cursus(
    tap: Tap, api: ScriptedApi, ids: list[None], *, is_leaky: bool
) -> None:
    user = {"id": 7, "login": "somebody"}
    rows = [
        dated("projects_users", number, cursus_ids=one, user=user, campus=1)
        for number, one in enumerate([[9] if is_leaky else [21], [21], ids], 1)
    ]
    api.script["/v2/campus"] = Pretended([record_of("campuses", id=1)])
    api.script["/v2/projects_users"] = Pretended(rows)
    here = tap.pointed_at(api)
    run = (here.fail if is_leaky else here.run)("projects_users")
    assert set(run.ids("projects_users")) == ({2} if is_leaky else {1, 2, 3})
    told = [line for line in run.log.splitlines() if "rows without cursus_ids came" in line]
    assert ["not read" in line for line in told] == ([True, True] if is_leaky else [False])


@pytest.mark.few(1)
@pytest.mark.parametrize("hours", [-1, 2])
@pytest.mark.parametrize("step", [1, 1000])
def test_ranges_of_instants_in_another_time_zone_are_told_of_and_done_without(
    tap: Tap, api: ScriptedApi, hours: int, step: int
) -> None:
    ids = range(step, 60 * step + 1, step)
    there = Pretended([dated("achievements_users", number) for number in ids])

    def answer(asked: Asked) -> Reply:
        if bounds := asked.query.get("range[updated_at]"):
            moved = [
                datetime.fromisoformat(bound) + timedelta(hours=hours)
                for bound in bounds.split(",")
            ]
            asked.query["range[updated_at]"] = ",".join(
                f"{bound:%Y-%m-%dT%H:%M:%S.000Z}" for bound in moved
            )
        return there(asked)

    api.script[BADGES] = answer
    here = tap.pointed_at(api, page_size=25)
    first = here.run("achievements_users")
    assert set(first.ids("achievements_users")) == set(ids)
    told = "42 finds rows of other instants by ranges of updated_at"
    assert [line for line in remembered(first) if told in line]
    there.rows = [there.rows[0] | {"updated_at": LATELY}, *there.rows[1:]]
    second = here.run("achievements_users", state=first.state)
    assert step in second.ids("achievements_users")
    assert remembered(second) == []


def test_a_load_that_showed_fewer_rows_than_42_counts_is_repeated_by_the_next_night_once(
    tap: Tap, api: ScriptedApi
) -> None:
    rows = [dated("achievements_users", number) for number in range(1, 101)]
    there = Pretended(rows[:70])

    def answer(asked: Asked) -> Reply:
        reply = there(asked)
        more = str(int(reply.headers["X-Total"]) + (30 if len(there.rows) < 100 else 0))
        return Reply(reply.content, headers={**reply.headers, "X-Total": more})

    api.script[BADGES] = answer
    here = tap.pointed_at(api, census_hour=0, page_size=25)
    first = here.run("achievements_users")
    assert first.ids("achievements_users")[-1] == 70
    there.rows = rows
    assert here.run("achievements_users", state=first.state).ids("achievements_users") == []
    state = first.state
    state["bookmarks"]["achievements_users"]["doubted"] = "2026-01-01T00:00:00.000Z"
    night = here.run("achievements_users", state=state)
    assert set(night.ids("achievements_users")) == set(range(1, 101))
    there.asked.clear()
    later = here.run("achievements_users", state=a_day_later(night.state))
    assert later.ids("achievements_users") == []


def test_a_reference_list_that_was_empty_is_asked_for_again_by_the_next_run(
    tap: Tap, api: ScriptedApi
) -> None:
    there = api.script["/v2/blocs"] = Pretended([])
    here = tap.pointed_at(api)
    first = here.run("blocs")
    there.rows = [record_of("blocs", id=7)]
    assert here.run("blocs", state=first.state).ids("blocs") == [7]


def test_a_total_that_stops_at_a_maximum_is_doubted_when_more_rows_come(
    tap: Tap, api: ScriptedApi
) -> None:
    there = Pretended([dated("achievements_users", number) for number in range(1, 301)])

    def answer(asked: Asked) -> Reply:
        reply = there(asked)
        total = str(min(int(reply.headers["X-Total"]), 200))
        return Reply(reply.content, headers={**reply.headers, "X-Total": total})

    api.script[BADGES] = answer
    run = tap.pointed_at(api, page_size=10).run("achievements_users")
    assert set(run.ids("achievements_users")) == set(range(1, 301))
    assert any("counts other rows than it shows" in line for line in run.warnings)


def test_look_ups_whose_totals_are_of_everybody_fail_no_enrolment(
    tap: Tap, api: ScriptedApi
) -> None:
    people = range(1, 41)
    rows = [
        dated(
            "projects_users",
            number,
            cursus_ids=[21],
            user={"id": number, "login": "somebody"},
            campus=1 + number % 2,
        )
        for number in people
    ]
    ties = [
        dated("campus_users", number, user_id=number, campus_id=1 + number % 2)
        for number in range(1, 301)
    ]
    there = Pretended(ties)

    def answer(asked: Asked) -> Reply:
        reply = there(asked)
        return Reply(reply.content, headers={**reply.headers, "X-Total": "300"})

    api.script["/v2/campus"] = Pretended([record_of("campuses", id=one) for one in (1, 2)])
    api.script["/v2/projects_users"] = Pretended(rows)
    api.script["/v2/campus_users"] = answer
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert set(first.ids("projects_users")) == set(people)
    assert any("campus_users" in line for line in first.warnings)
    campuses = {row["id"]: row["campus_id"] for row in first.records("projects_users")}
    assert campuses == {number: 1 + number % 2 for number in people}


def test_levels_that_a_night_could_not_read_are_read_by_the_next_one(
    tap: Tap, api: ScriptedApi
) -> None:
    def person(number: int) -> Row:
        return {"id": number, "login": "somebody"}

    def enrolment(number: int, **known: object) -> Row:
        user = person(number)
        return dated("projects_users", number, cursus_ids=[21], user=user, campus=1, **known)

    levels = Pretended(
        [
            dated("cursus_users", number, cursus_id=21, user_id=number, user=person(number))
            for number in range(1, 41)
        ]
    )
    marks = Pretended([enrolment(number) for number in range(1, 41)])
    api.script["/v2/campus"] = Pretended([record_of("campuses", id=1)])
    api.script["/v2/projects_users"] = marks
    api.script["/v2/cursus/21/cursus_users"] = levels
    here = tap.pointed_at(api, census_hour=0, settle_seconds=0)
    streams = ("projects_users", "cursus_users")
    first = here.run(*streams)
    just_now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    marks.rows = [enrolment(n, final_mark=100) | {"updated_at": just_now} for n in range(1, 21)]
    marked = here.run(*streams, state=first.state)
    assert len(set(marked.ids("projects_users"))) == 20
    rows, levels.rows = [row | {"level": 7.5} for row in levels.rows], []
    empty = here.run(*streams, state=a_day_later(marked.state))
    levels.rows = rows
    later = here.run(*streams, state=a_day_later(empty.state))
    raised = {row["id"] for row in later.records("cursus_users") if row["level"] == 7.5}
    assert raised >= set(range(1, 21))


def test_totals_of_a_list_that_loses_many_rows_while_it_is_read_are_believed(
    tap: Tap, api: ScriptedApi
) -> None:
    there = Pretended([dated("achievements_users", number) for number in range(1, 401)])

    def answer(asked: Asked) -> Reply:
        reply = there(asked)
        if len(there.asked) <= 10:
            there.rows = [row for row in there.rows if row["id"] % 40 != len(there.asked)]
        return reply

    api.script[BADGES] = answer
    run = tap.pointed_at(api, page_size=10).run("achievements_users")
    assert len(there.rows) == 300
    assert {row["id"] for row in there.rows} <= set(run.ids("achievements_users"))
    assert run.warnings == []
