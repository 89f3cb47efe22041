"""The stock loader writes each new row twice; the database writes it once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.warehouse.conftest import CURSUS, NOON, enrolment, user

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

    from tests.warehouse.conftest import Warehouse

KEY = ("id", "cursus_id")


def load(connection: Connection[Any], table: str, rows: list[dict[str, Any]]) -> int:
    """Write rows as the stock loader does, and return the number of its transaction."""
    names = [sql.Identifier(name) for name in rows[0]]
    same_row = sql.SQL(" AND ").join(
        sql.SQL("n.{0} = l.{0}").format(sql.Identifier(name)) for name in KEY
    )
    parts = {
        "table": sql.Identifier("ft42_raw", table),
        "columns": sql.SQL(", ").join(names),
        "values": sql.SQL(", ").join(sql.Placeholder() * len(names)),
        "taken": sql.SQL(", ").join(sql.SQL("n.") + name for name in names),
        "changes": sql.SQL(", ").join(sql.SQL("{0} = n.{0}").format(name) for name in names),
        "same_row": same_row,
    }
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("CREATE TEMP TABLE news (LIKE {table}) ON COMMIT DROP").format(**parts)
        )
        cursor.executemany(
            sql.SQL("INSERT INTO news ({columns}) VALUES ({values})").format(**parts),
            [list(row.values()) for row in rows],
        )
        cursor.execute(
            sql.SQL(
                "INSERT INTO {table} ({columns}) SELECT {taken} FROM news AS n "
                "LEFT JOIN {table} AS l ON {same_row} WHERE l.id IS NULL"
            ).format(**parts)
        )
        cursor.execute(
            sql.SQL("UPDATE {table} AS l SET {changes} FROM news AS n WHERE {same_row}").format(
                **parts
            )
        )
        return int(value(cursor, "SELECT pg_current_xact_id()::text"))


def value(asked: Connection[Any] | Cursor[Any], statement: str) -> Any:  # noqa: ANN401 - any
    """Return the only value that a statement returns."""
    (row,) = asked.execute(statement).fetchall()
    (found,) = row.values()
    return found


def landed(connection: Connection[Any], table: str) -> dict[int, tuple[Any, ...]]:
    """Return by id where a row lies, which transaction it notes, and the row itself."""
    statement = sql.SQL(
        "SELECT id, ctid::text, landed_in, to_jsonb(l) - 'landed_in' AS row FROM {} AS l"
    ).format(sql.Identifier("ft42_raw", table))
    rows = connection.execute(statement).fetchall()
    return {row["id"]: (row["ctid"], row["landed_in"], row["row"]) for row in rows}


def landing(row: dict[str, Any], minutes: int) -> dict[str, Any]:
    """Return a row as the loader has it, extracted some minutes after noon."""
    return {**row, "cursus_id": CURSUS, "_sdc_extracted_at": NOON + timedelta(minutes=minutes)}


# Few values, so that the same row comes again; one is too long to lie within the row.
NUMBERS, MINUTES = st.integers(1, 3), st.integers(0, 1)
LONG = [{"id": number, "name": "x" * 9, "users": [{"id": number}]} for number in range(900)]
TEAMS = st.sampled_from(
    [None, [], LONG, [{"id": 5, "name": "ours", "users": [{"id": 1, "login": "person1"}]}]]
)
USERS = st.builds(
    lambda number, kind, wallet, minutes: (
        "users", landing(user(number, kind=kind, wallet=wallet), minutes)
    ),
    NUMBERS, st.sampled_from(["student", "admin"]), st.sampled_from([None, 0, 1]), MINUTES,
)  # fmt: skip
ENROLMENTS = st.builds(
    lambda number, mark, teams, minutes: (
        "projects_users",
        landing(enrolment(number, 1, final_mark=mark, teams=Jsonb(teams)), minutes),
    ),
    NUMBERS, st.sampled_from([None, 0, 100]), TEAMS, MINUTES,
)  # fmt: skip


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(loads=st.lists(USERS | ENROLMENTS, min_size=1, max_size=8))
def test_a_row_notes_the_load_that_last_changed_it_and_is_written_by_no_other(
    warehouse: Warehouse, loads: list[tuple[str, dict[str, Any]]]
) -> None:
    with warehouse.database.connect() as connection:
        connection.autocommit = True
        connection.execute("TRUNCATE ft42_raw.users, ft42_raw.projects_users")
        for table, row in loads:
            before = landed(connection, table)
            number = load(connection, table, [row])
            after = landed(connection, table)
            was, now = before.get(row["id"]), after[row["id"]]
            if was is None or was[2] != now[2]:
                assert now[1] == number
            else:
                assert now == was
            others = {key: value for key, value in after.items() if key != row["id"]}
            assert others == {key: value for key, value in before.items() if key != row["id"]}


def test_a_first_load_writes_each_row_once(warehouse: Warehouse) -> None:
    rows = [landing(enrolment(one, 1, teams=Jsonb(LONG[:20])), 0) for one in range(1, 101)]
    with warehouse.database.connect() as connection, connection.transaction():
        load(connection, "projects_users", rows)
        written = value(
            connection,
            "SELECT pg_stat_get_xact_tuples_inserted(c) + pg_stat_get_xact_tuples_updated(c) "
            "FROM (SELECT 'ft42_raw.projects_users'::regclass::oid) AS one(c)",
        )
    assert written == len(rows)


def test_a_row_that_notes_no_load_notes_the_next(warehouse: Warehouse) -> None:
    row = landing(user(1), 0)
    with warehouse.database.connect() as connection:
        connection.autocommit = True
        connection.execute("ALTER TABLE ft42_raw.users DISABLE TRIGGER ft42_stamp")
        load(connection, "users", [row])
        connection.execute("ALTER TABLE ft42_raw.users ENABLE TRIGGER ft42_stamp")
        number = load(connection, "users", [row])
        assert landed(connection, "users")[1][1] == number


@pytest.mark.slow
def test_what_is_published_is_what_landed_whoever_wrote_it_twice(warehouse: Warehouse) -> None:
    with warehouse.database.connect() as connection:
        connection.autocommit = True
        load(connection, "users", [landing(user(one, wallet=3), 0) for one in (1, 2)])
        warehouse.run("publish")
        load(
            connection, "users", [landing(user(1, wallet=3), 0), landing(user(2, wallet=7), 1)]
        )
    assert "users                1 changed" in warehouse.run("publish")
    assert "Nothing to publish" in warehouse.run("rebuild")
