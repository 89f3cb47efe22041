"""Several loads, each with a landing schema of its own, and one published schema."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ft42_warehouse.embedded import HOST, NAME

from tests.end_to_end.conftest import BIN, ROOT
from tests.end_to_end.pair import TARGET
from tests.waiting import until
from tests.warehouse.conftest import NOON, enrolment, user

if TYPE_CHECKING:
    from pathlib import Path

    from tests.warehouse.conftest import Kept, Warehouse

PASSWORD = "of-the-tests"  # noqa: S105 - of a server that lives for a test
LYON, NICE = "ft42_raw_lyon", "ft42_raw_nice"
LATER = {"_sdc_extracted_at": NOON.replace(hour=15)}
PARIS_ID, LYON_ID, NICE_ID = 1, 9, 41


@pytest.fixture(scope="module")
def shards(ready: Kept) -> Kept:
    """A database that has two shards."""
    warehouse = ready.restored()
    warehouse.run("init", "--shard", "lyon", "--shard", "nice")
    warehouse.land("campuses", {"id": NICE_ID, "name": "Nice"})
    return warehouse.keep("shards")


@pytest.fixture
def sharded(shards: Kept) -> Warehouse:
    """Reference data in the main landing schema, and two shards beside it."""
    return shards.restored()


def landed(warehouse: Warehouse, table: str, schema: str) -> list[int]:
    rows = warehouse.query(f"SELECT id FROM {schema}.{table} ORDER BY id")  # noqa: S608 - ours
    return [row["id"] for row in rows]


def land_students(warehouse: Warehouse, count: int = 40) -> None:
    """Students of Lyon and Nice with an enrolment each; the first is at both campuses."""
    for schema, campus, start in ((LYON, LYON_ID, 1), (NICE, NICE_ID, 1001)):
        numbers = range(start, start + count)
        warehouse.land("users", user(1), *map(user, numbers), schema=schema)
        warehouse.land(
            "projects_users",
            *[enrolment(number, number, campus_id=campus) for number in numbers],
            enrolment(1, 1, campus_id=campus),
            schema=schema,
        )


def schema_of(warehouse: Warehouse) -> set[str]:
    rows = warehouse.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'ft42%%'")
    return {row["nspname"] for row in rows}


def test_a_database_without_shards_has_no_schema_for_them(warehouse: Warehouse) -> None:
    assert schema_of(warehouse) == {"ft42", "ft42_raw", "ft42_warehouse"}
    assert warehouse.query("SELECT FROM pg_inherits") == []


@pytest.mark.slow
def test_what_exists_is_kept_and_a_shard_is_found_without_being_named(
    sharded: Warehouse,
) -> None:
    sharded.land("users", user(1), schema=LYON)
    said = sharded.run("init")
    assert f"{LYON}: 17 tables are ready" in said
    assert f"{NICE}: 17 tables are ready" in said
    sharded.run("publish")
    assert sharded.published("users") == [1]
    assert sharded.run("init", WAREHOUSE_SHARDS="lyon metz").count("tables are ready") == 5
    sharded.run("check")


def test_a_name_that_cannot_be_a_schema_s_is_refused(warehouse: Warehouse) -> None:
    for name in ("all", "Lyon", "a b", "", "x" * 60, '"; DROP SCHEMA ft42; --'):
        done = warehouse.attempt("init", "--shard", name)
        assert done.exit_code == 1
        assert "A shard cannot be called" in done.output
    assert schema_of(warehouse) == {"ft42", "ft42_raw", "ft42_warehouse"}


@pytest.mark.slow
def test_a_shard_s_schema_stands_for_the_whole_it_belongs_to(sharded: Warehouse) -> None:
    land_students(sharded)
    named = {"TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": LYON}
    sharded.run("init", **named)
    sharded.run("publish", **named)
    assert len(sharded.published("users")) == 80
    sharded.run("rebuild", **named)
    sharded.run("check", **named)
    assert len(sharded.published("users")) == 80
    assert schema_of(sharded) == {
        "ft42", "ft42_raw", "ft42_raw_all", LYON, NICE, "ft42_warehouse"
    }  # fmt: skip


def test_who_is_at_campuses_of_two_shards_is_published_once(sharded: Warehouse) -> None:
    land_students(sharded)
    said = sharded.run("publish")
    assert "users                80 new" in said
    assert "projects_users       80 new" in said
    assert sharded.published("projects_users", "campus_id")[0] == NICE_ID
    assert sharded.run("publish") == "Nothing to publish\n"
    sharded.run("check")
    assert sharded.run("rebuild") == "Nothing to publish\n"


def test_the_copy_that_changed_last_is_published_whichever_landed_last(
    sharded: Warehouse,
) -> None:
    newer = {"updated_at": NOON.replace(hour=14), **LATER}
    sharded.land("users", user(1, wallet=2, **newer), schema=NICE)
    sharded.land("users", user(1, wallet=1), schema=LYON)
    sharded.run("publish")
    assert sharded.published("users", "wallet") == [2]
    sharded.land("users", user(1, wallet=0, **LATER), schema=LYON)
    assert sharded.run("publish") == "Nothing to publish\n"


def test_of_copies_that_changed_at_once_the_last_read_is_published(sharded: Warehouse) -> None:
    sharded.land("users", user(1, wallet=2, **LATER), schema=LYON)
    sharded.land("users", user(1, wallet=1), schema=NICE)
    sharded.run("publish")
    assert sharded.published("users", "wallet") == [2]


@pytest.mark.slow
def test_a_row_that_is_gone_in_one_shard_lives_as_long_as_another_has_it(
    sharded: Warehouse,
) -> None:
    land_students(sharded)
    sharded.run("publish")
    sharded.land_census("projects_users", 1, 1, [], schema=NICE)
    assert "projects_users       1 changed" in sharded.run("publish")
    assert landed(sharded, "projects_users", NICE)[0] == 1001
    assert sharded.published("projects_users", "campus_id")[0] == LYON_ID
    sharded.run("check")

    sharded.land_census("projects_users", 1, 1, [], schema=LYON)
    assert "projects_users       1 deleted" in sharded.run("publish")
    assert 1 not in sharded.published("projects_users")
    sharded.run("check")


@pytest.mark.slow
def test_a_census_judges_only_what_its_own_load_wrote(sharded: Warehouse) -> None:
    land_students(sharded)
    sharded.land("users", user(5000))
    sharded.run("publish")
    sharded.land_census("users", 1, 2**31, [*range(1, 41)], schema=LYON)
    assert sharded.run("publish") == "Nothing to publish\n"
    sharded.run("check")
    assert len(sharded.published("users")) == 81


@pytest.mark.slow
def test_who_left_one_shard_s_list_keeps_their_rows(sharded: Warehouse) -> None:
    land_students(sharded)
    sharded.run("publish")
    sharded.land_census("users", 1, 2**31, [*range(2, 41)], schema=LYON)
    sharded.run("publish")
    assert 1 in sharded.published("users")
    assert sharded.query("SELECT FROM ft42_warehouse.erasures") == []
    assert 1 in landed(sharded, "projects_users", LYON)
    sharded.land_census("users", 1, 1000, [], schema=NICE)
    sharded.run("publish")
    assert 1 not in sharded.published("users")
    assert 1 not in landed(sharded, "projects_users", LYON)


def test_a_forgotten_person_goes_from_every_shard_and_stays_out(sharded: Warehouse) -> None:
    land_students(sharded)
    sharded.land(
        "projects_users",
        enrolment(7, 7, campus_id=LYON_ID, teams=[{"users": [{"id": 1}, {"id": 7}]}]),
        schema=LYON,
    )
    sharded.run("publish")
    sharded.run("forget", "1")
    for schema in (LYON, NICE):
        assert 1 not in landed(sharded, "users", schema)
        assert 1 not in landed(sharded, "projects_users", schema)
    (row,) = sharded.query("SELECT teams FROM ft42_raw_all.projects_users WHERE id = 7")
    assert row["teams"] == [{"users": [{"id": 7}]}]
    sharded.land("users", user(1), schema=NICE)
    sharded.run("publish")
    assert 1 not in sharded.published("users")


def test_who_is_anonymised_in_one_shard_is_erased_in_all(sharded: Warehouse) -> None:
    land_students(sharded)
    sharded.run("publish")
    sharded.land("users", user(1, login="3b3-1"), schema=NICE)
    sharded.run("publish")
    assert 1 not in sharded.published("users")
    assert landed(sharded, "users", LYON)[0] == 2
    assert landed(sharded, "projects_users", LYON)[0] == 2


@pytest.mark.slow
def test_an_orphan_is_counted_once_however_many_copies_wait(sharded: Warehouse) -> None:
    for schema, campus in ((LYON, LYON_ID), (NICE, NICE_ID)):
        sharded.land("projects_users", enrolment(10, 1, campus_id=campus), schema=schema)
    sharded.run("publish")
    (waiting,) = sharded.query("SELECT * FROM ft42.orphans")
    assert (waiting["missing_id"], waiting["rows"]) == (1, 1)
    (row,) = sharded.query("SELECT landed_row FROM ft42.orphan_rows")
    assert row["landed_row"]["id"] == 10
    tables = sharded.attempt("status", "--tables").output
    (line,) = [line for line in tables.splitlines() if line.startswith("projects_users ")]
    assert line.split()[1:4] == ["0", "1", "1"]
    sharded.land("users", user(1))
    sharded.run("publish")
    assert sharded.published("projects_users", "campus_id") == [NICE_ID]
    sharded.run("check")


@pytest.mark.slow
def test_the_guard_counts_rows_and_not_copies(sharded: Warehouse) -> None:
    land_students(sharded)
    sharded.land("users", *[user(number) for number in range(1, 41)], schema=NICE)
    sharded.run("publish")
    sharded.land_census("users", 1, 2**31, [], schema=LYON)
    assert "deleted" not in sharded.run("publish")
    sharded.land_census("users", 1, 2**31, [*range(11, 41), *range(1001, 1041)], schema=NICE)
    done = sharded.attempt("publish")
    assert "would delete 10 of the 80 rows of users" in done.output
    assert len(sharded.published("users")) == len(landed(sharded, "users", NICE)) == 80


@pytest.mark.slow
def test_a_removed_shard_takes_along_what_only_it_had(sharded: Warehouse) -> None:
    land_students(sharded)
    sharded.run("publish")
    sharded.execute(f"DROP SCHEMA {NICE} CASCADE")
    sharded.run("init")
    sharded.run("publish")
    assert len(sharded.published("users")) == 80
    assert "landing schema" in sharded.attempt("check").output
    assert sharded.attempt("rebuild").exit_code == 1
    sharded.run("rebuild", "--allow-deletes")
    assert sharded.published("users") == [*range(1, 41)]
    assert sharded.published("projects_users", "campus_id") == [LYON_ID] * 40
    sharded.run("check")

    sharded.execute(f"DROP SCHEMA {LYON} CASCADE")
    sharded.land("users", *[user(number) for number in range(1, 41)])
    sharded.run("init")
    sharded.run("publish")
    assert sharded.published("users") == [*range(1, 41)]


def load(warehouse: Warehouse, folder: Path, schema: str, wallet: int) -> None:
    """Let the stock target write a person's row, with its settings of meltano.yml."""
    settings = {
        "host": HOST, "port": warehouse.database.port, "user": "test_shard_loader",
        "password": PASSWORD, "database": NAME, "default_target_schema": schema,
        "use_copy": True, "validate_records": False, "activate_version": False,
    }  # fmt: skip
    (folder / "target.json").write_text(json.dumps(settings))
    users = json.loads((ROOT / "schemas/users.json").read_text())
    row = dict.fromkeys(users["properties"]) | {
        "id": 1, "cursus_id": 21, "login": "person1", "kind": "student", "alumni": False,
        "wallet": wallet, "updated_at": "2026-11-01T12:00:00.000Z",
    }  # fmt: skip
    key = users["x-primary-key"]
    messages = [
        {"type": "SCHEMA", "stream": "users", "schema": users, "key_properties": key},
        {"type": "RECORD", "stream": "users", "record": row},
    ]
    done = subprocess.run(
        [TARGET, "--config", folder / "target.json"],
        input="\n".join(map(json.dumps, messages)),
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_the_stock_target_touches_only_the_rows_of_its_own_schema(
    sharded: Warehouse, tmp_path: Path
) -> None:
    sharded.execute(f"CREATE ROLE test_shard_loader LOGIN PASSWORD '{PASSWORD}'")
    sharded.execute("GRANT ft42_loader TO test_shard_loader")
    columns = (
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = 'users' ORDER BY ordinal_position"
    )
    before = sharded.query(columns, LYON)
    for schema, wallet in (("ft42_raw", 1), (LYON, 2), ("ft42_raw", 3), (LYON, 4)):
        load(sharded, tmp_path, schema, wallet)
    assert sharded.query("SELECT wallet FROM ft42_raw.users") == [{"wallet": 3}]
    assert sharded.query("SELECT wallet FROM ft42_raw_lyon.users") == [{"wallet": 4}]
    assert sharded.query("SELECT FROM ONLY ft42_raw_all.users") == []
    assert sharded.query(columns, LYON) == before
    sharded.run("publish")
    assert sharded.published("users", "wallet") == [4]
    sharded.run("check")


def findings(warehouse: Warehouse) -> list[str]:
    told = json.loads(warehouse.attempt("status", "--json").output)
    return [finding["key"] for finding in told["findings"]]


def test_a_table_is_as_fresh_as_the_load_that_is_furthest_behind(sharded: Warehouse) -> None:
    for run, schema, minutes in (("a", LYON, 10), ("b", NICE, 120)):
        sharded.land_run(run, "users", age=timedelta(minutes=minutes), schema=schema)
    sharded.run("publish")
    assert "stale:users" in findings(sharded)
    sharded.land_run("c", "users", age=timedelta(minutes=9), schema=NICE)
    sharded.run("publish")
    assert "stale:users" not in findings(sharded)


def test_each_application_has_an_hour_and_a_secret_of_its_own(sharded: Warehouse) -> None:
    now = datetime.now(UTC)
    ends = {LYON: now + timedelta(days=3), NICE: now + timedelta(days=20)}
    for run, schema in (("a", LYON), ("b", NICE)):
        sharded.land_run(
            run, "users", age=timedelta(minutes=10), schema=schema, requests=700,
            secret_valid_until=ends[schema],
        )  # fmt: skip
    assert "quota-used-up" not in findings(sharded)
    assert findings(sharded).count("secret-expires") == 1
    sharded.land_run(
        "c", "users", age=timedelta(minutes=5), schema=LYON, requests=400,
        secret_valid_until=ends[LYON],
    )  # fmt: skip
    assert "quota-used-up" in findings(sharded)


@pytest.mark.slow
def test_tables_that_the_loader_made_itself_become_a_shard_s(warehouse: Warehouse) -> None:
    warehouse.execute(f"CREATE SCHEMA {LYON}")
    warehouse.execute(
        f"CREATE TABLE {LYON}.users (id bigint, cursus_id bigint, login text, kind text, "
        "updated_at timestamp, _sdc_extracted_at timestamp, PRIMARY KEY (id, cursus_id))"
    )
    warehouse.execute(
        f"INSERT INTO {LYON}.users VALUES (1, 21, 'early', 'student', %s, %s)",  # noqa: S608
        NOON.replace(tzinfo=None), NOON.replace(tzinfo=None),
    )  # fmt: skip
    warehouse.run("publish")
    warehouse.run("init", "--shard", "lyon")
    warehouse.run("publish")
    assert warehouse.published("users", "updated_at") == [NOON]


@pytest.mark.slow
def test_a_shard_is_made_while_a_publish_waits_and_is_not_missed(sharded: Warehouse) -> None:
    with sharded.database.connect() as other:
        other.execute("LOCK TABLE ft42_warehouse.publishes IN SHARE UPDATE EXCLUSIVE MODE")
        publish = subprocess.Popen(
            [BIN / "warehouse", "publish"],
            env={**os.environ, **sharded.database.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        until(sharded.waiting)
        sharded.run("init", "--shard", "metz")
        sharded.land("users", user(1), schema="ft42_raw_metz")
    assert "users                1 new" in publish.communicate(timeout=60)[0]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["init", "publish"])
def test_a_command_that_is_killed_leaves_nothing_half_done(
    sharded: Warehouse, command: str
) -> None:
    land_students(sharded)
    arguments = ["init", "--shard", "metz"] if command == "init" else ["publish"]
    table = f"{LYON}.users" if command == "init" else "ft42.users"
    if command == "init":
        sharded.execute(f"DROP TRIGGER ft42_stamp ON {LYON}.users")
    with sharded.database.connect() as other:
        other.execute(f"LOCK TABLE {table}")
        process = subprocess.Popen(
            [BIN / "warehouse", *arguments],
            env={**os.environ, **sharded.database.environment},
        )
        until(sharded.waiting)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "ft42_raw_metz" not in schema_of(sharded)
    sharded.run("init", "--shard", "metz")
    sharded.run("publish")
    assert len(sharded.published("users")) == 80
    sharded.run("check")


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        f"DROP TABLE {LYON}.users",
        f"DROP TRIGGER ft42_stamp ON {LYON}.users",
        "DROP SCHEMA ft42_raw CASCADE",
        f"ALTER TABLE {LYON}.users NO INHERIT ft42_raw_all.users",
    ],
)
def test_what_was_dropped_by_hand_is_made_anew(sharded: Warehouse, statement: str) -> None:
    land_students(sharded)
    reference: list[dict[str, Any]] = sharded.query("SELECT * FROM ft42_raw.campuses")
    sharded.run("publish")
    sharded.execute(statement)
    sharded.run("init", "--shard", "lyon", "--shard", "nice")
    if reference and "SCHEMA ft42_raw " in statement:
        sharded.land("campuses", *[{"id": row["id"], "name": row["name"]} for row in reference])
        sharded.land("cursus", {"id": 21, "name": "42cursus"})
        sharded.land("projects", {"id": 7, "name": "libft", "slug": "libft"})
    if "TABLE ft42_raw_lyon.users" in statement or "SCHEMA ft42_raw " in statement:
        land_students(sharded)
    sharded.run("rebuild", "--allow-deletes")
    sharded.run("check")
    assert len(sharded.published("users")) == len(sharded.published("projects_users")) == 80
