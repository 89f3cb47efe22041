"""`warehouse status` says whether the data are fresh, whatever ran and a clock said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import LIVE, NIGHTLY, findings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.warehouse.conftest import Warehouse


@pytest.mark.slow
def test_a_backfill_makes_no_table_fresh(healthy: Warehouse) -> None:
    healthy.execute("UPDATE ft42_raw.sync_runs SET started_at = started_at - interval '1 h'")
    healthy.land_run(
        "backfill", *LIVE, age=timedelta(minutes=1),
        start_date=datetime(2024, 1, 1, tzinfo=UTC), end_date=datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    healthy.run("publish")
    assert set(findings(healthy)) == {f"stale:{table}" for table in LIVE}


def test_each_table_is_held_to_the_schedule_of_its_job(healthy: Warehouse) -> None:
    healthy.execute("UPDATE ft42_raw.sync_runs SET started_at = started_at - interval '1 h'")
    healthy.run("publish")
    assert set(findings(healthy)) == {f"stale:{table}" for table in LIVE}
    assert findings(healthy, "--incremental-minutes", "90") == {}
    stale = findings(healthy, "--incremental-minutes", "90", "--nightly-hours", "2")
    assert set(stale) == {f"stale:{table}" for table in (*NIGHTLY, "campus_achievements")}
    assert "cron or systemd" in stale["stale:projects"]["advice"]


def test_a_job_that_stands_still_is_told_once(healthy: Warehouse) -> None:
    done = healthy.attempt("status", "--incremental-minutes", "5")
    assert done.exit_code == 1
    assert done.output.count("BROKEN") == 1
    assert "Likewise projects_users, users." in done.output


@pytest.mark.slow
def test_a_load_that_only_landed_is_not_fresh(healthy: Warehouse) -> None:
    healthy.execute("UPDATE ft42_raw.sync_runs SET started_at = started_at - interval '1 h'")
    healthy.run("publish")
    healthy.land_run("new", *LIVE, age=timedelta(minutes=1))
    assert "stale:users" in findings(healthy)
    healthy.run("publish")
    assert findings(healthy) == {}


def test_a_stream_that_is_off_is_not_missed(healthy: Warehouse) -> None:
    seen = json.loads(healthy.run("status", "--json"))
    (off,) = [row for row in seen["tables"] if row["name"] == "campus_users"]
    assert not off["is_read"]
    assert not off["is_stale"]


def test_a_first_load_that_has_not_ended_is_told(warehouse: Warehouse) -> None:
    for number in range(4):
        warehouse.land_run(
            f"{number}", *LIVE, age=timedelta(minutes=number), outcome="early",
            reason="max_minutes",
        )  # fmt: skip
    warehouse.run("publish")
    found = findings(warehouse)
    assert {"never-loaded:users", "runs-end-early:incremental"} <= set(found)
    assert "4 runs" in found["runs-end-early:incremental"]["what"]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("damage", "repair"),
    [
        (
            "UPDATE ft42_raw.sync_runs SET started_at = now() + interval '9 d'",
            lambda warehouse: warehouse.land_run(
                "next", *LIVE, *NIGHTLY, age=timedelta(minutes=2)
            ),
        ),
        (
            "UPDATE ft42_raw.sync_runs SET ended_at = now() + interval '9 d'",
            lambda warehouse: warehouse.land_run(
                "next", *LIVE, *NIGHTLY, age=timedelta(minutes=2)
            ),
        ),
        (
            "UPDATE ft42_raw.census SET counted_at = now() + interval '9 d'",
            lambda warehouse: warehouse.land_census("users", 2, 100, [2, 3]),
        ),
        (
            "UPDATE ft42_warehouse.publishes SET published_at = now() + interval '9 d'",
            lambda warehouse: warehouse.run("publish"),
        ),
        (
            "UPDATE ft42_warehouse.checks SET checked_at = now() + interval '9 d'",
            lambda warehouse: warehouse.run("check"),
        ),
    ],
)
def test_what_cannot_be_true_is_broken_until_something_true_follows(
    healthy: Warehouse, damage: str, repair: Callable[[Warehouse], object]
) -> None:
    healthy.land_census("users", 1, 100, [1, 2, 3])
    healthy.execute(damage)
    (what,) = (key for key in findings(healthy) if key.startswith("clock-wrong"))
    found = findings(healthy)[what]
    assert found["severity"] == "broken"
    assert "a clock was wrong" in found["what"]
    assert healthy.attempt("status").exit_code == 1
    repair(healthy)
    healthy.run("publish")
    assert what not in findings(healthy)


def test_a_run_of_the_future_makes_nothing_fresh_and_hides_no_failure(
    healthy: Warehouse,
) -> None:
    healthy.execute(
        "UPDATE ft42_raw.sync_runs SET started_at = now() + interval '9 d' "
        "WHERE run_id = 'quarter'"
    )
    assert "never-loaded:users" in findings(healthy)
    healthy.land_run(
        "failed", *LIVE, age=timedelta(minutes=4), outcome="failed", reason="CredentialsError"
    )
    assert "CredentialsError" in findings(healthy)["run-failed:incremental"]["what"]


@pytest.mark.slow
def test_streams_that_did_not_fail_are_fresh_after_a_run_of_which_parts_failed(
    healthy: Warehouse,
) -> None:
    healthy.execute("DELETE FROM ft42_raw.sync_runs WHERE run_id = 'quarter'")
    for number, failed in enumerate((["users"], None)):
        healthy.land_run(
            f"part{number}", *LIVE, age=timedelta(minutes=9 - number), outcome="failed",
            reason="not read completely: users (42 answered 403)", failed_streams=failed,
        )  # fmt: skip
    healthy.run("publish")
    found = findings(healthy)
    assert "never-loaded:users" in found
    assert not {"never-loaded:projects_users", "never-loaded:achievements_users"} & set(found)
    assert "users (42 answered 403)" in found["run-failed:incremental"]["what"]


def test_rows_that_a_night_lacks_are_shown_until_the_next_night(healthy: Warehouse) -> None:
    healthy.execute(
        "INSERT INTO ft42_warehouse.turns (job, began_at, ended_at, published) "
        "VALUES ('nightly', now() - interval '9 h', now() - interval '8 h', true)"
    )
    healthy.land_run(
        "night", *LIVE, age=timedelta(hours=9), outcome="failed",
        reason="not read completely: users of id 7 (rows that 42 cannot show)",
        failed_streams=["users"], lacking_streams=["users"],
    )  # fmt: skip
    assert "users of id 7" in findings(healthy)["run-failed:incremental"]["what"]
    healthy.execute("INSERT INTO ft42_warehouse.turns (job) VALUES ('nightly')")
    assert "run-failed:incremental" not in findings(healthy)
