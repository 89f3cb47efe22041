"""Several cursus in one run: each is complete, and none is in the way of another."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.interrupted import killed
from tests.tap.proofs import AT_ONCE, a_day_later, asked, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Row, Run, Tap

PISCINE, MAIN = 9, 21
BOTH = [PISCINE, MAIN]
PARIS = 1
STUDENTS = "users?filter[kind]=student&filter[alumni?]=false"
BY_CURSUS = ("users", "projects", "projects_users", "cursus_users")
LIVE = ("users", "projects_users", "achievements_users")
Key = tuple[int, int]


def truth(sandbox: RunningSandbox, cursus_id: int) -> dict[str, dict[Key, Row]]:
    """What the API has of a cursus, by stream and by the keys of the rows."""
    there = f"/v2/cursus/{cursus_id}"
    lists = {
        "users": f"{there}/{STUDENTS}",
        "projects": f"{there}/projects",
        "projects_users": f"/v2/projects_users?filter[cursus]={cursus_id}",
        "cursus_users": f"{there}/cursus_users",
    }
    return {
        stream: {(row["id"], cursus_id): row for row in sandbox.truth_of(path)}
        for stream, path in lists.items()
    }


def keys(run: Run, stream: str) -> set[Key]:
    return {(row["id"], row["cursus_id"]) for row in run.records(stream)}


def parts(state: Mapping[str, Any], stream: str) -> dict[tuple[int | None, int | None], Row]:
    """The partitions of a stream in a state, by campus and cursus."""
    return {
        (part["context"].get("campus_id"), part["context"].get("cursus_id")): part
        for part in state["bookmarks"][stream].get("partitions", ())
    }


class Table:
    """The rows of a stream as a target has them that deletes what a census says is gone."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.rows: dict[Key, Row] = {}

    def load(self, run: Run) -> None:
        self.rows |= {(row["id"], row["cursus_id"]): row for row in run.records(self.stream)}
        for proof in counted(run, self.stream):
            for row_id, cursus_id in list(self.rows):
                is_judged = (
                    proof["ids"] is not None
                    and cursus_id == proof["cursus_id"]
                    and proof["first_id"] <= row_id <= proof["last_id"]
                )
                if is_judged and row_id not in proof["ids"]:
                    del self.rows[row_id, cursus_id]


@pytest.fixture(scope="module")
def first(tap: Tap, quiet_sandbox: RunningSandbox) -> Run:
    """A first load of both."""
    return tap.pointed_at(quiet_sandbox, **AT_ONCE).run(
        *BY_CURSUS, "achievements_users", "census", "sync_runs", cursus_ids=BOTH
    )


@pytest.fixture(scope="module")
def piscine(tap: Tap, mutable: RunningSandbox) -> Tap:
    """The tap at a sandbox that the tests change."""
    return tap.pointed_at(mutable, cursus_ids=BOTH, **AT_ONCE)


@pytest.mark.few(1)
@pytest.mark.parametrize("stream", BY_CURSUS)
def test_a_run_has_the_rows_of_each_cursus_and_says_of_which(
    first: Run, quiet_sandbox: RunningSandbox, stream: str
) -> None:
    expected = set[Key]()
    for cursus_id in BOTH:
        own = set(truth(quiet_sandbox, cursus_id)[stream])
        assert own
        expected |= own
    assert keys(first, stream) == expected


def test_who_is_in_both_has_a_row_for_each(first: Run) -> None:
    counts = Counter(row_id for row_id, _ in keys(first, "users"))
    assert max(counts.values()) == 2


@pytest.mark.few(1)
@pytest.mark.parametrize("stream", ["users", "projects", "cursus_users"])
def test_each_cursus_has_a_position_of_its_own(first: Run, stream: str) -> None:
    assert set(parts(first.state, stream)) == {(None, PISCINE), (None, MAIN)}


def test_enrolments_have_a_bookmark_for_each_campus_and_cursus(
    first: Run, quiet_sandbox: RunningSandbox
) -> None:
    bookmarks = {
        place
        for place, part in parts(first.state, "projects_users").items()
        if part.get("replication_key_value")
    }
    campuses = {campus for campus, _ in bookmarks}
    assert bookmarks == {(campus, cursus) for campus in campuses for cursus in BOTH}
    listed = {campus["id"] for campus in quiet_sandbox.truth("campus")}
    assert len(listed) == 54
    enrolled = {row["user_id"] for row in first.records("projects_users")}
    ties = quiet_sandbox.truth("campus_users")
    with_people = {tie["campus_id"] for tie in ties if tie["user_id"] in enrolled}
    # Of those that are not listed, it reads as many as leave no enrolment out.
    assert listed < campuses <= listed | with_people


def test_a_census_counts_the_rows_of_a_cursus_by_themselves(
    first: Run, quiet_sandbox: RunningSandbox
) -> None:
    for stream in ("users", "projects", "projects_users", "cursus_users"):
        totals: Counter[int] = Counter()
        for proof in counted(first, stream):
            totals[proof["cursus_id"]] = max(totals[proof["cursus_id"]], proof["total"])
        expected = {number: len(truth(quiet_sandbox, number)[stream]) for number in BOTH}
        assert totals == expected, stream
    assert {proof["cursus_id"] for proof in counted(first, "achievements_users")} == {0}


def test_a_run_says_which_cursus_it_read(first: Run) -> None:
    (run,) = first.records("sync_runs")
    assert run["cursus_ids"] == BOTH


def test_a_quiet_quarter_of_an_hour_costs_a_request_a_stream_and_cursus(
    tap: Tap, sandbox: RunningSandbox, first: Run
) -> None:
    here = tap.pointed_at(sandbox, cursus_ids=BOTH, **AT_ONCE)
    sandbox.reset_requests()
    run = here.run(*LIVE, "census", "sync_requests", state=first.state)
    assert {row["stream"]: row["requests"] for row in run.records("sync_requests")} == {
        "users": 2,
        "projects_users": 2,
        "achievements_users": 1,
    }
    assert asked(sandbox) == 5


def test_a_plan_tells_the_cost_of_each(tap: Tap, sandbox: RunningSandbox) -> None:
    told = tap.pointed_at(sandbox, cursus_ids=BOTH).call("plan").output
    for stream in ("users", "projects", "projects_users"):
        for cursus_id in BOTH:
            rows = len(truth(sandbox, cursus_id)[stream])
            (line,) = [
                line
                for line in told.splitlines()
                if line.startswith(f"{stream} ({cursus_id}) ")
            ]
            assert int(line.split()[-2].replace(",", "")) == rows


def test_badges_are_those_of_the_people_of_both(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.pointed_at(sandbox, campus_ids=[PARIS], **AT_ONCE)
    run = here.run("users", "achievements_users", cursus_ids=BOTH)
    people = set(run.ids("users"))
    awards = sandbox.truth("achievements_users")
    expected = {row["id"] for row in awards if row["user_id"] in people}
    assert set(run.ids("achievements_users")) == expected
    alone = here.run("users", "achievements_users", cursus_ids=[MAIN])
    assert set(alone.ids("achievements_users")) < expected
    # Who comes into the scope with another cursus has their older badges read, once.
    more = here.run("users", "achievements_users", state=alone.state, cursus_ids=BOTH)
    had = set(alone.ids("achievements_users"))
    assert set(more.ids("achievements_users")) == expected - had


class TestTheState:
    """What is known of a cursus stays known when the setting changes."""

    def test_one_cursus_has_the_state_that_it_has_always_had(
        self, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        run = tap.pointed_at(sandbox, **AT_ONCE).run("users", "projects_users")
        bookmarks = run.state["bookmarks"]
        assert bookmarks["users"]["replication_key_value"]
        assert "partitions" not in bookmarks["users"]
        assert {
            tuple(part["context"]) for part in bookmarks["projects_users"]["partitions"]
        } == {("campus_id",)}

    @pytest.mark.few(1)
    @pytest.mark.parametrize(
        "settings", [{}, {"cursus_id": MAIN}, {"cursus_ids": [MAIN]}], ids=str
    )
    def test_a_state_of_before_goes_on(
        self, tap: Tap, sandbox: RunningSandbox, settings: Row
    ) -> None:
        here = tap.pointed_at(sandbox, **AT_ONCE)
        streams = (*BY_CURSUS[:3], "achievements_users", "campuses", "census")
        state = here.run(*streams).state
        sandbox.reset_requests()
        run = here.run(*streams, state=state, **settings)
        # A window each for projects, people, enrolments, badges; the campuses are known.
        assert asked(sandbox) == 4
        assert len(keys(run, "users") | keys(run, "projects_users")) <= 2

    def test_a_cursus_that_is_added_is_loaded_and_leaves_the_other_alone(
        self, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        here = tap.pointed_at(sandbox, **AT_ONCE)
        streams = ("users", "projects", "projects_users", "census")
        state = here.run(*streams).state
        run = here.run(*streams, state=state, cursus_ids=BOTH)
        for stream in streams[:3]:
            own = {key for key in keys(run, stream) if key[1] == PISCINE}
            assert own == set(truth(sandbox, PISCINE)[stream]), stream
            assert len(keys(run, stream) - own) <= 1, stream  # the row at the bookmark
        before = state["bookmarks"]["users"]
        after = parts(run.state, "users")[None, MAIN]
        assert after["replication_key_value"] == before["replication_key_value"]
        assert after["census"] == {**before["census"], "basis": after["census"]["basis"]}

    def test_a_cursus_that_was_left_out_for_a_while_goes_on_where_it_stopped(
        self, tap: Tap, sandbox: RunningSandbox, first: Run
    ) -> None:
        here = tap.pointed_at(sandbox, **AT_ONCE)
        streams = ("users", "projects_users", "census")
        alone = here.run(*streams, state=first.state, cursus_ids=[MAIN])
        assert alone.state["bookmarks"]["users"]["replication_key_value"]
        sandbox.reset_requests()
        again = here.run(*streams, state=alone.state, cursus_ids=BOTH)
        # Two windows of people, two of enrolments, and the list of campuses.
        assert asked(sandbox) <= 5
        assert len(keys(again, "users") | keys(again, "projects_users")) <= 4


class TestChanges:
    """What happens at 42 arrives, whichever cursus it is in."""

    def test_who_leaves_one_cursus_is_gone_there_and_nowhere_else(
        self, piscine: Tap, mutable: RunningSandbox
    ) -> None:
        streams = ("users", "cursus_users", "census")
        run = piscine.run(*streams)
        tables = {stream: Table(stream) for stream in streams[:2]}
        for table in tables.values():
            table.load(run)
        counts = Counter(row_id for row_id, _ in tables["users"].rows)
        person = next(row_id for row_id, count in counts.items() if count == 2)
        (link,) = [
            row["id"]
            for row in mutable.truth("cursus_users")
            if (row["user"]["id"], row["cursus_id"]) == (person, PISCINE)
        ]
        mutable.delete("cursus_users", link)
        run = piscine.run(*streams, state=in_a_day(run.state))
        for table in tables.values():
            table.load(run)
        assert (person, PISCINE) not in tables["users"].rows
        assert (person, MAIN) in tables["users"].rows
        assert (link, PISCINE) not in tables["cursus_users"].rows
        for stream, table in tables.items():
            assert set(table.rows) == {
                key for cursus_id in BOTH for key in truth(mutable, cursus_id)[stream]
            }

    @pytest.mark.slow
    def test_where_requests_are_few_no_cursus_waits_for_the_other_to_be_through(
        self, piscine: Tap
    ) -> None:
        state, seen = None, list[set[int]]()
        # The people of one fill 24 pages: as many as four runs may ask for in all.
        for _ in range(4):
            run = piscine.run("users", state=state, page_size=3, max_requests=6)
            state = run.state
            seen.append({row["cursus_id"] for row in run.records("users")})
        assert set().union(*seen) == set(BOTH)

    @pytest.mark.slow
    def test_after_drift_and_kills_the_tables_are_the_api_s(
        self, tap: Tap, tmp_path: Path, living: RunningSandbox
    ) -> None:
        here = tap.pointed_at(
            living, cursus_ids=BOTH, page_size=20, spool=str(tmp_path / "spool"), **AT_ONCE
        )
        streams = ("users", "projects_users", "census")
        tables = {stream: Table(stream) for stream in streams[:2]}
        state: Row | None = None
        for number in range(4):
            living.control(
                "POST",
                "settings",
                {"life": "requests", "life_events_per_request": {"mark": 1, "enrol": 1}},
            )
            begun = killed(here, living, *streams, after=3 if number else 30, state=state)
            for table in tables.values():
                table.load(begun)
            written = [m["value"] for m in begun.messages if m["type"] == "STATE"]
            state = written[-1] if written else state
            living.control("POST", "settings", {"life": "off"})
            run = here.run(*streams, state=state, max_requests=60)
            for table in tables.values():
                table.load(run)
            state = run.state
            living.live(seconds=3600, seed=number, within=0.5)
        assert state is not None
        while True:
            run = here.run(*streams, "sync_runs", state=in_a_day(state), refresh_nights=1)
            for table in tables.values():
                table.load(run)
            state = run.state
            if run.records("sync_runs")[0]["outcome"] == "complete":
                break
        for stream, table in tables.items():
            expected = {
                key: row["updated_at"]
                for cursus_id in BOTH
                for key, row in truth(living, cursus_id)[stream].items()
            }
            got = {key: row["updated_at"] for key, row in table.rows.items()}
            assert set(got) == set(expected), stream
            assert got == expected, stream


@pytest.fixture
def living() -> Iterator[RunningSandbox]:
    """A sandbox in which something happens while it is read."""
    with running_sandbox(users=150, enrolments=600, achievements_per_user=0) as running:
        yield running


def in_a_day(state: Row) -> Row:
    """The state as it will be when the next census of each cursus is due."""
    later = a_day_later(state)
    for stream in later["bookmarks"].values():
        parts = {"bookmarks": dict(enumerate(stream.get("partitions", ())))}
        stream.get("partitions", [])[:] = a_day_later(parts)["bookmarks"].values()
    return later


class TestSettings:
    """The two settings are one."""

    @pytest.mark.parametrize(("cursus_id", "cursus_ids"), [(21, [9, 21]), (9, [21])])
    def test_two_that_disagree_are_refused(
        self, tap: Tap, sandbox: RunningSandbox, cursus_id: int, cursus_ids: list[int]
    ) -> None:
        run = tap.pointed_at(sandbox, cursus_id=cursus_id, cursus_ids=cursus_ids).fail("cursus")
        assert f"cursus_id is {cursus_id}, and cursus_ids is {cursus_ids}. " in run.log

    @pytest.mark.few(2)
    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({}, [21]),
            ({"cursus_ids": []}, [21]),
            ({"cursus_id": 9}, [9]),
            ({"cursus_id": 9, "cursus_ids": [9]}, [9]),
            ({"cursus_ids": [21, 9, 21]}, [9, 21]),
        ],
        ids=str,
    )
    def test_one_is_short_for_a_list_of_one(
        self, tap: Tap, sandbox: RunningSandbox, settings: Row, expected: list[int]
    ) -> None:
        run = tap.pointed_at(sandbox, **settings).run("cursus", "sync_runs")
        assert [row["cursus_ids"] for row in run.records("sync_runs")] == [expected]
