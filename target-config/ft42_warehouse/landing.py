"""The landing schema: the tables that the stock target writes.

The target would create its tables itself, with instants as ``timestamp`` without a zone. Only
readers who know that UTC is meant would read them right. But the target keeps tables that
exist. So they are created here: with ``timestamptz``, and with the descriptions of the schemas
as comments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.mentions import members
from ft42_warehouse.objects import Objects
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import (
    Table,
    published_tables,
    sql_type,
    stream_schemas,
    tables_by_name,
)
from ft42_warehouse.upgrade import allow_copies

_SDC_COLUMNS = {
    "_sdc_extracted_at": "timestamptz",
    "_sdc_received_at": "timestamptz",
    "_sdc_batched_at": "timestamptz",
    "_sdc_deleted_at": "timestamptz",
    "_sdc_sequence": "bigint",
    "_sdc_table_version": "bigint",
    "_sdc_sync_started_at": "bigint",
}
"""Columns that the target adds to each row (its setting ``add_record_metadata``)."""


class UnusableTableError(Exception):
    """A landed table has lost its key, which cannot be made again."""


def create_landing(connection: Connection[Any], objects: Objects, schemas: Schemas) -> bool:
    """Create the landed tables, and their missing columns and indexes.

    Existing objects are kept, whoever made them. A ``timestamp`` column that the target made
    holds UTC, and becomes ``timestamptz``. A column that was dropped gets its values back from
    the published table. The connection's role owns the schema; a transaction is open.

    Returns:
        Whether a table got a column, so that the next publish must look at all its rows.

    Raises:
        psycopg.Error: The server refused a statement.
        UnusableTableError: A table lost its key.
    """
    has_grown = False
    for schema in stream_schemas():
        name = schema["title"]
        path = f"{schemas.landing}.{name}"
        table = sql.Identifier(schemas.landing, name)
        if objects.exists(f"table {path}"):
            allow_copies(connection, objects, schemas, schema)
            has_grown |= _add_columns(connection, objects, schemas, schema)
            for column in _zoneless_columns(connection, schemas, schema):
                _add_zone(connection, objects, schemas, name, column)
        else:
            objects.refuse_taken(f"table {path}")
            connection.execute(_create_table(table, schema))
        objects.make(
            f"index {path}_landed_in_idx",
            sql.SQL("CREATE INDEX {} ON {} (landed_in)").format(
                sql.Identifier(f"{name}_landed_in_idx"), table
            ),
        )
        comment_on(objects, schemas.landing, name, schema["description"], _meanings(schema))
    for published in published_tables():
        for index, expression in _indexes(published):
            objects.make(
                f"index {schemas.landing}.{index}",
                sql.SQL("CREATE INDEX {} ON {} USING {}").format(
                    sql.Identifier(index),
                    sql.Identifier(schemas.landing, published.name),
                    expression,
                ),
            )
    return has_grown


def _indexes(table: Table) -> Iterator[tuple[str, sql.Composed]]:
    """Yield the indexes that find the rows of persons, and the rows that name them."""
    columns = [mention.column for mention in table.mentions if not mention.steps]
    if table.person and table.person not in table.key:
        columns.append(table.person)
    for column in columns:
        yield f"{table.name}_{column}_idx", sql.SQL("btree ({})").format(sql.Identifier(column))
    if (ids := members(table)) is not None:
        yield f"{table.name}_members_idx", sql.SQL("gin ({})").format(ids)


def comment_on(
    objects: Objects, schema_name: str, table: str, meaning: str, columns: dict[str, str]
) -> None:
    """Describe a table and its columns by comments in the database."""
    path = f"{schema_name}.{table}"
    objects.make(
        f"comment {path} {meaning}",
        sql.SQL("COMMENT ON TABLE {} IS {}").format(
            sql.Identifier(schema_name, table), sql.Literal(meaning)
        ),
    )
    for column, means in columns.items():
        objects.make(
            f"comment {path}.{column} {means}",
            sql.SQL("COMMENT ON COLUMN {} IS {}").format(
                sql.Identifier(schema_name, table, column), sql.Literal(means)
            ),
        )


def _meanings(schema: dict[str, Any]) -> dict[str, str]:
    return {name: column["description"] for name, column in schema["properties"].items()}


def column_types(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the columns of a landed table with their types."""
    for name, column in schema["properties"].items():
        yield name, sql_type(column)
    yield from _SDC_COLUMNS.items()
    yield "landed_in", "bigint"


def _create_table(table: sql.Identifier, schema: dict[str, Any]) -> sql.Composed:
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))
        for name, type_ in column_types(schema)
    ]
    return sql.SQL("CREATE TABLE {table} ({columns}, PRIMARY KEY ({key}))").format(
        table=table,
        columns=sql.SQL(", ").join(columns),
        key=sql.SQL(", ").join(map(sql.Identifier, schema["x-primary-key"])),
    )


def _add_columns(
    connection: Connection[Any], objects: Objects, schemas: Schemas, schema: dict[str, Any]
) -> bool:
    name = schema["title"]
    table = sql.Identifier(schemas.landing, name)
    has_grown = False
    for column, type_ in column_types(schema):
        if objects.exists(f"column {schemas.landing}.{name}.{column}"):
            continue
        has_grown = True
        if column in schema["x-primary-key"]:
            message = (
                f"{schemas.landing}.{name} lost its key, the column {column}. Drop the table, "
                "run `warehouse init`, and load it again with `meltano run --full-refresh`"
            )
            raise UnusableTableError(message)
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                table, sql.Identifier(column), sql.SQL(type_)
            )
        )
        if column == "landed_in":
            connection.execute(
                sql.SQL("UPDATE {} SET landed_in = pg_current_xact_id()::text::bigint").format(
                    table
                )
            )
        elif objects.exists(f"column {schemas.published}.{name}.{column}"):
            connection.execute(
                sql.SQL(
                    "UPDATE {table} AS l SET {column} = p.{column} FROM {published} AS p "
                    "WHERE {same_row}"
                ).format(
                    table=table,
                    column=sql.Identifier(column),
                    published=sql.Identifier(schemas.published, name),
                    same_row=sql.SQL(" AND ").join(
                        sql.SQL("p.{} = l.{}").format(*[sql.Identifier(key)] * 2)
                        for key in tables_by_name()[name].key
                    ),
                )
            )
    return has_grown


def _zoneless_columns(
    connection: Connection[Any], schemas: Schemas, schema: dict[str, Any]
) -> list[str]:
    instants = [name for name, type_ in column_types(schema) if type_ == "timestamptz"]
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s AND column_name = ANY (%s) "
        "AND data_type = 'timestamp without time zone'",
        (schemas.landing, schema["title"], instants),
    )
    return [name for (name,) in rows]


def _add_zone(
    connection: Connection[Any], objects: Objects, schemas: Schemas, table: str, column: str
) -> None:
    """Turn a ``timestamp`` column, which holds UTC, into ``timestamptz``.

    It stays if something depends on it, as a publish reads both types alike: objects that
    others made must not fail a job.
    """
    name = sql.Identifier(schemas.landing, table)
    dependents = connection.execute(
        schemas.statement("init/dependents"),
        {"table": name.as_string(connection), "column": column},
    ).fetchall()
    if dependents:
        listed = ", ".join(dependent for (dependent,) in dependents)
        objects.notes.append(
            f"{schemas.landing}.{table}.{column} stays a timestamp without a time zone, in "
            f"UTC, as this depends on it: {listed}. Drop that, run `warehouse init`, and make "
            "it again"
        )
        return
    connection.execute(
        sql.SQL(
            "ALTER TABLE {table} ALTER COLUMN {column} "
            "TYPE timestamptz USING {column} AT TIME ZONE 'UTC'"
        ).format(table=name, column=sql.Identifier(column))
    )
