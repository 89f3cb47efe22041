"""Of people out of the scope, only ids are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

from tests.warehouse.conftest import NOON, enrolment, user
from tests.warehouse.erasure.erased import TEAM, traces

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse


ODDITIES: tuple[Any, ...] = (
    {"id": 1, "login": "person1"}, "person1", None, 7, [["person1"]], [{"id": [1]}],
    [None, "person1", {"id": {"login": "person1"}}], {"users": [{"id": 1}]},
    [{"login": "person1"}],
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("keep_strangers", ["false", "true"])
def test_teams_of_any_form_land_and_hide_nobody(
    two_people: Warehouse, keep_strangers: str
) -> None:
    two_people.run("init", WAREHOUSE_KEEP_STRANGERS=keep_strangers)
    two_people.run("forget", "1")
    forms: list[Any] = [*ODDITIES, *({"id": 5, "users": odd} for odd in ODDITIES)]
    forms += [[form] for form in forms]
    for number, form in enumerate(forms, start=100):
        two_people.land("projects_users", enrolment(number, 2, teams=Jsonb(form)))
    landed = two_people.query("SELECT count(*) AS rows FROM ft42_raw.projects_users")
    assert landed == [{"rows": len(forms) + 1}]
    two_people.run("publish", WAREHOUSE_KEEP_STRANGERS=keep_strangers)
    if keep_strangers == "false":
        assert traces(two_people, "person1") == []
        two_people.run("check")


def test_of_people_out_of_the_scope_only_ids_land(two_people: Warehouse) -> None:
    two_people.land("users", user(8, login="staff8", kind="admin", email="staff8@example.org"))
    two_people.land(
        "achievements_users",
        {
            "id": 9, "achievement_id": 4, "user_id": 9, "login": "alumna9", "updated_at": NOON,
            "url": "https://api.example.org/users/alumna9", "extra": {"by": "alumna9"},
        },
    )  # fmt: skip
    two_people.land("projects_users", enrolment(90, 9, teams=[TEAM], extra={"a": "alumna9"}))
    assert traces(two_people, "staff8") == []
    two_people.run("publish")
    assert traces(two_people, "alumna9") == []
    (orphan,) = two_people.query(
        "SELECT landed_row FROM ft42.orphan_rows WHERE table_name = 'achievements_users'"
    )
    assert orphan["landed_row"] == {"id": 9, "achievement_id": 4, "user_id": 9}
    two_people.land(
        "users", user(9, login="alumna9", url="https://api.example.org/users/alumna9")
    )
    two_people.run("publish")
    (badge,) = two_people.query("SELECT login, url FROM ft42.achievements_users WHERE id = 9")
    assert badge == {"login": "alumna9", "url": "https://api.example.org/users/alumna9"}
    two_people.run("check")


@pytest.mark.slow
def test_who_leaves_the_scope_leaves_ids_only(two_people: Warehouse) -> None:
    two_people.land("users", user(1, alumni=True))
    two_people.run("publish", "--allow-deletes")
    assert traces(two_people, "person1") == ['"ft42_raw"."rejected_records"']
    two_people.run("check")


@pytest.mark.slow
def test_strangers_are_kept_where_that_is_wanted(two_people: Warehouse) -> None:
    kept = {"WAREHOUSE_KEEP_STRANGERS": "true"}
    two_people.run("init", **kept)
    two_people.land("users", user(8, login="staff8", kind="admin"))
    two_people.land("projects_users", enrolment(20, 2, teams=[TEAM]))
    two_people.run("publish", **kept)
    assert traces(two_people, "staff8") == ['"ft42_raw"."users"']
    assert two_people.published("projects_users", "teams")[1] == [TEAM]


@pytest.mark.slow
def test_rows_of_an_older_version_are_reduced_by_init(two_people: Warehouse) -> None:
    two_people.run("init", WAREHOUSE_KEEP_STRANGERS="true")
    two_people.land("users", user(8, login="staff8", kind="admin"))
    two_people.land("projects_users", enrolment(20, 2, teams=[TEAM]))
    two_people.run("publish", WAREHOUSE_KEEP_STRANGERS="true")
    two_people.run("init")
    two_people.run("publish")
    assert traces(two_people, "staff8") == []
    assert "name" not in two_people.published("projects_users", "teams")[1][0]
