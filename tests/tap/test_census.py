"""Rows that disappear are found, at little cost, and none that exists is said to be gone."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ft42_sandbox.testing import running_sandbox
from tap_ft42.known import is_due
from tap_ft42.regions import MAX_ID

from tests.tap.scripted import paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

Row = dict[str, Any]
State = dict[str, Any]

STUDENTS = "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false"
IN_FULL = {
    "cursus": "/v2/cursus",
    "campuses": "/v2/campus",
    "achievements": "/v2/achievements",
    "blocs": "/v2/blocs",
    "coalitions": "/v2/coalitions",
    "cursus_users": "/v2/cursus/21/cursus_users",
}
AT_ONCE: dict[str, Any] = {"settle_seconds": 0, "overlap_seconds": 0}
PAGES: dict[str, Any] = {"page_size": 4, "refresh_nights": 0, **AT_ONCE}
"""With pages of four, 1,660 students have as many pages as 42's 40,341 have of 100."""


def counted(run: Run, stream: str) -> list[Row]:
    return [row for row in run.records("census") if row["stream"] == stream]


def named(run: Run, stream: str, known: set[int], parent: int = 0) -> set[int]:
    """Which of the known rows a run says to be gone."""
    return {
        row
        for proof in counted(run, stream)
        if proof["ids"] is not None and proof["parent_id"] == parent
        for row in known
        if proof["first_id"] <= row <= proof["last_id"] and row not in set(proof["ids"])
    }


def a_day_later(state: State) -> State:
    """The state as it will be when the next census is due."""
    later = copy.deepcopy(state)
    for bookmark in later["bookmarks"].values():
        if taken := bookmark.get("census", {}).get("taken"):
            before = datetime.fromisoformat(taken) - timedelta(days=1)
            bookmark["census"]["taken"] = before.isoformat()
    return later


def asked(sandbox: RunningSandbox) -> int:
    """How many requests came since the last time, without those for tokens."""
    requests = int(sandbox.requests()["total"])
    sandbox.reset_requests()
    return requests


@pytest.fixture(scope="module")
def campus() -> Iterator[RunningSandbox]:
    """A sandbox with a few rows of everything, which the tests change."""
    with running_sandbox(users=400, enrolments=1500, achievements_per_user=2) as running:
        yield running


@pytest.fixture(scope="module")
def network() -> Iterator[RunningSandbox]:
    """A sandbox with as many pages of students as 42 has, if a page has four."""
    with running_sandbox(users=2050, enrolments=0, achievements_per_user=0) as running:
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

    def test_counts_take_a_quarter_of_the_hour_s_requests_at_most(
        self, tap: Tap, network: RunningSandbox, first: Run
    ) -> None:
        here = tap.pointed_at(network, **PAGES)
        state = here.run("users", "census", state=a_day_later(first.state)).state
        existing = {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.live(events={"disappear": 60})
        gone = existing - {row["id"] for row in network.truth_of(STUDENTS, columns="id")}
        network.reset_requests()
        run = here.run("users", "census", state=a_day_later(state), requests_per_hour=160)
        assert 40 <= asked(network) <= 42  # with the window
        assert named(run, "users", existing) < gone
        assert len(named(run, "users", existing)) >= 3


@pytest.fixture(scope="module")
def everything(tap: Tap, campus: RunningSandbox) -> Run:
    return tap.pointed_at(campus).run(*IN_FULL, "campus_achievements", "census")


class TestFullReads:
    """What is read in full is proven by just that."""

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

    def test_a_read_that_was_cut_short_proves_nothing_until_it_is_complete(
        self, tap: Tap, campus: RunningSandbox
    ) -> None:
        here = tap.pointed_at(campus, page_size=25, **AT_ONCE)
        runs = [here.run("cursus_users", "census", max_requests=9)]
        while not counted(runs[-1], "cursus_users"):
            assert len(runs) < 9
            state = runs[-1].state
            runs.append(here.run("cursus_users", "census", state=state, max_requests=9))
        assert len(runs) > 2
        exist = [row for proof in counted(runs[-1], "cursus_users") for row in proof["ids"]]
        assert exist == [
            row["id"] for row in campus.truth("cursus_users") if row["cursus_id"] == 21
        ]
        assert "census" not in runs[-1].state["bookmarks"]["cursus_users"]

    def test_a_read_that_failed_proves_nothing(self, tap: Tap, sandbox: RunningSandbox) -> None:
        sandbox.fault("cloudflare", route="*cursus_users", after=2)
        run = tap.pointed_at(sandbox, page_size=20).fail("cursus_users", "census")
        assert run.records("census") == []

    def test_a_row_without_an_id_leaves_open_what_exists(
        self, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        sandbox.fault("wrong_type", route="/v2/cursus", column="id", row=1)
        run = tap.pointed_at(sandbox).run("cursus", "blocs", "census")
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
            ("2026-02-01T00:00:00", "2026-03-02T02:00:00", -1, False),
            (None, "2026-03-02T02:00:00", -1, False),
        ],
    )
    def test_the_first_run_after_the_hour_of_each_day(
        self, taken: str | None, now: str, hour: int, *, due: bool
    ) -> None:
        moments = [moment and datetime.fromisoformat(moment).replace(tzinfo=UTC)
                   for moment in (taken, now)]  # fmt: skip
        assert is_due(moments[0], moments[1], hour) is due  # type: ignore[arg-type]

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


class TestIncrementalStreams:
    """Streams with bookmarks remember which rows they know."""

    STREAMS = (
        "users", "projects", "projects_users", "achievements_users", "coalitions_users",
        "campus_users",
    )  # fmt: skip

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

    def test_a_tally_that_cannot_be_read_is_begun_anew(
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
                at = datetime.fromisoformat(proof["counted_at"])
                rows = landed[proof["stream"]]
                for row, extracted in tuple(rows.items()):
                    is_judged = proof["first_id"] <= row <= proof["last_id"] and extracted < at
                    if proof["ids"] is not None and is_judged and row not in set(proof["ids"]):
                        del rows[row]
            for stream, path in LISTS.items():
                truth = {row["id"] for row in living.truth_of(path, columns="id")}
                assert set(landed[stream]) == truth, (night, stream)
            living.live(seed=night, events=EVENTS)


@pytest.mark.slow
def test_six_of_forty_thousand_students_cost_sixty_requests(tap: Tap) -> None:
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
        assert asked(world) <= 60
        here.run("users", "census", state=a_day_later(second.state))
        assert asked(world) <= 2


@pytest.mark.slow
def test_a_stream_too_large_for_ids_is_counted_in_some_nights(tap: Tap) -> None:
    with running_sandbox(users=6000, enrolments=0, achievements_per_user=22) as world:
        here = tap.pointed_at(world, refresh_nights=3, **AT_ONCE)
        run = here.run("achievements_users", "census")
        ids = run.ids("achievements_users")
        assert len(ids) > 100_000
        gone = {ids[number] for number in range(100, len(ids), len(ids) // 9)}
        for row in gone:
            world.delete("achievements_users", row)
        world.live(events={"badge": 50})
        found, requests = set[int](), []
        for _ in range(4):
            world.reset_requests()
            state = a_day_later(run.state)
            assert "slices" in state["bookmarks"]["achievements_users"]["census"]
            run = here.run("achievements_users", "census", state=state)
            found |= named(run, "achievements_users", gone | set(ids))
            requests.append(asked(world))
        assert found == gone
        assert max(requests) < 60
