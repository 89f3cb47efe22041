"""`warehouse status` counts the rows that wait for a parent at the cost of what has changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until
from tests.warehouse.conftest import CURSUS, NOON, enrolment, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Kept, Warehouse

MANY = 20_000
WAITING = 200


def counted(warehouse: Warehouse) -> dict[str, int]:
    """Return what `status` counts, which is what the view says."""
    seen = json.loads(warehouse.attempt("status", "--json").output)["orphans"]
    view = warehouse.query(
        "SELECT table_name, sum(rows)::int AS rows FROM ft42.orphans GROUP BY table_name"
    )
    assert seen == {row["table_name"]: row["rows"] for row in view}
    return dict(seen)


def published(warehouse: Warehouse) -> dict[str, int]:
    """Publish, and return what waits; nothing of it is a broken promise."""
    warehouse.run("publish", "--allow-deletes")
    seen = counted(warehouse)
    warehouse.run("check")
    return seen


def test_what_has_landed_since_the_last_publish_counts(warehouse: Warehouse) -> None:
    assert published(warehouse) == {}
    warehouse.land("projects_users", enrolment(10, 1), enrolment(11, 2))
    assert counted(warehouse) == {"projects_users": 2}
    assert published(warehouse) == {"projects_users": 2}
    warehouse.land("users", user(1))
    warehouse.land("projects_users", enrolment(12, 404), enrolment(11, 2, campus_id=404))
    assert counted(warehouse) == {"projects_users": 4}  # one of them lacks both
    assert published(warehouse) == {"projects_users": 3}


@pytest.mark.slow
def test_who_waits_for_two_parents_waits_for_the_second(warehouse: Warehouse) -> None:
    warehouse.land("projects_users", enrolment(10, 1, project_id=8))
    assert published(warehouse) == {"projects_users": 2}
    warehouse.land("users", user(1))
    assert published(warehouse) == {"projects_users": 1}
    warehouse.land("projects", {"id": 8, "name": "printf"})
    assert published(warehouse) == {}
    assert warehouse.published("projects_users") == [10]


@pytest.mark.slow
def test_who_has_waited_waits_for_a_parent_that_leaves_too(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1), user(2))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(20, 2, campus_id=404))
    warehouse.land("achievements", {"id": 4, "name": "Badge"})
    warehouse.land("achievements_users", {"id": 5, "user_id": 1, "achievement_id": 4})
    assert published(warehouse) == {"projects_users": 1}
    warehouse.land("users", user(1, alumni=True), user(2, alumni=True))
    assert published(warehouse) == {"achievements_users": 1, "projects_users": 3}


@pytest.mark.slow
def test_who_is_gone_waits_no_more(warehouse: Warehouse) -> None:
    warehouse.land("projects_users", *[enrolment(number, 404) for number in range(1, 101)])
    warehouse.land("achievements_users", {"id": 5, "user_id": 404, "achievement_id": 4})
    assert published(warehouse) == {"achievements_users": 2, "projects_users": 100}
    warehouse.land_census("projects_users", 1, 100, [*range(2, 101)])
    assert published(warehouse) == {"achievements_users": 2, "projects_users": 99}
    warehouse.run("forget", "404")
    assert counted(warehouse) == {}
    warehouse.run("check")


@pytest.mark.slow
def test_a_row_waits_once_however_many_cursus_have_it(warehouse: Warehouse) -> None:
    warehouse.land("projects_users", enrolment(10, 1), enrolment(10, 1, cursus_id=9))
    assert published(warehouse) == {"projects_users": 1}
    warehouse.land("users", user(1))
    assert published(warehouse) == {}


@pytest.mark.slow
def test_a_rebuild_finds_what_waits_anew(warehouse: Warehouse) -> None:
    warehouse.land("projects_users", enrolment(10, 1), enrolment(11, 2))
    published(warehouse)
    warehouse.execute("UPDATE ft42_warehouse.waiting SET key = '{99}' WHERE key = '{11}'")
    said = warehouse.attempt("check").output
    assert "2 rows of projects_users wait for a parent, or no longer wait, unlike" in said
    warehouse.run("rebuild")
    assert counted(warehouse) == {"projects_users": 2}
    warehouse.run("check")


@pytest.mark.slow
def test_a_database_of_an_older_version_counts_right_at_once(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(11, 2))
    warehouse.run("publish")
    warehouse.execute("DROP TABLE ft42_warehouse.waiting")
    warehouse.run("init")
    assert counted(warehouse) == {"projects_users": 1}
    warehouse.run("check")
    assert warehouse.run("publish") == "Nothing to publish\n"


@pytest.fixture(scope="module")
def large(ready: Kept) -> Kept:
    """A database with many enrolments, of which some wait."""
    warehouse = ready.restored()
    warehouse.land("users", *[user(number) for number in range(1, 11)])
    warehouse.execute(
        "INSERT INTO ft42_raw.projects_users (id, cursus_id, user_id, project_id, campus_id, "
        "_sdc_extracted_at, _sdc_batched_at) SELECT n, %s, CASE WHEN n <= %s THEN 404 ELSE "
        "n %% 10 + 1 END, 7, 1, %s, %s FROM generate_series(1, %s) AS n",
        CURSUS, WAITING, NOON, NOON, MANY,
    )  # fmt: skip
    warehouse.run("publish")
    warehouse.execute("ANALYZE")
    return warehouse.keep("large")


def rows_read(warehouse: Warehouse) -> int:
    """Return how many rows and entries of indexes the server has read of enrolments."""
    sessions = "SELECT FROM pg_stat_activity WHERE starts_with(application_name, 'ft42-w')"
    until(lambda: not warehouse.query(sessions))  # each tells what it read as it ends
    (read,) = warehouse.query(
        """
        SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0) + coalesce(i.read, 0))::int AS n
        FROM pg_stat_user_tables AS t
        LEFT JOIN (
            SELECT relid, sum(idx_tup_read) AS read FROM pg_stat_user_indexes GROUP BY relid
        ) AS i USING (relid)
        WHERE t.relname = 'projects_users'
        """
    )
    return int(read["n"])


@pytest.mark.slow
def test_what_has_not_changed_is_not_looked_at(large: Kept) -> None:
    warehouse = large.restored()
    warehouse.land("projects_users", *[enrolment(MANY + n, 404) for n in range(1, 6)])
    before = rows_read(warehouse)
    warehouse.attempt("status")
    assert rows_read(warehouse) - before < WAITING
    assert counted(warehouse) == {"projects_users": WAITING + 5}


@pytest.mark.slow
@pytest.mark.parametrize("person", [11, 404])
def test_of_somebody_who_comes_only_their_own_rows_are_looked_at(
    large: Kept, person: int
) -> None:
    warehouse = large.restored()
    warehouse.land("users", user(person))
    before = rows_read(warehouse)
    warehouse.run("publish")
    assert rows_read(warehouse) - before < 4 * MANY  # for so few, the server reads the table
    assert counted(warehouse) == ({} if person == 404 else {"projects_users": WAITING})


@pytest.mark.slow
@pytest.mark.parametrize("schema", ["ft42_raw", "ft42"])
def test_a_column_that_was_lost_and_made_anew_leaves_no_wrong_count(
    warehouse: Warehouse, schema: str
) -> None:
    warehouse.land("users", user(1))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(11, 404))
    assert published(warehouse) == {"projects_users": 1}
    warehouse.execute(f"ALTER TABLE {schema}.projects_users DROP COLUMN user_id CASCADE")
    warehouse.run("init")
    counted(warehouse)
    published(warehouse)
