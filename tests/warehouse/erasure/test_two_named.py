"""A row can name two people: a login is that of the person beside whose id it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.copies import Copy, copied
from tests.warehouse.conftest import NOON
from tests.warehouse.erasure.erased import traces
from tests.warehouse.erasure.of_a_copy import WarehouseOfCopy

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with the accounts that somebody closed."""
    return copied(tmp_path_factory.mktemp("project"), "closes")


def closed(number: int, who: int, closer: int | None, login: str | None) -> dict[str, object]:
    return {
        "id": number, "user_id": who, "user_login": f"person{who}",
        "closer_id": closer, "closer_login": login, "updated_at": NOON,
    }  # fmt: skip


def test_each_login_is_that_of_the_person_beside_whose_id_it_stands(
    copy: Copy, two_people: Warehouse
) -> None:
    warehouse = WarehouseOfCopy(two_people.database, copy)
    warehouse.run("init")
    warehouse.land(
        "closes",
        closed(1, 1, 2, "person2"),
        closed(2, 1, 9, "staff9"),
        closed(3, 1, None, None),
        closed(4, 2, 1, "person1"),
    )
    warehouse.run("publish")
    # Of who is out of the scope only the id stays, and nobody's login is filled with another's.
    assert warehouse.published("closes", "closer_login") == ["person2", None, None, "person1"]
    assert warehouse.published("closes", "closer_id") == [2, 9, None, 1]
    assert traces(warehouse, "staff9") == []

    assert '"id": 2' in warehouse.run("person", "person2", "--json")
    warehouse.run("forget", "person1")
    assert traces(warehouse, "person1") == []
    assert warehouse.published("closes", "user_login") == ["person2"]
    assert warehouse.published("closes", "closer_login") == [None]
    assert warehouse.published("users", "login") == ["person2"]
    warehouse.run("check")
