"""Who is gone is gone: from all schemas, files, logs and the state, for owner and reader."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from ft42_warehouse.embedded import HOST, NAME

from tests.end_to_end.conftest import BIN
from tests.end_to_end.pair import TARGET
from tests.end_to_end.published import let_a_day_pass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database

pytestmark = pytest.mark.long

LOAD = ("tap-ft42", "target-postgres")
PUBLISH = ("warehouse:publish", "warehouse:check")
SETTINGS = {
    "TAP_FT42_CENSUS_HOUR": "0",
    "TAP_FT42_SETTLE_SECONDS": "0",
    "TAP_FT42_OVERLAP_SECONDS": "0",
}
REASONS = ("disappeared", "anonymised", "forgotten")
TELLING = ("login", "email", "url")
OWNED = ("campus_users", "cursus_users", "projects_users", "achievements_users")
READER, PASSWORD = "test_onlooker", "of-the-tests"
PLACES = {
    "a repository in a team": (
        "projects_users", "teams", "jsonb_build_array(jsonb_build_object('repo_uuid', {}))",
        "intra-uuid-6f1c-77-{}",
    ),
    "an unknown field, as a key": (
        "projects_users", "extra", "jsonb_build_object('a', jsonb_build_object({}, 1))", "{}",
    ),
    "a file's name": ("projects", "repository", "{}", "see {}_libft"),
    "a name in one word": ("achievements", "description", "{}", "by {}X1"),
    "an address of another": (
        "achievements_users", "url", "{}", "https://api.intra.42.fr/v2/users/{}",
    ),
    "a picture of another": ("users", "image_link", "{}", "https://cdn.example/users/{}.jpg"),
}  # fmt: skip


@dataclass(frozen=True)
class Gone:
    """Somebody who is gone.

    Attributes:
        id: the id at 42.
        reason: why.
        strings: what the person, and nobody else, is called.
    """

    id: int
    reason: str
    strings: frozenset[str]


@pytest.fixture(scope="module")
def everywhere(database: Database) -> Iterator[tuple[Database, str]]:
    """The database, and how a reader connects."""
    database.reset()
    database.execute(f"DROP ROLE IF EXISTS {READER}")
    database.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'")
    yield (
        database,
        f"host={HOST} port={database.port} user={READER} password={PASSWORD} dbname={NAME}",
    )
    database.execute(f"DROP ROLE {READER}")


def test_leaders_and_members_who_are_gone_for_any_reason_leave_nothing_anywhere(
    pipeline: Pipeline, sandbox: RunningSandbox, everywhere: tuple[Database, str]
) -> None:
    database, reader = everywhere
    said = pipeline.run("warehouse:init", *LOAD, *PUBLISH, **SETTINGS)
    database.execute(f"GRANT ft42_reader TO {READER}")
    folder = Path(pipeline.environment["MELTANO_SYS_DIR_ROOT"])
    captured = messages_of_the_tap(sandbox, folder)
    gone = choose(sandbox, database)
    assert {one.reason for one in gone} == set(REASONS)
    ids = {one.id for one in gone}
    strings = frozenset[str]().union(*(one.strings for one in gone))
    # Before, they are there.
    assert found_in(owner(database), strings)

    let_go(sandbox, gone)
    let_a_day_pass(pipeline, "tap-ft42-to-target-postgres")
    said += pipeline.run(*LOAD, "warehouse:publish", **SETTINGS)
    for one in gone:
        if one.reason == "forgotten":
            said += warehouse(database, "forget", str(one.id))
    said += warehouse(database, "check")
    said += warehouse(database, "report", "--output", str(folder / "report.html"))
    left = {row["user_id"] for row in database.query("SELECT user_id FROM ft42.projects_users")}
    assert left
    assert ids.isdisjoint(left)
    assert_nowhere(database, reader, folder, said, strings)

    # All that the tap ever read of them and their mates comes once more, in both forms.
    for form in (int, str, float):
        land(database, folder, captured, ids, form)
        assert found_in(owner(database), strings) == []
        said += warehouse(database, "publish") + warehouse(database, "check")
        assert members(database).isdisjoint(ids)
        assert_nowhere(database, reader, folder, said, strings)

    # Whatever is planted, it is found, and goes.
    login = next(min(one.strings, key=len) for one in gone if one.reason == "forgotten")
    for schema in ("ft42", "ft42_raw"):
        for table, column, value, text in PLACES.values():
            planted = value.format("'" + text.format(login) + "'")
            database.execute(
                f"ALTER TABLE {schema}.{table} DISABLE TRIGGER USER;"  # noqa: S608 - from above
                f"UPDATE {schema}.{table} SET {column} = {planted} WHERE id ="
                f" (SELECT max(id) FROM ft42.{table});"
                f"ALTER TABLE {schema}.{table} ENABLE TRIGGER USER"
            )
        checked = attempt(database, "check")
        assert checked.returncode == 1
        assert login not in checked.stdout
        for place, (table, column, *_) in PLACES.items():
            named = f"{schema}.{table}.{column} names erased persons"
            assert named in checked.stdout, place
        warehouse(database, "rebuild")
        assert found_in(owner(database), {login}) == []


def test_who_is_listed_again_has_all_rows_after_the_command_that_publish_tells(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    query = "SELECT id FROM ft42.{} WHERE user_id = {} ORDER BY id"
    database.reset()
    live = ("tap-ft42-live", "target-postgres", "warehouse:publish")
    pipeline.run("warehouse:init", "tap-ft42-reference", "target-postgres", **SETTINGS)
    pipeline.run(*live, **SETTINGS)
    owned = database.query(
        "SELECT user_id FROM ft42.projects_users JOIN ft42.achievements_users USING (user_id)"
        " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    (person,) = [row["user_id"] for row in owned]
    before = {table: database.query(query.format(table, person)) for table in OWNED[1:]}
    sandbox.update("users", person, **{"alumni?": True})
    let_a_day_pass(pipeline, "tap-ft42-live-to-target-postgres")
    pipeline.run(*live, **SETTINGS)
    assert database.query(f"SELECT FROM ft42_raw.projects_users WHERE user_id = {person}") == []
    sandbox.update("users", person, **{"alumni?": False})
    said = pipeline.run(*live, **SETTINGS)
    told = re.search(r" (TAP_FT42_START_DATE=.*?) meltano --environment=prod run (.*)", said)
    assert told is not None
    settings = dict(word.split("=") for word in told[1].split())
    assert database.query(query.format("projects_users", person)) == []
    pipeline.run(*told[2].split(), **SETTINGS, **settings)
    after = {table: database.query(query.format(table, person)) for table in OWNED[1:]}
    assert after == before


def choose(sandbox: RunningSandbox, database: Database) -> list[Gone]:
    """Choose a leader and a member for each reason, whose strings belong to nobody else."""
    published = {row["id"] for row in database.query("SELECT id FROM ft42.users")}
    people = {one["id"]: one for one in sandbox.truth("users")}
    pairs: list[tuple[int, int]] = []
    for row in sandbox.truth("projects_users"):
        for team in row["teams"]:
            leaders = [one["id"] for one in team["users"] if one["leader"]]
            others = [one["id"] for one in team["users"] if not one["leader"]]
            if len(leaders) == 1 and len(others) >= 2:
                pairs += [(leaders[0], other) for other in others]
    chosen: list[int] = []
    for pair in pairs:
        usable = [
            number
            for number in pair
            if number in published and number not in chosen and is_unlike(number, people)
        ]
        if len(usable) == len(pair):
            chosen += usable
        if len(chosen) == len(REASONS) * 2:
            break
    assert len(chosen) == len(REASONS) * 2
    return [
        Gone(
            number,
            REASONS[place // 2],
            frozenset(
                [*(people[number][name] for name in TELLING), people[number]["image"]["link"]]
            )
            - {None},
        )
        for place, number in enumerate(chosen)
    ]


def is_unlike(number: int, people: dict[int, Any]) -> bool:
    """Say whether nobody else's data hold the login."""
    login = people[number]["login"]
    return len(login) > 5 and not any(
        login in json.dumps(one, ensure_ascii=False)
        for one in people.values()
        if one["id"] != number
    )


def let_go(sandbox: RunningSandbox, gone: list[Gone]) -> None:
    """Let those disappear and be anonymised at 42 who are."""
    for one in gone:
        if one.reason == "disappeared":
            for table in OWNED:
                for row in sandbox.truth(table, columns="id,user_id"):
                    if row["user_id"] == one.id:
                        sandbox.delete(table, row["id"])
            sandbox.delete("users", one.id)
        elif one.reason == "anonymised":
            name = f"3b3 {one.id}"
            sandbox.update(
                "users", one.id, login=f"3b3-{one.id}", first_name="3b3",
                last_name=str(one.id), email=f"3b3-{one.id}@student.42.fr",
                displayname=name, usual_full_name=name, usual_first_name="3b3",
                has_image=False, location=None,
            )  # fmt: skip


def messages_of_the_tap(sandbox: RunningSandbox, folder: Path) -> list[dict[str, Any]]:
    """Return all that the tap reads, as it tells a loader."""
    own = folder / "once"
    own.mkdir()
    settings = {
        "api_url": sandbox.url, "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret, "requests_per_second": 0,
        "requests_per_hour": 0, "quota_store": str(own / "quota.sqlite"),
    }  # fmt: skip
    (own / "tap.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [BIN / "tap-ft42", "--config", own / "tap.json"],
        cwd=own, capture_output=True, check=True, text=True, timeout=200,
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return [one for one in told if one["type"] in {"SCHEMA", "RECORD"}]


def land(
    database: Database, folder: Path, messages: list[dict[str, Any]], ids: set[int], form: type
) -> None:
    """Let the stock loader write messages again, with the ids of members in another form."""
    (folder / "target.json").write_text(
        json.dumps(
            {
                "host": HOST, "port": database.port, "user": NAME, "password": NAME,
                "database": NAME, "default_target_schema": "ft42_raw", "use_copy": True,
                "validate_records": False, "activate_version": False,
            }
        )
    )  # fmt: skip
    lines = []
    for message in messages:
        row = message.get("record", {})
        # Who disappeared and is listed again comes back, and rightly so.
        if message["stream"] == "users" and row.get("id") in ids:
            continue
        if message["stream"] in {"census", "sync_runs", "sync_requests"}:
            continue
        for team in row.get("teams") or ():
            for member in team["users"]:
                member["id"] = form(int(member["id"]))
        lines.append(json.dumps(message))
    done = subprocess.run(
        [TARGET, "--config", folder / "target.json"],
        input="\n".join(lines) + "\n",
        env={"PATH": "/usr/bin:/bin", "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8"},
        capture_output=True, check=False, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    (folder / "target.log").write_text(done.stdout + done.stderr)


def attempt(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "warehouse", *arguments],
        env={"PATH": "/usr/bin:/bin", **database.environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True, timeout=200,
    )  # fmt: skip


def warehouse(database: Database, *arguments: str) -> str:
    done = attempt(database, *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def members(database: Database) -> set[int]:
    """Return who is in any team, landed or published."""
    return {
        int(float(row["id"]))
        for schema in ("ft42", "ft42_raw")
        for row in database.query(
            "SELECT DISTINCT member ->> 'id' AS id FROM "  # noqa: S608 - from above
            f"{schema}.projects_users, jsonb_path_query(teams, '$[*].users[*]') AS member"
        )
    }


def owner(database: Database) -> str:
    return f"host={HOST} port={database.port} user={NAME} password={NAME} dbname={NAME}"


def found_in(account: str, strings: frozenset[str] | set[str]) -> list[str]:
    """Return the relations in which any of the strings stands, as far as an account sees.

    What the server knows of the values of columns counts as well.
    """
    found = []
    with psycopg.connect(account) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT c.oid::regclass::text FROM pg_class AS c"
                " WHERE relnamespace::regnamespace::text ~ '^ft42' AND relkind IN ('r','v','m')"
                " AND has_schema_privilege(relnamespace, 'USAGE')"
                " AND has_table_privilege(c.oid, 'SELECT')"
                " UNION ALL SELECT 'pg_catalog.pg_stats'"
            )
        ]
        for name in names:
            rows = connection.execute(f"SELECT t::text FROM {name} AS t")  # noqa: S608 - names of tables
            text = "\n".join(row for (row,) in rows)
            found += [f"{name}: {string}" for string in strings if string in text]
    return found


def assert_nowhere(
    database: Database, reader: str, folder: Path, said: str, strings: frozenset[str]
) -> None:
    """Look for the strings in all that was written."""
    assert found_in(owner(database), strings) == []
    assert found_in(reader, strings) == []
    assert [string for string in strings if string in said] == []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and "once" not in path.parts:
            content = path.read_bytes()
            assert [s for s in strings if s.encode() in content] == [], path
