"""A person's data go from everywhere, and stay away."""

from __future__ import annotations

import json
from time import process_time
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.warehouse.conftest import NOON, enrolment, user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Kept, Warehouse

TEAM: dict[str, Any] = {
    "id": 5,
    "name": "person1's group",
    "repo_url": "git@example.org:person1",
    "repo_uuid": "intra-uuid-6f1c-5-person1",
    "coach": {"login": "person1"},
    "users": [
        {"id": 1, "login": "person1", "projects_user_id": 10},
        {"id": 2, "login": "person2", "projects_user_id": 20},
    ],
}


def traces(warehouse: Warehouse, word: str) -> list[str]:
    """Return the tables in which the word stands anywhere."""
    found = []
    for row in warehouse.query(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE %s", "ft42%"
    ):
        table = sql.Identifier(row["schemaname"], row["tablename"])
        query = sql.SQL("SELECT FROM {} AS t WHERE t::text ~ %s").format(table).as_string()
        if warehouse.query(query, rf"\y{word}\y"):
            found.append(table.as_string())
    return found


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


def rejected(number: int, stream: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "rejection_id": f"{stream} {number}", "stream": stream, "record_id": str(number),
        "reason": "id: no integer", "body": body, "rejected_at": NOON,
    }  # fmt: skip


def assert_only_the_second_is_left(warehouse: Warehouse) -> None:
    assert traces(warehouse, "person1") == []
    for schema in ("ft42", "ft42_raw"):
        for table in (
            "projects_users", "achievements_users", "coalitions_users", "campus_users",
            "cursus_users",
        ):  # fmt: skip
            rows = warehouse.query(f"SELECT user_id FROM {schema}.{table}")  # noqa: S608 - names are above
            assert rows == [{"user_id": 2}], table
    assert warehouse.published("users") == [2]
    (teams,) = warehouse.published("projects_users", "teams")
    assert teams == [{"id": 5, "users": [{"id": 2, "projects_user_id": 20}]}]
    assert {row["rejection_id"] for row in warehouse.database.rows("rejected_records")} == {
        "users 2", "projects_users 2", "achievements_users 2",
    }  # fmt: skip
    warehouse.run("check")


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


REASONS = ("anonymised", "disappeared", "forgotten")


def let_go(warehouse: Warehouse, reason: str, person: int = 1) -> None:
    """Erase a person for a reason."""
    if reason == "forgotten":
        warehouse.run("forget", str(person))
        return
    if reason == "anonymised":
        warehouse.land("users", user(person, login=f"3b3-{person}"))
    else:
        warehouse.land_census("users", 1, 2**31, [n for n in (1, 2) if n != person])
    warehouse.run("publish", "--allow-deletes")


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


def test_who_had_disappeared_and_is_listed_again_comes_back(two_people: Warehouse) -> None:
    let_go(two_people, "disappeared")
    two_people.land("projects_users", enrolment(10, 1))
    assert two_people.query("SELECT FROM ft42_raw.projects_users WHERE id = 10") == []
    two_people.land("users", user(1, _sdc_extracted_at=NOON.replace(hour=15)))
    two_people.land("projects_users", enrolment(10, 1))
    two_people.run("publish")
    assert two_people.published("users") == [1, 2]
    assert two_people.published("projects_users") == [10, 20]
    two_people.run("check")


PLACES = {
    "a team": ("projects_users", "teams", '[{"repo_uuid": "intra-uuid-77-person1"}]'),
    "a key": ("projects_users", "extra", '{"person1": 1}'),
    "a field of an achievement": ("achievements", "extra", '{"a": [{"b": "by (person1)"}]}'),
    "a text": ("achievements", "description", "thanks to\nperson1."),
    "a list": ("achievements", "campus", "{Paris,person1}"),
    "another's seat": ("users", "location", "person1"),
    "one word of several": ("achievements", "description", "person1_libft and person1X1"),
    "the end of a word": ("achievements", "description", "git@vogsphere:42person1"),
    "an address of another": ("users", "url", "https://api.example.org/users/person1"),
    "an address in JSON": ("achievements", "extra", '{"a": "42\\nperson1@example.org"}'),
}
# A column holds one text at a time.
AT_ONCE = (
    ["a team", "a key", "a field of an achievement", "a text", "a list", "another's seat",
     "an address of another"],
    ["one word of several", "an address in JSON"],
    ["the end of a word"],
)  # fmt: skip


def test_all_places_are_tried() -> None:
    assert sorted(place for places in AT_ONCE for place in places) == sorted(PLACES)


@pytest.mark.parametrize("schema", ["ft42", "ft42_raw"])
@pytest.mark.parametrize("places", AT_ONCE, ids=lambda places: places[0])
def test_wherever_the_login_stands_it_goes_and_is_found_if_it_comes_back(
    two_people: Warehouse, places: list[str], schema: str
) -> None:
    plant = [
        f"ALTER TABLE {schema}.{table} DISABLE TRIGGER USER;"  # noqa: S608 - from above
        f"UPDATE {schema}.{table} SET {column} = '{value}' WHERE id IN (2, 4, 20);"
        f"ALTER TABLE {schema}.{table} ENABLE TRIGGER USER"
        for table, column, value in map(PLACES.__getitem__, places)
    ]
    for statement in plant:
        two_people.execute(statement)
    two_people.run("forget", "1")
    assert traces(two_people, "person1") == []
    for statement in plant:
        two_people.execute(statement)
    done = two_people.attempt("check")
    assert done.exit_code == 1
    for place in places:
        table, column, _ = PLACES[place]
        named = f"{schema}.{table}.{column} names persons who were erased"
        assert named in done.output, place
    assert "person1" not in done.output
    two_people.run("rebuild")
    assert traces(two_people, "person1") == []


def test_what_stands_in_many_rows_is_looked_through_once(two_people: Warehouse) -> None:
    two_people.run("forget", "1")
    for row in range(1000):
        two_people.land(
            "achievements",
            {"id": 100 + row, "extra": {"a": [f"row {row}", "some words of all rows " * 20]}},
        )
    two_people.run("publish")
    before = process_time()
    two_people.run("check")
    assert process_time() - before < 2


def test_in_what_runs_and_jobs_say_of_themselves_nobody_is_left(two_people: Warehouse) -> None:
    two_people.land(
        "sync_runs",
        {
            "run_id": "a",
            "outcome": "failed",
            "reason": "no answer for person1",
            "streams": ["x"],
        },
    )
    two_people.execute(
        "INSERT INTO ft42_raw.sync_requests (run_id, stream, route) "
        "VALUES ('a', 'users', '/v2/users/person1')"
    )
    two_people.land(
        "rejected_records",
        {"rejection_id": "n", "stream": "x", "record_id": None, "body": {"a": [["person1"]]}},
        {"rejection_id": "f", "stream": "x", "record_id": "7", "body": {"user_id": 1.0}},
        {"rejection_id": "t", "stream": "x", "record_id": "7", "body": {"a": {"user": ["1"]}}},
        {"rejection_id": "o", "stream": "x", "record_id": "7", "body": {"user": {"id": 2}}},
    )
    two_people.execute(
        "INSERT INTO ft42_warehouse.refusals VALUES (now(), 'failed at person1', 1, 2)"
    )
    two_people.run("forget", "1")
    assert traces(two_people, "person1") == []
    left = {row["rejection_id"] for row in two_people.database.rows("rejected_records")}
    assert left & {"n", "f", "t", "o"} == {"o"}


def test_logins_of_others_that_hold_the_login_stay(two_people: Warehouse) -> None:
    two_people.land(
        "users",
        user(3, login="person1-x", email="person1-x@example.org"),
        user(4, login="ab-person1", url="https://api.example.org/users/ab-person1"),
        user(5, login="person12", extra={"a": "person12 and person1-x and person1"}),
    )
    two_people.run("publish")
    two_people.run("forget", "1")
    assert two_people.published("users", "login") == [
        "person2", "person1-x", "ab-person1", "person12",
    ]  # fmt: skip
    assert two_people.published("users", "email")[1] == "person1-x@example.org"
    (row,) = two_people.query("SELECT extra FROM ft42.users WHERE id = 5")
    assert row["extra"] == {"a": "person12 and person1-x and [erased]"}
    two_people.run("check")


def test_neither_a_percent_sign_nor_a_backslash_in_a_name_stops_an_erasure(
    two_people: Warehouse,
) -> None:
    odd = r"https://api.example.org/100%\_s/%s"
    two_people.land("users", user(1, url=odd))
    two_people.land("achievements", {"id": 5, "name": "Ana", "extra": {"by": odd}})
    two_people.run("publish")
    two_people.run("forget", "1")
    (row,) = two_people.query("SELECT extra FROM ft42.achievements WHERE id = 5")
    assert row["extra"] == {"by": "[erased]"}
    two_people.run("check")


@pytest.mark.parametrize("reason", ["anonymised", "disappeared", "forgotten"])
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
        "1 coalitions in ft42_raw name masters who were erased"
        in two_people.attempt("check").output
    )


def test_what_the_server_knows_of_columns_names_nobody_either(two_people: Warehouse) -> None:
    two_people.land("users", *(user(number) for number in range(30, 40)))
    two_people.run("publish")
    two_people.execute("ANALYZE")
    known = "SELECT FROM pg_stats AS s WHERE s::text LIKE '%%person1,%%'"
    assert two_people.query(known)
    two_people.run("forget", "1")
    assert two_people.query(known) == []


def test_logins_of_others_that_begin_or_end_like_one_stay(two_people: Warehouse) -> None:
    two_people.land(
        "users",
        user(3, login="jdoe", email="jdoe@example.org"),
        user(4, login="jdoe2", url="https://api.example.org/users/jdoe2"),
        user(5, login="ajdoe", extra={"a": "jdoe2, ajdoe, jdoe and jdoe3"}),
    )
    two_people.run("publish")
    two_people.run("forget", "3")
    assert two_people.published("users", "url")[2] == "https://api.example.org/users/jdoe2"
    (row,) = two_people.query("SELECT extra FROM ft42.users WHERE id = 5")
    assert row["extra"] == {"a": "jdoe2, ajdoe, [erased] and [erased]3"}
    two_people.run("check")


ODDITIES: tuple[Any, ...] = (
    {"id": 1, "login": "person1"}, "person1", None, 7, [["person1"]], [{"id": [1]}],
    [None, "person1", {"id": {"login": "person1"}}], {"users": [{"id": 1}]},
    [{"login": "person1"}],
)  # fmt: skip


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


def test_who_leaves_the_scope_leaves_ids_only(two_people: Warehouse) -> None:
    two_people.land("users", user(1, alumni=True))
    two_people.run("publish", "--allow-deletes")
    assert traces(two_people, "person1") == ['"ft42_raw"."rejected_records"']
    two_people.run("check")


def test_strangers_are_kept_where_that_is_wanted(two_people: Warehouse) -> None:
    kept = {"WAREHOUSE_KEEP_STRANGERS": "true"}
    two_people.run("init", **kept)
    two_people.land("users", user(8, login="staff8", kind="admin"))
    two_people.land("projects_users", enrolment(20, 2, teams=[TEAM]))
    two_people.run("publish", **kept)
    assert traces(two_people, "staff8") == ['"ft42_raw"."users"']
    assert two_people.published("projects_users", "teams")[1] == [TEAM]


def test_rows_of_an_older_version_are_reduced_by_init(two_people: Warehouse) -> None:
    two_people.run("init", WAREHOUSE_KEEP_STRANGERS="true")
    two_people.land("users", user(8, login="staff8", kind="admin"))
    two_people.land("projects_users", enrolment(20, 2, teams=[TEAM]))
    two_people.run("publish", WAREHOUSE_KEEP_STRANGERS="true")
    two_people.run("init")
    two_people.run("publish")
    assert traces(two_people, "staff8") == []
    assert "name" not in two_people.published("projects_users", "teams")[1][0]


@pytest.mark.parametrize("who", ["1", "person1"])
def test_all_that_is_known_of_a_person_is_printed(two_people: Warehouse, who: str) -> None:
    two_people.land("achievements", {"id": 5, "name": "Ana", "extra": {"by": "person1"}})
    known = json.loads(two_people.run("person", who, "--json"))
    assert known["user_id"] == 1
    rows = {table: len(rows) for table, rows in known["tables"].items()}
    for schema in ("ft42", "ft42_raw"):
        for table in (
            "users", "achievements_users", "coalitions_users", "campus_users", "cursus_users",
        ):  # fmt: skip
            assert rows[f"{schema}.{table}"] == 1, table
        assert rows[f"{schema}.projects_users"] == 2
    assert rows["ft42_raw.rejected_records"] == 3
    assert rows["ft42_raw.achievements"] == 1
    text = two_people.run("person", who)
    assert "ft42.users: 1 row\n\n  id: 1\n" in text
    assert '  login: "person1"' in text


def test_of_who_was_erased_only_that_is_known(two_people: Warehouse) -> None:
    two_people.run("forget", "person1")
    known = json.loads(two_people.run("person", "person1", "--json"))
    assert [*known["tables"]] == ["ft42_warehouse.erasures"]


def test_a_person_of_whom_nothing_is_known(two_people: Warehouse) -> None:
    assert "Nothing is known" in two_people.run("person", "4711")
    assert (
        "Nobody who is known here has that login"
        in two_people.attempt("person", "nobody").output
    )
