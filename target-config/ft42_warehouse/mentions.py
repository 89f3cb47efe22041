"""Persons who are named in rows of others: in lists, in objects, in columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import Mention, Table, declared_items, json_path, stream_schemas

_REDUCED_AT_ONCE = {("projects_users", "teams"): "reduced_teams"}
"""Functions that do the work of ``declared_only`` faster, for the most frequent JSON."""


def mentioned(schemas: Schemas, table: Table, row: str) -> sql.Composed:
    """Return the query for the ids of the persons whom a row names, except its own.

    `row` is the name of the row in statements.
    """
    return sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}.id_of(item, {}) FROM jsonb_path_query({}, {}) AS item").format(
            sql.Identifier(schemas.warehouse),
            sql.Literal(mention.steps[-1]),
            sql.Identifier(row, mention.column),
            sql.Literal(json_path(mention.steps[:-1])),
        )
        if mention.steps
        else sql.SQL("SELECT {}").format(sql.Identifier(row, mention.column))
        for mention in table.mentions
    )


def members(table: Table) -> sql.Composed | None:
    """Return the expression for the ids in a row's JSON, the same as in the table's index."""
    lists = [
        sql.SQL("jsonb_path_query_array({}, {})").format(
            sql.Identifier(mention.column), sql.Literal(json_path(mention.steps))
        )
        for mention in table.mentions
        if mention.steps
    ]
    if len(lists) > 1:
        lists = [sql.SQL("coalesce({}, '[]')").format(ids) for ids in lists]
    return sql.SQL("({})").format(sql.SQL(" || ").join(lists)) if lists else None


def naming(schemas: Schemas, table: Table) -> sql.Composed:
    """Return the query for the keys of landed rows that name persons in ``erased``."""
    return sql.SQL("UNION\n").join(
        schemas.of_table("parts/naming", table, names=names) for names in _names(table)
    )


def without(
    schemas: Schemas, table: Table, row: str, persons: sql.Composable
) -> Iterator[tuple[sql.Identifier, sql.Composed]]:
    """Yield the columns of a row that can name others, with their values without persons.

    `row` is the name of the row in statements, `persons` the array of the ids to remove.
    """
    for column in dict.fromkeys(mention.column for mention in table.mentions):
        value = sql.SQL("{}").format(sql.Identifier(row, column))
        for mention in table.mentions:
            if mention.column == column:
                value = _without(schemas, table, mention, value, persons)
        yield sql.Identifier(column), value


def without_erased(schemas: Schemas, table: Table) -> sql.Composed:
    """Return the assignments that remove the persons in ``erased`` from a row ``p``."""
    persons = sql.SQL("(SELECT array_agg(user_id) FROM erased)::bigint[]")
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(*change) for change in without(schemas, table, "p", persons)
    )


def reduced(
    schemas: Schemas, table: Table, row: str
) -> Iterator[tuple[sql.Identifier, sql.Composed]]:
    """Yield the columns with lists of people, and the value that is kept when they land.

    `row` is the name of the row in statements.
    """
    for column in table.naming_lists:
        function = _REDUCED_AT_ONCE.get((table.name, column))
        yield (
            sql.Identifier(column),
            sql.SQL("{}({}{})").format(
                sql.Identifier(schemas.warehouse, function or "declared_only"),
                sql.Identifier(row, column),
                sql.SQL("" if function else ", {}").format(_shape(schemas, table, column)),
            ),
        )


def anybody() -> sql.Composed:
    """Return the query for all values in a record of any stream that can be a person's id."""
    paths = sorted({path for schema in stream_schemas() for path in _places(schema)})
    return sql.SQL("\n        UNION ALL ").join(
        sql.SQL("SELECT jsonb_path_query(body, {}) AS value").format(sql.Literal(path))
        for path in paths
    )


def _places(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the paths of ids of persons in a record, at any depth."""
    for path, kind in schema.get("x-persons", {}).items():
        column, *steps = path.split("/")
        source = schema["properties"].get(column, {}).get("x-source", column)
        keys = source.split("/") + [step for step in steps if step != "*"]
        if kind == "users":
            yield f'$.**."{keys[-1]}".**'
        elif kind == "id" and keys[-1] != "id":
            yield f'$.**."{keys[-1]}"'
        elif kind == "id" and keys[1:]:
            yield f'$.**."{keys[-2]}".**'


def _names(table: Table) -> Iterator[sql.Composed]:
    """Yield the conditions that a row ``l`` names an erased person; each uses an index."""
    if (ids := members(table)) is not None:
        for form in ("e.user_id", "e.user_id::text"):
            yield sql.SQL("{} @> to_jsonb({})").format(ids, sql.SQL(form))
    for mention in table.mentions:
        if not mention.steps:
            yield sql.SQL("{} = e.user_id").format(sql.Identifier("l", mention.column))


def _without(
    schemas: Schemas,
    table: Table,
    mention: Mention,
    value: sql.Composed,
    persons: sql.Composable,
) -> sql.Composed:
    if not mention.steps:
        return sql.SQL("CASE WHEN {0} = ANY ({1}) THEN NULL ELSE {0} END").format(
            value, persons
        )
    return sql.SQL("{}.without_persons({}, {}::text[], {}, {})").format(
        sql.Identifier(schemas.warehouse),
        value,
        sql.Literal([*mention.steps]),
        persons,
        _shape(schemas, table, mention.column),
    )


def _shape(schemas: Schemas, table: Table, column: str) -> sql.Literal:
    return sql.Literal(Jsonb(declared_items(table.name, column, naming=schemas.keep_strangers)))
