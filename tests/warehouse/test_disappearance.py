"""What no longer exists at 42 goes, when a census or a full read proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import NOON, enrolment, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse


def landed(warehouse: Warehouse, table: str) -> list[int]:
    return sorted(row["id"] for row in warehouse.database.rows(table))


def people(warehouse: Warehouse, count: int = 100) -> None:
    warehouse.land("users", *[user(number) for number in range(1, count + 1)])
    warehouse.land(
        "projects_users", *[enrolment(number, number % count + 1) for number in range(1, 201)]
    )
    warehouse.run("publish")


def test_a_row_that_the_census_missed_goes_from_both_schemas(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land_census("projects_users", 1, 50, [n for n in range(1, 51) if n != 7])
    assert "projects_users       1 deleted" in warehouse.run("publish")
    assert 7 not in warehouse.published("projects_users")
    assert 7 not in landed(warehouse, "projects_users")
    assert len(landed(warehouse, "projects_users")) == 199


def test_a_range_that_was_not_read_proves_nothing(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land_census("projects_users", 1, 50, [*range(1, 51)])
    warehouse.land_census("projects_users", 51, 200, 3)
    assert warehouse.run("publish") == "Nothing to publish\n"
    assert len(warehouse.published("projects_users")) == 200


@pytest.mark.slow
def test_a_row_that_landed_after_the_counting_stays(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land("users", user(101, _sdc_extracted_at=NOON.replace(hour=14)))
    warehouse.land_census("users", 1, 2**31, [*range(1, 101)])
    warehouse.run("publish")
    assert len(warehouse.published("users")) == 101


@pytest.mark.slow
def test_a_census_of_one_parent_says_nothing_about_others(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land("projects_users", enrolment(300, 1, campus_id=9))
    warehouse.land_census("projects_users", 1, 2**31, [*range(1, 200)], parent_id=1)
    warehouse.run("publish")
    assert 200 not in warehouse.published("projects_users")
    assert 300 in warehouse.published("projects_users")


def test_more_than_a_twentieth_of_a_table_goes_only_on_request(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land_census("users", 1, 2**31, [*range(1, 95)])
    done = warehouse.attempt("publish")
    assert done.exit_code == 1
    assert "would delete 6 of the 100 rows of users, 6.0 %. Nothing was changed" in done.output
    assert "--allow-deletes" in done.output
    assert len(warehouse.published("users")) == len(landed(warehouse, "users")) == 100

    warehouse.run("publish", WAREHOUSE_MAX_DELETE_PERCENT="6")
    assert len(warehouse.published("users")) == len(landed(warehouse, "users")) == 94


@pytest.mark.slow
def test_an_empty_landing_schema_does_not_empty_the_tables(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.execute("TRUNCATE ft42_raw.users")
    assert warehouse.attempt("rebuild").exit_code == 1
    assert len(warehouse.published("users")) == 100


def test_who_disappeared_takes_all_their_rows_along(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land_census("users", 1, 2**31, [n for n in range(1, 101) if n != 8])
    said = warehouse.run("publish")
    assert "users                1 deleted" in said
    assert "projects_users       2 deleted" in said
    assert 8 not in landed(warehouse, "users")
    assert not {7, 107} & {*landed(warehouse, "projects_users")}
    assert warehouse.query("SELECT user_id, reason FROM ft42_warehouse.erasures") == [
        {"user_id": 8, "reason": "disappeared"}
    ]


@pytest.mark.slow
def test_who_comes_back_is_published_again(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land_census("users", 1, 2**31, [n for n in range(1, 101) if n != 8])
    warehouse.run("publish")
    after = {"_sdc_extracted_at": NOON.replace(hour=15)}
    warehouse.land("users", user(8, **after))
    warehouse.land("projects_users", enrolment(7, 8, **after))
    warehouse.run("publish")
    assert 8 in warehouse.published("users")
    assert 7 in warehouse.published("projects_users")
    warehouse.run("check")


@pytest.mark.slow
def test_a_project_that_is_gone_makes_orphans_of_its_enrolments(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land("projects", *[{"id": n, "name": f"p{n}"} for n in range(100, 140)])
    warehouse.land("projects_users", enrolment(500, 1, project_id=120))
    warehouse.run("publish")
    warehouse.land_census("projects", 0, 2**31, [7, *range(100, 120), *range(121, 140)])
    warehouse.run("publish")
    assert 120 not in warehouse.published("projects")
    assert 500 not in warehouse.published("projects_users")
    (orphan,) = warehouse.query("SELECT * FROM ft42.orphans")
    assert (orphan["foreign_key"], orphan["missing_id"]) == ("project_id", 120)


@pytest.mark.slow
def test_a_newer_census_decides_against_an_older_one(warehouse: Warehouse) -> None:
    people(warehouse)
    warehouse.land_census("projects_users", 1, 200, [*range(1, 201)])
    warehouse.land_census("projects_users", 2, 50, [n for n in range(2, 51) if n != 7])
    warehouse.run("publish")
    assert 7 not in warehouse.published("projects_users")


@pytest.mark.slow
def test_a_census_of_the_future_deletes_nothing_and_hides_no_later_one(
    warehouse: Warehouse,
) -> None:
    people(warehouse)
    warehouse.run("publish")
    warehouse.land_census("users", 1, 100, [*range(1, 98)])
    warehouse.execute("UPDATE ft42_raw.census SET counted_at = now() + interval '9 days'")
    warehouse.run("publish")
    assert landed(warehouse, "users") == [*range(1, 101)]
    warehouse.land_census("users", 2, 100, [*range(2, 99), 100])
    warehouse.run("publish")
    assert landed(warehouse, "users") == [*range(1, 99), 100]
    assert warehouse.run("check") == "All promises hold\n"
