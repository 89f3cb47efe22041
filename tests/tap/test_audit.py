"""Each night the copy's counts by the day are held against the API's."""

from __future__ import annotations

import copy
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.proofs import AT_ONCE, STUDENTS, a_day_later, counted, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.proofs import Row, State
    from tests.tap.running import Run, Tap

GRAPH = "GET /v2/projects_users/graph/on/:field/by/:interval"
ENROLMENTS = "/v2/projects_users?filter[cursus]=21"
CROWD, GROUP = 1600, 130


class Copy:
    """What a database has of the enrolments, night by night."""

    def __init__(self, tap: Tap, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.rows: dict[int, Row] = {}
        self.asked: dict[str, int] = {}
        self._extracted: dict[int, datetime] = {}
        self._tap = tap.pointed_at(sandbox, refresh_nights=0, **AT_ONCE)
        self.last = self._take(self._tap.run("campuses", *self.STREAMS))

    STREAMS = ("users", "projects_users", "census", "sync_runs")

    def night(self, **settings: object) -> Run:
        """Read what a night reads."""
        self.sandbox.reset_requests()
        before = a_day_later(self.last.state)
        run = self._take(self._tap.run(*self.STREAMS, state=before, **settings))
        routes = self.sandbox.requests()["routes"]
        self.asked = {route: int(told["count"]) for route, told in routes.items()}
        return run

    @property
    def requests(self) -> int:
        """Requests of the last night for enrolments."""
        return sum(n for route, n in self.asked.items() if "/v2/projects_users" in route)

    @property
    def truth(self) -> set[int]:
        return {row["id"] for row in self.sandbox.truth_of(ENROLMENTS, columns="id")}

    def is_right(self) -> bool:
        return set(self.rows) == self.truth

    def some(self, step: int) -> set[int]:
        """Enrolments of all years."""
        return set(sorted(self.rows)[::step])

    def lose(self, rows: set[int]) -> None:
        """Let 42 delete rows."""
        self.sandbox.delete("projects_users", [*rows])

    def insert_unseen(self, like: Row, day: str) -> int:
        """Let 42 have a row that no window has brought: it is said to be old."""
        names = ("user_id", "project_id", "cursus_id", "occurrence", "status", "marked")
        values = {name: like[name] for name in names}
        return self.sandbox.insert("projects_users", created_at=day, updated_at=day, **values)

    def change_state(self, state: State) -> None:
        """Go on from another state."""
        self.last.messages.append({"type": "STATE", "value": state})

    def _take(self, run: Run) -> Run:
        self.last = run
        for message in run.messages:
            if message["type"] == "RECORD" and message["stream"] == "projects_users":
                row = message["record"]
                self.rows[row["id"]] = row
                self._extracted[row["id"]] = datetime.fromisoformat(message["time_extracted"])
        for proof in counted(run, "projects_users"):
            if proof["ids"] is None:
                continue
            at, ids = datetime.fromisoformat(proof["counted_at"]), set(proof["ids"])
            for row in sorted(self.rows):
                is_judged = proof["first_id"] <= row <= proof["last_id"]
                if is_judged and row not in ids and self._extracted[row] < at:
                    del self.rows[row]
        return run


@pytest.fixture(scope="module")
def here(tap: Tap) -> Iterator[Copy]:
    """A copy of some thousand enrolments, which each test leaves right."""
    with running_sandbox(users=150, enrolments=4000, achievements_per_user=0) as sandbox:
        yield Copy(tap, sandbox)


@pytest.fixture(scope="module")
def crowded(tap: Tap) -> Iterator[Copy]:
    """A copy of enrolments of which 1,600 were made on one day, and 130 on each of two.

    Each test leaves it right, with fewer of the 1,600.
    """
    with running_sandbox(users=150, enrolments=4000, achievements_per_user=0) as sandbox:
        rows = sorted(row["id"] for row in sandbox.truth_of(ENROLMENTS, columns="id"))
        ends = (-CROWD - 2 * GROUP, -CROWD - GROUP, -CROWD, None)
        for day, (begin, end) in enumerate(pairwise(ends), start=3):
            at = f"2026-05-0{day}T12:00:00.000Z"
            sandbox.update("projects_users", rows[begin:end], silent=True, created_at=at)
        yield Copy(tap, sandbox)


def audits(run: Run) -> dict[str, Row]:
    (told,) = run.records("sync_runs")
    return {audit["stream"]: audit for audit in told["audits"]}


@pytest.mark.slow
def test_a_night_without_losses_takes_one_request_for_all_days(here: Copy) -> None:
    run = here.night()
    assert here.asked[GRAPH] == 1
    assert here.requests == 2  # and the window of what changed
    (proof,) = counted(run, "projects_users")
    assert (proof["ids"], proof["total"]) == (None, len(here.truth))
    found = audits(run)["projects_users"]
    assert found["days"] > 500
    assert found["requests"] == 1
    assert not any(found[name] for name in ("differed", "unsettled", "missing", "gone"))


def test_deletions_of_all_years_are_found_in_one_night(here: Copy) -> None:
    here.lose(gone := here.some(200))
    run = here.night()
    assert here.is_right()
    assert here.requests < 6
    assert audits(run)["projects_users"]["gone"] == len(gone) > 10


@pytest.mark.slow
def test_one_that_is_gone_in_a_crowd_costs_a_look_up_of_the_crowd(crowded: Copy) -> None:
    crowd = sorted(crowded.rows)[-CROWD:]
    for number in (3, 800, 1590):
        crowded.lose({crowd[number]})
        crowded.night()
        assert crowded.is_right()
        # The changes and the graph; seventeen times 99 rows.
        assert crowded.requests <= 2 + 17


def test_behind_a_look_up_of_rows_that_are_all_there_nothing_is_asked(crowded: Copy) -> None:
    groups = sorted(crowded.rows)[-CROWD - 2 * GROUP : -CROWD]
    crowded.lose({groups[GROUP - 1], groups[-1]})
    crowded.night()
    assert crowded.is_right()
    look_ups = [one["target"] for one in crowded.sandbox.log() if "filter[id]" in one["target"]]
    assert [target for target in look_ups if "page[number]=1" not in target] == []
    assert len(look_ups) == 3


@pytest.mark.slow
def test_what_lacks_most_for_its_requests_is_looked_up_first_and_the_rest_in_later_nights(
    crowded: Copy,
) -> None:
    crowd, before = sorted(crowded.rows)[-CROWD:], set(crowded.rows)
    lonely = set(sorted(before.difference(crowd))[::150])
    crowded.lose(lonely | {crowd[500]})
    crowded.night(census_requests=7, requests_per_hour=10_000)
    assert set(crowded.rows) - crowded.truth == {crowd[500]}
    crowded.night()
    assert crowded.is_right()


@pytest.mark.slow
def test_with_a_start_date_what_is_older_is_not_called_gone(tap: Tap, here: Copy) -> None:
    since = tap.pointed_at(here.sandbox, start_date="2026-06-01", **AT_ONCE)
    first = since.run("campuses", *Copy.STREAMS)
    known = set(here.rows)
    assert 0 < len(set(first.ids("projects_users"))) < len(known)
    gone = max(first.ids("projects_users"))
    here.lose({gone})
    night = since.run(*Copy.STREAMS, state=a_day_later(first.state))
    assert named(night, "projects_users", known) == {gone}
    here.night()
    assert here.is_right()


def test_rows_that_were_never_read_are_found(here: Copy) -> None:
    rows = [here.rows[row] for row in here.some(900)]
    came = {here.insert_unseen(row, row["created_at"]) for row in rows}
    run = here.night()
    assert here.is_right()
    assert came <= set(run.ids("projects_users"))
    assert audits(run)["projects_users"]["missing"] == len(came)
    here.night()
    assert here.requests == 2


def test_one_that_came_unseen_does_not_hide_one_that_went(here: Copy) -> None:
    ids = sorted(here.rows)
    here.lose({ids[10]})
    came = here.insert_unseen(here.rows[ids[-10]], here.rows[ids[900]]["created_at"])
    here.night()
    assert here.is_right()
    assert came in here.rows


def test_what_happens_meanwhile_is_neither_missing_nor_gone(here: Copy) -> None:
    here.sandbox.live(seed=4, events={"enrol": 20, "mark": 10, "unregister": 5})
    before = set(here.rows) & here.truth
    here.night(settle_seconds=3600)
    assert before <= set(here.rows)
    here.night()
    assert here.is_right()


@pytest.mark.slow
def test_people_who_went_are_found_by_their_days(here: Copy) -> None:
    pages: dict[str, Any] = {"page_size": 4}  # as if there were more people
    here.night(**pages)
    students = {row["id"] for row in here.sandbox.truth_of(STUDENTS, columns="id")}
    here.sandbox.live(seed=5, events={"disappear": 3, "graduate": 2})
    now = {row["id"] for row in here.sandbox.truth_of(STUDENTS, columns="id")}
    run = here.night(**pages)
    assert named(run, "users", students) == students - now
    assert audits(run)["users"]["gone"] == len(students - now)
    assert sum(n for route, n in here.asked.items() if "users/graph" in route) == 2
    assert here.is_right()


@pytest.mark.slow
def test_a_state_from_before_there_were_audits_is_made_good(here: Copy) -> None:
    state = copy.deepcopy(here.last.state)
    del state["bookmarks"]["projects_users"]["census"]["days"]
    here.change_state(state)
    here.lose(here.some(1000))
    here.night()
    assert here.is_right()
    here.night()
    assert here.requests == 2


@pytest.mark.few(1)
@pytest.mark.parametrize("empty", [False, True])
def test_days_may_be_cut_in_paris(here: Copy, *, empty: bool) -> None:
    here.sandbox.configure(graph_zone="Europe/Paris", graph_names_empty_days=empty)
    here.night()
    here.lose(here.some(500))
    run = here.night()
    assert here.is_right()
    assert here.requests < 6
    assert audits(run)["projects_users"]["zone"] == "Europe/Paris"


def test_a_graph_that_is_refused_once_serves_on(here: Copy) -> None:
    here.sandbox.fault("missing", route=GRAPH.removeprefix("GET "), count=1)
    here.lose(here.some(500))
    run = here.night()
    assert "42 does not count it by the day" not in run.log
    assert here.asked[GRAPH] >= 2
    assert here.is_right()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"graphs": "refused"}, "42 does not count it by the day"),
        ({"graphs": "missing"}, "42 does not count it by the day"),
        ({"graph_heeds_filters": False}, "42 counts something else by the day"),
    ],
)
def test_a_graph_that_ceases_to_serve_is_done_without(
    here: Copy, how: dict[str, Any], said: str
) -> None:
    here.sandbox.configure(**how)
    here.lose(here.some(1500))
    run = here.night()
    assert said in run.log
    assert here.is_right()
    here.lose({sorted(here.rows)[77]})
    here.night()
    assert GRAPH not in here.asked  # for a month
    assert here.is_right()
    state = copy.deepcopy(here.last.state)
    for stream in ("projects_users", "users"):
        state["bookmarks"][stream].pop("capabilities", None)
    here.change_state(state)
    here.sandbox.configure(graphs="answered", graph_heeds_filters=True)
    here.night()
    assert here.asked[GRAPH] == 1
    assert here.is_right()
