"""The application's limits: kept when they are on, survived when they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Started, Tap

# Pairs of requests a second and an hour; 0 means no limit.
LIMITS = ((0, 0), (0, 1200), (2, 0), (2, 1200), (5, 5), (8, 6), (1, 3600), (1, 7200))


def application(sandbox: RunningSandbox, name: str, **limits: int) -> dict[str, str]:
    """Register an application, so that nobody else's requests count."""
    credentials = {"client_id": name, "client_secret": "secret"}
    sandbox.control("POST", "applications", {**credentials, **limits})
    return credentials


@pytest.mark.parametrize(("per_second", "per_hour"), LIMITS)
def test_any_pair_of_limits_is_possible(
    tap: Tap, sandbox: RunningSandbox, per_second: int, per_hour: int
) -> None:
    credentials = application(sandbox, f"pair-{per_second}-{per_hour}")
    run = tap.pointed_at(sandbox, **credentials).run(
        "cursus", requests_per_second=per_second, requests_per_hour=per_hour
    )
    assert len(run.records("cursus")) == len(sandbox.truth("cursus"))


def test_a_run_that_keeps_the_limit_is_never_refused(tap: Tap, sandbox: RunningSandbox) -> None:
    credentials = application(sandbox, "quiet", requests_per_second=5)
    run = tap.pointed_at(sandbox, **credentials).run(
        "cursus", "blocs", page_size=10, requests_per_second=5, requests_per_hour=1200
    )
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]
    routes = sandbox.requests()["routes"]
    assert {status for seen in routes.values() for status in seen["statuses"]} == {"200"}


def test_a_run_that_knows_no_limit_is_refused_and_loses_nothing(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    credentials = application(sandbox, "hasty", requests_per_second=4)
    run = tap.pointed_at(sandbox, **credentials).run("cursus", page_size=10)
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]
    assert "429" in sandbox.requests()["routes"]["GET /v2/cursus"]["statuses"]


def test_stray_refusals_at_a_legal_pace_cost_no_row(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("429", after=3, every=5, count=2, query="page[size]=9")
    run = tap.pointed_at(sandbox, page_size=9).run("cursus")
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]


def test_two_applications_do_not_wait_for_each_other(tap: Tap, sandbox: RunningSandbox) -> None:
    started: list[Started] = []
    for name in ("one", "other"):
        here = tap.pointed_at(sandbox, **application(sandbox, name, requests_per_second=5))
        started.append(here.start("cursus", page_size=20, requests_per_second=5))
    for process in started:
        run = process.finish()
        assert run.exit_code == 0, run.log
        assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]
    assert set(sandbox.requests()["routes"]["GET /v2/cursus"]["statuses"]) == {"200"}
