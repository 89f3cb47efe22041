"""A person's data go from everywhere, and stay away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.warehouse.conftest import NOON, enrolment, user
from tests.warehouse.erasure.erased import (
    REASONS,
    TEAM,
    assert_only_the_second_is_left,
    let_go,
    rejected,
    traces,
)

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse


def test_who_is_anonymised_at_42_is_erased(two_people: Warehouse) -> None:
    assert len(traces(two_people, "person1")) >= 4
    two_people.land("users", user(1, login="3b3-1", first_name="3b3"))
    assert "The data of 1 persons were erased" in two_people.run("publish")
    assert_only_the_second_is_left(two_people)
    assert traces(two_people, "3b3-1") == []


def test_who_disappeared_is_erased(two_people: Warehouse) -> None:
    two_people.land_census("users", 1, 2**31, [2])
    two_people.run("publish", "--allow-deletes")
    assert_only_the_second_is_left(two_people)


def test_who_is_forgotten_by_hand_is_erased_at_once(two_people: Warehouse) -> None:
    said = two_people.run("forget", "1")
    assert said.startswith("The person is forgotten: ")
    assert_only_the_second_is_left(two_people)


def test_who_stood_behind_somebody_who_is_forgotten_moves_up(two_people: Warehouse) -> None:
    places = "SELECT user_id, rank FROM ft42.coalitions_users ORDER BY rank"
    assert [row["rank"] for row in two_people.query(places)] == [1, 2]
    two_people.run("forget", "1")
    assert two_people.query(places) == [{"user_id": 2, "rank": 1}]


def test_the_log_keeps_the_id_and_the_time_only(two_people: Warehouse) -> None:
    two_people.run("forget", "1")
    (row,) = two_people.query("SELECT * FROM ft42_warehouse.erasures")
    assert {name for name in row if name != "reason"} == {"user_id", "erased_at"}


def test_who_is_forgotten_does_not_come_back_with_the_next_load(
    two_people: Warehouse,
) -> None:
    two_people.run("forget", "1")
    two_people.land("users", user(1))
    two_people.land("projects_users", enrolment(10, 1), enrolment(20, 2, teams=[TEAM]))
    two_people.land("rejected_records", rejected(1, "users", {"login": "person1"}))
    assert traces(two_people, "person1") == []
    two_people.run("publish")
    assert_only_the_second_is_left(two_people)


@pytest.mark.slow
def test_nor_with_a_load_that_had_begun_before(two_people: Warehouse) -> None:
    with two_people.database.connect() as loader:
        loader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        loader.execute("SELECT FROM ft42_warehouse.erasures")
        two_people.run("forget", "1")
        loader.execute(
            "INSERT INTO ft42_raw.users (id, cursus_id, login, kind, updated_at) "
            "VALUES (1, 21, 'person1', 'student', now())"
        )
        loader.commit()
    assert traces(two_people, "person1") == ['"ft42_raw"."users"']
    two_people.run("publish")
    assert_only_the_second_is_left(two_people)


def test_a_person_of_whom_nothing_landed_is_taken_out_of_the_teams_of_others(
    two_people: Warehouse,
) -> None:
    two_people.land("projects_users", enrolment(20, 2, teams=[stranger_in(TEAM)]))
    two_people.run("publish")
    two_people.run("forget", "3")
    (teams,) = two_people.query("SELECT teams FROM ft42.projects_users WHERE id = 20")
    assert [member["id"] for member in teams["teams"][0]["users"]] == [1, 2]


def stranger_in(team: dict[str, Any]) -> dict[str, Any]:
    return {**team, "users": [*team["users"], {"id": 3, "login": "person3"}]}


def test_an_anonymised_person_does_not_count_for_the_guard(two_people: Warehouse) -> None:
    two_people.land("users", user(1, login="3b3-1"))
    two_people.run("publish", "--max-delete-percent", "0")
    assert two_people.published("users") == [2]


def test_who_is_gone_for_good_is_not_made_one_who_may_come_back(two_people: Warehouse) -> None:
    two_people.run("forget", "1")
    two_people.land_census("users", 1, 2**31, [2])
    two_people.run("publish")
    (row,) = two_people.query("SELECT reason FROM ft42_warehouse.erasures")
    assert row["reason"] == "forgotten"


@pytest.mark.slow
@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("keep_strangers", ["false", "true"])
def test_who_is_gone_does_not_come_back_with_the_enrolment_of_a_mate(
    two_people: Warehouse, reason: str, keep_strangers: str
) -> None:
    kept = {"WAREHOUSE_KEEP_STRANGERS": keep_strangers}
    two_people.run("init", **kept)
    two_people.land("projects_users", enrolment(20, 2, teams=[TEAM]))
    two_people.run("publish", **kept)
    let_go(two_people, reason)
    for row, form in enumerate((1, "1", 1.0), start=20):
        members = [{**TEAM["users"][0], "id": form}, TEAM["users"][1]]
        team = {**TEAM, "users": members}
        two_people.land("projects_users", enrolment(row, 2, teams=[team]))
    assert traces(two_people, "person1") == []
    two_people.run("publish", **kept)
    assert traces(two_people, "person1") == []
    published = two_people.published("projects_users", "teams")
    assert [[member["id"] for member in team["users"]] for (team,) in published] == [[2]] * 3
    two_people.run("check")


@pytest.mark.slow
def test_who_had_disappeared_and_is_listed_again_comes_back(two_people: Warehouse) -> None:
    let_go(two_people, "disappeared")
    two_people.land("projects_users", enrolment(10, 1))
    assert two_people.query("SELECT FROM ft42_raw.projects_users WHERE id = 10") == []
    two_people.land("users", user(1, _sdc_extracted_at=NOON.replace(hour=15)))
    two_people.land("projects_users", enrolment(10, 1))
    told = "42 lists 1 persons again whose data were erased."
    assert told in two_people.run("publish")
    assert two_people.published("users") == [1, 2]
    assert two_people.published("projects_users") == [10, 20]
    assert told not in two_people.run("publish")
    two_people.run("check")


@pytest.mark.slow
@pytest.mark.parametrize("reason", REASONS)
def test_coalitions_stay_without_a_master_who_is_gone(
    two_people: Warehouse, reason: str
) -> None:
    coalitions = [{"id": 50, "user_id": 1}, {"id": 51, "user_id": 2}, {"id": 52}]

    def land() -> None:
        two_people.land(
            "coalitions", *[{"name": "Order", "user_id": None, **x} for x in coalitions]
        )
        two_people.land("blocs", {"id": 3, "campus_id": 1, "coalitions": coalitions})

    land()
    two_people.run("publish")
    let_go(two_people, reason)
    for _ in range(2):
        for schema in ("ft42", "ft42_raw"):
            left = two_people.query(
                f"SELECT user_id FROM {schema}.coalitions ORDER BY id"  # noqa: S608 - from above
            )
            assert [row["user_id"] for row in left] == [None, 2, None]
            (bloc,) = two_people.query(f"SELECT coalitions FROM {schema}.blocs")  # noqa: S608 - from above
            assert bloc["coalitions"] == [{**coalitions[0], "user_id": None}, *coalitions[1:]]
        two_people.run("check")
        land()
        two_people.run("publish")
    for statement in (
        "ALTER TABLE ft42_raw.coalitions DISABLE TRIGGER USER",
        "UPDATE ft42_raw.coalitions SET user_id = 1 WHERE id = 52",
    ):
        two_people.execute(statement)
    assert (
        "1 places in ft42_raw.coalitions name persons who were erased"
        in two_people.attempt("check").output
    )
