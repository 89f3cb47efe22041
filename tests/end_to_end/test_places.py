"""An endpoint that the project does not know is added in three places, and nowhere else."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.copies import STRANGERS, copied, sandbox_of
from tests.end_to_end.conftest import BIN, ROOT, meltano_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.copies import Copy
    from tests.postgres import Database

pytestmark = pytest.mark.long

ADDED = tuple(sorted(folder.name for folder in STRANGERS.iterdir() if folder.is_dir()))
SCHEMAS = {name: json.loads((STRANGERS / name / "schema.json").read_text()) for name in ADDED}
LISTS = (
    "tests/tap/test_schemas.py",
    "tests/tap/test_standard.py",
    "tests/tap/test_command_line.py",
    "tests/tools",
    "tests/packages/test_hub.py",
    "tests/docs/test_form.py",
    "tests/fidelity/test_rendering.py",
)
"""Tests of the copy that hold lists of streams against each other."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with the endpoints, after ``make docs``."""
    made = copied(tmp_path_factory.mktemp("project"), *ADDED)
    made.make_docs()
    return made


@pytest.fixture(scope="module")
def there(copy: Copy) -> Iterator[RunningSandbox]:
    """The sandbox of the copy."""
    with sandbox_of(copy, users=50, enrolments=100, achievements_per_user=1) as running:
        yield running


@pytest.fixture(scope="module")
def meltano(
    copy: Copy,
    there: RunningSandbox,
    database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., str]:
    """Meltano in the copy, with the plugins of the copy."""
    database.reset()
    own = tmp_path_factory.mktemp("meltano")
    environment = meltano_environment(own, there) | database.environment
    for kind, name in (("extractors", "tap-ft42"), ("utilities", "warehouse")):
        (own / kind).unlink()
        copy.plugin(kind, name, own)

    def run(*words: str, **changes: str) -> str:
        done = subprocess.run(
            [BIN / "meltano", *words],
            cwd=copy.root,
            env={**environment, "MELTANO_AUTO_INSTALL": "false", **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    return run


def published(database: Database, table: str) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in database.query(f"SELECT * FROM ft42.{table}")}  # noqa: S608 - a stream


def read_of(there: RunningSandbox, table: str) -> set[int]:
    """The ids of the rows that land, of whom nobody was erased."""
    people = {row["id"]: row["login"] for row in there.truth("users", columns="id,login")}
    owner = owner_of(table)
    # Who is not shown is not known to be the one who was erased.
    return {
        row["id"]
        for row in there.truth(table)
        if owner is None or not people.get(followed(row, owner), "").startswith("3b3-")
    }


def owner_of(table: str) -> list[str] | None:
    """The path to the person whose rows these are; None if they are nobody's."""
    return next(
        (
            column.get("x-source", name).split("/")
            for name, column in SCHEMAS[table]["properties"].items()
            if column.get("x-references") == "users"
        ),
        None,
    )


def followed(value: Any, path: list[str]) -> Any:  # noqa: ANN401 - what stands in a record
    """What stands at a path of a record; None if nothing does."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def published_of(database: Database, table: str) -> set[int]:
    """The ids of the landed rows whose parents are published: the others wait for them."""
    references = {
        name: column["x-references"]
        for name, column in SCHEMAS[table]["properties"].items()
        if "x-references" in column
    }
    known = {parent: published(database, parent).keys() for parent in references.values()}
    return {
        row["id"]
        for row in database.rows(table)
        if all(row[name] in {None, *known[parent]} for name, parent in references.items())
    }


def naming(database: Database, person: int, login: str) -> list[str]:
    """The columns in which a person stands, but for the log of erasures and its digests."""
    found = []
    persons = {
        name
        for table in ADDED
        for name, kind in SCHEMAS[table]["x-persons"].items()
        if kind == "id"
    }
    for row in database.query(
        "SELECT schemaname, tablename FROM pg_tables "
        "WHERE schemaname LIKE 'ft42%%' AND tablename NOT IN ('erasures', 'erased_strings')"
    ):
        table = f"{row['schemaname']}.{row['tablename']}"
        is_person = row["tablename"] == "users"
        ids = {"id"} if is_person else {"user_id", *persons}
        for kept in database.query(f"SELECT to_jsonb(t) AS row FROM {table} AS t"):  # noqa: S608 - from the server
            for column, value in kept["row"].items():
                text = json.dumps(value)
                is_id = column in ids and value == person
                if is_id or login in text or re.search(rf'"id": {person}\b', text):
                    found.append(f"{table}.{column}")
    return found


def test_they_are_loaded_and_published(
    meltano: Callable[..., str], there: RunningSandbox, database: Database
) -> None:
    meltano("run", "nightly")
    for table in ADDED:
        assert {row["id"] for row in database.rows(table)} == read_of(there, table), table
        shown = published_of(database, table)
        assert set(published(database, table)) == shown != set(), table
    keys = {
        (row["of"], row["on"])
        for row in database.query(
            'SELECT of.relname AS "of", target.relname AS "on" FROM pg_constraint AS c '
            "JOIN pg_class AS of ON of.oid = c.conrelid "
            "JOIN pg_class AS target ON target.oid = c.confrelid "
            "WHERE c.contype = 'f' AND c.connamespace = 'ft42'::regnamespace"
        )
    }
    assert {(table, "users") for table in ADDED if owner_of(table)} < keys
    assert {("locations", "campuses"), ("scores", "coalitions_users")} < keys
    evaluations = {row["id"]: row for row in database.rows("scale_teams")}
    hidden = [
        evaluations[row["id"]]
        for row in there.truth("scale_teams")
        if row["correcteds"] == "invisible" and row["id"] in evaluations
    ]
    assert hidden
    for row in hidden:
        # Nor is there any text, as nobody knows that its writer is in the scope.
        assert row["corrector_id"] is row["correcteds"] is row["comment"] is None


def test_they_are_followed_and_erased(
    meltano: Callable[..., str], there: RunningSandbox, database: Database
) -> None:
    people, evaluations = published(database, "users"), published(database, "scale_teams")
    evaluation, person, mate = next(
        (row["id"], one["id"], row["corrector_id"])
        for row in evaluations.values()
        for one in row["correcteds"] or ()
        if one["id"] in people and row["corrector_id"] not in {None, one["id"]}
    )
    login = people[person]["login"]
    campus = min(published(database, "campuses"))
    now = datetime.now(UTC).isoformat()
    seat = there.insert(
        "locations", user_id=mate, campus_id=campus, begin_at=now, host="c9r9s9"
    )
    registration = there.insert("events_users", user_id=person, event_id=7)
    there.reset_requests()
    meltano("run", "incremental")
    assert registration in published(database, "events_users")
    routes = there.requests()["routes"]
    assert routes["GET /v2/events_users"]["count"] == 1
    # The others are read by night.
    assert not {f"GET /v2/{table}" for table in ADDED if table != "events_users"} & set(routes)

    body = json.dumps({"id": 1, "correcteds": [{"id": person}], "scale_id": "x"})
    database.query(
        "INSERT INTO ft42_raw.rejected_records (rejection_id, stream, record_id, body) "
        "VALUES ('scale_teams 1', 'scale_teams', '1', %s) RETURNING stream",
        body,
    )
    assert len(naming(database, person, login)) > len(ADDED)
    meltano("invoke", "warehouse", "forget", str(person))
    assert naming(database, person, login) == []
    assert database.rows("rejected_records") == []

    # The night: what changed, what disappeared, and nothing of who was erased.
    there.update("scale_teams", evaluation, final_mark=7)
    title = there.insert("titles_users", user_id=mate, title_id=3, created_at=now)
    settled = {"TAP_FT42_SETTLE_SECONDS": "0", "TAP_FT42_CENSUS_HOUR": "-1"}
    gone = min(published(database, "titles_users"))  # nothing but a full read tells
    there.delete("titles_users", gone)
    there.reset_requests()
    meltano("run", "nightly", **settled)
    assert published(database, "locations")[seat]["host"] == "c9r9s9"
    assert there.requests()["routes"]["GET /v2/locations"]["count"] <= 2
    assert published(database, "scale_teams")[evaluation]["final_mark"] == 7
    assert title in {row["id"] for row in database.rows("titles_users")}
    assert gone not in published(database, "titles_users")
    assert naming(database, person, login) == []
    meltano("invoke", "warehouse", "check")


def test_nothing_else_knows_that_they_are_missing(copy: Copy) -> None:
    copy.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *LISTS)


def test_each_is_added_in_three_places(copy: Copy) -> None:
    kept = ("tap-ft42/tap_ft42/", "sandbox/ft42_sandbox/", "target-config/ft42_warehouse/")
    for place in kept:
        known = {path.relative_to(ROOT) for path in (ROOT / place).rglob("*.py")}
        here = {path.relative_to(copy.root) for path in (copy.root / place).rglob("*.py")}
        assert {path.stem for path in here - known} <= set(ADDED), place
        for path in known:
            assert (ROOT / path).read_bytes() == (copy.root / path).read_bytes(), path
