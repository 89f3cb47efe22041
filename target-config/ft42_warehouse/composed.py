"""Composes the statements of ``sql/`` as the commands do, but without a run.

A value that only a run knows becomes a variable of psql, ``:name``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from string import Formatter

from psycopg import sql

from ft42_warehouse import check, publish
from ft42_warehouse.admission import (
    function_parts,
    reductions,
    refusal,
    refusal_of_others,
    triggers,
)
from ft42_warehouse.check import census_parts, latest
from ft42_warehouse.health import subqueries
from ft42_warehouse.mentions import mentioned, naming, without_erased
from ft42_warehouse.named.strings import called
from ft42_warehouse.person import whose_login
from ft42_warehouse.placeholders import (
    OF_A_COLUMN,
    OF_A_TABLE,
    OF_THE_PIPELINE,
    PLACEHOLDERS,
)
from ft42_warehouse.publish import stranger_parts
from ft42_warehouse.published import (
    missing_of,
    orphans_of,
    orphans_view,
    reference_parts,
    waiting,
    waiting_rows,
)
from ft42_warehouse.statements import Schemas, text_of
from ft42_warehouse.tables import PERSONS, Table, tables_by_name

_OF_COUNTED = {
    "check/gone", "check/last_census", "check/totals", "check/uncounted", "publish/disappeared",
    "publish/lost_copies", "publish/remove_disappeared",
}  # fmt: skip
"""Statements of tables that a census counts."""

_OF_LANDED = {"check/not_landed", "publish/unlanded"}
"""Statements of tables whose rows have all landed."""

_OF_POINTING = {
    "check/waiting", "parts/waiting_rows", "publish/no_longer_waiting", "publish/waiting",
}  # fmt: skip
"""Statements of tables that refer to others."""

_OF_NAMING = ("mentioned", "naming", "without")
"""Placeholders of tables whose rows name persons to whom they do not belong."""


def _placeholders_of(name: str) -> set[str]:
    """Return the names in braces in a statement."""
    return {field for _, field, *_ in Formatter().parse(text_of(name)) if field}


def is_of_table(name: str) -> bool:
    """Tell whether a statement is run for one table at a time."""
    return bool(_placeholders_of(name) & {*OF_A_TABLE, *OF_A_COLUMN, "person", *_OF_NAMING})


def statements(schemas: Schemas, name: str, table: Table | None) -> Iterator[sql.Composable]:
    """Yield a statement, once for each column or schema for which it is run.

    Args:
        schemas: Names of the schemas.
        name: Folder and name of the statement.
        table: The published table for which it is run; None if it is run once for all.
    """
    if table is None:
        yield from _of_all(schemas, name)
    elif _is_run_for(schemas, name, table):
        yield from _of_table(schemas, name, table)


def _is_run_for(schemas: Schemas, name: str, table: Table) -> bool:
    """Tell whether a command runs a statement for a table."""
    if name in _OF_COUNTED:
        return table.key == ("id",)
    if name in _OF_LANDED:
        return not table.has_derived_rows
    if name == "publish/choose":
        return schemas.has_copies(table)
    if name in _OF_POINTING:
        return bool(table.references)
    if name not in _MADE and _placeholders_of(name) & {*_OF_NAMING}:
        return bool(table.mentions)
    return "person" not in _placeholders_of(name) or table.person is not None


def _of_all(schemas: Schemas, name: str) -> Iterator[sql.Composable]:
    if name == "init/orphans":
        yield orphans_view(schemas)
    elif name == "init/refuse_users":
        yield refusal(schemas, tables_by_name()[PERSONS])
    elif name == "session/take_turn":
        yield _filled(schemas, name, turn=sql.SQL("publishes"))
        yield _filled(schemas, name, turn=sql.SQL("alerts"))
    else:
        yield _filled(schemas, name)


def _of_table(schemas: Schemas, name: str, table: Table) -> Iterator[sql.Composable]:
    used = _placeholders_of(name)
    if name in _MADE:
        yield from _MADE[name](schemas, table)
    elif "parent" in used:
        for column in table.columns if name.startswith("init/") else table.references:
            if column.references:
                parts = reference_parts(schemas, table, column)
                if name.startswith("publish/"):
                    parts["parent"] = sql.Literal(column.references)
                yield _filled(schemas, name, table, **parts)
    elif "anywhere" in used:
        for schema in (schemas.landed, schemas.published):
            yield _filled(
                schemas,
                name,
                table,
                anywhere=sql.Identifier(schema, table.name),
                where=sql.Literal(f"{schema}.{table.name}"),
                noting=sql.SQL(
                    ", last_changed_at = now()" if schema == schemas.published else ""
                ),
            )
    elif "missing" in used:
        yield _filled(schemas, name, table, missing=missing_of(schemas, table))
    else:
        yield _filled(schemas, name, table)


def _instants(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    for column in table.columns:
        if column.type == "timestamptz":
            parts = {
                "column": sql.Identifier(column.name),
                "column_name": sql.Literal(column.name),
                "latest": latest(column),
            }
            yield _filled(schemas, "check/instants", table, **parts)


def _refusal(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    if table.name != PERSONS:
        yield refusal(schemas, table)


def _refusal_of_others(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    if table.mentions or table.naming_lists:
        yield refusal_of_others(schemas, table)


def _naming(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    if table.mentions:
        yield naming(schemas, table)


def _orphans_of(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    if table.references:
        yield orphans_of(schemas, table)


def _triggers(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    yield from (one for name, _, one in triggers(schemas) if name == table.name)


def _copies(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    if schemas.has_copies(table):
        yield schemas.copies(table)


def _reduced_strangers(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    for parts in stranger_parts(table, "candidate"):
        yield _filled(schemas, "publish/reduce_strangers", table, **parts)


def _allowed_copies(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    if table.copied_by:
        parts: dict[str, sql.Composable] = {
            "table": sql.Identifier(schemas.landing, table.name),
            "key": sql.SQL(", ").join(map(sql.Identifier, table.copy_key)),
        }
        yield schemas.statement("upgrade/allow_copies", **{**_known(schemas), **parts})


def _parts_checked(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    yield from (check.of_part(schemas, table, part) for part in table.parts)


def _parts_published(schemas: Schemas, table: Table) -> Iterator[sql.Composable]:
    for part in table.parts:
        yield publish.of_part(schemas, table, part, is_everything=False)


_MADE = {
    "check/instants": _instants,
    "check/parts": _parts_checked,
    "erase/person_of": whose_login,
    "init/orphans_of": _orphans_of,
    "init/refuse": _refusal,
    "init/refuse_others": _refusal_of_others,
    "init/trigger": _triggers,
    "parts/naming": _naming,
    "publish/copies": _copies,
    "publish/part": _parts_published,
    "publish/reduce_strangers": _reduced_strangers,
    "upgrade/allow_copies": _allowed_copies,
    "upgrade/reduce_lists": reductions,
}
"""Statements that are made by their own function."""


def _filled(
    schemas: Schemas, name: str, table: Table | None = None, /, **parts: sql.Composable
) -> sql.Composed:
    """Return a statement with all known placeholders filled; the others become variables."""
    known = dict(_known(schemas))
    if table is None:
        return schemas.statement(name, **(known | parts))
    known |= census_parts(schemas, table, known["since"])
    if table.person:
        known["person"] = sql.Identifier(table.person)
        known["values"] = called(table.naming) or known["values"]
    if table.mentions:
        known["mentioned"] = mentioned(schemas, table, "l")
        known["naming"] = naming(schemas, table)
        known["without"] = without_erased(schemas, table)
    for one in OF_A_TABLE:
        known.pop(one)
    return schemas.of_table(name, table, **(known | parts))


@cache
def _known(schemas: Schemas) -> Mapping[str, sql.Composable]:
    """Return the value of each placeholder before a run, except the schemas."""
    users = tables_by_name()[PERSONS]
    return {
        **{
            one: sql.SQL(":") + sql.SQL(one)
            for one in PLACEHOLDERS
            if one not in OF_THE_PIPELINE
        },
        **subqueries(schemas),
        **function_parts(schemas),
        "waiting": waiting(schemas, sql.SQL(":since")),
        "waiting_rows": waiting_rows(schemas, sql.SQL(":since")),
        "landing_names": sql.Literal([*schemas.landings]),
        "before": sql.SQL("now() - :keep_days * interval '1 day'"),
        "schema_names": sql.Literal(schemas.names),
        "published_name": sql.Literal(schemas.published),
        "values": called(users.naming) or sql.SQL(":values"),
    }
