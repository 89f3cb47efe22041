"""``warehouse sql``: prints the statements of ``sql/`` as they are run.

It needs no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.resources import files
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from ft42_warehouse.composed import is_of_table, statements
from ft42_warehouse.health import THRESHOLDS
from ft42_warehouse.placeholders import PLACEHOLDERS, ROOMS, VALUES
from ft42_warehouse.published import structure
from ft42_warehouse.schedule import Schedule
from ft42_warehouse.statements import Schemas, text_of
from ft42_warehouse.tables import Table, stream_schemas, tables_by_name

_VALUE = re.compile(r"%\((\w+)\)s")
_OPEN = re.compile(r"(?<![:\w]):([a-z_]+)\b")

_KEEP_DAYS = {"keep_days": "The option --keep-days of `warehouse publish`."}


class NoSuchStatementError(Exception):
    """There is no statement of this name, or not for this table."""


def names() -> list[str]:
    """Return the names of all statements, by room."""
    directory = files("ft42_warehouse") / "sql"
    return [
        f"{room}/{file.name.removesuffix('.sql')}"
        for room in ROOMS
        for file in sorted((directory / room).iterdir(), key=lambda file: file.name)
    ]


def listed() -> Iterator[str]:
    """Yield each folder, and below it its statements, with a line each."""
    room = ""
    for name in names():
        if (here := name.partition("/")[0]) != room:
            if room:
                yield ""
            room = here
            yield f"{room}/  {ROOMS[room]}"
        first = text_of(name).lstrip("(\n ").splitlines()[0].replace("%%", "%")
        yield f"  {name + (' TABLE' if is_of_table(name) else ''):<44}{first.lstrip('- ')}"


def placeholders_listed() -> Iterator[str]:
    """Yield each placeholder, and each value, with its meaning."""
    for name, meaning in PLACEHOLDERS.items():
        yield f"{f'{{{name}}}':<24}{meaning}"
    for name, meaning in VALUES.items():
        yield f"{f'%({name})s':<24}{meaning}"


def printed(schemas: Schemas, schedule: Schedule, name: str, table_name: str | None) -> str:
    """Return a statement as it is run, with a comment on each value that a run fills in.

    Args:
        schemas: Names of the schemas.
        schedule: How old the tables may be.
        name: Folder and name, or the name alone if only one folder has it.
        table_name: The published table for which it is run.

    Raises:
        NoSuchStatementError: There is no such statement, or it is not run for this table.
    """
    name = _found(name)
    table = _table(name, table_name)
    values = _values(schemas, schedule, name)
    done = []
    for statement in statements(schemas, name, table):
        text = statement.as_string(None)
        if "%(" in text or "%%" in text_of(name):
            text = _VALUE.sub(lambda found: values.get(found[1], f":{found[1]}"), text)
            text = text.replace("%%", "%")
        text = text.strip()
        if text not in done:
            done.append(text if text.endswith(";") else f"{text};")
    if not done:
        message = f"{name} is not run for {table_name}"
        raise NoSuchStatementError(message)
    body = "\n\n".join(done)
    known = VALUES | PLACEHOLDERS | _KEEP_DAYS
    opened = [one for one in dict.fromkeys(_OPEN.findall(body)) if one in known]
    return "\n".join([f"-- :{one}  {known[one]}" for one in opened] + [body])


def _found(name: str) -> str:
    every = names()
    name = name.removesuffix(".sql")
    if name in every:
        return name
    same = [one for one in every if one.partition("/")[2] == name]
    if len(same) == 1:
        return same[0]
    short = {one.partition("/")[2]: one for one in every}
    near = same or dict.fromkeys(
        [
            *get_close_matches(name, every),
            *(short[one] for one in get_close_matches(name.rpartition("/")[2], short)),
        ]
    )
    hint = f"Similar names: {', '.join(near)}" if near else "`warehouse sql` lists all"
    message = f"There is {'more than one' if same else 'no'} statement {name!r}. {hint}"
    raise NoSuchStatementError(message)


def _table(name: str, table_name: str | None) -> Table | None:
    if not is_of_table(name):
        if table_name is not None:
            message = f"{name} is run once for all tables. Run it without {table_name}"
            raise NoSuchStatementError(message)
        return None
    tables = tables_by_name()
    if table_name is None:
        message = f"{name} is run for one table at a time. Name one of {', '.join(tables)}"
        raise NoSuchStatementError(message)
    if table_name not in tables:
        near = get_close_matches(table_name, tables) or tables
        message = f"There is no table {table_name!r}. Similar names: {', '.join(near)}"
        raise NoSuchStatementError(message)
    return tables[table_name]


def _values(schemas: Schemas, schedule: Schedule, name: str) -> dict[str, str]:
    """Return the values that are known before a run, as SQL."""
    known: dict[str, Any] = {
        **THRESHOLDS,
        "landing": schemas.landing,
        "landings": list(schemas.landings),
        "published": schemas.published,
        "schemas": schemas.names,
        "structure": structure(),
        "warehouse": schemas.warehouse,
        "whole": schemas.whole,
        "tables": Jsonb(schedule.as_rows()),
        "jobs": Jsonb(schedule.jobs()),
    }
    if name == "init/in_the_way":
        known["tables"] = [schema["title"] for schema in stream_schemas()]
    return {one: sql.Literal(value).as_string(None) for one, value in known.items()}
