"""Nobody's level is older than a night if they moved, nor than ``refresh_nights`` if not."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ft42_sandbox.likeness import FORMAT

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap

Row = dict[str, Any]

LEVELS = "GET /v2/cursus/:id/cursus_users"
PEOPLE = "GET /v2/cursus/:id/users"
STREAMS = ("campuses", "users", "projects_users", "cursus_users", "census")
NIGHTS = 4
VALUES = ("level", "grade", "blackholed_at")


class Copy:
    """What a target has of the levels, night by night, by a clock of its own."""

    def __init__(
        self, tap: Tap, sandbox: RunningSandbox, first: Copy | None = None, **settings: object
    ) -> None:
        """Load, or go on with the first load of another sandbox with the same people."""
        self.sandbox = sandbox
        self.rows: dict[int, Row] = dict(first.rows) if first else {}
        self.asked: list[str] = []
        self.state: Row | None = first.state if first else None
        self._tap = tap.pointed_at(sandbox, refresh_nights=NIGHTS, **settings)
        if first is None:
            self.run()

    def run(self, *streams: str, **settings: object) -> Run:
        """Let the tap run now."""
        self.sandbox.reset_requests()
        now = datetime.fromisoformat(self.sandbox.control("GET", "clock")["now"])
        run = replace(self._tap, now=now.timestamp() + 31).run(
            *(streams or STREAMS), state=self.state, **settings
        )
        self.state = run.state
        self.rows |= {row["id"]: row for row in run.records("cursus_users")}
        for census in run.records("census"):
            if census["stream"] == "cursus_users" and census["ids"] is not None:
                judged = range(census["first_id"], census["last_id"] + 1)
                for row_id in set(judged) & self.rows.keys() - set(census["ids"]):
                    del self.rows[row_id]
        self.asked = [
            entry["target"] for entry in self.sandbox.log() if entry["route"] == LEVELS
        ]
        return run

    def wait(self, **span: int) -> None:
        """Let time pass."""
        seconds = timedelta(**span).total_seconds()
        self.sandbox.control("POST", "clock", {"move": seconds})

    def night(self, **settings: object) -> Run:
        """Let the tap run a day later."""
        self.wait(days=1)
        return self.run(**settings)

    def stale(self, **narrowed: str) -> set[int]:
        """The rows of which the copy has other values than 42."""
        query = "".join(f"&{name}={value}" for name, value in narrowed.items())
        truth = self.sandbox.truth_of(f"/v2/cursus_users?filter[cursus_id]=21{query}")
        return {
            row["id"]
            for row in truth
            if row["id"] not in self.rows
            or any(self.rows[row["id"]][name] != row[name] for name in VALUES)
        }

    def stale_of_students(self) -> set[int]:
        """Those of them whose people are published."""
        path = "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false"
        students = {row["id"] for row in self.sandbox.truth_of(path, columns="id")}
        return {row_id for row_id in self.stale() if self.rows[row_id]["user_id"] in students}

    def forget(self, person: int) -> None:
        """Let 42 delete who somebody is in the cursus."""
        for row in self.sandbox.truth("cursus_users"):
            if row["user"]["id"] == person and row["cursus_id"] == 21:
                self.sandbox.delete("cursus_users", row["id"])

    @property
    def of_people(self) -> list[str]:
        """The requests that name people."""
        return [target for target in self.asked if "filter[user_id]" in target]


@contextmanager
def living(like: str | None = None) -> Iterator[RunningSandbox]:
    """A sandbox whose clock stands still, an hour after the census is due."""
    epoch = "2026-11-01T00:00:00Z"
    options = {} if like is None else {"as": like}
    with running_sandbox(users=250, enrolments=1000, epoch=epoch, **options) as sandbox:
        sandbox.control("POST", "clock", {"freeze": True})
        sandbox.control("POST", "clock", {"set": "2026-11-10T03:00:00Z"})
        yield sandbox


@pytest.fixture
def world() -> Iterator[RunningSandbox]:
    """A sandbox that a test may change."""
    with living() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def first(tap: Tap) -> Copy:
    """A copy of all levels; what it is a copy of has gone."""
    with living() as sandbox:
        return Copy(tap, sandbox)


@pytest.fixture
def levels(tap: Tap, first: Copy, world: RunningSandbox) -> Copy:
    """A copy of all levels."""
    return Copy(tap, world, first)


def raise_silently(levels: Copy, row_id: int, level: float) -> None:
    """Let a level move, which nothing tells."""
    levels.sandbox.update("cursus_users", row_id, level=level, silent=True)


def test_who_was_marked_has_their_level_with_the_next_night(levels: Copy) -> None:
    for _ in range(2):
        levels.wait(hours=12)
        levels.sandbox.live(3600, events={"mark": 40})
        assert levels.stale()
        levels.wait(hours=12)
        levels.run()
        assert levels.stale() == set()


@pytest.mark.slow
def test_marks_that_other_runs_have_seen_are_remembered_until_the_night(levels: Copy) -> None:
    levels.wait(hours=6)
    levels.sandbox.live(3600, events={"mark": 40})
    levels.wait(minutes=15)
    levels.run()
    assert levels.asked == []
    assert levels.stale()
    levels.wait(hours=18)
    levels.run()
    assert levels.stale() == set()


def test_between_two_nights_nothing_is_asked(levels: Copy) -> None:
    for _ in range(3):
        levels.wait(minutes=15)
        levels.run()
        assert levels.asked == []


@pytest.mark.slow
def test_what_nothing_tells_is_found_within_the_nights(levels: Copy) -> None:
    silent = sorted(levels.rows)[::7]
    for row_id in silent:
        raise_silently(levels, row_id, 20.5)
    shares = []
    for _ in range(NIGHTS):
        levels.night()
        shares.append(len(levels.of_people))
    assert levels.stale_of_students() == set()
    assert max(shares) <= len(levels.rows) // NIGHTS // 100 + 2  # no night has them all


@pytest.mark.slow
def test_whose_deadline_is_near_is_read_each_night(levels: Copy) -> None:
    now = datetime.fromisoformat(levels.sandbox.control("GET", "clock")["now"])
    near, *_ = [row_id for row_id, row in levels.rows.items() if row["blackholed_at"]]
    soon = (now + timedelta(days=20)).astimezone(UTC).isoformat()
    levels.sandbox.update("cursus_users", near, blackholed_at=soon)
    levels.night()
    assert near not in levels.stale()
    for level in (9.25, 9.5, 9.75):
        raise_silently(levels, near, level)
        levels.night()
        assert near not in levels.stale()


def test_without_the_marks_everybody_is_read_each_night(levels: Copy) -> None:
    others = [stream for stream in STREAMS if stream not in {"campuses", "projects_users"}]
    for row_id in sorted(levels.rows)[::9]:
        raise_silently(levels, row_id, 20.5)
    levels.wait(days=1)
    levels.run(*others)
    assert levels.stale_of_students() == set()


@pytest.mark.slow
def test_who_is_read_for_their_level_is_not_read_again_among_the_people(
    levels: Copy,
) -> None:
    students = levels.sandbox.truth_of(
        "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false", columns="id"
    )
    silent = [row["id"] for row in students][::5]
    for person in silent:
        levels.sandbox.update("users", person, wallet=4242, silent=True)
    brought: dict[int, Row] = {}
    for night in range(NIGHTS):
        run = levels.night()
        brought |= {row["id"]: row for row in run.records("users")}
        asked = [entry for entry in levels.sandbox.log() if entry["route"] == PEOPLE]
        # What changed, and who left; the first one also looks how ranges are answered.
        assert len(asked) <= 2 + (night == 0), f"night {night}"
    assert {brought[person]["wallet"] for person in silent} == {4242}
    assert {row["cursus_id"] for row in brought.values()} == {21}


@pytest.mark.slow
def test_who_is_gone_is_asked_for_no_more(levels: Copy) -> None:
    gone = [row["user_id"] for row in levels.rows.values()][:5]
    for person in gone:
        levels.forget(person)
    for _ in range(NIGHTS):
        levels.night()
    ids = {
        row["id"] for row in levels.sandbox.truth_of("/v2/cursus_users?filter[cursus_id]=21")
    }
    assert levels.rows.keys() == ids


class TestOfACampus:
    """A scope that is narrowed to a campus."""

    @pytest.fixture
    def campus(self, world: RunningSandbox) -> int:
        """The campus that most people have left for another one."""
        left = [
            row["campus_id"] for row in world.truth("campus_users") if not row["is_primary"]
        ]
        return int(max(sorted(set(left)), key=left.count))

    @pytest.mark.slow
    def test_who_has_left_for_another_campus_has_a_level_too(
        self, tap: Tap, world: RunningSandbox, campus: int
    ) -> None:
        levels = Copy(tap, world, campus_ids=[campus])
        listed = {
            row["id"]
            for row in world.truth_of(
                f"/v2/cursus_users?filter[cursus_id]=21&filter[campus_id]={campus}"
            )
        }
        enrolments = world.truth_of(
            f"/v2/projects_users?filter[cursus]=21&filter[campus]={campus}"
        )
        students = {row["user"]["id"] for row in enrolments}
        dropped = [
            row
            for row in world.truth("cursus_users")
            if row["cursus_id"] == 21
            and row["id"] not in listed
            and row["user"]["id"] in students
        ]
        assert dropped
        assert listed | {row["id"] for row in dropped} >= levels.rows.keys() >= listed
        assert {row["id"] for row in dropped} <= levels.rows.keys()
        for row in dropped:
            raise_silently(levels, row["id"], 20.5)
        levels.night()
        assert all(levels.rows[row["id"]]["level"] == 20.5 for row in dropped)

    def test_a_night_takes_two_requests(
        self, tap: Tap, world: RunningSandbox, campus: int
    ) -> None:
        levels = Copy(tap, world, campus_ids=[campus])
        for night in range(4):
            world.live(3600, events={"mark": 100})
            levels.night()
            # The first one also looks how ranges are answered.
            assert len(levels.asked) == 2 + (night == 0)
            assert levels.stale(**{"filter[campus_id]": str(campus)}) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "habit",
    [
        {"longest_list": 20},
        {"longest_list": 20, "beyond_list": 400},
        {"refused": ["filter[user_id]"]},
        {"ignored": ["filter[user_id]"]},
    ],
    ids=["cut", "too long", "refused", "ignored"],
)
def test_whatever_becomes_of_lists_of_people_no_level_is_lost(
    tap: Tap, tmp_path: Path, habit: Row
) -> None:
    like = tmp_path / "report.json"
    routes = {"/v2/cursus/{cursus_id}/cursus_users": {"differs": habit}}
    like.write_text(json.dumps({"format": FORMAT, "routes": routes}), encoding="utf-8")
    with living(str(like)) as world:
        levels = Copy(tap, world)
        world.live(3600, events={"mark": 60})
        levels.night()
        assert levels.stale() == set()
        levels.night()
        assert len(levels.asked) < 25  # all of it has four pages


@pytest.mark.parametrize("beyond", [None, 502])
def test_where_42_takes_one_person_at_a_time_the_first_night_reads_all_at_once(
    tap: Tap, tmp_path: Path, beyond: int | None
) -> None:
    like = tmp_path / "report.json"
    habit = {"longest_list": 1} | ({"beyond_list": beyond} if beyond else {})
    routes = {"/v2/cursus/{cursus_id}/cursus_users": {"differs": habit}}
    like.write_text(json.dumps({"format": FORMAT, "routes": routes}), encoding="utf-8")
    with living(str(like)) as world:
        levels = Copy(tap, world)
        world.live(3600, events={"mark": 60})
        levels.night()
        assert levels.stale() == set()
        assert len(levels.asked) < 30  # all of it has four pages


@pytest.mark.slow
def test_who_may_not_ask_for_people_reads_all_levels_each_night(
    tap: Tap, world: RunningSandbox
) -> None:
    world.fault("forbidden", route="/v2/cursus/:id/cursus_users", query="filter[user_id]")
    levels = Copy(tap, world)
    world.live(3600, events={"mark": 60})
    levels.night()
    assert levels.stale() == set()
