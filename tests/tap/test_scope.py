"""Some campuses or another cursus: the run reads what hangs on them, and no more."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap

PARIS, NICE = 1, 41
STUDENTS = "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false"
SCOPES = ((PARIS,), (29, 33), (PARIS, 22, 25))
PEOPLE = (
    "users", "cursus_users", "campus_users", "projects_users", "coalitions_users",
    "achievements_users",
)  # fmt: skip


def ids_of(sandbox: RunningSandbox, path: str) -> set[int]:
    return {row["id"] for row in sandbox.truth_of(path)}


def joined(campuses: Sequence[int]) -> str:
    return ",".join(map(str, campuses))


@pytest.fixture(scope="module", params=SCOPES, ids=joined)
def campuses(request: pytest.FixtureRequest) -> tuple[int, ...]:
    """Campuses that a run is narrowed to."""
    chosen: tuple[int, ...] = request.param
    return chosen


@pytest.fixture(scope="module")
def run(tap: Tap, quiet_sandbox: RunningSandbox, campuses: tuple[int, ...]) -> Run:
    """A run of all that hangs on people."""
    return tap.pointed_at(quiet_sandbox, campus_ids=list(campuses)).run(*PEOPLE)


def test_users_are_those_whose_primary_campus_it_is(
    run: Run, quiet_sandbox: RunningSandbox, campuses: tuple[int, ...]
) -> None:
    path = f"{STUDENTS}&filter[primary_campus_id]={joined(campuses)}"
    assert set(run.ids("users")) == ids_of(quiet_sandbox, path) != set()


def test_enrolments_are_those_of_the_campuses(
    run: Run, quiet_sandbox: RunningSandbox, campuses: tuple[int, ...]
) -> None:
    path = f"/v2/projects_users?filter[campus]={joined(campuses)}&filter[cursus]=21"
    assert set(run.ids("projects_users")) == ids_of(quiet_sandbox, path) != set()
    assert {row["campus_id"] for row in run.records("projects_users")} <= set(campuses)


def test_badges_are_those_of_the_campuses_people(
    run: Run, quiet_sandbox: RunningSandbox, campuses: tuple[int, ...]
) -> None:
    students = set(run.ids("users"))
    people = {
        row["user_id"]
        for row in quiet_sandbox.truth("campus_users")
        if row["is_primary"] and row["campus_id"] in campuses
    }
    awards = quiet_sandbox.truth("achievements_users")
    got = set(run.ids("achievements_users"))
    assert got >= {row["id"] for row in awards if row["user_id"] in students} != set()
    assert got <= {row["id"] for row in awards if row["user_id"] in people}


def test_coalition_memberships_are_those_of_the_campuses_coalitions(
    run: Run, quiet_sandbox: RunningSandbox, campuses: tuple[int, ...]
) -> None:
    coalitions = {
        coalition["id"]
        for bloc in quiet_sandbox.truth("blocs")
        if bloc["campus_id"] in campuses
        for coalition in bloc["coalitions"]
    }
    expected = {
        row["id"]
        for row in quiet_sandbox.truth("coalitions_users")
        if row["coalition_id"] in coalitions
    }
    assert set(run.ids("coalitions_users")) == expected != set()


@pytest.mark.few(1)
@pytest.mark.parametrize("campuses", SCOPES)
def test_blocs_and_coalitions_are_those_of_the_campuses(
    tap: Tap, quiet_sandbox: RunningSandbox, campuses: tuple[int, ...]
) -> None:
    run = tap.pointed_at(quiet_sandbox, campus_ids=list(campuses)).run("blocs", "coalitions")
    blocs = [row for row in quiet_sandbox.truth("blocs") if row["campus_id"] in campuses]
    sides = {coalition["id"] for bloc in blocs for coalition in bloc["coalitions"]}
    listed = [row for row in quiet_sandbox.truth("coalitions") if row["id"] in sides]
    assert run.ids("blocs") == [bloc["id"] for bloc in blocs] != []
    assert sorted(run.records("coalitions"), key=itemgetter("id")) == listed


def test_ties_are_those_of_the_campuses(
    run: Run, quiet_sandbox: RunningSandbox, campuses: tuple[int, ...]
) -> None:
    path = f"/v2/campus_users?filter[campus_id]={joined(campuses)}"
    assert set(run.ids("campus_users")) == ids_of(quiet_sandbox, path) != set()


def test_levels_are_those_of_all_who_study_at_the_campuses(
    run: Run, quiet_sandbox: RunningSandbox, campuses: tuple[int, ...]
) -> None:
    levels = quiet_sandbox.truth_of("/v2/cursus/21/cursus_users")
    path = f"/v2/cursus/21/cursus_users?filter[campus_id]={joined(campuses)}"
    enrolled = {row["user_id"] for row in run.records("projects_users")}
    dropped = {row["id"] for row in levels if row["user"]["id"] in enrolled}
    assert set(run.ids("cursus_users")) == ids_of(quiet_sandbox, path) | dropped


def test_badges_have_one_bookmark_however_many_users_there_are(
    run: Run,
) -> None:
    (bookmark,) = [run.state["bookmarks"]["achievements_users"]]
    assert "partitions" not in bookmark
    latest = max(row["updated_at"] for row in run.records("achievements_users"))
    assert bookmark["replication_key_value"] == latest


def test_a_campus_without_students_has_no_badges_and_not_everybody_s(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    # The API ignores an empty filter and would send all rows.
    with_students = {
        row["campus_id"] for row in sandbox.truth("campus_users") if row["is_primary"]
    }
    empty = next(c["id"] for c in sandbox.truth("campus") if c["id"] not in with_students)
    run = tap.pointed_at(sandbox, campus_ids=[empty]).run("users", "achievements_users")
    assert run.records("users") == []
    assert run.records("achievements_users") == []


def test_no_campus_named_means_all_of_them(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox, campus_ids=[]).run("users")
    assert set(run.ids("users")) == ids_of(sandbox, STUDENTS)


def test_what_hangs_on_nobody_is_read_whole(tap: Tap, sandbox: RunningSandbox) -> None:
    streams = {"cursus": "cursus", "achievements": "achievements"}
    run = tap.pointed_at(sandbox, campus_ids=[PARIS]).run(*streams)
    for stream, table in streams.items():
        assert run.ids(stream) == [row["id"] for row in sandbox.truth(table)]


def test_the_campuses_achievements_are_those_of_the_campuses_in_scope(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox, campus_ids=[PARIS, NICE]).run("campus_achievements")
    got = {
        (row["campus_id"], row["achievement_id"]) for row in run.records("campus_achievements")
    }
    expected = {
        (campus, row["id"])
        for campus in (PARIS, NICE)
        for row in sandbox.truth_of(f"/v2/campus/{campus}/achievements")
    }
    assert got == expected


class TestCursus:
    """Another cursus than 21."""

    PISCINE = 9

    def test_projects_students_and_enrolments_are_those_of_the_cursus(
        self, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        run = tap.pointed_at(sandbox, cursus_id=self.PISCINE).run(
            "projects", "users", "projects_users", "cursus_users"
        )
        there = f"/v2/cursus/{self.PISCINE}"
        assert set(run.ids("projects")) == ids_of(sandbox, f"{there}/projects") != set()
        students = f"{there}/users?filter[kind]=student&filter[alumni?]=false"
        assert set(run.ids("users")) == ids_of(sandbox, students) != set()
        assert set(run.ids("cursus_users")) == ids_of(sandbox, f"{there}/cursus_users")
        for row in run.records("projects_users"):
            assert row["cursus_id"] == self.PISCINE
            assert self.PISCINE in row["cursus_ids"]

    def test_enrolments_of_another_cursus_are_left_out_though_the_api_sends_them(
        self, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        wanted = tap.pointed_at(sandbox, campus_ids=[PARIS]).run("projects_users")
        sandbox.configure(cursus_filter_restricts=False)
        everything = ids_of(sandbox, f"/v2/projects_users?filter[campus]={PARIS}")
        got = tap.pointed_at(sandbox, campus_ids=[PARIS]).run("projects_users")
        assert got.ids("projects_users") == wanted.ids("projects_users")
        assert set(got.ids("projects_users")) < everything
