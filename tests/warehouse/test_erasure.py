"""A person's data go from everywhere, and stay away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from tests.warehouse.conftest import NOON, enrolment, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Kept, Warehouse

TEAM = {
    "id": 5,
    "name": "person1's group",
    "repo_url": "git@example.org:person1",
    "users": [
        {"id": 1, "login": "person1", "projects_users_id": 10},
        {"id": 2, "login": "person2", "projects_users_id": 20},
    ],
}


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


@pytest.fixture(scope="module")
def known(ready: Kept) -> Kept:
    """A database with two people, and all that can be known of them."""
    warehouse = ready.restored()
    warehouse.land("achievements", {"id": 4, "name": "Bob"})
    warehouse.land("coalitions", {"id": 50, "name": "Order"})
    warehouse.land("users", user(1), user(2))
    for number in (1, 2):
        common = {"user_id": number, "updated_at": NOON}
        warehouse.land("projects_users", enrolment(number * 10, number, teams=[TEAM]))
        warehouse.land(
            "achievements_users",
            {"id": number, "achievement_id": 4, "login": f"person{number}", **common},
        )
        member = {"id": number, "coalition_id": 50, "score": 10 - number, **common}
        warehouse.land("coalitions_users", member)
        warehouse.land("campus_users", {"id": number, "campus_id": 1, **common})
        warehouse.land("cursus_users", {"id": number, "cursus_id": 21, **common})
        warehouse.land(
            "rejected_records",
            rejected(number, "users", {"id": number, "login": f"person{number}"}),
            rejected(number, "projects_users", {"user": {"id": number}}),
            rejected(number, "achievements_users", {"user_id": number}),
        )
    warehouse.run("publish")
    return warehouse.keep("known")


@pytest.fixture
def two_people(known: Kept) -> Warehouse:
    """Two people in one team, with all that can be known of them."""
    return known.restored()


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
    assert [member["login"] for member in teams[0]["users"]] == ["person2"]
    assert {row["rejection_id"] for row in warehouse.database.rows("rejected_records")} == {
        "users 2", "projects_users 2", "achievements_users 2",
    }  # fmt: skip
    warehouse.run("check")


def test_who_is_anonymised_at_42_is_erased(two_people: Warehouse) -> None:
    assert len(traces(two_people, "person1")) >= 4
    two_people.land("users", user(1, login="3b3-1", first_name="3b3"))
    assert "The data of 1 persons were erased" in two_people.run("publish")
    assert_only_the_second_is_left(two_people)
    assert traces(two_people, "3b3-1") == []


def test_who_disappeared_is_erased(two_people: Warehouse) -> None:
    two_people.land_census("users", 1, 2**31, [2])
    two_people.run("publish", "--allow-deletes")
    assert_only_the_second_is_left(two_people)


def test_who_is_forgotten_by_hand_is_erased_at_once(two_people: Warehouse) -> None:
    assert "Person 1 is forgotten" in two_people.run("forget", "1")
    assert_only_the_second_is_left(two_people)


def test_who_stood_behind_somebody_who_is_forgotten_moves_up(two_people: Warehouse) -> None:
    places = "SELECT user_id, rank FROM ft42.coalitions_users ORDER BY rank"
    assert [row["rank"] for row in two_people.query(places)] == [1, 2]
    two_people.run("forget", "1")
    assert two_people.query(places) == [{"user_id": 2, "rank": 1}]


def test_the_log_keeps_the_id_and_the_time_only(two_people: Warehouse) -> None:
    two_people.run("forget", "1")
    (row,) = two_people.query("SELECT * FROM ft42_warehouse.erasures")
    assert {name for name in row if name != "reason"} == {"user_id", "erased_at"}


def test_who_is_forgotten_does_not_come_back_with_the_next_load(
    two_people: Warehouse,
) -> None:
    two_people.run("forget", "1")
    two_people.land("users", user(1))
    two_people.land("projects_users", enrolment(10, 1), enrolment(20, 2, teams=[TEAM]))
    two_people.land("rejected_records", rejected(1, "users", {"login": "person1"}))
    assert traces(two_people, "person1") == []
    two_people.run("publish")
    assert_only_the_second_is_left(two_people)


def test_nor_with_a_load_that_had_begun_before(two_people: Warehouse) -> None:
    with two_people.database.connect() as loader:
        loader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        loader.execute("SELECT FROM ft42_warehouse.erasures")
        two_people.run("forget", "1")
        loader.execute(
            "INSERT INTO ft42_raw.users (id, cursus_id, login, kind, updated_at) "
            "VALUES (1, 21, 'person1', 'student', now())"
        )
        loader.commit()
    assert traces(two_people, "person1") == ['"ft42_raw"."users"']
    two_people.run("publish")
    assert_only_the_second_is_left(two_people)


def test_a_person_of_whom_nothing_landed_is_taken_out_of_the_teams_of_others(
    two_people: Warehouse,
) -> None:
    two_people.land("projects_users", enrolment(20, 2, teams=[stranger_in(TEAM)]))
    two_people.run("publish")
    two_people.run("forget", "3")
    assert traces(two_people, "person3") == []


def stranger_in(team: dict[str, Any]) -> dict[str, Any]:
    return {**team, "users": [*team["users"], {"id": 3, "login": "person3"}]}


def test_an_anonymised_person_does_not_count_for_the_guard(two_people: Warehouse) -> None:
    two_people.land("users", user(1, login="3b3-1"))
    two_people.run("publish", "--max-delete-percent", "0")
    assert two_people.published("users") == [2]


def test_who_is_gone_for_good_is_not_made_one_who_may_come_back(two_people: Warehouse) -> None:
    two_people.run("forget", "1")
    two_people.land_census("users", 1, 2**31, [2])
    two_people.run("publish")
    (row,) = two_people.query("SELECT reason FROM ft42_warehouse.erasures")
    assert row["reason"] == "forgotten"
