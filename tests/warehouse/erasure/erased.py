"""How a person is erased, and what must be left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from tests.warehouse.conftest import NOON, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse


TEAM: dict[str, Any] = {
    "id": 5,
    "name": "person1's group",
    "repo_url": "git@example.org:person1",
    "repo_uuid": "intra-uuid-6f1c-5-person1",
    "coach": {"login": "person1"},
    "users": [
        {"id": 1, "login": "person1", "projects_user_id": 10},
        {"id": 2, "login": "person2", "projects_user_id": 20},
    ],
}


REASONS = ("anonymised", "disappeared", "forgotten")


def traces(warehouse: Warehouse, word: str) -> list[str]:
    """Return the tables in which the word stands anywhere."""
    found = []
    for row in warehouse.query(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE %s", "ft42%"
    ):
        table = sql.Identifier(row["schemaname"], row["tablename"])
        query = sql.SQL("SELECT FROM {} AS t WHERE t::text ~ %s").format(table).as_string()
        if warehouse.query(query, rf"\y{word}\y"):
            found.append(table.as_string())
    return found


def rejected(number: int, stream: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "rejection_id": f"{stream} {number}", "stream": stream, "record_id": str(number),
        "reason": "id: no integer", "body": body, "rejected_at": NOON,
    }  # fmt: skip


def assert_only_the_second_is_left(warehouse: Warehouse) -> None:
    assert traces(warehouse, "person1") == []
    for schema in ("ft42", "ft42_raw"):
        for table in (
            "projects_users", "achievements_users", "coalitions_users", "campus_users",
            "cursus_users",
        ):  # fmt: skip
            rows = warehouse.query(f"SELECT user_id FROM {schema}.{table}")  # noqa: S608 - names are above
            assert rows == [{"user_id": 2}], table
    assert warehouse.published("users") == [2]
    (teams,) = warehouse.published("projects_users", "teams")
    assert teams == [{"id": 5, "users": [{"id": 2, "projects_user_id": 20}]}]
    assert {row["rejection_id"] for row in warehouse.database.rows("rejected_records")} == {
        "users 2", "projects_users 2", "achievements_users 2",
    }  # fmt: skip
    warehouse.run("check")


def let_go(warehouse: Warehouse, reason: str, person: int = 1) -> None:
    """Erase a person for a reason."""
    if reason == "forgotten":
        warehouse.run("forget", str(person))
        return
    if reason == "anonymised":
        warehouse.land("users", user(person, login=f"3b3-{person}"))
    else:
        warehouse.land_census("users", 1, 2**31, [n for n in (1, 2) if n != person])
    warehouse.run("publish", "--allow-deletes")
