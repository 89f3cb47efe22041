"""`warehouse alert` posts what is newly wrong and what is over, once a cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until
from tests.warehouse.conftest import LIVE, NIGHTLY, user
from tests.warehouse.hooked import Alerts, expire, reject

if TYPE_CHECKING:
    from pathlib import Path

    from tests.warehouse.conftest import Warehouse
    from tests.warehouse.hooked import Hook


def grow_old(warehouse: Warehouse, interval: str) -> None:
    """Let time pass since the jobs began and ended."""
    warehouse.execute(
        "UPDATE ft42_warehouse.turns SET began_at = began_at - %s::interval, "
        "ended_at = ended_at - %s::interval",
        interval, interval,
    )  # fmt: skip


def test_where_all_is_well_nothing_is_posted(alerts: Alerts) -> None:
    assert alerts.news() == ([], [])


def test_a_cause_is_told_once_and_again_when_it_is_over(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    assert alerts.news() == (["secret-expires"], [])
    assert alerts.news() == ([], [])
    expire(alerts.warehouse, 28)
    assert alerts.news() == ([], ["secret-expires"])
    assert alerts.news() == ([], [])
    expire(alerts.warehouse, 5)
    assert alerts.news() == (["secret-expires"], [])
    rows = alerts.warehouse.query("SELECT * FROM ft42_warehouse.alerts ORDER BY told_at")
    assert [row["over_at"] is None for row in rows] == [False, True]


def test_what_is_told_says_what_to_do(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    post = alerts.post()
    (cause,) = post["new"]
    assert cause["severity"] == "warning"
    assert cause["what"] in post["text"]
    assert cause["advice"] in post["text"]
    assert post["text"].startswith("Database ft42: 1 new, 0 over\nWARNING: The application's")


@pytest.mark.slow
def test_all_news_are_one_message(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    reject(alerts.warehouse)
    assert alerts.news() == (["secret-expires", "rejected:users"], [])
    alerts.warehouse.execute("UPDATE ft42_raw.sync_runs SET refusals = 3")
    expire(alerts.warehouse, 28)
    assert alerts.news() == (["too-many-requests"], ["secret-expires"])


def test_tables_that_are_stale_together_are_one_line(alerts: Alerts) -> None:
    post = alerts.post("--incremental-minutes", "5")
    assert {cause["key"] for cause in post["new"]} == {f"stale:{table}" for table in LIVE}
    assert post["text"].count("BROKEN") == 1
    assert "Likewise projects_users, users." in post["text"]
    over = alerts.post()
    assert over["text"].count("OVER") == 1
    ended = "OVER: stale (achievements_users, projects_users, users), reported at"
    assert ended in over["text"]


def test_a_failed_run_is_one_line_though_both_jobs_miss_it(alerts: Alerts) -> None:
    alerts.warehouse.land_run(
        "failed", *LIVE, *NIGHTLY, age=timedelta(minutes=4), outcome="failed",
        reason="CredentialsError",
    )  # fmt: skip
    post = alerts.post()
    assert {cause["key"] for cause in post["new"]} == {
        "run-failed:incremental",
        "run-failed:nightly",
    }
    assert post["text"].count("CredentialsError") == 1


@pytest.mark.slow
def test_a_publish_that_the_guard_stopped_is_told(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "nightly")
    alerts.warehouse.land("users", user(3, alumni=True))
    assert alerts.warehouse.attempt("publish", "--job", "nightly").exit_code == 1
    # Not a job that failed, too: it is the same cause.
    assert alerts.news("--after", "nightly") == (["delete-guard:users"], [])
    alerts.warehouse.run("publish", "--job", "nightly", "--allow-deletes")
    assert alerts.news() == ([], ["delete-guard:users"])


def test_a_job_that_ends_without_a_publish_has_failed(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "nightly")
    assert alerts.news() == ([], [])  # it runs
    assert alerts.news("--after", "nightly") == (["job-failed:nightly"], [])
    alerts.warehouse.run("init", "--job", "nightly")
    assert alerts.news() == ([], [])
    alerts.warehouse.run("publish", "--job", "nightly")
    assert alerts.news("--after", "nightly") == ([], ["job-failed:nightly"])


@pytest.mark.slow
@pytest.mark.parametrize(("job", "turn"), [("incremental", 15), ("nightly", 24 * 60)])
def test_a_failure_is_told_at_once_though_nobody_called_behind_the_turn_before(
    alerts: Alerts, job: str, turn: int
) -> None:
    alerts.warehouse.run("publish", "--job", job)
    # The next turn fails in its first minute, before anything notes that it began.
    grow_old(alerts.warehouse, f"{turn - 1} minutes")
    assert alerts.news("--after", job) == ([f"job-failed:{job}"], [])


def test_a_turn_whose_last_tasks_take_their_time_has_not_failed(alerts: Alerts) -> None:
    alerts.warehouse.run("publish", "--job", "incremental")
    grow_old(alerts.warehouse, "5 minutes")
    assert alerts.news("--after", "incremental") == ([], [])


def test_a_job_whose_init_fails_has_failed(alerts: Alerts) -> None:
    alerts.warehouse.execute("ALTER TABLE ft42_raw.rejected_records DROP COLUMN rejection_id")
    assert "lost its key" in alerts.warehouse.attempt("init", "--job", "nightly").output
    assert alerts.news("--after", "nightly") == (["job-failed:nightly"], [])


def test_a_job_that_fails_in_the_tap_is_told_by_what_the_tap_says(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "incremental")
    alerts.warehouse.land_run(
        "failed", *LIVE, age=timedelta(0), outcome="failed", ended_at=datetime.now(UTC)
    )
    assert alerts.news("--after", "incremental") == (["run-failed:incremental"], [])


@pytest.mark.slow
def test_a_job_that_runs_when_its_next_turn_is_due_is_told(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "incremental")
    grow_old(alerts.warehouse, "14 minutes")
    assert alerts.news() == ([], [])
    grow_old(alerts.warehouse, "2 minutes")
    assert alerts.news() == (["running-late:incremental"], [])
    # The next one is refused by Meltano: that is no second cause.
    alerts.warehouse.run("init", "--job", "incremental")
    assert alerts.news("--after", "incremental") == ([], [])
    alerts.warehouse.run("publish", "--job", "incremental")
    assert alerts.news("--after", "incremental") == ([], ["running-late:incremental"])


@pytest.mark.slow
def test_quarter_hours_that_a_night_holds_up_are_no_news(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "nightly")
    alerts.warehouse.run("init", "--job", "incremental")
    assert alerts.news("--after", "incremental") == ([], [])
    alerts.warehouse.run("init", "--job", "incremental")  # and one that nobody ended
    grow_old(alerts.warehouse, "40 minutes")
    assert alerts.news() == ([], [])
    alerts.warehouse.run("publish", "--job", "nightly")
    assert alerts.news("--after", "nightly") == ([], [])


@pytest.mark.slow
def test_a_turn_that_was_taken_for_failed_may_still_publish(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "incremental")
    assert alerts.news("--after", "incremental") == (["job-failed:incremental"], [])
    alerts.warehouse.run("publish", "--job", "incremental")
    assert alerts.news() == ([], ["job-failed:incremental"])


def test_a_database_that_cannot_be_asked_is_told_once_and_when_it_answers(
    alerts: Alerts,
) -> None:
    expire(alerts.warehouse, 5)
    assert alerts.news() == (["secret-expires"], [])
    away = {"TARGET_POSTGRES_PASSWORD": "wrong"}
    alerts.hook.status = 500
    assert alerts.attempt(**away).exit_code == 1
    alerts.hook.taken()
    alerts.hook.status = 200
    post = alerts.post(**away)
    assert [cause["key"] for cause in post["new"]] == ["unreachable"]
    assert "127.0.0.1" not in post["text"]
    assert alerts.news(**away) == ([], [])
    # What was told before could not be looked for, so it is not over.
    assert alerts.news() == ([], ["unreachable"])
    assert alerts.news() == ([], [])


def test_another_database_is_another_cause(alerts: Alerts) -> None:
    assert alerts.news(TARGET_POSTGRES_PORT="1") == (["unreachable"], [])
    assert alerts.news() == ([], [])
    assert alerts.news(TARGET_POSTGRES_DATABASE="none") == (["unreachable"], [])


@pytest.mark.slow
def test_a_database_that_was_not_prepared_is_told_once_and_when_it_is(
    empty: Warehouse, hook: Hook, tmp_path: Path
) -> None:
    alerts = Alerts(empty, hook, tmp_path)
    assert alerts.news() == (["not-prepared"], [])
    assert alerts.news() == ([], [])
    empty.run("init")
    assert alerts.news() == (["never-published"], ["not-prepared"])


@pytest.mark.slow
def test_what_cannot_be_looked_for_is_not_over(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    assert alerts.news() == (["secret-expires"], [])
    alerts.warehouse.execute("DROP VIEW ft42.orphans")
    assert alerts.news() == (["missing:ft42.orphans"], [])
    alerts.warehouse.run("init")
    alerts.warehouse.run("publish")
    assert alerts.news() == ([], ["missing:ft42.orphans"])


@pytest.mark.slow
def test_machines_that_call_at_the_same_time_tell_a_cause_once(
    alerts: Alerts, tmp_path: Path
) -> None:
    expire(alerts.warehouse, 5)
    alerts.hook.may_answer.clear()
    first = alerts.start()
    until(lambda: alerts.hook.posts)
    second = alerts.start(WAREHOUSE_ALERT_STATE=f"{tmp_path}/of another machine/alerts.json")
    until(lambda: len(alerts.hook.posts) > 1 or alerts.warehouse.waiting())
    alerts.hook.may_answer.set()
    assert [call.wait(timeout=60) for call in (first, second)] == [0, 0]
    assert len(alerts.hook.taken()) == 1


@pytest.mark.slow
def test_calls_at_the_same_time_tell_once_that_the_database_is_away(alerts: Alerts) -> None:
    calls = [alerts.start(TARGET_POSTGRES_PASSWORD="wrong") for _ in range(4)]
    assert [call.wait(timeout=60) for call in calls] == [0, 0, 0, 0]
    assert len(alerts.hook.taken()) == 1
