"""Sandboxes that tests fork are what the package would have started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ft42_sandbox import testing

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

SIZE: dict[str, Any] = {"users": 60, "enrolments": 100, "achievements_per_user": 1}


def test_a_forked_sandbox_has_the_rows_of_a_started_one() -> None:
    with running_sandbox(**SIZE) as forked, testing.running_sandbox(**SIZE) as started:
        for table in ("users", "projects_users", "coalitions_users"):
            assert forked.truth(table) == started.truth(table)


def test_what_a_test_changes_is_not_there_for_the_next() -> None:
    with running_sandbox(**SIZE) as sandbox:
        before = sandbox.truth("users")
        sandbox.update("users", before[0]["id"], login="changed")
        sandbox.delete("users", before[1]["id"])
        assert sandbox.truth("users") != before
        with running_sandbox(**SIZE) as another:
            assert another.truth("users") == before
    with running_sandbox(**SIZE) as sandbox:
        assert sandbox.truth("users") == before


def test_a_sandbox_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(RuntimeError, match="users must be 50 or more"),
        running_sandbox(users=3),
    ):
        pytest.fail("it has started")


@pytest.mark.few(1)
@pytest.mark.parametrize("start", [running_sandbox, testing.running_sandbox])
def test_a_talkative_sandbox_goes_on_answering(
    start: Callable[..., AbstractContextManager[testing.RunningSandbox]],
) -> None:
    # A pipe holds 64 KiB; what is logged is more.
    many = ",".join(str(number) for number in range(99))
    with start(verbose=True, **SIZE) as sandbox:
        for _ in range(400):
            assert sandbox.get(f"/v2/users?filter[id]={many}").status == 200
