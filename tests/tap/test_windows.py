"""Windows of many parents share requests, and get what each would have got alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ft42.declared.listing import LARGEST
from tap_ft42.planning.sweeps import CLOSE, sweep_state, sweeps

from tests.sandboxes import running_sandbox
from tests.tap.interrupted import asked_so_far, said_why_it_ended
from tests.tap.running import Run
from tests.tap.sweeping import (
    AT_ONCE,
    CAMPUSES,
    Row,
    Table,
    asked_one_by_one,
    happen,
    parents,
    queries,
    several,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap

LIVE = ("users", "projects_users", "achievements_users")
EVERYBODY = (*LIVE, "coalitions_users")
COALITIONS = "filter[coalition_id]"


@pytest.fixture(scope="module")
def world() -> Iterator[RunningSandbox]:
    """A world with many campuses, whose data may be changed."""
    with running_sandbox(users=200, enrolments=1200, achievements_per_user=3) as running:
        yield running


@pytest.fixture(scope="module")
def crowd() -> Iterator[RunningSandbox]:
    """A world with a campus of several batches of people."""
    with running_sandbox(users=1500, enrolments=50, achievements_per_user=2) as running:
        yield running


@pytest.fixture
def here(tap: Tap, world: RunningSandbox) -> Iterator[Tap]:
    world.reset_requests()
    yield tap.pointed_at(world, **AT_ONCE)
    world.clear_faults()


class TestCost:
    """A quarter of an hour in which nothing happens."""

    def test_it_costs_three_requests_worldwide(self, here: Tap, world: RunningSandbox) -> None:
        state = here.run(*LIVE).state
        world.reset_requests()
        here.run(*LIVE, state=state)
        assert asked_so_far(world) == 3

    @pytest.mark.slow
    def test_it_costs_eight_with_the_houses(self, here: Tap, world: RunningSandbox) -> None:
        first = here.run(*EVERYBODY)
        assert len(world.truth("coalitions", columns="id")) > 300
        # The next one asks, once a week, whether the API tells whose points moved.
        second = here.run(*EVERYBODY, state=first.state)
        world.reset_requests()
        here.run(*EVERYBODY, state=second.state)
        assert asked_so_far(world) <= 8

    @pytest.mark.few(1)
    @pytest.mark.parametrize("campuses", [[1], [41]])
    def test_it_costs_three_at_a_campus(
        self, here: Tap, world: RunningSandbox, campuses: list[int]
    ) -> None:
        state = here.run(*LIVE, campus_ids=campuses).state
        world.reset_requests()
        here.run(*LIVE, campus_ids=campuses, state=state)
        assert asked_so_far(world) == 3

    @pytest.mark.slow
    def test_no_request_names_more_than_a_hundred_parents(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        state = here.run("coalitions_users").state
        world.reset_requests()
        here.run("coalitions_users", state=state)
        groups = parents(world, "/v2/coalitions_users", COALITIONS)
        assert max(map(len, groups)) <= 100
        coalitions = [coalition for group in groups for coalition in group]
        assert sorted(coalitions) == sorted(
            row["id"] for row in world.truth("coalitions", columns="id")
        )

    @pytest.mark.slow
    def test_what_changed_costs_the_pages_and_the_look_ups_that_hold_it(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        state = here.run("projects_users").state
        world.reset_requests()
        happen(world, mark=20, enrol=20)
        run = here.run("projects_users", state=state)
        assert 20 < len(run.records("projects_users")) < 100
        assert asked_so_far(world) <= 3

    @pytest.mark.slow
    def test_the_last_rows_that_come_again_cost_no_look_up(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        state = here.run("projects_users").state
        happen(world, mark=5)
        second = here.run("projects_users", state=state, overlap_seconds=60)
        world.reset_requests()
        third = here.run("projects_users", state=second.state, overlap_seconds=60)
        assert asked_so_far(world) == 1
        table = Table(second)
        again = third.records("projects_users")
        assert again
        assert again == [table.rows[row["id"]] for row in again]


class TestResult:
    """What lands, whoever was asked."""

    def test_each_enrolment_has_the_campus_that_asking_each_gives(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        table = Table(here.run("projects_users"))
        for _ in range(3):
            happen(world, mark=10, enrol=10, join=5)
            world.reset_requests()
            table.load(here.run("projects_users", state=table.state))
            assert len(parents(world, "/v2/projects_users", CAMPUSES)[0]) > 50
        expected = asked_one_by_one(world)
        assert {row: table.campuses[row] for row in expected} == expected

    @pytest.mark.slow
    def test_a_sweep_and_asking_each_campus_give_the_same_rows(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        state = here.run("projects_users").state
        happen(world, mark=40, enrol=40)
        swept = Table(here.run("projects_users", state=state))
        world.reset_requests()
        # With pages this small a sweep would cost more than a request a campus.
        apart = Table(here.run("projects_users", state=state, page_size=1))
        assert {1} in parents(world, "/v2/projects_users", CAMPUSES)
        assert apart.rows == swept.rows
        assert len(swept.rows) > 40
        assert several(world) & {row["user_id"] for row in swept.rows.values()}

    def test_memberships_come_whatever_their_coalition(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        state = here.run("coalitions_users").state
        changed = [row["id"] for row in world.truth("coalitions_users", columns="id")][::40]
        for membership in changed:
            world.update("coalitions_users", membership, score=4242)
        run = here.run("coalitions_users", state=state)
        scores = {row["id"]: row["score"] for row in run.records("coalitions_users")}
        assert {scores[membership] for membership in changed} == {4242}

    @pytest.mark.slow
    def test_every_campus_has_a_bookmark_of_its_own(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        first = here.run("projects_users").state
        happen(world, mark=10)
        second = here.run("projects_users", state=first).state
        before, after = by_campus(first), by_campus(second)
        assert before.keys() == after.keys()
        assert len({p["replication_key_value"] for p in after.values()}) == 1
        assert all(
            after[campus]["replication_key_value"] > before[campus]["replication_key_value"]
            for campus in after
        )

    @pytest.mark.slow
    def test_each_campus_is_asked_if_nobody_knows_where_somebody_belongs(
        self, tap: Tap, crowd: RunningSandbox
    ) -> None:
        # As if the API went by something else than the people's campuses.
        here = tap.pointed_at(crowd, **AT_ONCE)
        first = here.run("projects_users")
        both = several(crowd)
        changed = next(r for r in first.records("projects_users") if r["user_id"] not in both)
        crowd.update("projects_users", changed["id"], final_mark=77)
        crowd.reset_requests()
        crowd.fault("missing_field", route="/v2/campus_users", column="campus_id")
        got = here.run("projects_users", state=first.state)
        crowd.clear_faults()
        assert {changed["campus_id"]} in parents(crowd, "/v2/projects_users", CAMPUSES)
        assert [row["final_mark"] for row in got.records("projects_users")] == [77]
        assert Table(got).campuses == {changed["id"]: changed["campus_id"]}


def by_campus(state: Row) -> dict[int, Row]:
    """The states of the partitions of the enrolments."""
    partitions: list[Row] = state["bookmarks"]["projects_users"]["partitions"]
    return {partition["context"]["campus_id"]: partition for partition in partitions}


class TestInterruptions:
    """A sweep that does not come to its end."""

    @pytest.mark.long
    @pytest.mark.parametrize("budget", [3, 7])
    def test_the_next_runs_go_on_from_there_and_lose_nothing(
        self, here: Tap, world: RunningSandbox, tmp_path: Path, budget: int
    ) -> None:
        small: Row = {"page_size": 10, "spool": str(tmp_path / "spool")}
        state = here.run("projects_users").state
        happen(world, mark=60, enrol=60)
        whole = Table(here.run("projects_users", state=state))
        table, runs = Table(), list[Run]()
        table.state = state
        while not runs or said_why_it_ended(runs[-1]):
            runs.append(
                here.run("projects_users", state=table.state, max_requests=budget, **small)
            )
            table.load(runs[-1])
            assert len(runs) < 40
        assert len(runs) > 1
        assert table.rows == whole.rows

    def test_members_that_are_apart_meet_again(self, here: Tap, world: RunningSandbox) -> None:
        state = here.run("projects_users", campus_ids=[1, 21, 29]).state
        partitions = state["bookmarks"]["projects_users"]["partitions"]
        # As an earlier run would have left them that failed in the middle.
        partitions[0]["read_until"] = partitions[0]["replication_key_value"] = written(
            in_milliseconds(partitions[0]["read_until"]) - CLOSE // 2
        )
        world.reset_requests()
        second = here.run("projects_users", campus_ids=[1, 21, 29], state=state).state
        assert parents(world, "/v2/projects_users", CAMPUSES)[0] == {1, 21, 29}
        ends = {p["read_until"] for p in second["bookmarks"]["projects_users"]["partitions"]}
        assert len(ends) == 1


class TestBadges:
    """Badges of a scope, which the API cannot narrow by campus."""

    PATH, PEOPLE = "/v2/achievements_users", "filter[user_id]"

    def test_a_first_load_asks_for_nobody_else(self, tap: Tap, crowd: RunningSandbox) -> None:
        here = tap.pointed_at(crowd, campus_ids=[1], **AT_ONCE)
        crowd.reset_requests()
        run = here.run("users", "achievements_users")
        assert all(self.PEOPLE in query for query in queries(crowd, self.PATH))
        students = set(run.ids("users"))
        awards = crowd.truth("achievements_users")
        wanted = {row["id"] for row in awards if row["user_id"] in students}
        assert set(run.ids("achievements_users")) >= wanted != set()

    def test_later_everybody_s_window_costs_less_and_others_are_dropped(
        self, tap: Tap, crowd: RunningSandbox
    ) -> None:
        here = tap.pointed_at(crowd, campus_ids=[1], **AT_ONCE)
        first = here.run("users", "achievements_users")
        people = {row["user_id"] for row in first.records("achievements_users")}
        happen(crowd, badge=60)
        crowd.reset_requests()
        second = here.run("users", "achievements_users", state=first.state)
        assert [query.get(self.PEOPLE) for query in queries(crowd, self.PATH)] == [None]
        assert asked_so_far(crowd) == 2
        got = {row["user_id"] for row in second.records("achievements_users")}
        assert got
        assert got - people <= set(first.ids("users")) | set(second.ids("users"))

    @pytest.mark.slow
    def test_batches_are_asked_where_everybody_has_too_many(
        self, tap: Tap, crowd: RunningSandbox
    ) -> None:
        here = tap.pointed_at(crowd, campus_ids=[1], **AT_ONCE)
        first = here.run("users", "achievements_users")
        happen(crowd, badge=100)
        narrow = here.run("users", "achievements_users", state=first.state, page_size=5)
        batches = [query.get(self.PEOPLE) for query in queries(crowd, self.PATH)]
        assert batches[-1] is not None
        wide = here.run("users", "achievements_users", state=first.state)
        assert set(narrow.ids("achievements_users")) == set(wide.ids("achievements_users"))
        assert wide.ids("achievements_users")

    @pytest.mark.slow
    def test_who_joins_the_campus_has_badges_in_the_same_run(
        self, tap: Tap, crowd: RunningSandbox
    ) -> None:
        here = tap.pointed_at(crowd, campus_ids=[1], **AT_ONCE)
        first = here.run("users", "achievements_users")
        stranger = next(
            row
            for row in crowd.truth_of("/v2/cursus/21/users?filter[kind]=student")
            if row["id"] not in set(first.ids("users")) and not row["alumni?"]
        )
        crowd.update("users", stranger["id"], primary_campus_id=1)
        award = crowd.insert("achievements_users", user_id=stranger["id"], achievement_id=1)
        crowd.reset_requests()
        second = here.run("users", "achievements_users", state=first.state)
        older = {
            row["id"]
            for row in crowd.truth("achievements_users")
            if row["user_id"] == stranger["id"]
        }
        assert award in older != {award}
        assert older <= set(second.ids("achievements_users"))
        assert asked_so_far(crowd) == 3
        later = crowd.insert("achievements_users", user_id=stranger["id"], achievement_id=2)
        third = here.run("users", "achievements_users", state=second.state)
        assert later in third.ids("achievements_users")


NOW = 1_790_000_000_000


def written(instant: int) -> str:
    moment = datetime.fromtimestamp(instant / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@st.composite
def partitions(draw: st.DrawFn) -> Row:
    """The state of a partition: never read, begun, or read up to about now."""
    if not (back := draw(st.one_of(st.none(), st.integers(0, 4 * CLOSE)))):
        return draw(st.sampled_from([{}, {"from_scratch": {"next_id": 5}}]))
    bookmark = NOW - back
    state = {"replication_key_value": written(bookmark)}
    if (ahead := draw(st.one_of(st.none(), st.integers(-CLOSE, 2 * CLOSE)))) is not None:
        state["read_until"] = written(bookmark + ahead)
    return state


def complete(state: Row) -> int:
    """Up to which instant a partition lacks nothing."""
    ends = (state["replication_key_value"], state.get("read_until", ""))
    return in_milliseconds(max(ends))


class TestRule:
    """Which partitions are read together, and from when on."""

    @given(st.lists(partitions(), max_size=20), st.integers(2, 7))
    def test_everybody_is_read_once_and_first_loads_with_their_like(
        self, states: list[Row], largest: int
    ) -> None:
        groups = sweeps(states, largest)
        assert sorted(number for group in groups for number in group) == [*range(len(states))]
        assert max(map(len, groups), default=0) <= largest
        for first, *others in groups:
            for other in others:
                one, another = states[first], states[other]
                assert one.get("from_scratch") == another.get("from_scratch")
                assert ("replication_key_value" in one) == ("replication_key_value" in another)

    @given(st.lists(partitions(), max_size=20), st.integers(2, 7))
    def test_first_loads_are_alone_where_nobody_knows_better(
        self, states: list[Row], largest: int
    ) -> None:
        groups = sweeps(states, largest, with_loads=False)
        assert sorted(number for group in groups for number in group) == [*range(len(states))]
        assert all("replication_key_value" in states[n] for g in groups if g[1:] for n in g)

    @given(st.lists(partitions(), max_size=20))
    def test_a_sweep_loses_nothing_and_reads_little_twice(self, states: list[Row]) -> None:
        for group in sweeps(states):
            members = [states[number] for number in group]
            if not all("replication_key_value" in member for member in members):
                continue
            begin = in_milliseconds(sweep_state(members)["replication_key_value"])
            ends = [complete(member) for member in members]
            assert begin <= min(ends)
            assert max(ends) - min(ends) <= CLOSE
            bookmarks = [in_milliseconds(m["replication_key_value"]) for m in members]
            assert begin >= min(max(bookmarks), *ends)

    @given(st.integers(1, 450))
    def test_partitions_alike_take_as_few_sweeps_as_can_be(self, count: int) -> None:
        alike = {"replication_key_value": written(NOW), "read_until": written(NOW)}
        assert len(sweeps([alike] * count)) == -(-count // LARGEST)
