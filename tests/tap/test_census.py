"""Rows that disappear are found, at little cost, and none that exists is said to be gone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.instants import in_milliseconds, milliseconds
from tap_ft42.planning.nights import is_due
from tap_ft42.reading.regions import MAX_ID

from tests.sandboxes import running_sandbox
from tests.tap.proofs import AT_ONCE, STUDENTS, a_day_later, asked, counted, named
from tests.tap.scripted import paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

IN_FULL = {
    "cursus": "/v2/cursus",
    "campuses": "/v2/campus",
    "achievements": "/v2/achievements",
    "blocs": "/v2/blocs",
    "coalitions": "/v2/coalitions",
}
PAGES: dict[str, Any] = {"page_size": 4, "refresh_nights": 0, **AT_ONCE}
"""With pages of four, 1,660 students have as many pages as 42's 40,341 have of 100."""


@pytest.fixture(scope="module")
def campus() -> Iterator[RunningSandbox]:
    """A sandbox with a few rows of everything, which the tests change."""
    with running_sandbox(users=400, enrolments=1500, achievements_per_user=2) as running:
        yield running


@pytest.fixture(scope="module")
def network() -> Iterator[RunningSandbox]:
    """A sandbox with as many pages of students as 42 has, if a page has four.

    It does not count them by the day, so that ids are halved.
    """
    with running_sandbox(users=2050, enrolments=0, achievements_per_user=0) as running:
        running.configure(graphs="refused")
        yield running


@pytest.fixture(scope="module")
def first(tap: Tap, network: RunningSandbox) -> Run:
    return tap.pointed_at(network, **PAGES).run("users", "census")


class TestStudents:
    """A census of as many pages as 42's students fill."""

    def test_a_first_load_says_what_exists(self, first: Run, network: RunningSandbox) -> None:
        ids = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        assert 400 <= len(ids) / 4 <= 420
        assert {row for proof in counted(first, "users") for row in proof["ids"] or ()} == ids

    def test_six_that_disappear_are_named_for_sixty_requests(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here, state = tap.pointed_at(network, **PAGES), first.state
        known = set(first.ids("users"))
        for _ in range(3):
            existing = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
            network.live(events={"disappear": 6})
            left = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
            gone, known = existing - left, known & existing
            network.reset_requests()
            run = here.run("users", "census", state=a_day_later(state))
            assert len(gone) == 6
            assert named(run, "users", known) == gone
            assert asked(network) <= 60
            state = run.state

    @pytest.mark.slow
    def test_none_that_disappears_costs_two_requests(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here = tap.pointed_at(network, **PAGES)
        run = here.run("users", "census", state=a_day_later(first.state))
        network.reset_requests()
        run = here.run("users", "census", state=a_day_later(run.state))
        (proof,) = counted(run, "users")
        assert (proof["first_id"], proof["ids"]) == (0, None)
        assert proof["total"] == len(network.truth_of(STUDENTS, columns="id"))
        assert asked(network) <= 2

    def test_who_graduates_is_found_by_asking_who_did(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here = tap.pointed_at(network, **PAGES | {"page_size": 20})
        state = here.run("users", "census", state=a_day_later(first.state)).state
        existing = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.live(within=0, events={"graduate": 12})
        gone = existing - {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.reset_requests()
        run = here.run("users", "census", state=a_day_later(state))
        assert named(run, "users", existing) == gone != set()
        assert asked(network) <= 5  # changes, total, who did, and nothing else

    @pytest.mark.slow
    def test_who_graduates_before_the_first_census_is_found_in_the_same_way(
        self, tap: Tap, network: RunningSandbox
    ) -> None:
        here = tap.pointed_at(network, **PAGES | {"page_size": 20})
        state = here.run("users", "census", census_hour=-1).state
        existing = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.live(within=0, events={"graduate": 12})
        gone = existing - {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.reset_requests()
        run = here.run("users", "census", state=state)
        assert named(run, "users", existing) == gone != set()
        assert asked(network) <= 5

    @pytest.mark.slow
    def test_who_comes_and_changes_costs_no_more(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here = tap.pointed_at(network, **PAGES)
        run = here.run("users", "census", state=a_day_later(first.state))
        network.live(events={"join": 1, "visit": 2})
        network.reset_requests()
        run = here.run("users", "census", state=a_day_later(run.state))
        assert [proof["ids"] for proof in counted(run, "users")] == [None]
        assert asked(network) <= 3

    @pytest.mark.slow
    def test_a_census_that_was_cut_short_is_gone_on_with(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here = tap.pointed_at(network, **PAGES)
        state = here.run("users", "census", state=a_day_later(first.state)).state
        existing = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.live(events={"disappear": 6})
        gone = existing - {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        found = set[int]()
        for max_requests in (12, 30, 40, None):
            run = here.run(
                "users", "census", state=a_day_later(state), max_requests=max_requests
            )
            state = run.state
            assert named(run, "users", existing) <= gone
            found |= named(run, "users", existing)
        assert found == gone

    @pytest.mark.slow
    def test_counts_take_a_quarter_of_the_hour_s_requests_at_most(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here = tap.pointed_at(network, **PAGES)
        state = here.run("users", "census", state=a_day_later(first.state)).state
        existing = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.live(events={"disappear": 60})
        gone = existing - {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.reset_requests()
        network.reset_quota()
        network.configure(requests_per_hour=160)
        run = here.run("users", "census", state=a_day_later(state), requests_per_hour=160)
        network.configure(requests_per_hour=0)
        assert 37 <= asked(network) <= 40
        assert named(run, "users", existing) < gone
        assert len(named(run, "users", existing)) >= 3

    def test_a_night_that_reads_more_than_a_quarter_of_the_hour_finds_who_disappeared(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here = tap.pointed_at(network, **PAGES)
        state = here.run("users", "census", state=a_day_later(first.state)).state
        existing = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.live(events={"disappear": 1})
        gone = existing - {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.live(events={"visit": 200})
        network.reset_requests()
        network.reset_quota()
        network.configure(requests_per_hour=160)
        run = here.run("users", "census", state=a_day_later(state), requests_per_hour=160)
        network.configure(requests_per_hour=0)
        assert named(run, "users", existing) == gone
        assert len(run.ids("users")) / 4 > 160 / 4
        assert asked(network) <= 80

    def test_a_night_whose_reads_leave_no_request_for_counts_says_so(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here, state = tap.pointed_at(network, **PAGES), a_day_later(first.state)
        run = here.run("users", "census", state=state, census_requests=1)
        assert "users: its rows are not counted, as this hour has no requests left" in run.log

    def test_a_night_that_has_too_few_requests_left_says_so_and_the_next_one_goes_on(
        self, tap: Tap
    ) -> None:
        with running_sandbox(users=2050, enrolments=0, achievements_per_user=0) as alone:
            alone.configure(graphs="refused")
            here = tap.pointed_at(alone, **PAGES)
            first = here.run("users", "census")
            alone.live(seed=8, events={"disappear": 9})
            state = a_day_later(first.state)
            begun = here.run("users", "census", state=state, census_requests=18)
            assert "users: 42 counts" in begun.log
            assert "too few requests left to find which" in begun.log
            run = here.run("users", "census", state=a_day_later(begun.state))
            assert "too few requests" not in run.log
            existing = {row for one in (first, begun, run) for row in one.ids("users")}
            gone = existing - {row["id"] for row in alone.truth_of(STUDENTS, columns="id")}
        assert gone <= {row for one in (begun, run) for row in named(one, "users", existing)}


@pytest.fixture(scope="module")
def everything(tap: Tap, campus: RunningSandbox) -> Run:
    return tap.pointed_at(campus).run(*IN_FULL, "campus_achievements", "census")


class TestFullReads:
    """What is read in full is proven by just that."""

    @pytest.mark.few(1)
    @pytest.mark.parametrize("stream", IN_FULL)
    def test_it_says_what_exists_and_that_nothing_else_does(
        self, everything: Run, campus: RunningSandbox, stream: str
    ) -> None:
        proofs = counted(everything, stream)
        exist = [row for proof in proofs for row in proof["ids"]]
        assert exist == sorted(row["id"] for row in campus.truth_of(IN_FULL[stream]))
        assert [proof["first_id"] for proof in proofs] == [
            1, *(proof["last_id"] + 1 for proof in proofs[:-1]),
        ]  # fmt: skip
        assert proofs[-1]["last_id"] == MAX_ID
        assert [proof["total"] for proof in proofs] == [len(proof["ids"]) for proof in proofs]

    def test_what_hangs_on_a_campus_is_said_campus_by_campus(self, everything: Run) -> None:
        links: dict[int, set[int]] = {
            row["id"]: set() for row in everything.records("campuses")
        }
        for row in everything.records("campus_achievements"):
            links[row["campus_id"]].add(row["achievement_id"])
        said = {
            proof["parent_id"]: set(proof["ids"])
            for proof in counted(everything, "campus_achievements")
        }
        assert said == links

    def test_no_row_of_the_run_was_extracted_before_it_was_counted(
        self, everything: Run
    ) -> None:
        since = {
            proof["stream"]: proof["counted_at"]
            for proof in everything.records("census")
            if proof["stream"] in IN_FULL
        }
        for message in everything.messages:
            if message["type"] == "RECORD" and message["stream"] in since:
                extracted = datetime.fromisoformat(message["time_extracted"])
                assert extracted >= datetime.fromisoformat(since[message["stream"]])

    @pytest.mark.slow
    def test_a_read_that_was_cut_short_proves_nothing_until_it_is_complete(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, page_size=100, **AT_ONCE)
        runs = [here.run("achievements", "census", max_requests=6)]
        while not counted(runs[-1], "achievements"):
            assert len(runs) < 9
            state = runs[-1].state
            runs.append(here.run("achievements", "census", state=state, max_requests=6))
        assert len(runs) > 2
        exist = [row for proof in counted(runs[-1], "achievements") for row in proof["ids"]]
        assert exist == [row["id"] for row in campus.truth("achievements")]
        assert "census" not in runs[-1].state["bookmarks"]["achievements"]

    def test_a_read_that_failed_proves_nothing(self, tap: Tap, sandbox: RunningSandbox) -> None:
        sandbox.fault("forbidden", route="*achievements", after=2)
        run = tap.pointed_at(sandbox, page_size=20).fail("achievements", "census")
        assert run.records("census") == []

    def test_a_row_without_an_id_leaves_open_what_exists(
        self, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        sandbox.fault("wrong_type", route="/v2/cursus", column="id", row=1)
        run = tap.pointed_at(sandbox).run("cursus", "blocs", "census", "rejected_records")
        assert {proof["stream"] for proof in run.records("census")} == {"blocs"}

    def test_a_list_without_totals_proves_nothing(self, tap: Tap, api: ScriptedApi) -> None:
        rows = [{"id": row, "name": "C", "slug": "c", "kind": "main", "created_at": None}
                for row in range(1, 40)]  # fmt: skip
        api.script["/v2/cursus"] = paged(rows, told=False)
        assert tap.pointed_at(api, page_size=10).run("cursus", "census").records("census") == []


class TestWhen:
    """Which run takes the census."""

    @pytest.mark.parametrize(
        ("taken", "now", "hour", "due"),
        [
            (None, "2026-03-02T00:15:00", 2, True),
            ("2026-03-01T02:00:03", "2026-03-02T01:45:00", 2, False),
            ("2026-03-01T02:00:03", "2026-03-02T02:00:01", 2, True),
            ("2026-03-02T02:00:01", "2026-03-02T02:15:00", 2, False),
            ("2026-03-02T02:00:01", "2026-03-02T23:59:59", 2, False),
            ("2026-03-01T17:00:00", "2026-03-02T02:00:01", 2, True),
            ("2026-03-02T01:59:59", "2026-03-02T02:00:00", 2, True),
            ("2026-03-01T23:30:00", "2026-03-02T00:00:00", 0, True),
        ],
    )
    def test_the_first_run_after_the_hour_of_each_day(
        self, taken: str | None, now: str, hour: int, *, due: bool
    ) -> None:
        assert is_due(milliseconds(taken), in_milliseconds(now), hour) is due

    def test_other_runs_ask_for_no_total(self, tap: Tap, campus: RunningSandbox) -> None:
        here = tap.pointed_at(campus, **AT_ONCE)
        first = here.run("users", "census")
        campus.reset_requests()
        second = here.run("users", "census", state=first.state)
        assert counted(second, "users") == []
        assert asked(campus) == 1
        never = here.run("users", "census", state=a_day_later(second.state), census_hour=-1)
        assert counted(never, "users") == []
        due = here.run("users", "census", state=a_day_later(second.state))
        assert counted(due, "users") != []

    def test_nothing_is_counted_nor_remembered_where_the_census_is_not_selected(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        run = tap.pointed_at(campus).run("users", "cursus")
        assert run.records("census") == []
        assert "census" not in run.state["bookmarks"]["users"]

    def test_what_a_run_without_census_reads_is_known_to_the_next_census(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, refresh_nights=0, **AT_ONCE)
        first = here.run("users", "census")
        campus.live(events={"join": 5})
        second = here.run("users", state=first.state)
        third = here.run("users", "census", state=a_day_later(second.state))
        assert [proof["ids"] for proof in counted(third, "users")] == [None]
