"""What a person is called goes from wherever it stands, and what others are called stays."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import user
from tests.warehouse.erasure.erased import traces

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse


PLACES = {
    "a team": ("projects_users", "teams", '[{"repo_uuid": "intra-uuid-77-person1"}]'),
    "a key": ("projects_users", "extra", '{"person1": 1}'),
    "a field of an achievement": ("achievements", "extra", '{"a": [{"b": "by (person1)"}]}'),
    "a text": ("achievements", "description", "thanks to\nperson1."),
    "a list": ("achievements", "campus", "{Paris,person1}"),
    "another's seat": ("users", "location", "person1"),
    "one word of several": ("achievements", "description", "person1_libft and person1X1"),
    "the end of a word": ("achievements", "description", "git@vogsphere:42person1"),
    "an address of another": ("users", "url", "https://api.example.org/users/person1"),
    "an address in JSON": ("achievements", "extra", '{"a": "42\\nperson1@example.org"}'),
}


# A column holds one text at a time.
AT_ONCE = (
    ["a team", "a key", "a field of an achievement", "a text", "a list", "another's seat",
     "an address of another"],
    ["one word of several", "an address in JSON"],
    ["the end of a word"],
)  # fmt: skip


def test_all_places_are_tried() -> None:
    assert sorted(place for places in AT_ONCE for place in places) == sorted(PLACES)


@pytest.mark.few(1)
@pytest.mark.parametrize("schema", ["ft42", "ft42_raw"])
@pytest.mark.parametrize("places", AT_ONCE, ids=lambda places: places[0])
def test_wherever_the_login_stands_it_goes_and_is_found_if_it_comes_back(
    two_people: Warehouse, places: list[str], schema: str
) -> None:
    plant = [
        f"ALTER TABLE {schema}.{table} DISABLE TRIGGER USER;"  # noqa: S608 - from above
        f"UPDATE {schema}.{table} SET {column} = '{value}' WHERE id IN (2, 4, 20);"
        f"ALTER TABLE {schema}.{table} ENABLE TRIGGER USER"
        for table, column, value in map(PLACES.__getitem__, places)
    ]
    for statement in plant:
        two_people.execute(statement)
    two_people.run("forget", "1")
    assert traces(two_people, "person1") == []
    for statement in plant:
        two_people.execute(statement)
    done = two_people.attempt("check")
    assert done.exit_code == 1
    for place in places:
        table, column, _ = PLACES[place]
        named = f"{schema}.{table}.{column} names erased persons"
        assert named in done.output, place
    assert "person1" not in done.output
    two_people.run("rebuild")
    assert traces(two_people, "person1") == []


@pytest.mark.slow
def test_what_stands_in_many_rows_is_looked_through_once(two_people: Warehouse) -> None:
    two_people.run("forget", "1")
    said = "some words of all rows " * 20
    rows = [{"id": 100 + row, "extra": {"a": [f"row {row}", said]}} for row in range(1000)]
    two_people.land("achievements", *rows)
    two_people.run("publish")
    before = process_time()
    two_people.run("check")
    assert process_time() - before < 2


def test_in_what_runs_and_jobs_say_of_themselves_nobody_is_left(two_people: Warehouse) -> None:
    two_people.land(
        "sync_runs",
        {
            "run_id": "a",
            "outcome": "failed",
            "reason": "no answer for person1",
            "streams": ["x"],
        },
    )
    two_people.execute(
        "INSERT INTO ft42_raw.sync_requests (run_id, stream, route) "
        "VALUES ('a', 'users', '/v2/users/person1')"
    )
    two_people.land(
        "rejected_records",
        {"rejection_id": "n", "stream": "x", "record_id": None, "body": {"a": [["person1"]]}},
        {"rejection_id": "f", "stream": "x", "record_id": "7", "body": {"user_id": 1.0}},
        {"rejection_id": "t", "stream": "x", "record_id": "7", "body": {"a": {"user": ["1"]}}},
        {"rejection_id": "o", "stream": "x", "record_id": "7", "body": {"user": {"id": 2}}},
    )
    two_people.execute(
        "INSERT INTO ft42_warehouse.refusals VALUES (now(), 'failed at person1', 1, 2)"
    )
    two_people.run("forget", "1")
    assert traces(two_people, "person1") == []
    left = {row["rejection_id"] for row in two_people.database.rows("rejected_records")}
    assert left & {"n", "f", "t", "o"} == {"o"}


@pytest.mark.slow
def test_logins_of_others_that_hold_the_login_stay(two_people: Warehouse) -> None:
    two_people.land(
        "users",
        user(3, login="person1-x", email="person1-x@example.org"),
        user(4, login="ab-person1", url="https://api.example.org/users/ab-person1"),
        user(5, login="person12", extra={"a": "person12 and person1-x and person1"}),
    )
    two_people.run("publish")
    two_people.run("forget", "1")
    assert two_people.published("users", "login") == [
        "person2", "person1-x", "ab-person1", "person12",
    ]  # fmt: skip
    assert two_people.published("users", "email")[1] == "person1-x@example.org"
    (row,) = two_people.query("SELECT extra FROM ft42.users WHERE id = 5")
    assert row["extra"] == {"a": "person12 and person1-x and [erased]"}
    two_people.run("check")


@pytest.mark.slow
def test_logins_of_others_that_begin_or_end_like_one_stay(two_people: Warehouse) -> None:
    two_people.land(
        "users",
        user(3, login="jdoe", email="jdoe@example.org"),
        user(4, login="jdoe2", url="https://api.example.org/users/jdoe2"),
        user(5, login="ajdoe", extra={"a": "jdoe2, ajdoe, jdoe and jdoe3"}),
    )
    two_people.run("publish")
    two_people.run("forget", "3")
    assert two_people.published("users", "url")[2] == "https://api.example.org/users/jdoe2"
    (row,) = two_people.query("SELECT extra FROM ft42.users WHERE id = 5")
    assert row["extra"] == {"a": "jdoe2, ajdoe, [erased] and [erased]3"}
    two_people.run("check")


@pytest.mark.slow
def test_neither_a_percent_sign_nor_a_backslash_in_a_name_stops_an_erasure(
    two_people: Warehouse,
) -> None:
    odd = r"https://api.example.org/100%\_s/%s"
    two_people.land("users", user(1, url=odd))
    two_people.land("achievements", {"id": 5, "name": "Ana", "extra": {"by": odd}})
    two_people.run("publish")
    two_people.run("forget", "1")
    (row,) = two_people.query("SELECT extra FROM ft42.achievements WHERE id = 5")
    assert row["extra"] == {"by": "[erased]"}
    two_people.run("check")


def test_what_the_server_knows_of_columns_names_nobody_either(two_people: Warehouse) -> None:
    two_people.land("users", *(user(number) for number in range(30, 40)))
    two_people.run("publish")
    two_people.execute("ANALYZE")
    known = "SELECT FROM pg_stats AS s WHERE s::text LIKE '%%person1,%%'"
    assert two_people.query(known)
    two_people.run("forget", "1")
    assert two_people.query(known) == []
