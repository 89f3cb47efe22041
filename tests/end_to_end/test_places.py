"""An endpoint that the project does not know is added in three places, and nowhere else."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ft42_sandbox.testing import running_sandbox

from tests.copies import STRANGERS, copied
from tests.end_to_end.conftest import BIN, ROOT, meltano_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.copies import Copy
    from tests.postgres import Database

pytestmark = pytest.mark.slow

ADDED = tuple(sorted(folder.name for folder in STRANGERS.iterdir() if folder.is_dir()))
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
    with pytest.MonkeyPatch.context() as patch:
        for name, value in copy.environment.items():
            patch.setenv(name, value)
        with running_sandbox(users=80, enrolments=300, achievements_per_user=2) as running:
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


def expected(there: RunningSandbox, database: Database, table: str) -> set[int]:
    """The rows whose person and campus are published: the others wait for them."""
    people, campuses = published(database, "users"), published(database, "campuses")
    return {
        row["id"]
        for row in there.truth(table)
        if person_of(row) in people and ("campus_id" not in row or row["campus_id"] in campuses)
    }


def person_of(row: dict[str, Any]) -> int:
    return int(row["user"]["id"] if "user" in row else row["user_id"])


def test_they_are_loaded_published_followed_and_erased(
    meltano: Callable[..., str], there: RunningSandbox, database: Database
) -> None:
    meltano("run", "nightly")
    for table in ADDED:
        # What is of people who were anonymised does not stay.
        erased = {row["id"] for row in there.truth("users") if row["login"].startswith("3b3-")}
        assert {row["id"] for row in database.rows(table)} == {
            row["id"] for row in there.truth(table) if person_of(row) not in erased
        }
        assert set(published(database, table)) == expected(there, database, table) != set()
    keys = {
        (row["of"], row["on"])
        for row in database.query(
            'SELECT of.relname AS "of", target.relname AS "on" FROM pg_constraint AS c '
            "JOIN pg_class AS of ON of.oid = c.conrelid "
            "JOIN pg_class AS target ON target.oid = c.confrelid "
            "WHERE c.contype = 'f' AND c.connamespace = 'ft42'::regnamespace"
        )
    }
    assert {
        ("locations", "users"),
        ("locations", "campuses"),
        ("events_users", "users"),
    } <= keys

    # A second time, incrementally: the quarter of an hour has one of them, the night both.
    person = max(published(database, "users"))
    campus = min(published(database, "campuses"))
    now = datetime.now(UTC).isoformat()
    seat = there.insert(
        "locations", user_id=person, campus_id=campus, begin_at=now, host="c9r9s9"
    )
    registration = there.insert("events_users", user_id=person, event_id=7)
    there.reset_requests()
    meltano("run", "incremental")
    assert registration in published(database, "events_users")
    routes = there.requests()["routes"]
    assert routes["GET /v2/events_users"]["count"] == 1
    assert "GET /v2/locations" not in routes
    there.reset_requests()
    settled = {"TAP_FT42_SETTLE_SECONDS": "0", "TAP_FT42_CENSUS_HOUR": "-1"}
    meltano("run", "nightly", **settled)
    assert published(database, "locations")[seat]["host"] == "c9r9s9"
    assert there.requests()["routes"]["GET /v2/locations"]["count"] <= 2

    meltano("invoke", "warehouse", "forget", str(person))
    for table in ADDED:
        for rows in (published(database, table).values(), database.rows(table)):
            assert person not in {row["user_id"] for row in rows}, table
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
