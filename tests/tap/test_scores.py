"""No score is stale after a nightly run, however the API betrays that it moved."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap

State = dict[str, Any]

STREAMS = ("coalitions", "coalitions_users")
NIGHTLY: dict[str, Any] = {
    "settle_seconds": 0, "overlap_seconds": 0, "refresh_hours": {"coalitions": 0},
    "campus_ids": [1, 29],
}  # fmt: skip
ONE = "/v2/coalitions/:id/coalitions_users"
WORLDS = ("accepted", "ignored", "refused")


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    """A sandbox of this module's own, as its data changes."""
    with running_sandbox(users=400, enrolments=100, achievements_per_user=1) as started:
        yield started


@pytest.fixture
def houses(running: RunningSandbox) -> RunningSandbox:
    """The sandbox in the world that the facts make likely."""
    running.configure(score_range="accepted")
    running.reset_requests()
    return running


class Table:
    """What a target that upserts has of the memberships' points."""

    def __init__(self, run: Run) -> None:
        self.scores: dict[int, int] = {}
        self.load(run)

    def load(self, run: Run) -> None:
        self.state = run.state
        for row in run.records("coalitions_users"):
            self.scores[row["id"]] = row["score"]


def members(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """The memberships in scope, those with most points first."""
    coalitions = {
        coalition["id"]
        for bloc in sandbox.truth("blocs")
        if bloc["campus_id"] in NIGHTLY["campus_ids"]
        for coalition in bloc["coalitions"]
    }
    rows = sandbox.truth("coalitions_users")
    inside = [row for row in rows if row["coalition_id"] in coalitions]
    return sorted(inside, key=lambda row: (-row["score"], row["id"]))


def true_scores(sandbox: RunningSandbox) -> dict[int, int]:
    return {row["id"]: row["score"] for row in members(sandbox)}


def coalitions_asked(sandbox: RunningSandbox) -> set[int]:
    """The coalitions whose memberships were read in full since the last reset."""
    return {
        int(entry["target"].split("/")[3])
        for entry in sandbox.log()
        if entry["route"] == f"GET {ONE}" and "updated_at" not in entry["target"]
    }


def windows_of_scores(sandbox: RunningSandbox) -> int:
    """How often memberships were asked for by when their points moved, since the last reset."""
    count = sum("this_year_score_updated_at" in entry["target"] for entry in sandbox.log())
    sandbox.reset_requests()
    return count


def earn(sandbox: RunningSandbox, membership: dict[str, Any], points: int) -> None:
    """Points as 42 gives them: member and coalition move, and no `updated_at`."""
    moved = sandbox.truth("coalitions", columns="id,score")
    total = {row["id"]: row["score"] for row in moved}[membership["coalition_id"]]
    now = sandbox.control("GET", "clock")["now"]
    sandbox.update(
        "coalitions_users",
        membership["id"],
        silent=True,
        score=membership["score"] + points,
        this_year_score_updated_at=now,
    )
    sandbox.update("coalitions", membership["coalition_id"], score=total + points)


@pytest.mark.few(1)
@pytest.mark.parametrize("world", WORLDS)
def test_no_score_is_stale_after_a_night(tap: Tap, houses: RunningSandbox, world: str) -> None:
    houses.configure(score_range=world)
    here = tap.pointed_at(houses, **NIGHTLY)
    table = Table(here.run(*STREAMS))
    assert len(table.scores) > 20
    for night in range(2):
        for row in members(houses)[night : night + 5]:
            earn(houses, row, 10 + night)
        assert table.scores != true_scores(houses)
        table.load(here.run(*STREAMS, state=table.state))
        assert table.scores == true_scores(houses)


@pytest.mark.few(1)
@pytest.mark.parametrize("world", WORLDS)
def test_only_what_moved_is_read_again(tap: Tap, houses: RunningSandbox, world: str) -> None:
    houses.configure(score_range=world)
    here = tap.pointed_at(houses, **NIGHTLY)
    first = here.run(*STREAMS)
    second = here.run(*STREAMS, state=first.state)
    richest = members(houses)[0]
    earn(houses, richest, 7)
    houses.reset_requests()
    third = here.run(*STREAMS, state=second.state)
    if world == "accepted":
        assert coalitions_asked(houses) == set()
        assert set(third.ids("coalitions_users")) >= {richest["id"]}
        assert windows_of_scores(houses) == 1
    else:
        assert coalitions_asked(houses) == {richest["coalition_id"]}
        assert windows_of_scores(houses) == 0
    fourth = here.run(*STREAMS, state=third.state)
    assert coalitions_asked(houses) == set()
    assert fourth.exit_code == 0


def test_the_api_is_asked_once_whether_it_knows_the_range(
    tap: Tap, houses: RunningSandbox
) -> None:
    houses.configure(score_range="ignored")
    here = tap.pointed_at(houses, **NIGHTLY)
    state = here.run(*STREAMS).state
    houses.reset_requests()
    state = here.run(*STREAMS, state=state).state
    assert windows_of_scores(houses) == 1
    here.run(*STREAMS, state=state)
    assert windows_of_scores(houses) == 0


def test_a_total_that_no_window_explains_is_looked_into(
    tap: Tap, houses: RunningSandbox
) -> None:
    # The range is honoured, but its column stood still.
    here = tap.pointed_at(houses, **NIGHTLY)
    table = Table(here.run(*STREAMS))
    member = members(houses)[0]
    houses.update("coalitions_users", member["id"], silent=True, score=member["score"] + 3)
    houses.update("coalitions", member["coalition_id"], score=123_456)
    houses.reset_requests()
    table.load(here.run(*STREAMS, state=table.state))
    assert table.scores == true_scores(houses)
    assert coalitions_asked(houses) == {member["coalition_id"]}


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_a_night_of_life_leaves_no_score_stale(
    tap: Tap, houses: RunningSandbox, world: str
) -> None:
    houses.configure(score_range=world)
    for row in houses.truth("coalitions"):
        # A total that stands at 0 and would fall betrays nothing.
        houses.update("coalitions", row["id"], score=row["score"] + 100_000)
    here = tap.pointed_at(houses, **NIGHTLY)
    table = Table(here.run(*STREAMS))
    for seed in range(2):
        time.sleep(0.6)  # what happens lies after what was read
        events = {"points": 200, "join": 5}
        houses.live(seconds=3600, seed=seed, within=0.5, events=events)
        table.load(here.run(*STREAMS, state=table.state))
        assert table.scores == true_scores(houses)


@pytest.mark.slow
def test_a_cut_run_leaves_no_score_behind(tap: Tap, houses: RunningSandbox) -> None:
    houses.configure(score_range="ignored")
    here = tap.pointed_at(houses, page_size=5, **NIGHTLY)
    table = Table(here.run(*STREAMS))
    by_score = members(houses)
    for row in by_score[:4]:
        earn(houses, row, 5)
    cut = here.run(*STREAMS, state=table.state, max_requests=12)
    table.load(cut)
    earn(houses, {**by_score[0], "score": by_score[0]["score"] + 5}, 5)
    for _ in range(2):
        table.load(here.run(*STREAMS, state=table.state))
    assert table.scores == true_scores(houses)


def test_points_in_scope_only_are_read(tap: Tap, houses: RunningSandbox) -> None:
    here = tap.pointed_at(houses, **NIGHTLY)
    table = Table(here.run(*STREAMS))
    inside = set(table.scores)
    everybody = houses.truth("coalitions_users")
    stranger = next(row for row in everybody if row["id"] not in inside)
    insider = next(row for row in everybody if row["id"] in inside)
    earn(houses, stranger, 5)
    earn(houses, insider, 5)
    night = here.run(*STREAMS, state=table.state)
    assert insider["id"] in night.ids("coalitions_users")
    assert set(night.ids("coalitions_users")) <= inside
