"""The landing schema: the tables that the stock target writes.

The target would create its tables itself, with instants as ``timestamp`` without
a zone: right only for readers who know that UTC is meant. Tables that exist
before are kept, so they are created here, with ``timestamptz`` and with the
descriptions of the schemas as comments.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

_SDC_COLUMNS = {
    "_sdc_extracted_at": "timestamptz",
    "_sdc_received_at": "timestamptz",
    "_sdc_batched_at": "timestamptz",
    "_sdc_deleted_at": "timestamptz",
    "_sdc_sequence": "bigint",
    "_sdc_table_version": "bigint",
    "_sdc_sync_started_at": "bigint",
}
"""What the target adds to each row (its setting ``add_record_metadata``)."""

_SQL_TYPES = {
    "boolean": "boolean",
    "integer": "bigint",
    "number": "numeric",
    "object": "jsonb",
    "string": "text",
}


def create_landing(connection: Connection[Any], schema_name: str) -> None:
    """Create the landing schema and its tables, in one transaction.

    What exists is kept, whoever made it; ``timestamp`` columns of the target's own
    making, which hold UTC, become ``timestamptz``.

    Args:
        connection: A connection of a role that may create schemas.
        schema_name: Name of the landing schema.

    Raises:
        psycopg.Error: The server refused a statement; nothing has changed.
    """
    schemas = list(stream_schemas())
    with connection.transaction():
        # CREATE … IF NOT EXISTS races with itself; one at a time.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('ft42_warehouse'))")
        connection.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema_name))
        )
        for schema in schemas:
            table = sql.Identifier(schema_name, schema["title"])
            connection.execute(_create_table(table, schema))
            for column in _zoneless_columns(connection, schema_name, schema["title"]):
                connection.execute(
                    sql.SQL(
                        "ALTER TABLE {table} ALTER COLUMN {column} "
                        "TYPE timestamptz USING {column} AT TIME ZONE 'UTC'"
                    ).format(table=table, column=sql.Identifier(column))
                )
            for statement in _comments(table, schema):
                connection.execute(statement)


def stream_schemas() -> Iterator[dict[str, Any]]:
    """Yield the schema of each stream, as in ``schemas/``, by name."""
    directory = files("ft42_warehouse") / "schemas"
    for file in sorted(directory.iterdir(), key=lambda file: file.name):
        yield json.loads(file.read_text(encoding="utf-8"))


def sql_type(column: dict[str, Any]) -> str:
    """Return the PostgreSQL type of a column.

    Args:
        column: The column's JSON Schema.

    Returns:
        The type that the stock target would choose, but for instants.
    """
    (kind,) = {*_as_list(column["type"])} - {"null"}
    if column.get("format") == "date-time":
        return "timestamptz"
    if kind == "array":
        items = column.get("items")
        return "jsonb" if items is None else f"{sql_type(items)}[]"
    return _SQL_TYPES[kind]


def _create_table(table: sql.Identifier, schema: dict[str, Any]) -> sql.Composed:
    types = {name: sql_type(column) for name, column in schema["properties"].items()}
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))
        for name, type_ in {**types, **_SDC_COLUMNS}.items()
    ]
    return sql.SQL(
        "CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key}))"
    ).format(
        table=table,
        columns=sql.SQL(", ").join(columns),
        key=sql.SQL(", ").join(map(sql.Identifier, schema["x-primary-key"])),
    )


def _zoneless_columns(connection: Connection[Any], schema_name: str, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s "
        "AND data_type = 'timestamp without time zone'",
        (schema_name, table),
    )
    return [name for (name,) in rows]


def _comments(table: sql.Identifier, schema: dict[str, Any]) -> Iterator[sql.Composed]:
    yield sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(schema["description"]))
    for name, column in schema["properties"].items():
        yield sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
            table, sql.Identifier(name), sql.Literal(column["description"])
        )


def _as_list(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds
