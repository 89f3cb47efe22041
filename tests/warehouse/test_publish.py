"""`warehouse publish`: what landed becomes what people query."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import BIN
from tests.waiting import until
from tests.warehouse.conftest import NOON, enrolment, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse


def test_a_row_is_published_with_all_its_columns(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1, wallet=5, email="a@b.c", extra={"new": 1}))
    warehouse.run("publish")
    (row,) = warehouse.query("SELECT * FROM ft42.users")
    assert (row["wallet"], row["email"], row["extra"]) == (5, "a@b.c", {"new": 1})
    assert row["updated_at"] == NOON
    assert row["first_seen_at"] == row["last_changed_at"]


def test_only_rows_that_changed_are_rewritten(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1), user(2))
    warehouse.run("publish")
    before = warehouse.query("SELECT id, xmin::text, ctid::text FROM ft42.users ORDER BY id")
    warehouse.land("users", user(1), user(2, wallet=9))
    assert warehouse.run("publish").split() == ["users", "1", "changed"]
    after = warehouse.query("SELECT id, xmin::text, ctid::text FROM ft42.users ORDER BY id")
    assert after[0] == before[0]
    assert after[1] != before[1]
    (row,) = warehouse.query("SELECT * FROM ft42.users WHERE id = 2")
    assert row["first_seen_at"] < row["last_changed_at"]


def test_a_second_publish_has_nothing_to_do(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1))
    warehouse.run("publish")
    assert warehouse.run("publish") == "Nothing to publish\n"


def test_a_row_without_its_parent_waits_and_is_counted(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(11, 2), enrolment(12, 2))
    warehouse.run("publish")
    assert warehouse.published("projects_users") == [10]
    assert warehouse.query("SELECT * FROM ft42.orphans") == [
        {
            "table_name": "projects_users", "foreign_key": "user_id", "missing_from": "users",
            "missing_id": 2, "rows": 2,
        }
    ]  # fmt: skip
    rows = warehouse.query("SELECT * FROM ft42.orphan_rows ORDER BY row_id")
    assert [row["row_id"] for row in rows] == ["11", "12"]
    assert rows[0]["landed_row"]["project_id"] == 7


def test_an_orphan_is_published_once_its_parent_has_come(warehouse: Warehouse) -> None:
    warehouse.land("projects_users", enrolment(10, 1))
    warehouse.run("publish")
    warehouse.land("users", user(1))
    warehouse.run("publish")
    assert warehouse.published("projects_users") == [10]
    assert warehouse.query("SELECT * FROM ft42.orphans") == []


@pytest.mark.slow
@pytest.mark.parametrize("left", [{"alumni": True}, {"kind": "external"}])
def test_who_leaves_the_scope_leaves_the_tables_and_their_rows_wait(
    warehouse: Warehouse, left: dict[str, object]
) -> None:
    warehouse.land("users", user(1), user(2))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(20, 2))
    warehouse.run("publish")
    warehouse.land("users", user(2, **left))
    warehouse.run("publish", "--allow-deletes")
    assert warehouse.published("users") == [1]
    assert warehouse.published("projects_users") == [10]
    assert [row["missing_id"] for row in warehouse.query("SELECT * FROM ft42.orphans")] == [2]


@pytest.mark.slow
def test_a_row_that_points_elsewhere_follows(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1))
    warehouse.land("projects_users", enrolment(10, 1))
    warehouse.run("publish")
    warehouse.land("projects_users", enrolment(10, 1, campus_id=9))
    warehouse.run("publish")
    assert warehouse.published("projects_users", "campus_id") == [9]
    warehouse.land("projects_users", enrolment(10, 1, campus_id=404))
    warehouse.run("publish", "--allow-deletes")
    assert warehouse.published("projects_users") == []
    assert [row["missing_id"] for row in warehouse.query("SELECT * FROM ft42.orphans")] == [404]


def test_a_row_committed_late_is_published_though_it_is_older_than_the_last_publish(
    warehouse: Warehouse,
) -> None:
    with warehouse.database.connect() as slow_loader:
        slow_loader.execute(
            "INSERT INTO ft42_raw.users (id, cursus_id, login, kind, updated_at) "
            "VALUES (1, 21, 'late', 'student', now())"
        )
        warehouse.land("users", user(2))
        warehouse.run("publish")
        assert warehouse.published("users") == [2]
        slow_loader.commit()
    warehouse.run("publish")
    assert warehouse.published("users") == [1, 2]


def test_ranks_are_computed_and_equal_scores_share_one(warehouse: Warehouse) -> None:
    warehouse.land("users", *[user(number) for number in range(1, 6)])
    warehouse.land(
        "blocs", {"id": 3, "campus_id": 9, "cursus_id": 21, "coalitions": [{"id": 50}]}
    )
    warehouse.land("coalitions", {"id": 50, "name": "Order"}, {"id": 51, "name": "Alliance"})
    scores = {1: 10, 2: 30, 3: 30, 4: 5, 5: None}
    warehouse.land(
        "coalitions_users",
        *[
            {"id": number, "coalition_id": 50, "user_id": number, "score": score, "rank": 77}
            for number, score in scores.items()
        ],
    )
    warehouse.run("publish")
    assert warehouse.published("coalitions_users", "rank") == [3, 1, 1, 4, 5]
    assert warehouse.published("coalitions_users", "campus_id") == [9] * 5
    assert warehouse.published("coalitions", "bloc_id") == [3, None]
    assert warehouse.published("coalitions", "campus_id") == [9, None]

    warehouse.land("coalitions_users", {"id": 4, "score": 40, "coalition_id": 50, "user_id": 4})
    warehouse.run("publish")
    assert warehouse.published("coalitions_users", "rank") == [4, 2, 2, 1, 5]


@pytest.mark.slow
def test_badges_are_tied_to_the_campuses_that_they_name(warehouse: Warehouse) -> None:
    warehouse.execute(
        "INSERT INTO ft42_raw.achievements (id, name, campus) "
        "VALUES (4, 'Bob', ARRAY['Paris', 'Lyon', 'Atlantis', NULL])"
    )
    warehouse.run("publish")
    links = "SELECT campus_id FROM ft42.campus_achievements ORDER BY 1"
    assert [row["campus_id"] for row in warehouse.query(links)] == [1, 9]
    warehouse.execute("UPDATE ft42_raw.achievements SET campus = ARRAY['Lyon']")
    warehouse.run("publish")
    assert [row["campus_id"] for row in warehouse.query(links)] == [9]
    warehouse.run("rebuild")
    assert [row["campus_id"] for row in warehouse.query(links)] == [9]
    warehouse.execute(
        "INSERT INTO ft42_raw.campus_achievements (campus_id, achievement_id) VALUES (1, 4)"
    )
    for _ in range(2):  # what has landed stays, though no badge names it
        warehouse.run("publish")
        assert [row["campus_id"] for row in warehouse.query(links)] == [1, 9]


def test_a_failed_publish_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1))
    warehouse.run("publish")
    warehouse.execute("ALTER TABLE ft42.projects_users ADD CHECK (final_mark < 100)")
    warehouse.land("users", user(1, wallet=9), user(2))
    warehouse.land("projects_users", enrolment(10, 1, final_mark=125))
    done = warehouse.attempt("publish")
    assert done.exit_code == 1
    assert "constraint projects_users_final_mark_check" in done.output
    assert warehouse.published("users", "wallet") == [None]
    warehouse.execute(
        "ALTER TABLE ft42.projects_users DROP CONSTRAINT projects_users_final_mark_check"
    )
    warehouse.run("publish")
    assert warehouse.published("users", "wallet") == [9, None]


@pytest.mark.slow
def test_of_two_publishes_at_once_one_waits(warehouse: Warehouse) -> None:
    warehouse.land("users", *[user(number) for number in range(1, 400)])
    with warehouse.database.connect() as other:
        other.execute("LOCK TABLE ft42_warehouse.publishes IN SHARE UPDATE EXCLUSIVE MODE")
        publishes = [
            subprocess.Popen(
                [BIN / "warehouse", "publish"],
                env={**os.environ, **warehouse.database.environment},
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        until(lambda: warehouse.waiting() == len(publishes))
    outcomes = sorted(publish.communicate(timeout=60)[0] for publish in publishes)
    assert outcomes[:2] == ["Nothing to publish\n"] * 2
    assert "users                399 new" in outcomes[2]


def test_what_was_changed_by_hand_is_put_right_by_a_rebuild(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1), user(2))
    warehouse.run("publish")
    (first_seen,) = set(warehouse.published("users", "first_seen_at"))
    warehouse.execute("UPDATE ft42.users SET login = 'wrong' WHERE id = 1")
    warehouse.execute("DELETE FROM ft42.users WHERE id = 2")
    warehouse.execute("INSERT INTO ft42.users (id, login) VALUES (3, 'invented')")
    warehouse.run("rebuild", "--allow-deletes")
    assert warehouse.published("users", "login") == ["person1", "person2"]
    assert warehouse.published("users", "first_seen_at")[0] == first_seen


@pytest.mark.slow
def test_the_published_schema_can_be_dropped_and_made_anew(warehouse: Warehouse) -> None:
    warehouse.land("users", user(1))
    warehouse.land("projects_users", enrolment(10, 1))
    warehouse.run("publish")
    warehouse.execute("DROP SCHEMA ft42 CASCADE")
    warehouse.run("init")
    warehouse.run("publish")
    assert warehouse.published("projects_users") == [10]
    warehouse.run("check")


@pytest.mark.slow
def test_a_database_restored_on_another_server_is_compared_as_a_whole(
    warehouse: Warehouse,
) -> None:
    warehouse.land("users", user(1))
    warehouse.run("publish")
    # There transactions count from elsewhere: rows that land look long known.
    warehouse.execute("UPDATE ft42_warehouse.publishes SET seen_before = 1e15, server = 1")
    warehouse.land("users", user(2))
    warehouse.run("publish")
    assert warehouse.published("users") == [1, 2]


ATTACKS = [
    "'; DROP TABLE ft42.users; --",
    '"; DROP SCHEMA ft42 CASCADE; --',
    "%s %(user)s {} {published}",
    "\\'; DELETE FROM ft42.users; --",
    "$$; DROP TABLE ft42.users; $$",
    "Robert'); DROP TABLE students;--",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_is_a_name_whatever_stands_in_it(warehouse: Warehouse, name: str) -> None:
    warehouse.land("users", user(1, login=name, first_name=name, extra={name: name}))
    warehouse.land("campuses", {"id": 2, "name": name})
    warehouse.land(
        "projects_users",
        enrolment(10, 1, teams=[{"name": name, "users": [{"id": name, "login": name}]}]),
    )
    warehouse.land(
        "rejected_records",
        {
            "rejection_id": name, "stream": name, "record_id": name, "reason": name,
            "body": {"user": {"id": name}}, "rejected_at": NOON,
        },
    )  # fmt: skip
    warehouse.run("publish")
    assert warehouse.published("users", "first_name") == [name]
    warehouse.run("check")
    warehouse.run("forget", "1")
    assert warehouse.published("users") == []
    assert warehouse.published("campuses", "name") == ["Paris", name, "Lyon"]


@pytest.mark.slow
def test_schemas_of_any_name_are_quoted(empty: Warehouse) -> None:
    names = {
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": 'raw"; DROP TABLE x; --',
        "WAREHOUSE_PUBLISHED_SCHEMA": "Forty Two's",
    }
    empty.run("init", **names)
    empty.run("init", **names)
    empty.run("publish", **names)
    empty.run("check", **names)
    for schema in ('"raw""; DROP TABLE x; --"', '"Forty Two\'s"', '"Forty Two\'s_warehouse"'):
        empty.execute(f"DROP SCHEMA {schema} CASCADE")


def test_without_init_it_says_so(empty: Warehouse) -> None:
    done = empty.attempt("publish")
    assert done.exit_code == 1
    assert "Run `warehouse init` first" in done.output


def test_the_campuses_that_workers_share_are_told_as_json(warehouse: Warehouse) -> None:
    warehouse.land("campuses", {"id": 9}, {"id": 1})
    assert warehouse.run("campuses") == "[1, 9]\n"


@pytest.mark.slow
def test_a_first_publish_does_not_wait_for_who_reads_the_empty_tables(
    warehouse: Warehouse,
) -> None:
    warehouse.land("users", user(1))
    with warehouse.database.connect() as reader:
        reader.execute("SELECT FROM ft42.users")
        warehouse.run("publish")
    assert warehouse.published("users") == [1]
    warehouse.run("check")


@pytest.mark.slow
def test_all_keys_are_there_after_a_first_publish(warehouse: Warehouse) -> None:
    keys = (
        "SELECT conrelid::regclass::text AS place, conname AS name FROM pg_constraint "
        "WHERE connamespace = 'ft42'::regnamespace AND convalidated UNION ALL "
        "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'ft42' ORDER BY 1, 2"
    )
    before = warehouse.query(keys)
    warehouse.land("users", user(1))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(11, 2))
    warehouse.run("publish")
    assert warehouse.published("projects_users") == [10]
    assert warehouse.query(keys) == before
