"""Who reads while publishes run sees whole states only."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.warehouse.conftest import enrolment, user

if TYPE_CHECKING:
    import psycopg

    from tests.warehouse.conftest import Warehouse

ROUNDS = 40
PEOPLE = range(1, 41)

# Each load gives all of its rows the same number (wallet, final_mark), and takes some
# people away: a reader that sees two numbers, or rows without a person, saw two loads.
VIOLATIONS = {
    "a child without its parent": """
        SELECT FROM ft42.projects_users AS c LEFT JOIN ft42.users AS p ON p.id = c.user_id
        WHERE p.id IS NULL
    """,
    "two versions at once": """
        SELECT FROM ft42.users AS p JOIN ft42.projects_users AS c ON c.user_id = p.id
        WHERE p.wallet <> c.final_mark
    """,
    "half a load": "SELECT FROM ft42.users HAVING min(wallet) <> max(wallet)",
    "an empty table": "SELECT FROM ft42.users HAVING count(*) = 0",
}


@pytest.mark.long
def test_nobody_ever_sees_half_a_publish(warehouse: Warehouse) -> None:
    load(warehouse, 0)
    warehouse.run("publish")
    ended = threading.Event()
    seen: list[str] = []
    reads = [0, 0]

    def read(number: int) -> None:
        with warehouse.database.connect() as connection:
            connection.autocommit = True
            while not ended.is_set():
                seen.extend(violations(connection))
                reads[number] += 1

    readers = [threading.Thread(target=read, args=(number,)) for number in (0, 1)]
    for reader in readers:
        reader.start()
    luck = random.Random(5)  # noqa: S311 - no secret
    try:
        for number in range(1, ROUNDS):
            load(warehouse, number)
            leaving = luck.sample(PEOPLE, 10)
            warehouse.execute("UPDATE ft42_raw.users SET alumni = id = ANY (%s)", leaving)
            command = "rebuild" if number % 5 == 0 else "publish"
            warehouse.run(command, "--allow-deletes")
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert min(reads) > ROUNDS
    assert seen == []


def load(warehouse: Warehouse, number: int) -> None:
    warehouse.land("users", *[user(person, wallet=number) for person in PEOPLE])
    warehouse.land(
        "projects_users", *[enrolment(person, person, final_mark=number) for person in PEOPLE]
    )


def violations(connection: psycopg.Connection[Any]) -> list[str]:
    return [name for name, query in VIOLATIONS.items() if connection.execute(query).rowcount]
