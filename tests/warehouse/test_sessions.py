"""No default of a server, and nobody who holds something, changes what a command does."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from filelock import FileLock
from ft42_warehouse.embedded import HOST, NAME

from tests.end_to_end.conftest import BIN
from tests.waiting import until
from tests.warehouse.conftest import enrolment, user
from tests.warehouse.hooked import listening
from tests.warehouse.pooler import needs_pgbouncer, pooling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.warehouse.conftest import Warehouse

SOMEBODY = "psql of somebody"
HOSTILE_DEFAULTS = {
    "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "'sql_standard'",
    "TimeZone": "'America/St_Johns'",
    "search_path": "ft42_raw, pg_catalog",
    "bytea_output": "'escape'",
    "extra_float_digits": "-10",
    "client_encoding": "'LATIN1'",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "gin_fuzzy_search_limit": "1",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_deferrable": "on",
    "lock_timeout": "'50ms'",
    "statement_timeout": "'500ms'",
    "idle_in_transaction_session_timeout": "'50ms'",
    "idle_session_timeout": "'2s'",
    "transaction_timeout": "'500ms'",
}


@contextmanager
def defaults(warehouse: Warehouse) -> Iterator[None]:
    """Let each session of the account begin with others than usual."""
    with warehouse.database.connect() as connection:
        connection.autocommit = True
        for name, value in HOSTILE_DEFAULTS.items():
            connection.execute(f"ALTER ROLE {NAME} SET {name} = {value}")
        try:
            yield
        finally:
            connection.execute(f"ALTER ROLE {NAME} RESET ALL")


@contextmanager
def somebody(warehouse: Warehouse, statement: str) -> Iterator[psycopg.Connection]:
    """Hold what a statement takes."""
    with psycopg.connect(
        host=HOST, port=warehouse.database.port, user=NAME, password=NAME, dbname=NAME,
        application_name=SOMEBODY,
    ) as other:  # fmt: skip
        other.execute(statement)
        yield other


def start(warehouse: Warehouse, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / "warehouse", *arguments],
        env={**os.environ, **warehouse.database.environment, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_defaults_of_a_server_change_nothing(healthy: Warehouse, tmp_path: Path) -> None:
    usual = healthy.run("status", "--tables")
    healthy.land("users", user(4, login="ünï"))
    healthy.land("projects_users", enrolment(30, 4, final_mark=100))
    with somebody(healthy, "LOCK TABLE ft42.projects_users") as other, defaults(healthy):
        publish = start(healthy, "publish")
        until(healthy.waiting)
        # As long as the limits that are not heeded.
        assert publish.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            publish.wait(0.7)
        other.rollback()
        said, _ = publish.communicate(timeout=60)
        assert publish.returncode == 0, said
        for command in ("init", "check", "rebuild"):
            healthy.run(command)
        assert healthy.run("status", "--tables").count("\n") == usual.count("\n")
        healthy.run("status", "--json")
        healthy.run("report", "--output", str(tmp_path / "report.html"))
        assert "1 forgotten" not in healthy.run("forget", "4")
    assert healthy.published("users") == [1, 2, 3]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("held", "what"),
    [
        ("LOCK TABLE ft42_warehouse.publishes", "ft42_warehouse.publishes"),
        ("LOCK TABLE ft42.users", "ft42.users"),
        ("SELECT FROM ft42.users WHERE id = 1 FOR UPDATE", "rows"),
    ],
)
def test_who_holds_a_publish_up_is_named_and_given_up_on(
    healthy: Warehouse, held: str, what: str
) -> None:
    healthy.land("users", user(1, wallet=7))
    with somebody(healthy, held) as other:
        done = healthy.attempt("publish", WAREHOUSE_WAIT_SECONDS="2")
        pid = other.info.backend_pid
    assert done.exit_code == 1
    waiting, given_up = done.stderr.splitlines()
    for line in (waiting, given_up):
        assert f"pid {pid} ({SOMEBODY}, account ft42, idle in transaction" in line
        assert what in line
    assert waiting.startswith("Waiting for 2 s at most: ")
    assert given_up.startswith("Error: Gave up after 2 s: ")
    healthy.run("publish")
    assert healthy.published("users", "wallet")[0] == 7


@pytest.mark.few(2)
@pytest.mark.parametrize("command", ["init", "rebuild", "forget 1", "check", "status"])
def test_no_command_waits_for_ever(healthy: Warehouse, command: str) -> None:
    healthy.execute("DROP INDEX ft42.projects_users_user_id_idx")
    with somebody(healthy, "LOCK TABLE ft42.projects_users"):
        done = healthy.attempt(*command.split(), WAREHOUSE_WAIT_SECONDS="2")
    assert done.exit_code == 1
    assert SOMEBODY in done.stderr


def test_an_alert_waits_for_another_one_with_a_word_and_a_limit(
    healthy: Warehouse, tmp_path: Path
) -> None:
    state = tmp_path / "alerts.json"
    with listening() as hook:
        settings = {
            "WAREHOUSE_ALERT_URL": hook.url,
            "WAREHOUSE_ALERT_STATE": str(state),
            "WAREHOUSE_WAIT_SECONDS": "1",
        }
        with FileLock(f"{state}.lock"):
            done = healthy.attempt("alert", **settings)
        assert done.exit_code == 1
        assert "Waiting for another `warehouse alert`" in done.stderr
        assert "Gave up: another `warehouse alert` has held" in done.stderr
        with somebody(healthy, "LOCK TABLE ft42_warehouse.alerts"):
            healthy.attempt("alert", **settings)
        healthy.run("alert", **settings)


@pytest.mark.slow
def test_a_cancelled_statement_is_not_blamed_on_the_settings(healthy: Warehouse) -> None:
    with somebody(healthy, "LOCK TABLE ft42_warehouse.publishes"):
        publish = start(healthy, "publish")
        until(healthy.waiting)
        healthy.query(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'ft42-warehouse publish%%' AND true"
        )
        said, _ = publish.communicate(timeout=60)
    assert publish.returncode == 1
    assert "cancelled the statement" in said
    assert "TARGET_POSTGRES_HOST" not in said


@pytest.mark.slow
@needs_pgbouncer
def test_publishes_through_a_pooler_leave_nothing_to_a_direct_one(
    healthy: Warehouse, memory: Path, request: pytest.FixtureRequest
) -> None:
    folder = memory / request.node.name
    folder.mkdir()
    with pooling(healthy.database, folder, "transaction") as pooler:
        for turn in range(2):
            healthy.land("users", *[user(number, wallet=turn) for number in range(1, 200)])
            commands = [
                start(healthy, command, **pooler.environment)
                for command in ("publish", "status", "publish", "check", "init", "publish")
            ]
            for command in commands:
                said, _ = command.communicate(timeout=120)
                assert command.returncode == 0, said
            healthy.land("users", user(1000 + turn))
            # Of the server's sessions, which the pooler keeps, none holds anything.
            healthy.run("publish", WAREHOUSE_WAIT_SECONDS="5")
    assert healthy.published("users")[-2:] == [1000, 1001]


@needs_pgbouncer
def test_a_pooler_without_a_free_connection_is_given_up_on(
    healthy: Warehouse, memory: Path, request: pytest.FixtureRequest
) -> None:
    folder = memory / request.node.name
    folder.mkdir()
    with pooling(healthy.database, folder, "transaction", size=1) as pooler:
        with psycopg.connect(
            host=HOST, port=pooler.port, user=NAME, password=NAME, dbname=NAME
        ) as other:
            other.execute("SELECT")
            done = healthy.attempt("publish", **pooler.environment, WAREHOUSE_WAIT_SECONDS="2")
        assert done.exit_code == 1
        assert "Waiting for 2 s at most: no connection is free at the pooler" in done.stderr
        assert "Gave up after 2 s" in done.stderr
        healthy.run("publish", **pooler.environment)
