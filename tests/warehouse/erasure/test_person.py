"""All that is known of a person is printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse


@pytest.mark.parametrize("who", ["1", "person1"])
def test_all_that_is_known_of_a_person_is_printed(two_people: Warehouse, who: str) -> None:
    two_people.land("achievements", {"id": 5, "name": "Ana", "extra": {"by": "person1"}})
    known = json.loads(two_people.run("person", who, "--json"))
    assert known["user_id"] == 1
    rows = {table: len(rows) for table, rows in known["tables"].items()}
    for schema in ("ft42", "ft42_raw"):
        for table in (
            "users", "achievements_users", "coalitions_users", "campus_users", "cursus_users",
        ):  # fmt: skip
            assert rows[f"{schema}.{table}"] == 1, table
        assert rows[f"{schema}.projects_users"] == 2
    assert rows["ft42_raw.rejected_records"] == 3
    assert rows["ft42_raw.achievements"] == 1
    text = two_people.run("person", who)
    assert "ft42.users: 1 row\n\n  id: 1\n" in text
    assert '  login: "person1"' in text


def test_of_who_was_erased_only_that_is_known(two_people: Warehouse) -> None:
    two_people.run("forget", "person1")
    known = json.loads(two_people.run("person", "person1", "--json"))
    assert [*known["tables"]] == ["ft42_warehouse.erasures"]


def test_a_person_of_whom_nothing_is_known(two_people: Warehouse) -> None:
    assert "Nothing is known" in two_people.run("person", "4711")
    assert "No known person has that login" in two_people.attempt("person", "nobody").output
