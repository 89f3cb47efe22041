"""All that is read for the first time shares requests, and gets what each would have got."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.interrupted import asked_so_far, in_bounded_runs, killed
from tests.tap.sweeping import (
    AT_ONCE,
    CAMPUSES,
    Table,
    asked_one_by_one,
    parents,
    queries,
    several,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.sweeping import Row


@pytest.fixture(scope="module")
def world() -> Iterator[RunningSandbox]:
    """A world with many campuses, whose data may be changed."""
    with running_sandbox(users=200, enrolments=600, achievements_per_user=3) as running:
        yield running


@pytest.fixture
def here(tap: Tap, world: RunningSandbox) -> Iterator[Tap]:
    world.reset_requests()
    yield tap.pointed_at(world, **AT_ONCE)
    world.clear_faults()


class TestFirstLoads:
    """Lists of which nothing was read before."""

    MEMBERS = "/v2/coalitions_users"

    def test_the_members_of_all_coalitions_take_the_pages_that_they_fill(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        run = here.run("coalitions_users")
        there = world.truth("coalitions_users", columns="id")
        assert sorted(run.ids("coalitions_users")) == [row["id"] for row in there]
        # Four lists of a hundred coalitions, each with the pages of its own, and two looks.
        assert len(queries(world, self.MEMBERS)) <= len(there) // 100 + 4 * 3 + 2
        assert "GET /v2/coalitions/:id/coalitions_users" not in world.requests()["routes"]

    def test_every_coalition_is_where_its_own_load_would_have_left_it(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        run = here.run("coalitions_users")
        partitions = run.state["bookmarks"]["coalitions_users"]["partitions"]
        assert len(partitions) == len(world.truth("coalitions", columns="id"))
        latest = max(row["updated_at"] for row in run.records("coalitions_users"))
        assert {part["replication_key_value"] for part in partitions} == {latest}
        assert {part["replication_key"] for part in partitions} == {"updated_at"}
        assert len({part["read_until"] for part in partitions}) == 1
        assert not [part for part in partitions if "from_scratch" in part]

    def test_each_enrolment_has_the_campus_that_asking_each_gives(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        table = Table(here.run("projects_users"))
        assert table.campuses == asked_one_by_one(world)
        assert len(queries(world, "/v2/projects_users")) < len(world.truth("campus"))

    @pytest.mark.slow
    def test_each_campus_is_asked_if_nobody_knows_where_somebody_belongs(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        world.fault("missing_field", route="/v2/campus_users", column="campus_id")
        table = Table(here.run("projects_users"))
        world.clear_faults()
        assert table.campuses == asked_one_by_one(world)

    @pytest.mark.long
    def test_the_world_of_the_demo_takes_some_six_hundred_requests(self, tap: Tap) -> None:
        with running_sandbox(users=1500, enrolments=20_000, seed=42) as demo:
            run = tap.pointed_at(demo).run()
            # Its rows fill 567 pages; some thirty look-ups tell who studies where.
            requests = asked_so_far(demo)
            assert requests <= 626, requests
            table = Table(run)
            assert table.campuses == asked_one_by_one(demo)
            there = demo.truth("coalitions_users", columns="id")
            assert sorted(run.ids("coalitions_users")) == [row["id"] for row in there]

    @pytest.mark.slow
    @pytest.mark.parametrize("stream", ["coalitions_users", "projects_users"])
    def test_a_budget_delays_them_and_loses_nothing(
        self, here: Tap, world: RunningSandbox, stream: str
    ) -> None:
        whole = here.run(stream, page_size=20)
        needed = asked_so_far(world)
        world.reset_requests()
        runs = in_bounded_runs(here, stream, page_size=20, max_requests=15)
        assert len(runs) > 2
        assert set(whole.ids(stream)) == {row for run in runs for row in run.ids(stream)}
        assert asked_so_far(world) < 2 * needed

    @pytest.mark.few(1)
    @pytest.mark.parametrize("stream", ["coalitions_users", "projects_users"])
    def test_a_kill_in_the_middle_costs_what_was_on_its_way(
        self, here: Tap, world: RunningSandbox, tmp_path: Path, stream: str
    ) -> None:
        small: Row = {"page_size": 10, "spool": str(tmp_path / "spool")}
        whole = here.run(stream, page_size=10)
        needed = asked_so_far(world)
        before = killed(here.pointed_at(world, **AT_ONCE, **small), world, stream, after=25)
        spent = asked_so_far(world)
        world.reset_requests()
        after = here.run(stream, **small)
        assert set(after.ids(stream)) == set(whole.ids(stream))
        assert set(before.ids(stream)) <= set(whole.ids(stream))
        assert spent + asked_so_far(world) < needed + 30


class TestNewcomers:
    """A campus that joins the scope."""

    def test_it_gets_a_first_load_and_the_others_are_not_read_again(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        table = Table(here.run("projects_users", campus_ids=[1, 29]))
        world.reset_requests()
        second = here.run("projects_users", campus_ids=[1, 21, 29], state=table.state)
        groups = parents(world, "/v2/projects_users", CAMPUSES)
        assert {1, 29} in groups
        assert {21} in groups
        assert {1} not in groups
        table.load(second)
        assert table.campuses == asked_one_by_one(world, {1, 21, 29})

    @pytest.mark.slow
    def test_it_keeps_the_last_rows_of_those_who_are_also_students_elsewhere(
        self, here: Tap, world: RunningSandbox
    ) -> None:
        table = Table(here.run("projects_users", campus_ids=[1, 9, 29]))
        both = several(world)
        row = next(row for row in table.rows.values() if row["user_id"] not in both)
        world.insert("campus_users", user_id=row["user_id"], campus_id=41, is_primary=False)
        world.update("projects_users", row["id"], final_mark=55)
        for campuses in ([1, 9, 29], [1, 9, 29, 41], [1, 9, 29, 41]):
            table.load(here.run("projects_users", campus_ids=campuses, state=table.state))
        assert table.campuses[row["id"]] == 41

    @pytest.mark.slow
    def test_it_takes_part_from_the_next_run_on(self, here: Tap, world: RunningSandbox) -> None:
        state = here.run("projects_users", campus_ids=[1, 29]).state
        state = here.run("projects_users", campus_ids=[1, 21, 29], state=state).state
        world.reset_requests()
        here.run("projects_users", campus_ids=[1, 21, 29], state=state)
        assert parents(world, "/v2/projects_users", CAMPUSES) == [{1, 21, 29}]
