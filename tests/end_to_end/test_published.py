"""The jobs over the sandbox: the published tables are what 42 has, and keys hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from tests.end_to_end.published import (
    TABLES,
    assert_published,
    expected_published,
    let_a_day_pass,
    published_tables,
)

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database


@pytest.fixture(scope="module")
def loaded(pipeline: Pipeline) -> Pipeline:
    """A pipeline after its first night."""
    pipeline.run("nightly")
    return pipeline


@pytest.mark.usefixtures("loaded")
def test_after_a_night_the_published_tables_are_what_42_has(
    sandbox: RunningSandbox, database: Database
) -> None:
    assert_published(database, sandbox, is_after_a_night=True)
    (counted,) = database.query("SELECT sum(rows) AS rows FROM ft42.orphans")
    landed = sum(len(database.rows(table)) for table in TABLES if table.endswith("_users"))
    shown = sum(
        len(rows)
        for table, rows in published_tables(database).items()
        if table.endswith("_users")
    )
    (waiting,) = database.query(
        "SELECT count(DISTINCT (table_name, row_id)) AS rows FROM ft42.orphan_rows"
    )
    assert counted["rows"] >= waiting["rows"] == landed - shown > 0


@pytest.mark.slow
def test_after_a_quarter_of_an_hour_they_follow(
    loaded: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    sandbox.live(events={"mark": 20, "visit": 20, "enrol": 10, "badge": 10})
    loaded.run("incremental", TAP_FT42_SETTLE_SECONDS="0", TAP_FT42_OVERLAP_SECONDS="0")
    assert_published(database, sandbox)


@pytest.mark.slow
def test_after_a_night_what_has_disappeared_is_gone_with_all_that_hung_on_it(
    loaded: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    before = {row["id"] for row in database.query("SELECT id FROM ft42.users")}
    sandbox.live(events={"disappear": 4, "anonymise": 2, "unregister": 5, "graduate": 1})
    let_a_day_pass(loaded)
    output = loaded.run("nightly", TAP_FT42_SETTLE_SECONDS="0", TAP_FT42_OVERLAP_SECONDS="0")
    left = before - {row["id"] for row in database.query("SELECT id FROM ft42.users")}
    assert left == before - {row for (row,) in expected_published(sandbox)["users"]}
    assert len(left) >= 3
    for schema in ("ft42", "ft42_raw"):
        for table, person in TABLES.items():
            if person:
                query = sql.SQL("SELECT FROM {} WHERE {} = ANY (%s)").format(
                    sql.Identifier(schema, table), sql.Identifier(person)
                )
                assert database.query(query.as_string(), [*left]) == [], (schema, table)
    assert_published(database, sandbox, is_after_a_night=True)
    assert "All promises hold" in output
