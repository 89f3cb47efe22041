"""Each publish deletes what nobody needs any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import LIVE, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse

LOGIN = "jdoe-hapax"


def reject(warehouse: Warehouse, name: str, record_id: str | None, *, days: int) -> None:
    warehouse.land(
        "rejected_records",
        {
            "rejection_id": name, "stream": "users", "record_id": record_id,
            "reason": "kind is an integer", "body": {"login": LOGIN},
            "rejected_at": datetime.now(UTC) - timedelta(days=days),
        },
    )  # fmt: skip


def rejected(warehouse: Warehouse) -> dict[str, bool]:
    """Return which rejected records there are, and whether they have a body."""
    rows = warehouse.query("SELECT rejection_id, body FROM ft42_raw.rejected_records")
    return {row["rejection_id"]: row["body"] is not None for row in rows}


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("options", "left"),
    [
        ((), {"young", "of a month", "old, with an id"}),
        (("--keep-days", "7"), {"young", "old, with an id"}),
    ],
)
def test_rejected_records_go_after_a_month_or_what_is_set(
    healthy: Warehouse, options: tuple[str, ...], left: set[str]
) -> None:
    reject(healthy, "young", None, days=1)
    reject(healthy, "of a month", None, days=29)
    for name, record_id in (("old", None), ("old, of a text", LOGIN), ("old, with an id", "5")):
        reject(healthy, name, record_id, days=31)
    healthy.run("publish", *options)
    assert set(rejected(healthy)) == left


@pytest.mark.slow
def test_of_an_old_record_no_more_is_left_than_which_one_is_missing(healthy: Warehouse) -> None:
    reject(healthy, "old", "5", days=31)
    healthy.run("publish")
    assert rejected(healthy) == {"old": False}
    healthy.run("check")


def test_the_setting_of_meltano_is_followed(healthy: Warehouse) -> None:
    reject(healthy, "of a week", None, days=8)
    healthy.run("publish", WAREHOUSE_KEEP_DAYS="7")
    assert rejected(healthy) == {}


def test_old_runs_and_their_requests_go_but_for_the_last_of_each_table(
    healthy: Warehouse,
) -> None:
    for run_id, age in (("older", 60), ("old", 50)):
        healthy.land_run(run_id, *LIVE, age=timedelta(days=age))
    healthy.land_run("rare", "campus_users", age=timedelta(days=45))
    for run_id in ("older", "old", "rare", "quarter"):
        healthy.execute(
            "INSERT INTO ft42_raw.sync_requests (run_id, stream, route, _sdc_extracted_at)"
            " VALUES (%s, 'users', '/', now() - interval '40 days')",
            run_id,
        )
    healthy.run("publish")
    runs = {row["run_id"] for row in healthy.query("SELECT run_id FROM ft42_raw.sync_runs")}
    assert runs == {"night", "quarter", "rare"}
    asked = healthy.query("SELECT run_id FROM ft42_raw.sync_requests")
    assert {row["run_id"] for row in asked} == {"quarter", "rare"}


def test_alerts_that_are_over_go_and_those_that_last_stay(healthy: Warehouse) -> None:
    healthy.execute(
        "INSERT INTO ft42_warehouse.alerts (key, severity, text, told_at, over_at) VALUES"
        " ('over', 'broken', '', now() - interval '90 days', now() - interval '31 days'),"
        " ('lasts', 'broken', '', now() - interval '90 days', NULL)"
    )
    healthy.run("publish")
    told = healthy.query("SELECT key FROM ft42_warehouse.alerts")
    assert [row["key"] for row in told] == ["lasts"]


def test_who_was_erased_long_ago_stays_out_and_the_day_goes(healthy: Warehouse) -> None:
    healthy.run("forget", "2")
    healthy.execute(
        "UPDATE ft42_warehouse.erasures SET erased_at = '2025-05-17 10:00+00' WHERE user_id = 2"
    )
    healthy.run("publish")
    (row,) = healthy.query("SELECT user_id, erased_at FROM ft42_warehouse.erasures")
    assert row["user_id"] == 2
    assert (row["erased_at"].month, row["erased_at"].day) == (1, 1)
    healthy.land("users", user(2))
    healthy.run("publish")
    assert 2 not in healthy.published("users")


def test_the_last_check_and_the_last_turn_stay_however_old(healthy: Warehouse) -> None:
    healthy.execute(
        "INSERT INTO ft42_warehouse.turns (job, began_at) VALUES"
        " ('nightly', now() - interval '60 days'), ('nightly', now() - interval '50 days')"
    )
    healthy.execute("UPDATE ft42_warehouse.checks SET checked_at = now() - interval '60 days'")
    healthy.run("publish")
    assert len(healthy.query("SELECT FROM ft42_warehouse.turns")) == 1
    assert len(healthy.query("SELECT FROM ft42_warehouse.checks")) == 1
