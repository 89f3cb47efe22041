"""The SQL that a DBA reads: every statement is listed, explained, and printed as it is run."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from ft42_warehouse.cli import main
from ft42_warehouse.placeholders import PLACEHOLDERS, ROOMS, VALUES
from ft42_warehouse.tables import published_tables

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse

SQL = Path(__file__).parents[2] / "target-config/ft42_warehouse/sql"
STATEMENTS = {
    str(file.relative_to(SQL).with_suffix("")): file.read_text(encoding="utf-8")
    for file in SQL.rglob("*.sql")
}


def printed(*arguments: str, exit_code: int = 0) -> str:
    """Return what the command prints without a database, and without a server's name."""
    done = CliRunner(env={"TARGET_POSTGRES_HOST": None}).invoke(main, ["sql", *arguments])
    assert done.exit_code == exit_code, done.output
    return done.output


@pytest.fixture(scope="module")
def listed() -> str:
    return printed()


def test_each_placeholder_of_a_file_is_explained_and_each_that_is_explained_is_used() -> None:
    texts = STATEMENTS.values()
    assert set(PLACEHOLDERS) == {
        field for text in texts for _, field, *_ in Formatter().parse(text) if field
    }
    assert set(VALUES) == {name for text in texts for name in re.findall(r"%\((\w+)\)s", text)}
    shown = printed("--placeholders")
    assert all(f"{{{name}}} " in shown for name in PLACEHOLDERS)
    assert all(f"%({name})s " in shown for name in VALUES)


def test_each_statement_lies_in_a_room_and_is_listed(listed: str) -> None:
    assert {name.partition("/")[0] for name in STATEMENTS} == set(ROOMS)
    for name in STATEMENTS:
        assert re.search(rf"^  {name}( TABLE)? +\S", listed, re.MULTILINE), name


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_each_statement_can_be_printed_without_a_database(name: str, listed: str) -> None:
    is_of_table = f"  {name} TABLE " in listed
    tables = [table.name for table in published_tables()] if is_of_table else [None]
    found = []
    for table in tables:
        done = CliRunner().invoke(main, ["sql", name, *([table] if table else [])])
        if done.exit_code:
            assert f"{name} is not run for {table}" in done.output
            continue
        assert "%(" not in done.output
        assert "%%" not in done.output
        found.append(done.output)
    assert found


def test_names_are_those_of_the_pipeline_that_it_is_asked_for() -> None:
    done = CliRunner().invoke(
        main, ["--landing-schema", "Raw", "--published-schema", "p", "sql", "change", "users"]
    )
    assert 'UPDATE "p"."users" AS p' in done.output
    assert '"Raw"."users" AS l' in done.output
    assert '"login" = "l"."login"' in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["publish/chnage", "users"], "Similar names: publish/change"),
        (["published"], "Similar names: erase/published, turns/published"),
        (["publish/change"], "Name one of achievements"),
        (["publish/change", "usrs"], "Similar names: users"),
        (["publish/begin", "users"], "once for all tables"),
    ],
)
def test_a_wrong_name_says_which_are_near(arguments: list[str], said: str) -> None:
    assert said in " ".join(printed(*arguments, exit_code=2).split())


def test_what_is_printed_runs_as_it_stands(warehouse: Warehouse) -> None:
    names = ["health/stale", "overview/runs", "report/campuses", "check/ranks", "init/orphans"]
    names += ["init/refuse_users", "init/in_the_way"]
    statements = [printed(name) for name in names]
    for table in published_tables():
        for name in ("check/duplicates", "check/not_published", "check/gone", "init/trigger"):
            done = CliRunner().invoke(main, ["sql", name, table.name])
            if not done.exit_code:
                statements.append(done.output.replace(":since", "0"))
    with warehouse.database.connect() as connection:
        for statement in statements:
            connection.execute(statement)
