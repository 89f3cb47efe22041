"""`warehouse check` finds each way in which the tables can be wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.warehouse.conftest import NOON, enrolment, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Kept, Warehouse


@pytest.fixture(scope="module")
def right(ready: Kept) -> Kept:
    """A database whose rows are all right."""
    warehouse = ready.restored()
    warehouse.land("users", user(1), user(2))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(20, 2), enrolment(30, 3))
    warehouse.land("coalitions", {"id": 50, "name": "Order"})
    warehouse.land(
        "coalitions_users",
        *[{"id": n, "coalition_id": 50, "user_id": n, "score": n} for n in (1, 2)],
    )
    warehouse.land_census("users", 1, 2**31, [1, 2])
    warehouse.run("publish")
    assert warehouse.run("check") == "All promises hold\n"
    return warehouse.keep("right")


@pytest.fixture
def published(right: Kept) -> Warehouse:
    """Some rows that are all right."""
    return right.restored()


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            "ALTER TABLE ft42.projects_users DROP CONSTRAINT projects_users_user_id_fkey",
            "constraint ft42.projects_users.projects_users_user_id_fkey is missing",
        ),
        (
            """
            ALTER TABLE ft42.projects_users DROP CONSTRAINT projects_users_user_id_fkey;
            UPDATE ft42.projects_users SET user_id = 99 WHERE id = 10
            """,
            "1 rows of projects_users point to a missing row of users by user_id",
        ),
        (
            """
            ALTER TABLE ft42.users DROP CONSTRAINT users_pkey CASCADE;
            INSERT INTO ft42.users SELECT * FROM ft42.users WHERE id = 1
            """,
            "1 keys of users stand in several rows",
        ),
        (
            "UPDATE ft42.users SET wallet = 4 WHERE id = 1",
            "1 rows of users differ from what landed",
        ),
        (
            "DELETE FROM ft42.projects_users WHERE id = 10",
            "1 landed rows of projects_users are not published, though nothing is missing",
        ),
        (
            "INSERT INTO ft42.cursus (id) VALUES (404)",
            "1 rows of cursus are published, but not in the landing schema",
        ),
        (
            "UPDATE ft42.coalitions_users SET rank = 1",
            "1 ranks of coalitions_users are not those of the scores",
        ),
        (
            "UPDATE ft42.users SET updated_at = 'infinity' WHERE id = 1",
            "1 rows of users have an impossible updated_at",
        ),
        (
            "UPDATE ft42.users SET created_at = '0001-01-01' WHERE id = 1",
            "1 rows of users have an impossible created_at",
        ),
        (
            """
            ALTER TABLE ft42_raw.users DISABLE TRIGGER USER;
            UPDATE ft42_raw.users SET landed_in = NULL WHERE id = 1
            """,
            "1 landed rows of users do not say when they landed",
        ),
        ("DROP TABLE ft42.campus_users CASCADE", "table ft42.campus_users is missing"),
        ("DROP VIEW ft42.orphans", "view ft42.orphans is missing"),
        (
            "ALTER TABLE ft42_raw.users ADD COLUMN photo bytea",
            "ft42_raw.users.photo is of type bytea",
        ),
    ],
)
def test_it_names_what_is_broken(published: Warehouse, damage: str, sentence: str) -> None:
    for statement in damage.split(";"):
        published.execute(statement)
    done = published.attempt("check")
    assert done.exit_code == 1
    assert sentence in done.output
    assert "promises are broken" in done.output


def test_a_row_that_the_census_missed_and_that_is_still_there(published: Warehouse) -> None:
    published.execute("UPDATE ft42_raw.census SET ids = '[1]'")
    published.execute("UPDATE ft42_warehouse.publishes SET seen_before = 1e15")
    assert "1 rows of users no longer exist at 42" in published.attempt("check").output


@pytest.mark.slow
def test_a_row_that_the_census_met_and_that_never_landed(published: Warehouse) -> None:
    published.execute("UPDATE ft42_raw.census SET ids = '[1, 2, 3]'")
    published.execute("UPDATE ft42_warehouse.publishes SET seen_before = 1e15")
    assert "1 rows of users exist at 42, says the census" in published.attempt("check").output
    published.land(
        "rejected_records",
        {
            "rejection_id": "x", "stream": "users", "record_id": "3",
            "reason": "login: missing", "rejected_at": NOON,
        },
    )  # fmt: skip
    published.execute("UPDATE ft42_warehouse.publishes SET seen_before = 1e15")
    assert published.run("check") == "All promises hold\n"


@pytest.mark.few(1)
@pytest.mark.parametrize("total", [1, 3])
def test_a_total_that_is_not_what_landed(published: Warehouse, total: int) -> None:
    published.land_census("users", 1, 2**31, total)
    published.run("publish")
    assert f"the census counted {total}" in published.attempt("check").output
    published.land_census("users", 1, 2**31, 2)
    published.run("publish")
    assert published.run("check") == "All promises hold\n"


@pytest.mark.slow
@pytest.mark.parametrize("record_id", ["3", None, "3.0"])
def test_a_rejected_person_is_missing_from_no_total(
    published: Warehouse, record_id: str | None
) -> None:
    published.land(
        "rejected_records",
        {
            "rejection_id": "x", "stream": "users", "record_id": record_id,
            "reason": "login: missing", "rejected_at": NOON,
        },
    )  # fmt: skip
    published.land_census("users", 1, 2**31, 3)
    published.run("publish")
    assert published.run("check") == "All promises hold\n"
    published.land_census("users", 1, 2**31, 4)
    published.run("publish")
    assert "the census counted 4" in published.attempt("check").output


@pytest.mark.slow
def test_a_rejected_version_of_a_row_that_landed_excuses_no_other(published: Warehouse) -> None:
    published.land(
        "rejected_records",
        {
            "rejection_id": "x", "stream": "users", "record_id": "2",
            "reason": "login: missing", "rejected_at": NOON,
        },
    )  # fmt: skip
    published.land_census("users", 1, 2**31, 3)
    published.run("publish")
    assert "the census counted 3" in published.attempt("check").output


def land_audit(warehouse: Warehouse, counts: dict[str, int]) -> None:
    """Write what a night has counted by the days of Paris."""
    audit = {
        "stream": "projects_users", "cursus_id": 21, "zone": "Europe/Paris",
        "until": "2026-11-02T00:00:00.000Z", "counts": counts,
    }  # fmt: skip
    warehouse.land_run("night", "projects_users", age=timedelta(hours=1), audits=[audit])


@pytest.mark.slow
def test_days_of_which_42_counted_other_rows(published: Warehouse) -> None:
    published.execute(
        "UPDATE ft42_raw.projects_users SET created_at = '2026-01-02 23:30:00+00'"
    )
    published.execute("UPDATE ft42.projects_users SET created_at = '2026-01-02 23:30:00+00'")
    for counts, said in (
        ({"2026-01-03": 1}, "2 rows of projects_users that were created on 2026-01-03 are pub"),
        (
            {"2026-01-03": 4},
            "3 rows of projects_users that were created on 2026-01-03 have lan",
        ),
        (
            {"2026-01-02": 1},
            "0 rows of projects_users that were created on 2026-01-02 have lan",
        ),
    ):
        land_audit(published, counts)
        published.run("publish")
        assert said in published.attempt("check").output
    land_audit(published, {"2026-01-03": 3})
    published.run("publish")
    assert published.run("check") == "All promises hold\n"


@pytest.mark.slow
def test_a_census_of_the_future_does_not_hide_a_later_one(published: Warehouse) -> None:
    published.land_census("users", 1, 50, [1, 2])
    published.execute(
        "UPDATE ft42_raw.census SET counted_at = now() + interval '9 days' WHERE last_id = 50"
    )
    published.land_census("users", 2, 2**31, 5)
    published.run("publish")
    assert "the census counted 5" in published.attempt("check").output


def test_rows_that_no_publish_has_seen_yet_are_not_late(published: Warehouse) -> None:
    published.land("users", user(1, wallet=5), user(3))
    assert published.run("check") == "All promises hold\n"


def test_data_of_a_person_who_was_erased(published: Warehouse) -> None:
    published.execute("INSERT INTO ft42_warehouse.erasures VALUES (1, now(), 'forgotten')")
    said = published.attempt("check").output
    assert "1 rows of ft42_raw.users belong to persons who were erased" in said
    assert "1 rows of ft42.projects_users belong to persons who were erased" in said
