"""Two people of whom everything is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import NOON, enrolment, user
from tests.warehouse.erasure.erased import TEAM, rejected

if TYPE_CHECKING:
    from tests.warehouse.conftest import Kept, Warehouse


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
