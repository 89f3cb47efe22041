"""Of a stream too large for ids, the rows that can disappear are known by theirs."""

from __future__ import annotations

from bisect import bisect, bisect_left
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.proofs import AT_ONCE, a_day_later, asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.proofs import Row
    from tests.tap.running import Run, Tap

ENROLMENTS = "/v2/projects_users?filter[cursus]=21"
FINISHED = f"{ENROLMENTS}&filter[status]=finished"
LIFE = {"submit": 40, "mark": 40, "enrol": 30, "retry": 10, "unregister": 12}

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def network() -> Iterator[RunningSandbox]:
    """A sandbox with more enrolments than a state has room for.

    It does not count them by the day.
    """
    with running_sandbox(users=3500, enrolments=140_000, achievements_per_user=0) as running:
        running.configure(graphs="refused")
        rows = running.truth_of(FINISHED, columns="id,created_at")
        for row in rows[1500::3000]:
            day = f"{row['created_at'][:10]}T00:00:00.000Z"
            running.update("projects_users", row["id"], silent=True, created_at=day)
        yield running


class Reader:
    """Reads enrolments night by night into a table that does what the census says."""

    def __init__(self, tap: Tap, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.rows: dict[int, tuple[Row, datetime]] = {}
        self._tap = tap.pointed_at(sandbox, **AT_ONCE)
        self._take(self._tap.run("campuses", "projects_users", "census"))

    def night(self, **settings: object) -> int:
        """Read what a night reads, and return its requests."""
        self.sandbox.reset_requests()
        state = a_day_later(self.state)
        self._take(self._tap.run("projects_users", "census", state=state, **settings))
        return asked(self.sandbox)

    @property
    def gone(self) -> set[int]:
        """The rows that are still there, though 42 has them no more."""
        return set(self.rows) - set(self.truth)

    def _take(self, run: Run) -> Run:
        self.state = run.state
        for message in run.messages:
            if message["type"] == "RECORD" and message["stream"] == "projects_users":
                extracted = datetime.fromisoformat(message["time_extracted"])
                self.rows[message["record"]["id"]] = message["record"], extracted
        numbers = sorted(self.rows)
        for proof in run.records("census"):
            if proof["stream"] != "projects_users" or proof["ids"] is None:
                continue
            at, ids = datetime.fromisoformat(proof["counted_at"]), set(proof["ids"])
            first, end = (
                bisect_left(numbers, proof["first_id"]),
                bisect(numbers, proof["last_id"]),
            )
            for number in set(numbers[first:end]) - ids:
                if number in self.rows and self.rows[number][1] < at:
                    del self.rows[number]
        return run

    @property
    def statuses(self) -> dict[int, Any]:
        return {number: row["status"] for number, (row, _) in self.rows.items()}

    @property
    def truth(self) -> dict[int, Any]:
        rows = self.sandbox.truth_of(ENROLMENTS, columns="id,status")
        return {row["id"]: row["status"] for row in rows}


@pytest.fixture(scope="module")
def reader(tap: Tap, network: RunningSandbox) -> Reader:
    """A reader that has loaded everything; each test leaves it with the truth."""
    reader = Reader(tap, network)
    assert len(reader.rows) > 100_000
    return reader


def test_open_rows_that_go_are_found_the_same_night(
    reader: Reader, network: RunningSandbox
) -> None:
    for night in range(3):
        network.live(seed=night, events=LIFE)
        reader.night()
        assert reader.statuses == reader.truth, night
    assert reader.night() < 20


def test_rows_that_were_finished_a_moment_ago_are_not_called_gone(
    reader: Reader, network: RunningSandbox
) -> None:
    before = reader.statuses
    network.live(seed=11, events=LIFE)
    now = reader.truth
    there = before.keys() & now.keys()
    assert any(before[row] != now[row] for row in there)
    reader.night(settle_seconds=3600)
    assert there <= set(reader.rows)
    reader.night()
    assert reader.statuses == reader.truth


def test_a_row_that_is_found_to_have_finished_in_silence_is_written(
    reader: Reader, network: RunningSandbox
) -> None:
    like = next(row for row, value in reader.statuses.items() if value == "in_progress")
    network.update("projects_users", like, silent=True, status="finished")
    reader.night()
    assert reader.statuses == reader.truth


def test_settled_rows_that_go_are_found_in_some_nights(
    reader: Reader, network: RunningSandbox
) -> None:
    settled = sorted(number for number, value in reader.statuses.items() if value == "finished")
    for number in settled[:: len(settled) // 5]:
        network.delete("projects_users", number)
    for _ in range(3):
        reader.night(refresh_nights=2)
    assert reader.statuses == reader.truth


def test_what_was_created_at_midnight_is_counted_once(
    reader: Reader, network: RunningSandbox
) -> None:
    rows = {number: row for number, (row, _) in reader.rows.items()}
    day = next(
        row["created_at"][:10]
        for row in rows.values()
        if row["created_at"].endswith("T00:00:00.000Z")
    )
    of_it = [
        number
        for number, row in rows.items()
        if row["created_at"][:10] == day and row["status"] == "finished"
    ]
    network.delete("projects_users", of_it[0])
    assert reader.night() < 40
    assert reader.statuses == reader.truth


def test_where_too_many_go_for_the_hour_some_more_are_found_each_night(
    reader: Reader, network: RunningSandbox, tmp_path: Path
) -> None:
    """A quarter of the hour is 40 requests here, and the open rows have more pages."""
    network.live(seed=21, events={"unregister": 150})
    left = []
    for night in range(5):
        hour = f"{tmp_path}/{night}.db"
        assert reader.night(requests_per_hour=160, quota_store=hour) <= 45
        left.append(len(reader.gone))
    assert left == sorted(left, reverse=True)
    assert left[0] < 150
    assert left[-1] == 0


def test_who_gives_the_census_the_requests_has_all_found_in_a_night(
    reader: Reader, network: RunningSandbox, tmp_path: Path
) -> None:
    network.live(seed=22, events={"unregister": 150})
    spent = reader.night(
        requests_per_hour=160, census_requests=2000, quota_store=f"{tmp_path}/hour.db"
    )
    assert spent > 40  # a quarter of the hour
    assert set(reader.rows) == set(reader.truth)


def test_where_open_rows_lie_between_the_settled_ones_the_hour_is_kept_to_as_well(
    reader: Reader, network: RunningSandbox, tmp_path: Path
) -> None:
    """Among the newest rows few are settled, so that a slice of them spans many open ones."""
    network.live(seed=34, events={"submit": 2000, "mark": 1000})
    reader.night()
    number = max(row for row, status in reader.statuses.items() if status == "finished")
    network.delete("projects_users", number)
    hour = {"requests_per_hour": 400, "quota_store": f"{tmp_path}/hour.db"}
    assert reader.night(refresh_nights=1, **hour) <= 110
    reader.night(refresh_nights=1)
    assert reader.gone == set()
