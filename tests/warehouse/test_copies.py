"""Several cursus in one database: a row lands once for each, and is published once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import NOON, enrolment, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse

MAIN, PISCINE = 21, 9
OF_PISCINE = {"cursus_id": PISCINE}


def two_cursus(warehouse: Warehouse, count: int = 40) -> None:
    """Students of the main cursus; the first did the piscine, too, and others only that."""
    warehouse.land("cursus", {"id": PISCINE, "name": "C Piscine"})
    warehouse.land("projects", {"id": 8, "name": "C 00", "slug": "c-00", **OF_PISCINE})
    warehouse.land("users", *[user(number) for number in range(1, count + 1)])
    warehouse.land("users", *[user(number, **OF_PISCINE) for number in (1, *range(101, 140))])
    warehouse.land("projects_users", enrolment(10, 1), enrolment(20, 2))
    warehouse.land(
        "projects_users",
        enrolment(11, 1, project_id=8, **OF_PISCINE), enrolment(20, 2, **OF_PISCINE),
    )  # fmt: skip
    warehouse.run("publish")


def cursus_of(warehouse: Warehouse, user_id: int) -> list[int]:
    (row,) = warehouse.query("SELECT cursus_ids FROM ft42.users WHERE id = %s", user_id)
    return list(row["cursus_ids"])


@pytest.mark.slow
def test_the_tables_tell_of_which_cursus_somebody_is(warehouse: Warehouse) -> None:
    two_cursus(warehouse)
    assert cursus_of(warehouse, 1) == [PISCINE, MAIN]
    assert cursus_of(warehouse, 2) == [MAIN]
    assert cursus_of(warehouse, 101) == [PISCINE]
    assert warehouse.published("projects", "cursus_ids") == [[MAIN], [PISCINE]]
    assert warehouse.published("projects_users") == [10, 11, 20]
    assert warehouse.published("projects_users", "cursus_id") == [MAIN, PISCINE, MAIN]
    assert warehouse.run("publish") == "Nothing to publish\n"
    warehouse.run("check")


def test_who_leaves_one_cursus_stays_in_the_other(warehouse: Warehouse) -> None:
    two_cursus(warehouse)
    warehouse.land_census("users", 1, 139, [*range(101, 140)], cursus_id=PISCINE)
    assert warehouse.run("publish") == "users                1 changed\n"
    assert cursus_of(warehouse, 1) == [MAIN]
    assert warehouse.published("projects_users") == [10, 11, 20]
    assert warehouse.query("SELECT FROM ft42_warehouse.erasures") == []
    warehouse.run("check")

    warehouse.land_census("users", 1, 99, [*range(2, 41)], cursus_id=MAIN)
    warehouse.run("publish", "--allow-deletes")
    assert 1 not in warehouse.published("users")
    assert warehouse.published("projects_users") == [20]


@pytest.mark.slow
def test_a_census_of_a_cursus_judges_no_other_s_rows(warehouse: Warehouse) -> None:
    two_cursus(warehouse)
    warehouse.land_census("users", 1, 2**31, [*range(1, 41)], cursus_id=MAIN)
    warehouse.land_census("projects_users", 1, 2**31, [10, 20], cursus_id=MAIN)
    assert warehouse.run("publish") == "Nothing to publish\n"
    warehouse.run("check")


@pytest.mark.slow
def test_who_is_no_student_in_the_newest_copy_is_not_published(warehouse: Warehouse) -> None:
    two_cursus(warehouse)
    later = {"updated_at": NOON.replace(hour=14)}
    warehouse.land("users", user(1, alumni=True, **later, **OF_PISCINE))
    warehouse.run("publish", "--allow-deletes")
    assert 1 not in warehouse.published("users")
    warehouse.land("users", user(1, **later, _sdc_extracted_at=NOON.replace(hour=15)))
    warehouse.run("publish")
    assert warehouse.published("projects_users") == [10, 11, 20]
    warehouse.run("check")


@pytest.mark.slow
def test_who_is_erased_is_missed_in_no_cursus(warehouse: Warehouse) -> None:
    two_cursus(warehouse)
    warehouse.run("forget", "1")
    warehouse.land_census("users", 1, 40, [*range(1, 41)], cursus_id=MAIN)
    warehouse.land_census("users", 1, 139, [1, *range(101, 140)], cursus_id=PISCINE)
    warehouse.run("publish")
    warehouse.run("check")


def test_a_forgotten_person_goes_from_every_cursus(warehouse: Warehouse) -> None:
    two_cursus(warehouse)
    warehouse.run("forget", "1")
    assert 1 not in {row["id"] for row in warehouse.database.rows("users")}
    assert [row["id"] for row in warehouse.database.rows("projects_users")] == [20, 20]
    assert warehouse.published("projects_users") == [20]


TODAY_S_FORM = """
DROP VIEW ft42.orphans, ft42.orphan_rows;
DELETE FROM ft42_warehouse.objects WHERE name ^@ 'view';
ALTER TABLE ft42.users DROP COLUMN cursus_ids;
ALTER TABLE ft42.projects DROP COLUMN cursus_ids;
ALTER TABLE ft42_raw.sync_runs ADD cursus_id bigint;
ALTER TABLE ft42_raw.users DROP COLUMN cursus_id, ADD PRIMARY KEY (id);
ALTER TABLE ft42_raw.projects DROP COLUMN cursus_id, ADD PRIMARY KEY (id);
ALTER TABLE ft42_raw.projects_users DROP CONSTRAINT projects_users_pkey,
    ADD PRIMARY KEY (id), ALTER cursus_id DROP NOT NULL;
ALTER TABLE ft42_raw.census DROP COLUMN cursus_id,
    ADD PRIMARY KEY (stream, parent_id, first_id);
UPDATE ft42_warehouse.publishes SET structure = 'of an older version'
"""


@pytest.mark.slow
def test_a_database_of_an_older_version_goes_on_without_a_new_load(
    warehouse: Warehouse,
) -> None:
    warehouse.land("cursus", {"id": PISCINE, "name": "C Piscine"})
    warehouse.land("users", user(1), user(2), user(3))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(20, 2, **OF_PISCINE))
    warehouse.land_census("users", 1, 50, [1, 2, 3])
    warehouse.run("publish")
    for statement in TODAY_S_FORM.split(";"):
        warehouse.execute(statement)
    warehouse.execute(
        "INSERT INTO ft42_raw.sync_runs (run_id, started_at, cursus_id) VALUES ('last', %s, 9)",
        NOON,
    )
    first_seen = warehouse.published("users", "first_seen_at")

    for _ in range(2):
        warehouse.run("init")
    landed = {row["id"]: row["cursus_id"] for row in warehouse.database.rows("users")}
    # That of the own enrolment, else of the last run.
    assert landed == {1: MAIN, 2: PISCINE, 3: PISCINE}
    assert [row["cursus_id"] for row in warehouse.database.rows("projects")] == [PISCINE]
    assert [row["cursus_id"] for row in warehouse.database.rows("census")] == [0]
    warehouse.run("publish")
    assert warehouse.published("users", "cursus_ids") == [[MAIN], [PISCINE], [PISCINE]]
    assert warehouse.published("users", "first_seen_at") == first_seen
    warehouse.run("check")
    warehouse.land("users", user(3))
    warehouse.run("publish")
    assert warehouse.published("users", "cursus_ids")[2] == [PISCINE, MAIN]
