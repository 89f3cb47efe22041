"""With pseudonyms, the database works as before, and nobody's name is in it or in a log."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.published import let_a_day_pass

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database

pytestmark = pytest.mark.long

KEY = "a key of more than sixteen characters"
NIGHT = (
    "warehouse:init",
    "tap-ft42",
    "target-postgres",
    "warehouse:publish",
    "warehouse:check",
)
SELECT = (
    '["cursus.*", "campuses.*", "projects.*", "users.*", "projects_users.*", "census.*",'
    ' "rejected_records.*", "sync_runs.*", "sync_requests.*"]'
)
TELLING = ("login", "email", "first_name", "last_name", "displayname", "url")


@pytest.mark.parametrize("ids", ["kept", "keyed"])
def test_a_night_with_pseudonyms(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database, ids: str
) -> None:
    database.reset()
    sandbox.fault("wrong_type", route="/v2/projects_users", column="final_mark", row=1)
    settings = {
        "TAP_FT42_PRIVACY": "pseudonymous",
        "TAP_FT42_PRIVACY_KEY": KEY,
        "TAP_FT42_PRIVACY_IDS": ids,
        "TAP_FT42_CENSUS_HOUR": "0",
        "TAP_FT42_SETTLE_SECONDS": "0",
        "TAP_FT42__SELECT": SELECT,
    }
    # Another preset reads everybody again, by itself.
    said = pipeline.run(*NIGHT, **settings)
    people = [one for one in sandbox.truth("users") if not one["login"].startswith("3b3-")]
    (published,) = database.query("SELECT count(*) AS rows FROM ft42.users")
    (joined,) = database.query(
        "SELECT count(*) AS rows FROM ft42.projects_users JOIN ft42.users ON users.id = user_id"
    )
    assert published["rows"] > 50
    assert joined["rows"] > 100
    dumped = dump(database)
    for person in people:
        for column in TELLING:
            value = person[column]
            if value and len(value) > 5:
                assert f'"{value}"' not in dumped
                assert f"/{value}" not in dumped
                assert value not in said
    if ids == "keyed":
        known = database.query(
            "SELECT id FROM ft42_raw.users UNION SELECT user_id FROM ft42_raw.projects_users"
        )
        assert {row["id"] for row in known}.isdisjoint({one["id"] for one in people})
    # Who disappears at 42 disappears here, whatever the ids are.
    before = {row["login"] for row in database.query("SELECT login FROM ft42.users")}
    sandbox.live(events={"disappear": 4})
    let_a_day_pass(pipeline, "tap-ft42-to-target-postgres")
    assert "All promises hold" in pipeline.run(*NIGHT, **settings)
    left = before - {row["login"] for row in database.query("SELECT login FROM ft42.users")}
    there = {hashed(one["login"]) for one in sandbox.truth("users")}
    assert left
    assert left.isdisjoint(there)


def hashed(login: str) -> str:
    return hmac.digest(KEY.encode(), login.encode(), "sha256").hex()


def dump(database: Database) -> str:
    """Return all rows of all schemas as text."""
    tables = database.query(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name"
        " FROM pg_tables WHERE schemaname LIKE 'ft42%%'"
    )
    with database.connect() as connection:
        return "\n".join(
            str(row["row"])
            for table in tables
            for row in connection.execute(
                f"SELECT to_jsonb(t)::text AS row FROM {table['name']} AS t"  # noqa: S608 - names of tables
            )
        )
