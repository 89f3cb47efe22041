"""A row can name two people: a login is that of the person beside whose id it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.copies import Copy, copied
from tests.warehouse.conftest import NOON
from tests.warehouse.erasure.erased import traces

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse

pytestmark = pytest.mark.slow

WAREHOUSE = "from ft42_warehouse.cli import main; main()"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with the accounts that somebody closed."""
    return copied(tmp_path_factory.mktemp("project"), "closes")


def run(copy: Copy, warehouse: Warehouse, *words: str) -> str:
    """Run the copy's command, which must succeed, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-c", WAREHOUSE, *words],
        cwd=copy.root,
        env={**os.environ, **copy.environment, **warehouse.database.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def closed(number: int, who: int, closer: int | None, login: str | None) -> dict[str, object]:
    return {
        "id": number, "user_id": who, "user_login": f"person{who}",
        "closer_id": closer, "closer_login": login, "updated_at": NOON,
    }  # fmt: skip


def test_each_login_is_that_of_the_person_beside_whose_id_it_stands(
    copy: Copy, two_people: Warehouse
) -> None:
    run(copy, two_people, "init")
    two_people.land(
        "closes",
        closed(1, 1, 2, "person2"),
        closed(2, 1, 9, "staff9"),
        closed(3, 1, None, None),
        closed(4, 2, 1, "person1"),
    )
    run(copy, two_people, "publish")
    # Of who is out of the scope only the id stays, and nobody's login is filled with another's.
    assert two_people.published("closes", "closer_login") == ["person2", None, None, "person1"]
    assert two_people.published("closes", "closer_id") == [2, 9, None, 1]
    assert traces(two_people, "staff9") == []

    assert '"id": 2' in run(copy, two_people, "person", "person2", "--json")
    run(copy, two_people, "forget", "person1")
    assert traces(two_people, "person1") == []
    assert two_people.published("closes", "user_login") == ["person2"]
    assert two_people.published("closes", "closer_login") == [None]
    assert two_people.published("users", "login") == ["person2"]
    run(copy, two_people, "check")
