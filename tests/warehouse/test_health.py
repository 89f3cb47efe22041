"""`warehouse status` says what is wrong, how bad it is and what to do, and no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

from tests.warehouse.conftest import LIVE, NIGHTLY, enrolment, findings, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.warehouse.conftest import Warehouse


def publishes(warehouse: Warehouse, **ages: list[int]) -> None:
    """Write publishes that changed tables so many days ago."""
    for table, days in ages.items():
        for day in days:
            warehouse.execute(
                "INSERT INTO ft42_warehouse.publishes (published_at, took, seen_before, "
                "server, inserted, changed, deleted) "
                "VALUES (now() - %s * interval '1 day', '1 s', 0, 0, %s, '{}', '{}')",
                day, Jsonb({table: 5}),
            )  # fmt: skip
    # The last one stays the last one.
    warehouse.execute(
        "UPDATE ft42_warehouse.publishes SET publish_id = DEFAULT WHERE seen_before > 0"
    )


def test_where_all_is_well_there_is_nothing_to_do(healthy: Warehouse) -> None:
    assert findings(healthy) == {}
    lines = healthy.run("status").splitlines()
    assert lines[0].split(maxsplit=1) == ["status", "all is well"]
    assert any(line.startswith("incremental       fresh: 3 tables") for line in lines)
    assert any("20 requests (12 needed), 700 rows" in line for line in lines)
    assert len(lines) <= 12


def test_before_init_it_says_to_run_it(empty: Warehouse) -> None:
    assert "warehouse init" in findings(empty)["not-prepared"]["advice"]
    assert "Run `warehouse init`" in empty.attempt("status").output


def test_before_the_first_load_it_says_what_to_run(warehouse: Warehouse) -> None:
    assert "meltano run nightly" in findings(warehouse)["never-published"]["advice"]


def test_a_server_that_does_not_answer_is_a_finding(healthy: Warehouse) -> None:
    done = healthy.attempt("status", "--json", TARGET_POSTGRES_PORT="1")
    assert done.exit_code == 1
    (finding,) = json.loads(done.output)["findings"]
    assert finding["key"] == "unreachable"
    assert "port 1 failed" in finding["what"]


def no_run_known(warehouse: Warehouse) -> None:
    warehouse.execute("DELETE FROM ft42_raw.sync_runs")


def run_failed(warehouse: Warehouse) -> None:
    warehouse.land_run(
        "failed",
        *NIGHTLY,
        age=timedelta(minutes=4),
        outcome="failed",
        reason="CredentialsError",
    )


def runs_end_early(warehouse: Warehouse) -> None:
    for number in range(4):
        warehouse.land_run(
            f"{number}", *LIVE, age=timedelta(minutes=number), outcome="early",
            reason="max_requests",
        )  # fmt: skip


def not_published(warehouse: Warehouse) -> None:
    warehouse.execute(
        "UPDATE ft42_warehouse.publishes SET published_at = now() - '4 h'::interval"
    )
    warehouse.land_run("waits", "coalitions", age=timedelta(hours=3))


def delete_guard(warehouse: Warehouse) -> None:
    warehouse.land("users", user(3, alumni=True))
    assert warehouse.attempt("publish").exit_code == 1


def broken_promises(warehouse: Warehouse) -> None:
    warehouse.execute("UPDATE ft42.users SET wallet = 4 WHERE id = 1")
    assert warehouse.attempt("check").exit_code == 1


def missing_view(warehouse: Warehouse) -> None:
    warehouse.execute("DROP VIEW ft42.orphans")


def missing_landing_table(warehouse: Warehouse) -> None:
    warehouse.execute("DROP TABLE ft42_raw.sync_runs")


def secret(warehouse: Warehouse, days: int) -> None:
    warehouse.execute(
        "ALTER TABLE ft42_raw.sync_runs ADD COLUMN IF NOT EXISTS secret_valid_until timestamptz"
    )
    warehouse.execute(
        "UPDATE ft42_raw.sync_runs SET secret_valid_until = now() + %s * interval '1 day'", days
    )
    warehouse.run("publish")


def secret_expires(warehouse: Warehouse) -> None:
    secret(warehouse, 5)


def secret_expired(warehouse: Warehouse) -> None:
    secret(warehouse, 0)


def too_many_requests(warehouse: Warehouse) -> None:
    warehouse.execute("UPDATE ft42_raw.sync_runs SET refusals = 3 WHERE run_id = 'night'")
    warehouse.run("publish")


def quota_used_up(warehouse: Warehouse) -> None:
    warehouse.execute("UPDATE ft42_raw.sync_runs SET requests = 1150 WHERE run_id = 'quarter'")
    warehouse.run("publish")


def rejected(warehouse: Warehouse) -> None:
    warehouse.land(
        "rejected_records",
        {
            "rejection_id": "x", "stream": "users", "record_id": "3",
            "reason": "login: missing", "rejected_at": datetime.now(UTC),
        },
    )  # fmt: skip


def orphans(warehouse: Warehouse) -> None:
    warehouse.land("projects_users", *[enrolment(number, 404) for number in range(30, 33)])


def census_missing(warehouse: Warehouse) -> None:
    warehouse.land_census("users", 1, 100, [1, 2, 3])
    warehouse.execute("UPDATE ft42_raw.census SET counted_at = now() - interval '3 days'")
    warehouse.run("publish")


def silent(warehouse: Warehouse) -> None:
    warehouse.execute("DELETE FROM ft42_warehouse.publishes WHERE publish_id > 1")
    warehouse.execute("UPDATE ft42_warehouse.publishes SET inserted = '{}', changed = '{}'")
    publishes(warehouse, users=list(range(4, 14)), projects_users=[2, *range(4, 14)])


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("damage", "key", "severity", "words"),
    [
        (no_run_known, "never-run", "warning", "No run of the tap is known"),
        (run_failed, "run-failed:nightly", "broken", "CredentialsError"),
        (runs_end_early, "runs-end-early:incremental", "warning", "max_requests"),
        (not_published, "not-published", "broken", "2 runs have landed"),
        (delete_guard, "delete-guard:users", "broken", "1 of the 3 rows of users, 33.3 %"),
        (broken_promises, "broken-promises", "broken", "1 rows of users differ from what"),
        (missing_view, "missing:ft42.orphans", "broken", "view ft42.orphans"),
        (missing_landing_table, "missing:ft42_raw.sync_runs", "broken", "ft42_raw.sync_runs"),
        (secret_expires, "secret-expires", "warning", "in 4 days"),
        (secret_expired, "secret-expired", "broken", "ended"),
        (too_many_requests, "too-many-requests", "warning", "3 requests"),
        (quota_used_up, "quota-used-up", "warning", "1,200 requests, 1,150"),
        (rejected, "rejected:users", "warning", "login: missing"),
        (orphans, "orphans-grew:projects_users", "warning", "3 more"),
        (census_missing, "census-missing:users", "warning", "3 days old"),
        (silent, "silent:users", "warning", "used to change every day"),
    ],
)
def test_what_is_wrong_is_found_alone_and_named(
    healthy: Warehouse,
    damage: Callable[[Warehouse], None],
    key: str,
    severity: str,
    words: str,
) -> None:
    damage(healthy)
    found = findings(healthy)
    assert list(found) == [key]
    assert found[key]["severity"] == severity
    assert words in found[key]["what"]
    assert found[key]["what"] in healthy.attempt("status").output


def test_a_stopped_publish_is_told_until_one_goes_through(healthy: Warehouse) -> None:
    delete_guard(healthy)
    assert "--allow-deletes" in findings(healthy)["delete-guard:users"]["advice"]
    healthy.run("publish", "--allow-deletes")
    assert findings(healthy) == {}


@pytest.mark.slow
def test_a_broken_promise_is_told_until_a_check_finds_it_kept(healthy: Warehouse) -> None:
    broken_promises(healthy)
    healthy.run("rebuild")
    assert list(findings(healthy)) == ["broken-promises"]
    healthy.run("check")
    assert findings(healthy) == {}


@pytest.mark.slow
def test_rows_that_always_wait_are_no_finding(warehouse: Warehouse) -> None:
    warehouse.land("projects_users", *[enrolment(number, 404) for number in range(30, 40)])
    warehouse.land_run("night", *NIGHTLY, *LIVE, age=timedelta(minutes=5))
    warehouse.run("publish")
    warehouse.run("check")
    assert findings(warehouse) == {}
    assert "projects_users 10" in warehouse.run("status")


def test_it_says_of_which_lists_is_proven_that_nothing_is_missing(
    healthy: Warehouse,
) -> None:
    def audited(stream: str, **found: int) -> dict[str, Any]:
        figures = dict.fromkeys(("cursus_id", "differed", "unsettled", "along", "requests"), 0)
        return {"stream": stream, "zone": "UTC", "days": 1000, **figures, **found}

    assert "complete  " not in healthy.run("status")
    users = audited("users", missing=0, gone=2)
    enrolments = audited("projects_users", missing=3, gone=15)
    healthy.land_run(
        "audited", *LIVE, age=timedelta(minutes=9), audits=Jsonb([users, enrolments])
    )
    healthy.land_run("later", *LIVE, age=timedelta(minutes=3), audits=Jsonb([]))
    (line,) = [
        one
        for one in healthy.attempt("status").output.splitlines()
        if one.startswith("complete")
    ]
    assert "2 of 2 lists agree with 42's counts of 2,000 days; 3 missing rows were read" in line
    assert "17 had disappeared" in line
    seen = json.loads(healthy.attempt("status", "--json").output)["audits"]
    assert [audit["stream"] for audit in seen] == ["projects_users", "users"]
    enrolments["unsettled"] = 12
    healthy.land_run("next", *LIVE, age=timedelta(minutes=2), audits=Jsonb([enrolments]))
    (line,) = [
        one
        for one in healthy.attempt("status").output.splitlines()
        if one.startswith("complete")
    ]
    assert "1 of 2 lists agree with 42's counts of 2,000 days; not proven: 12 days of" in line


def test_it_changes_nothing_and_an_older_database_is_told_to_be_prepared(
    healthy: Warehouse,
) -> None:
    healthy.execute("DROP TABLE ft42_warehouse.checks, ft42_warehouse.refusals")
    assert list(findings(healthy)) == ["not-prepared"]
    healthy.run("init")
    assert findings(healthy) == {}


def test_requests_of_the_last_hour_are_counted_by_when_they_were_sent(
    healthy: Warehouse,
) -> None:
    now = datetime.now(UTC)
    healthy.land_run(
        "quick", *LIVE, age=timedelta(seconds=50), requests=7,
        ended_at=now - timedelta(seconds=49.8),
    )  # fmt: skip
    healthy.land_run(
        "half", *NIGHTLY, age=timedelta(minutes=90), requests=100,
        ended_at=now - timedelta(minutes=30),
    )  # fmt: skip
    quota = json.loads(healthy.attempt("status", "--json").output)["quota"]
    # 20 of the run before, all of the quick one, half of the one that began before.
    assert quota["requests_last_hour"] == 77
    assert quota["requests_per_hour"] == 1200


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("kept", "allowed", "told"),
    [
        (1200, 3600, "of 1,200 requests in the last hour (`requests_per_hour` allows 1,200, "),
        (1200, 1200, "of 1,200 requests in the last hour (as many as 42 allows); "),
        (0, 1200, "requests in the last hour (no setting limits them, 42 allows 1,200); "),
        (1200, None, "of 1,200 requests in the last hour; "),
    ],
)
def test_both_limits_are_told(
    healthy: Warehouse, kept: int, allowed: int | None, told: str
) -> None:
    healthy.land_run(
        "last", *LIVE, *NIGHTLY, age=timedelta(minutes=2), requests_per_hour=kept,
        allowed_per_hour=allowed,
    )  # fmt: skip
    assert told in healthy.run("status")


def test_each_table_can_be_counted(healthy: Warehouse) -> None:
    counted = healthy.run("status", "--tables")
    (line,) = [line for line in counted.splitlines() if line.startswith("projects_users ")]
    assert line.split()[1:4] == ["2", "2", "0"]


def test_orphans_say_which_row_they_wait_for_that_42_does_not_list(
    healthy: Warehouse,
) -> None:
    healthy.land(
        "projects_users", enrolment(50, 1, campus_id=42), enrolment(51, 1, campus_id=5)
    )
    healthy.land("blocs", {"id": 3, "campus_id": 1, "cursus_id": 9, "coalitions": []})
    healthy.run("publish")
    told = healthy.run("status", "--tables")
    assert "projects_users: 2 orphans: campuses lacks campus_id 5, 42" in told
    assert "blocs: 1 orphans: cursus lacks cursus_id 9" in told
    rows = healthy.query("SELECT missing_from, missing_id FROM ft42.orphan_rows ORDER BY 1, 2")
    assert [(row["missing_from"], row["missing_id"]) for row in rows] == [
        ("campuses", 5),
        ("campuses", 42),
        ("cursus", 9),
    ]


@pytest.mark.few(1)
@pytest.mark.parametrize("name", ["<b>", "{subject}", "%s", "'; DROP TABLE ft42.users; --"])
def test_a_name_is_a_name_whatever_stands_in_it(healthy: Warehouse, name: str) -> None:
    healthy.land(
        "rejected_records",
        {
            "rejection_id": "x", "stream": name, "record_id": name, "reason": name,
            "rejected_at": datetime.now(UTC),
        },
    )  # fmt: skip
    assert list(findings(healthy)) == [f"rejected:{name}"]


def test_a_publish_of_the_future_hides_neither_what_waits_nor_the_guard(
    healthy: Warehouse,
) -> None:
    healthy.execute(
        "INSERT INTO ft42_warehouse.publishes (published_at, took, seen_before, server, "
        "inserted, changed, deleted) SELECT now() + interval '9 d', took, seen_before, server, "
        "'{}', '{}', '{}' FROM ft42_warehouse.publishes"
    )
    delete_guard(healthy)
    not_published(healthy)
    assert {"delete-guard:users", "not-published"} <= set(findings(healthy))


@pytest.mark.slow
def test_a_stream_that_is_switched_on_later_is_no_growth_of_orphans(healthy: Warehouse) -> None:
    # It ends now, which is after the check that knew nothing of it.
    healthy.land_run("more", "coalitions_users", age=timedelta(minutes=1))
    healthy.land(
        "coalitions_users",
        *[{"id": n, "coalition_id": 404, "user_id": 1, "score": n} for n in range(9)],
    )
    healthy.run("publish")
    assert "orphans-grew:coalitions_users" not in findings(healthy)
    healthy.run("check")
    healthy.land(
        "coalitions_users",
        *[{"id": n, "coalition_id": 404, "user_id": 1, "score": n} for n in range(9, 20)],
    )
    healthy.run("publish")
    assert "11 more" in findings(healthy)["orphans-grew:coalitions_users"]["what"]


@pytest.mark.slow
def test_large_tables_are_not_counted_for_a_share_of_them(healthy: Warehouse) -> None:
    # As the server's statistics have it: a thousandth would be orphans, and not the most.
    orphans(healthy)
    assert "orphans-grew:projects_users" in findings(healthy)
    healthy.execute("ALTER TABLE ft42_raw.projects_users SET (autovacuum_enabled = off)")
    healthy.execute(
        "INSERT INTO ft42_raw.projects_users (id, cursus_id) "
        "SELECT number, 1 FROM generate_series(1000, 21000) AS number"
    )
    healthy.execute("ANALYZE ft42_raw.projects_users")
    healthy.execute("DELETE FROM ft42_raw.projects_users WHERE id >= 1000")
    assert "orphans-grew:projects_users" not in findings(healthy)
