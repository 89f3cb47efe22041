"""The last task of a job tells what its loads missed, and fails for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import LIVE, NIGHTLY, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse

REASON = "not read completely: users (42 answered 403)"


def failed(warehouse: Warehouse, *streams: str, minutes: float, reason: str = REASON) -> None:
    warehouse.land_run(
        f"{reason} {minutes}", *streams, age=timedelta(minutes=minutes), outcome="failed",
        reason=reason,
    )  # fmt: skip


@pytest.mark.few(1)
@pytest.mark.parametrize("job", ["nightly", "incremental"])
def test_where_nothing_failed_a_job_ends_well(healthy: Warehouse, job: str) -> None:
    assert "everything" in healthy.run("outcome", "--job", job)


@pytest.mark.parametrize("job", ["nightly", "incremental"])
def test_what_failed_is_named_in_one_line_until_a_good_run(
    healthy: Warehouse, job: str
) -> None:
    failed(healthy, *LIVE, minutes=5)
    done = healthy.attempt("outcome", "--job", job)
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
    assert f"The job {job} did not load everything: {REASON}." in done.output
    healthy.land_run("good", *LIVE, age=timedelta(minutes=2))
    healthy.run("outcome", "--job", job)


@pytest.mark.slow
def test_a_publish_that_is_the_last_task_tells_it_once_the_rest_is_published(
    healthy: Warehouse,
) -> None:
    last = ("publish", "--job", "incremental", "--outcome")
    assert "everything" in healthy.run(*last)
    failed(healthy, *LIVE, minutes=5)
    healthy.land("users", user(4_711))
    done = healthy.attempt(*last)
    assert done.exit_code == 1
    assert f"The job incremental did not load everything: {REASON}." in done.output
    assert 4_711 in healthy.published("users")


def test_an_outcome_is_that_of_a_job(healthy: Warehouse) -> None:
    done = healthy.attempt("publish", "--outcome")
    assert done.exit_code == 2
    assert "Missing option --job" in done.output


def test_the_quarter_hour_does_not_fail_for_what_only_the_night_loads(
    healthy: Warehouse,
) -> None:
    failed(healthy, *NIGHTLY, minutes=5)
    healthy.run("outcome", "--job", "incremental")
    assert healthy.attempt("outcome", "--job", "nightly").exit_code == 1


def test_both_loads_of_a_night_are_named(healthy: Warehouse) -> None:
    failed(healthy, *NIGHTLY, minutes=5, reason="not read completely: blocs (42 answered 403)")
    failed(healthy, *LIVE, minutes=3)
    said = healthy.attempt("outcome", "--job", "nightly").output
    assert "blocs (42 answered 403); not read completely: users" in said


def test_a_stream_that_is_not_wanted_any_more_fails_no_job(healthy: Warehouse) -> None:
    failed(healthy, *LIVE, minutes=5)
    healthy.land_run("others", "projects_users", "achievements_users", age=timedelta(minutes=2))
    healthy.run("outcome", "--job", "incremental")


def test_a_backfill_that_failed_is_not_the_job(healthy: Warehouse) -> None:
    healthy.land_run(
        "backfill", *LIVE, age=timedelta(minutes=5), outcome="failed", reason=REASON,
        end_date="2026-01-01",
    )  # fmt: skip
    healthy.run("outcome", "--job", "incremental")


@pytest.mark.slow
def test_a_load_of_another_group_does_not_hide_it(healthy: Warehouse) -> None:
    healthy.run("init", "--shard", "group0")
    failed(healthy, *LIVE, minutes=5)
    healthy.land_run("good", *LIVE, age=timedelta(minutes=2), schema="ft42_raw_group0")
    assert REASON in healthy.attempt("outcome", "--job", "incremental").output
