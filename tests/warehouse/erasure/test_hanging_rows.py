"""Rows of nobody that hang on those of a person who is erased."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.copies import Copy, copied
from tests.warehouse.conftest import NOON
from tests.warehouse.erasure.erased import REASONS, let_go, traces
from tests.warehouse.erasure.of_a_copy import WarehouseOfCopy

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with what coalitions gained, which names memberships."""
    return copied(tmp_path_factory.mktemp("project"), "scores")


@pytest.fixture
def warehouse(copy: Copy, two_people: Warehouse) -> WarehouseOfCopy:
    """Two people, gains of each, and one of the coalition itself."""
    warehouse = WarehouseOfCopy(two_people.database, copy)
    warehouse.run("init")
    common = {"coalition_id": 50, "value": 7, "created_at": NOON, "updated_at": NOON}
    gains = [(1, "person1 won"), (2, "person2 won"), (None, "won"), (1, "won"), (2, "won")]
    for number, (member, reason) in enumerate(gains, start=1):
        warehouse.land(
            "scores", {"id": number, "coalitions_user_id": member, "reason": reason, **common}
        )
    warehouse.run("publish")
    assert warehouse.published("scores") == [1, 2, 3, 4, 5]
    return warehouse


@pytest.mark.parametrize("reason", REASONS)
def test_they_wait_without_a_name_when_the_person_is_gone(
    warehouse: WarehouseOfCopy, reason: str
) -> None:
    let_go(warehouse, reason)
    assert warehouse.published("scores") == [2, 3, 5]
    assert traces(warehouse, "person1") == []
    waiting = warehouse.query("SELECT table_name, foreign_key FROM ft42.orphan_rows")
    assert waiting == 2 * [{"table_name": "scores", "foreign_key": "coalitions_user_id"}]
    warehouse.run("check")


def test_they_do_not_hold_up_the_rows_that_come_next(warehouse: WarehouseOfCopy) -> None:
    warehouse.land("scores", {"id": 6, "coalition_id": 50, "coalitions_user_id": 1,
                              "value": 1, "created_at": NOON, "updated_at": NOON})  # fmt: skip
    warehouse.run("forget", "1")
    assert warehouse.published("scores") == [2, 3, 5]
    warehouse.run("publish")
    assert warehouse.published("scores") == [2, 3, 5]
    assert len(warehouse.query("SELECT FROM ft42.orphan_rows")) == 3
    warehouse.run("check")


def test_who_asks_for_all_data_is_shown_them(warehouse: WarehouseOfCopy) -> None:
    known = json.loads(warehouse.run("person", "person1", "--json"))["tables"]
    for schema in ("ft42", "ft42_raw"):
        assert [row["id"] for row in known[f"{schema}.scores"]] == [1, 4]
