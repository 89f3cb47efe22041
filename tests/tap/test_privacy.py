"""What a run says of itself names no person and no secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap

SECRET = "s-s4t2ud-hunter2"  # noqa: S105 - made up
EVERY_STREAM = (
    "cursus", "campuses", "projects", "achievements", "campus_achievements", "blocs",
    "coalitions", "users", "cursus_users", "projects_users", "achievements_users",
    "coalitions_users", "campus_users", "rejected_records", "census", "sync_requests",
    "sync_runs",
)  # fmt: skip


@pytest.fixture(scope="module")
def people() -> Iterator[RunningSandbox]:
    with running_sandbox(
        users=60, enrolments=100, achievements_per_user=2, client_secret=SECRET
    ) as running:
        yield running


@pytest.fixture(scope="module")
def everything(tap: Tap, people: RunningSandbox) -> Run:
    """A run of all streams in which much goes wrong."""
    people.fault("500_sql", route="/v2/cursus/:id/users", count=1)
    people.fault("expire_token", after=4, count=1)
    people.fault("wrong_type", route="/v2/cursus/:id/users", column="login", row=2)
    people.fault("extra_field", route="/v2/cursus/:id/cursus_users", row=1)
    # A structured log of everything: what fields hold is in it, too.
    return tap.with_json_logs("DEBUG").pointed_at(people, census_hour=0).run(*EVERY_STREAM)


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[^\s\"',:;|{}\[\]()=]+", text))


def test_the_run_read_all_streams_and_met_all_troubles(
    everything: Run, people: RunningSandbox
) -> None:
    for stream in EVERY_STREAM:
        assert everything.records(stream), stream
    assert all(fault["struck"] for fault in people.control("GET", "faults"))


@pytest.mark.few(3)
@pytest.mark.parametrize(
    "column", ["login", "email", "displayname", "url", "first_name", "last_name"]
)
def test_no_person_is_in_the_log(everything: Run, people: RunningSandbox, column: str) -> None:
    said = words_of(everything.log)
    for person in people.truth("users"):
        if " " in person[column]:
            assert person[column] not in everything.log
        elif person[column] != str(person["id"]):  # the name of who is anonymised
            assert person[column] not in said


def test_no_secret_is_in_anything_that_a_run_says(everything: Run) -> None:
    assert {line["level"] for line in everything.log_lines} == {"debug", "info", "warning"}
    assert SECRET not in everything.log
    assert SECRET not in everything.output


def test_no_token_is_in_anything_that_a_run_says(
    everything: Run, people: RunningSandbox
) -> None:
    tokens = re.findall(r"\b[0-9a-f]{64}\b", everything.log)
    assert tokens == []
    assert people.token() not in everything.output


def test_no_person_is_in_the_state(everything: Run, people: RunningSandbox) -> None:
    said = words_of(str(everything.state))
    assert said.isdisjoint(person["login"] for person in people.truth("users"))
