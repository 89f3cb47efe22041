"""What users build on the tables stops no job, or is named with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import NOON, enrolment, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Database
    from tests.warehouse.conftest import Warehouse

ON_A_COLUMN = {
    "view theirs.recent": "CREATE VIEW theirs.recent AS SELECT updated_at FROM ft42_raw.users",
    "materialized view theirs.kept": (
        "CREATE MATERIALIZED VIEW theirs.kept AS SELECT updated_at FROM ft42_raw.users"
    ),
    "function theirs.last()": (
        "CREATE FUNCTION theirs.last() RETURNS timestamp BEGIN ATOMIC "
        "SELECT max(updated_at) FROM ft42_raw.users; END"
    ),
    "rule noted on table ft42_raw.users": (
        "CREATE TABLE theirs.log (gone timestamp); "
        "CREATE RULE noted AS ON DELETE TO ft42_raw.users "
        "DO ALSO INSERT INTO theirs.log VALUES (OLD.updated_at)"
    ),
    "policy old on table ft42_raw.users": (
        "CREATE POLICY old ON ft42_raw.users USING (updated_at IS NOT NULL)"
    ),
    "trigger looked on table ft42_raw.users": (
        "CREATE FUNCTION theirs.look() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NEW; END'; "
        "CREATE TRIGGER looked BEFORE UPDATE OF updated_at ON ft42_raw.users "
        "FOR EACH ROW EXECUTE FUNCTION theirs.look()"
    ),
    "column day of table ft42_raw.users": (
        "ALTER TABLE ft42_raw.users ADD day timestamp GENERATED ALWAYS AS (updated_at) STORED"
    ),
}


@pytest.fixture(autouse=True)
def theirs(database: Database) -> Iterator[None]:
    """A schema of a user's own."""
    database.execute("DROP SCHEMA IF EXISTS theirs CASCADE")
    yield
    database.execute("DROP SCHEMA IF EXISTS theirs CASCADE")


def made_by_the_target(warehouse: Warehouse) -> None:
    """Make a landed table as the target does where none is, with instants without a zone."""
    warehouse.execute("CREATE SCHEMA theirs")
    warehouse.execute("CREATE SCHEMA ft42_raw")
    warehouse.execute(
        "CREATE TABLE ft42_raw.users (id bigint, cursus_id bigint, login text, kind text, "
        "alumni boolean, updated_at timestamp, _sdc_batched_at timestamp, "
        "PRIMARY KEY (id, cursus_id))"
    )


@pytest.mark.few(1)
@pytest.mark.parametrize("thing", ON_A_COLUMN)
def test_what_hangs_on_a_landed_column_stops_nothing_and_is_named(
    empty: Warehouse, thing: str
) -> None:
    made_by_the_target(empty)
    empty.execute(ON_A_COLUMN[thing])
    said = empty.run("init")
    assert "ft42_raw.users.updated_at stays a timestamp without a time zone" in said
    assert thing in said
    assert "_sdc_batched_at" not in said
    empty.execute(
        "INSERT INTO ft42_raw.users (id, cursus_id, kind, updated_at) "
        "VALUES (1, 21, 'student', '2026-11-01 12:00')"
    )
    empty.run("publish")
    assert empty.published("users", "updated_at") == [NOON]
    empty.run("init")
    empty.run("check")


@pytest.mark.slow
def test_once_it_is_dropped_the_column_gets_its_zone(empty: Warehouse) -> None:
    made_by_the_target(empty)
    empty.execute(ON_A_COLUMN["view theirs.recent"])
    empty.run("init")
    empty.execute("DROP VIEW theirs.recent")
    assert "stays" not in empty.run("init")
    (column,) = empty.query(
        "SELECT data_type FROM information_schema.columns WHERE column_name = 'updated_at' "
        "AND table_schema = 'ft42_raw' AND table_name = 'users'"
    )
    assert column["data_type"] == "timestamp with time zone"


@pytest.mark.slow
def test_views_on_orphans_and_tables_outlive_a_new_version(warehouse: Warehouse) -> None:
    warehouse.execute("CREATE SCHEMA theirs")
    for table in ("ft42.orphans", "ft42.orphan_rows", "ft42.users", "ft42_raw.users"):
        name = table.replace(".", "_")
        for relation in ("VIEW theirs.v", "MATERIALIZED VIEW theirs.m"):
            warehouse.execute(f"CREATE {relation}_{name} AS TABLE {table}")
    warehouse.execute("UPDATE ft42_warehouse.objects SET digest = 'of an older version'")
    warehouse.run("init")
    warehouse.run("init", "--shard", "second")
    warehouse.land("projects_users", enrolment(1, 404))
    assert warehouse.query("SELECT FROM theirs.v_ft42_orphans WHERE missing_id = 404")


@pytest.mark.slow
def test_what_must_be_dropped_for_a_new_key_is_named(empty: Warehouse) -> None:
    empty.execute("CREATE SCHEMA theirs")
    empty.execute("CREATE SCHEMA ft42_raw")
    empty.execute("CREATE TABLE ft42_raw.users (id bigint PRIMARY KEY, login text)")
    empty.execute("CREATE TABLE theirs.notes (user_id bigint REFERENCES ft42_raw.users)")
    done = empty.attempt("init")
    assert done.exit_code == 1
    assert "constraint notes_user_id_fkey on table theirs.notes depends" in done.output
    empty.execute("DROP TABLE theirs.notes")
    empty.run("init")


@pytest.mark.few(2)
@pytest.mark.parametrize("relation", ["MATERIALIZED VIEW", "VIEW"])
@pytest.mark.parametrize("name", ["ft42.users", "ft42_raw.users", "ft42_warehouse.turns"])
def test_a_name_that_is_taken_is_named(empty: Warehouse, name: str, relation: str) -> None:
    empty.execute(f"CREATE SCHEMA {name.partition('.')[0]}")
    empty.execute(f"CREATE {relation} {name} AS SELECT 1 AS id")
    done = empty.attempt("init")
    assert done.exit_code == 1
    assert f"{name} is a {relation.lower()} of somebody else, but" in done.output


@pytest.mark.slow
def test_a_foreign_key_that_will_stop_a_publish_is_told_before_and_named_then(
    warehouse: Warehouse,
) -> None:
    warehouse.land("users", user(1), user(2))
    warehouse.run("publish")
    warehouse.execute("CREATE SCHEMA theirs")
    warehouse.execute("CREATE TABLE theirs.notes (user_id bigint REFERENCES ft42.users)")
    warehouse.execute("INSERT INTO theirs.notes VALUES (1)")
    assert "foreign key notes_user_id_fkey of theirs.notes keeps rows" in warehouse.run("init")
    warehouse.run("rebuild")
    for arguments in (["forget", "1"], ["rebuild", "--allow-deletes"]):
        if arguments[0] == "rebuild":
            warehouse.execute("DELETE FROM ft42_raw.users WHERE id = 1")
        done = warehouse.attempt(*arguments)
        assert done.exit_code == 1
        assert "notes_user_id_fkey of theirs.notes" in done.output
        assert "ON DELETE CASCADE" in done.output
    warehouse.execute(
        "ALTER TABLE theirs.notes DROP CONSTRAINT notes_user_id_fkey, "
        "ADD FOREIGN KEY (user_id) REFERENCES ft42.users ON DELETE CASCADE"
    )
    assert "theirs" not in warehouse.run("init")
    warehouse.run("forget", "1")
    assert warehouse.query("SELECT * FROM theirs.notes") == []


def test_a_rule_on_a_published_table_is_named(warehouse: Warehouse) -> None:
    warehouse.execute("CREATE RULE kept AS ON DELETE TO ft42.users DO INSTEAD NOTHING")
    assert "The rule kept of ft42.users stops who must write it" in warehouse.run("init")


@pytest.mark.slow
def test_rows_that_a_policy_hides_are_not_taken_for_gone(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1))
    warehouse.run("publish")
    warehouse.execute("ALTER TABLE ft42_raw.users ENABLE ROW LEVEL SECURITY")
    warehouse.run("rebuild", "--allow-deletes")
    warehouse.execute("ALTER TABLE ft42_raw.users FORCE ROW LEVEL SECURITY")
    assert "ft42_raw.users NO FORCE ROW LEVEL SECURITY" in warehouse.run("init")
    assert warehouse.attempt("rebuild", "--allow-deletes").exit_code == 1
    assert warehouse.published("users") == [1]
