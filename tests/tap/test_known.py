"""Streams with bookmarks remember which rows they know, and miss those that go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.pretended import Pretended, record_of
from tests.tap.proofs import AT_ONCE, STUDENTS, Row, State, a_day_later, asked, counted, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.scripted import ScriptedApi


@pytest.fixture(scope="module")
def campus() -> Iterator[RunningSandbox]:
    """A sandbox with a few rows of everything, which the tests change."""
    with running_sandbox(users=400, enrolments=600, achievements_per_user=2) as running:
        yield running


class TestIncrementalStreams:
    """Streams with bookmarks remember which rows they know."""

    STREAMS = (
        "users", "projects", "projects_users", "achievements_users", "coalitions_users",
        "campus_users",
    )  # fmt: skip

    @pytest.mark.few(1)
    @pytest.mark.parametrize(
        ("stream", "settings"),
        [
            ("projects_users", {}),
            ("projects_users", {"campus_ids": [1, 29]}),
            ("coalitions_users", {}),
            ("achievements_users", {}),
            ("campus_users", {}),
            ("projects", {}),
            ("users", {"start_date": "2026-06-01"}),
            ("users", {"campus_ids": [1, 29]}),
        ],
    )
    def test_the_rows_that_go_are_named(
        self, tap: Tap, campus: RunningSandbox, stream: str, settings: Row
    ) -> None:
        here = tap.pointed_at(campus, page_size=10, refresh_nights=0, **AT_ONCE, **settings)
        first = here.run(stream, "census")
        ids = first.ids(stream)
        gone = {ids[0], ids[len(ids) // 2], ids[len(ids) // 2 + 1]}
        for row in gone:
            campus.delete(stream, row)
        second = here.run(stream, "census", state=a_day_later(first.state))
        assert named(second, stream, set(ids)) == gone
        third = here.run(stream, "census", state=a_day_later(second.state))
        assert [proof["ids"] for proof in counted(third, stream)] == [None]

    def test_a_first_load_reads_nothing_twice(self, tap: Tap, campus: RunningSandbox) -> None:
        run = tap.pointed_at(campus, **AT_ONCE).run("users", "census")
        assert run.ids("users") == sorted(set(run.ids("users")))

    def test_an_enrolment_that_came_unseen_is_read_with_its_campus(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        streams = ("projects_users", "census", "rejected_records")
        here = tap.pointed_at(campus, page_size=10, refresh_nights=0, **AT_ONCE)
        first = here.run(*streams, campus_ids=[1, 29])
        rows = first.records("projects_users")
        ids = set(first.ids("projects_users"))
        old = rows[len(rows) // 2]
        campus.delete("projects_users", old["id"])
        second = here.run(*streams, state=a_day_later(first.state), campus_ids=[1, 29])
        assert named(second, "projects_users", ids) == {old["id"]}
        long_ago = "2024-01-01T00:00:00.000Z"
        values = {name: old[name] for name in ("id", "user_id", "project_id", "cursus_id")}
        values |= {"status": "finished", "occurrence": 0, "marked": True, "final_mark": 100}
        campus.insert("projects_users", created_at=long_ago, updated_at=long_ago, **values)
        third = here.run(*streams, state=a_day_later(second.state), campus_ids=[1, 29])
        (came,) = [row for row in third.records("projects_users") if row["id"] == old["id"]]
        assert came["campus_id"] == old["campus_id"]

    @pytest.mark.slow
    @pytest.mark.parametrize("campus_ids", [[1, 29], [29]])
    def test_an_enrolment_that_changed_silently_is_written_in_some_nights(
        self, tap: Tap, campus: RunningSandbox, campus_ids: list[int]
    ) -> None:
        streams = ("projects_users", "census", "rejected_records")
        scope: Row = {"campus_ids": campus_ids, "refresh_nights": 1}
        here = tap.pointed_at(campus, page_size=10, **scope, **AT_ONCE)
        run = here.run(*streams)
        campuses = {row["id"]: row["campus_id"] for row in run.records("projects_users")}
        for row in campuses:
            campus.update("projects_users", row, silent=True, final_mark=77)
        fresh: dict[int, int] = {}
        for _ in range(4):
            run = here.run(*streams, state=a_day_later(run.state))
            rows = run.records("projects_users")
            fresh |= {row["id"]: row["campus_id"] for row in rows if row["final_mark"] == 77}
        assert fresh == campuses

    @pytest.mark.slow
    def test_rows_that_a_filter_lets_through_are_no_news(self, tap: Tap) -> None:
        with running_sandbox(users=100, enrolments=500, achievements_per_user=0) as lax:
            lax.configure(cursus_filter_restricts=False)
            here = tap.pointed_at(lax, page_size=10, refresh_nights=2, **AT_ONCE)
            run = here.run("projects_users", "census")
            ids = set(run.ids("projects_users"))
            assert len(ids) < len(lax.truth("projects_users", columns="id"))
            gone, found = sorted(ids)[40], set[int]()
            lax.delete("projects_users", gone)
            for _ in range(2):
                run = here.run("projects_users", "census", state=a_day_later(run.state))
                found |= named(run, "projects_users", ids)
                for proof in counted(run, "projects_users"):
                    assert set(proof["ids"]) <= ids
            assert found == {gone}

    def test_a_first_load_is_a_proof_and_nothing_is_counted_after_it(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        campus.reset_requests()
        run = tap.pointed_at(campus, page_size=10, **AT_ONCE).run("users", "census")
        known = {number for proof in counted(run, "users") for number in proof["ids"] or ()}
        assert known == {row["id"] for row in campus.truth_of(STUDENTS, columns="id")}
        assert not [one for one in campus.log() if "page[size]=1" in one["target"].split("&")]

    @pytest.mark.slow
    def test_what_changed_silently_is_read_in_some_nights(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, page_size=10, refresh_nights=3, **AT_ONCE)
        run = here.run("users", "census")
        for row in run.ids("users"):
            campus.update("users", row, silent=True, wallet=4242)
        fresh = set[int]()
        for _ in range(3):
            run = here.run("users", "census", state=a_day_later(run.state))
            fresh |= {row["id"] for row in run.records("users") if row["wallet"] == 4242}
            assert len(set(run.ids("users"))) < len(campus.truth_of(STUDENTS, columns="id")) / 2
        assert fresh == {row["id"] for row in campus.truth_of(STUDENTS, columns="id")}

    def test_a_list_that_fits_in_a_page_is_read_with_its_changes(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        rows = campus.truth_of(f"{STUDENTS}&filter[primary_campus_id]=29", columns="id")
        assert 5 < len(rows) < 100
        here = tap.pointed_at(campus, campus_ids=[29], **AT_ONCE)
        run = here.run("users", "census")
        run = here.run("users", "census", state=a_day_later(run.state))
        campus.reset_requests()
        campus.update("users", rows[1]["id"], silent=True, wallet=4711)
        run = here.run("users", "census", state=a_day_later(run.state))
        assert asked(campus) == 1
        assert [row["id"] for row in run.records("users") if row["wallet"] == 4711] == [
            rows[1]["id"]
        ]
        campus.delete("users", rows[2]["id"])
        run = here.run("users", "census", state=a_day_later(run.state))
        assert named(run, "users", {row["id"] for row in rows}) == {rows[2]["id"]}
        assert asked(campus) <= 4  # two of them ask how ranges are answered

    @pytest.mark.slow
    def test_who_is_read_again_in_many_nights_costs_no_request_every_night(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, page_size=50, refresh_nights=14, **AT_ONCE)
        run = here.run("users", "census")
        assert 250 < len(run.ids("users")) < 350
        costs = []
        for _ in range(4):
            campus.reset_requests()
            run = here.run("users", "census", state=a_day_later(run.state))
            costs.append(asked(campus))
        # Changes, a total, and perhaps a page. The load has told whether a range of ids is cut.
        assert sorted(costs) == [2, 2, 3, 3]

    @pytest.mark.slow
    def test_one_who_came_unseen_hides_one_who_went_for_some_nights_only(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, page_size=10, refresh_nights=3, **AT_ONCE)
        left = campus.truth_of("/v2/cursus/21/users?filter[alumni?]=true", columns="id")
        came = left[len(left) // 2]["id"]
        run = here.run("users", "census")
        went = run.ids("users")[20]
        campus.delete("users", went)
        campus.update("users", came, silent=True, **{"alumni?": False, "kind": "student"})
        found, read = set[int](), set[int]()
        for _ in range(3):
            run = here.run("users", "census", state=a_day_later(run.state))
            found |= named(run, "users", {went})
            read |= set(run.ids("users"))
        assert found == {went}
        assert came in read

    def test_a_state_from_before_there_were_censuses_is_made_good(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, page_size=10, refresh_nights=0, **AT_ONCE)
        first = here.run("users")
        went = first.ids("users")[7]
        second = here.run("users", "census", state=first.state)
        campus.delete("users", went)
        third = here.run("users", "census", state=a_day_later(second.state))
        assert named(third, "users", set(first.ids("users"))) == {went}

    def test_another_scope_is_counted_anew(self, tap: Tap, campus: RunningSandbox) -> None:
        here = tap.pointed_at(campus, page_size=10, refresh_nights=0, **AT_ONCE)
        wide = here.run("users", "census")
        narrow = here.run("users", "census", state=a_day_later(wide.state), campus_ids=[1])
        scope = f"{STUDENTS}&filter[primary_campus_id]=1"
        total = len(campus.truth_of(scope, columns="id"))
        assert counted(narrow, "users")[-1]["total"] == total

    def test_an_account_that_cannot_be_read_is_begun_anew(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, refresh_nights=0, **AT_ONCE)
        state = a_day_later(here.run("users", "census").state)
        state["bookmarks"]["users"]["census"]["ids"] = "damaged"
        run = here.run("users", "census", state=state)
        assert any("cannot be read" in line for line in run.warnings)
        total = len(campus.truth_of(STUDENTS, columns="id"))
        assert counted(run, "users")[-1]["total"] == total

    def test_a_list_without_totals_proves_nothing_and_says_so(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, **AT_ONCE)
        first = here.run("users", "census")
        campus.configure(no_total=["/v2/cursus/:id/users"])
        try:
            run = here.run("users", "census", state=a_day_later(first.state))
        finally:
            campus.configure(no_total=[])
        assert counted(run, "users") == []
        assert any("cannot be counted" in line for line in run.warnings)


EVENTS = {
    "disappear": 2, "join": 3, "enrol": 8, "mark": 5, "unregister": 3, "badge": 4,
    "graduate": 2, "visit": 9, "anonymise": 1, "move": 1,
}  # fmt: skip
LISTS = {
    "users": STUDENTS,
    "achievements_users": "/v2/achievements_users",
    "campus_users": "/v2/campus_users",
    "projects": "/v2/cursus/21/projects",
    "cursus_users": "/v2/cursus/21/cursus_users",
}


@pytest.mark.slow
def test_a_reader_of_rows_and_census_has_what_the_api_has(tap: Tap) -> None:
    landed: dict[str, dict[int, datetime]] = {stream: {} for stream in LISTS}
    with running_sandbox(users=300, enrolments=900, achievements_per_user=3, seed=9) as living:
        here = tap.pointed_at(living, page_size=10, refresh_nights=2, settle_seconds=0)
        state: State | None = None
        for night in range(5):
            run = here.run(*LISTS, "census", state=state and a_day_later(state))
            state = run.state
            for message in run.messages:
                if message["type"] == "RECORD" and message["stream"] in landed:
                    extracted = datetime.fromisoformat(message["time_extracted"])
                    landed[message["stream"]][message["record"]["id"]] = extracted
            for proof in run.records("census"):
                if proof["ids"] is None:
                    continue
                at = datetime.fromisoformat(proof["counted_at"])
                rows = landed[proof["stream"]]
                for row in rows.keys() - set(proof["ids"]):
                    if proof["first_id"] <= row <= proof["last_id"] and rows[row] < at:
                        del rows[row]
            for stream, path in LISTS.items():
                truth = {row["id"] for row in living.truth_of(path, columns="id")}
                assert set(landed[stream]) == truth, (night, stream)
            living.live(seed=night, events=EVENTS)


@pytest.mark.long
def test_six_of_forty_thousand_students_cost_eight_requests(tap: Tap) -> None:
    with running_sandbox(users=50_400, enrolments=0, achievements_per_user=0) as world:
        here = tap.pointed_at(world, refresh_nights=0, **AT_ONCE)
        first = here.run("users", "census")
        existing = set(first.ids("users"))
        assert len(existing) > 40_000
        world.live(events={"disappear": 6})
        gone = existing - {row["id"] for row in world.truth_of(STUDENTS, columns="id")}
        world.reset_requests()
        second = here.run("users", "census", state=a_day_later(first.state))
        assert named(second, "users", existing) == gone
        assert asked(world) <= 8
        here.run("users", "census", state=a_day_later(second.state))
        assert asked(world) <= 3  # changes, days, total


def test_a_stream_too_large_for_ids_is_counted_in_some_nights(tap: Tap) -> None:
    with running_sandbox(users=300, enrolments=0, achievements_per_user=22) as world:
        here = replace(tap.pointed_at(world, refresh_nights=3, **AT_ONCE), most_ids=5000)
        run = here.run("achievements_users", "census")
        ids = run.ids("achievements_users")
        assert len(ids) > 5000
        gone = {ids[number] for number in range(100, len(ids), len(ids) // 9)}
        for row in gone:
            world.delete("achievements_users", row)
        world.live(events={"badge": 50})
        found, requests = set[int](), []
        for _ in range(4):
            world.reset_requests()
            state = a_day_later(run.state)
            assert "ids" not in state["bookmarks"]["achievements_users"]["census"]
            run = here.run("achievements_users", "census", state=state)
            found |= named(run, "achievements_users", gone | set(ids))
            requests.append(asked(world))
        assert found == gone
        assert max(requests) < 90
        assert sum(requests) < 150


def test_whoever_has_the_first_id_is_read_again_as_everybody_is(
    tap: Tap, api: ScriptedApi
) -> None:
    at = {"created_at": "2025-03-01T00:00:00.000Z", "updated_at": "2025-03-01T00:00:00.000Z"}
    api.script["/v2/cursus/21/users"] = there = Pretended(
        [
            record_of("users", id=number, kind="student", wallet=1, **{"alumni?": False}, **at)
            for number in range(1, 61)
        ]
    )
    here, streams = tap.pointed_at(api, page_size=10, refresh_nights=1), ("users", "census")
    state = here.run(*streams).state
    for person in there.rows:
        person["wallet"] = 2  # which `updated_at` does not tell
    night = here.run(*streams, state=a_day_later(state))
    assert {row["id"] for row in night.records("users") if row["wallet"] == 2} == {
        *range(1, 61)
    }


@pytest.mark.slow
@pytest.mark.parametrize(("people", "nights"), [(13, 7), (27, 2), (95, 4), (30, 1)])
def test_nobody_waits_longer_than_the_nights_however_full_the_last_page_is(
    tap: Tap, api: ScriptedApi, people: int, nights: int
) -> None:
    at = {"created_at": "2025-03-01T00:00:00.000Z", "updated_at": "2025-03-01T00:00:00.000Z"}
    api.script["/v2/cursus/21/users"] = Pretended(
        [
            record_of("users", id=number, kind="student", **{"alumni?": False}, **at)
            for number in range(1, people + 1)
        ]
    )
    here, streams = (
        tap.pointed_at(api, page_size=10, refresh_nights=nights),
        ("users", "census"),
    )
    state, read = here.run(*streams).state, dict.fromkeys(range(1, people + 1), 0)
    for night in range(1, 2 * nights + 3):
        run = here.run(*streams, state=a_day_later(state))
        state = run.state
        read |= dict.fromkeys(run.ids("users"), night)
        assert max(night - last for last in read.values()) < nights
        assert len(run.ids("users")) <= people / nights + 10  # a page more at most
