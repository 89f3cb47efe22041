"""What a list of a row holds stands in a table of its own, and goes as the row does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.warehouse.conftest import NOON, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse


def follower(number: int, *skills: object, **columns: object) -> dict[str, Any]:
    """Somebody who follows the cursus, with skills."""
    return {
        "id": number * 10, "user_id": number, "cursus_id": 21, "level": 4.2,
        "skills": list(skills), "updated_at": NOON, **columns,
    }  # fmt: skip


def skill(number: int, level: float) -> dict[str, Any]:
    """A skill as the API has it."""
    return {"id": number, "name": f"Skill {number}", "level": level}


def skills(warehouse: Warehouse) -> list[tuple[int, int, float]]:
    """Whose skills are published, and how far they have come."""
    rows = warehouse.query(
        "SELECT user_id, skill_id, level FROM ft42.cursus_users_skills "
        "ORDER BY cursus_user_id, skill_id"
    )
    return [(row["user_id"], row["skill_id"], float(row["level"])) for row in rows]


@pytest.fixture
def skilled(warehouse: Warehouse) -> Warehouse:
    """Two people who have skills."""
    warehouse.land("users", user(1), user(2))
    warehouse.land("cursus_users", follower(1, skill(3, 2.5), skill(4, 1)))
    warehouse.land("cursus_users", follower(2, skill(3, 7)))
    warehouse.run("publish")
    return warehouse


def test_each_skill_is_a_row(skilled: Warehouse) -> None:
    assert skills(skilled) == [(1, 3, 2.5), (1, 4, 1), (2, 3, 7)]
    skilled.run("check")


def test_a_level_that_moved_moves_there_too(skilled: Warehouse) -> None:
    skilled.land("cursus_users", follower(1, skill(3, 2.75), skill(5, 0)))
    skilled.run("publish")
    assert skills(skilled) == [(1, 3, 2.75), (1, 5, 0), (2, 3, 7)]
    (other,) = skilled.query(
        "SELECT last_changed_at = first_seen_at AS is_left FROM ft42.cursus_users_skills "
        "WHERE user_id = 2"
    )
    assert other["is_left"]
    skilled.run("check")


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (None, []),
        ([{"name": "without an id"}, {"id": "three"}, 3], []),
        ([skill(3, 1), skill(3, 1)], [3]),
    ],
)
def test_whatever_a_list_says_the_rest_is_published(
    warehouse: Warehouse, said: object, kept: list[int]
) -> None:
    warehouse.land("users", user(1))
    warehouse.land("cursus_users", follower(1, skills=said))
    warehouse.run("publish")
    assert [number for _, number, _ in skills(warehouse)] == kept
    assert warehouse.published("cursus_users") == [10]


@pytest.mark.slow
def test_who_is_forgotten_leaves_no_skill(skilled: Warehouse) -> None:
    skilled.run("forget", "1")
    assert skills(skilled) == [(2, 3, 7)]
    skilled.run("check")


@pytest.mark.slow
def test_skills_that_were_lost_come_back_and_are_missed(skilled: Warehouse) -> None:
    skilled.execute("DELETE FROM ft42.cursus_users_skills WHERE user_id = 1")
    said = skilled.attempt("check")
    assert said.exit_code == 1
    assert "2 rows of ft42.cursus_users_skills are not those of cursus_users" in said.output
    skilled.run("rebuild")
    assert skills(skilled) == [(1, 3, 2.5), (1, 4, 1), (2, 3, 7)]
