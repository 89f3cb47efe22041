"""Least privilege: who loads, who publishes and who reads are three accounts."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest
from ft42_warehouse.embedded import HOST, NAME

from tests.end_to_end.conftest import ROOT
from tests.end_to_end.pair import TARGET
from tests.warehouse.conftest import NOON, user

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Database
    from tests.warehouse.conftest import Kept, Warehouse

PASSWORD = "of-the-tests"  # noqa: S105 - of a server that lives for a test


@pytest.fixture(scope="module", autouse=True)
def accounts(database: Database) -> None:
    """An account for each of the three roles."""
    with database.connect() as connection:
        for role in ("loader", "publisher", "reader"):
            connection.execute(f"CREATE ROLE test_{role} LOGIN PASSWORD '{PASSWORD}'")


@pytest.fixture(scope="module")
def populated(ready: Kept) -> Kept:
    """A database with a person, whose accounts have their roles."""
    warehouse = ready.restored()
    for role in ("loader", "publisher", "reader"):
        warehouse.execute(f"GRANT ft42_{role} TO test_{role}")
    warehouse.land("users", user(1))
    warehouse.run("publish")
    return warehouse.keep("populated")


@pytest.fixture
def roles(populated: Kept) -> Warehouse:
    """The accounts have their roles, and only these."""
    warehouse = populated.restored()
    warehouse.run("init")  # what is granted on a database does not come with its copy
    return warehouse


def run_as(warehouse: Warehouse, role: str, statement: str) -> None:
    with psycopg.connect(
        host=HOST, port=warehouse.database.port, user=f"test_{role}", password=PASSWORD,
        dbname=NAME,
    ) as connection:  # fmt: skip
        connection.execute(statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("loader", "INSERT INTO ft42_raw.users (id, cursus_id) VALUES (2, 21)"),
        ("loader", "UPDATE ft42_raw.users SET wallet = 3"),
        ("loader", "SELECT FROM ft42_raw.users"),
        ("reader", "SELECT FROM ft42.users"),
        ("reader", "SELECT FROM ft42.orphan_rows"),
        ("reader", "SELECT FROM ft42.orphans"),
    ],
)
def test_each_may_do_its_work(roles: Warehouse, role: str, statement: str) -> None:
    run_as(roles, role, statement)


@pytest.mark.few(5)
@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("loader", "SELECT FROM ft42.users"),
        ("loader", "SELECT FROM ft42_warehouse.erasures"),
        ("loader", "DELETE FROM ft42_raw.users"),
        ("loader", "DROP TABLE ft42_raw.users"),
        ("loader", "CREATE SCHEMA mine"),
        ("reader", "SELECT FROM ft42_raw.users"),
        ("reader", "SELECT FROM ft42_warehouse.erasures"),
        ("reader", "UPDATE ft42.users SET wallet = 3"),
        ("reader", "INSERT INTO ft42.users (id) VALUES (3)"),
        ("publisher", "CREATE ROLE mine"),
    ],
)
def test_and_nothing_else(roles: Warehouse, role: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run_as(roles, role, statement)


def test_none_is_a_superuser_or_can_log_in(roles: Warehouse) -> None:
    rows = roles.query(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls FROM pg_roles "
        "WHERE rolname IN ('ft42_loader', 'ft42_publisher', 'ft42_reader')"
    )
    assert len(rows) == 3
    assert not any(any(row.values()) for row in rows)


@pytest.mark.slow
def test_the_publisher_does_all_that_the_command_does(roles: Warehouse) -> None:
    as_publisher = {
        "WAREHOUSE_PUBLISHER": "test_publisher",
        "WAREHOUSE_PUBLISHER_PASSWORD": PASSWORD,
    }
    roles.land("users", user(2))
    for command in ("init", "publish", "check", "rebuild", "status"):
        roles.run(command, **as_publisher)
    assert roles.published("users") == [1, 2]
    roles.run("forget", "2", **as_publisher)
    roles.execute("DROP SCHEMA ft42 CASCADE")
    roles.run("init", **as_publisher)
    roles.run("publish", **as_publisher)
    run_as(roles, "reader", "SELECT FROM ft42.users")


def test_the_loader_cannot_publish_and_is_told_what_it_lacks(roles: Warehouse) -> None:
    done = roles.attempt(
        "publish",
        TARGET_POSTGRES_USER="test_loader",
        TARGET_POSTGRES_PASSWORD=PASSWORD,
    )
    assert done.exit_code == 1
    assert "permission denied" in done.output
    assert "grant this one the publisher's role" in done.output


@pytest.mark.slow
def test_tables_of_an_older_version_go_over_to_the_publisher(empty: Warehouse) -> None:
    empty.execute("CREATE SCHEMA ft42_raw")
    empty.execute(
        "CREATE TABLE ft42_raw.users (id bigint PRIMARY KEY, login text, kind text, "
        "updated_at timestamp, _sdc_extracted_at timestamp)"
    )
    empty.execute("INSERT INTO ft42_raw.users VALUES (1, 'old', 'student', %s, %s)", NOON, NOON)
    empty.run("init")
    empty.run("publish")
    assert empty.published("users") == [1]
    (row,) = empty.query(
        "SELECT tableowner FROM pg_tables WHERE (schemaname, tablename) = ('ft42_raw', 'users')"
    )
    assert row["tableowner"] == "ft42_publisher"


def test_a_server_without_tls_is_refused_where_tls_is_asked_for(warehouse: Warehouse) -> None:
    done = warehouse.attempt(
        "status", TARGET_POSTGRES_SSL_ENABLE="true", TARGET_POSTGRES_SSL_MODE="require"
    )
    assert done.exit_code == 1
    assert "TARGET_POSTGRES_SSL_ENABLE needs" in done.output


def test_a_wrong_password_is_not_told(warehouse: Warehouse) -> None:
    done = warehouse.attempt("status", TARGET_POSTGRES_PASSWORD="hunter2")
    assert done.exit_code == 1
    assert "password authentication failed" in done.output
    assert "hunter2" not in done.output


@pytest.mark.slow
def test_the_stock_target_loads_as_a_loader_and_no_more(
    roles: Warehouse, tmp_path: Path
) -> None:
    settings = {
        "host": HOST, "port": roles.database.port, "user": "test_loader",
        "password": PASSWORD, "database": NAME, "default_target_schema": "ft42_raw",
        "use_copy": True, "validate_records": False, "activate_version": False,
    }  # fmt: skip
    (tmp_path / "target.json").write_text(json.dumps(settings))
    schema = json.loads((ROOT / "schemas/cursus.json").read_text(encoding="utf-8"))
    messages = [
        {"type": "SCHEMA", "stream": "cursus", "schema": schema, "key_properties": ["id"]},
        {"type": "RECORD", "stream": "cursus", "record": {"id": 9, "name": "C Piscine"}},
        {"type": "RECORD", "stream": "cursus", "record": {"id": 21, "name": "renamed"}},
    ]
    subprocess.run(
        [TARGET, "--config", tmp_path / "target.json"],
        input="\n".join(map(json.dumps, messages)),
        capture_output=True,
        check=True,
        text=True,
    )
    roles.run("publish")
    assert roles.published("cursus", "name") == ["C Piscine", "renamed"]
