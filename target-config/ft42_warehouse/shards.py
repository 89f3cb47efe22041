"""Shards: landing schemas of loads that must not touch each other's rows.

Each load has its own complete landing schema. If there are several, one more schema shows the
landed rows of all: its tables are empty, and the landed tables inherit from them. Which shards
exist follows from the server's catalog only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.landing import column_types
from ft42_warehouse.objects import Objects
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import stream_schemas

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_WHOLE = "all"


class ShardNameError(Exception):
    """A shard cannot have this name."""


def with_shards(
    connection: Connection[Any], schemas: Schemas, names: Iterable[str] = ()
) -> Schemas:
    """Return the schemas of a pipeline, with those of its shards.

    Args:
        connection: Any connection to the database.
        schemas: Names of the schemas. The landing schema may be that of a shard: the result is
            the pipeline to which it belongs.
        names: Names of shards to create.

    Raises:
        psycopg.Error: The server refused the query.
        ShardNameError: A shard cannot have this name.
    """
    for name in names:
        if not _NAME.fullmatch(name) or name == _WHOLE:
            message = (
                f"A shard cannot be called {name!r}. Use up to 31 letters a to z, digits and "
                f"underscores, but not {_WHOLE!r}"
            )
            raise ShardNameError(message)
    rows = connection.execute(
        schemas.statement("shards/landings"),
        {"landing": schemas.landing, "whole": schemas.whole},
    ).fetchall()
    landing = next((main for main, _ in rows), schemas.landing)
    shards = {shard for _, shard in rows} | {f"{landing}_{name}" for name in names}
    return replace(schemas, landing=landing, shards=tuple(sorted(shards - {landing})))


def join_landings(connection: Connection[Any], objects: Objects, schemas: Schemas) -> None:
    """Create the schema that shows the rows of all landing schemas.

    The transaction that has made all landed tables is open; `schemas` has all shards.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    if not schemas.shards:
        return
    objects.make(
        f"comment {schemas.whole}",
        sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
            sql.Identifier(schemas.whole),
            sql.Literal("Landed rows of all shards. To drop this drops all landed rows."),
        ),
    )
    joined = set(
        connection.execute(
            schemas.statement("shards/joined"), {"whole": schemas.whole}
        ).fetchall()
    )
    for schema in stream_schemas():
        name = schema["title"]
        whole = sql.Identifier(schemas.whole, name)
        objects.make(
            f"table {schemas.whole}.{name}", sql.SQL("CREATE TABLE {} ()").format(whole)
        )
        for column, type_ in column_types(schema):
            objects.make(
                f"column {schemas.whole}.{name}.{column}",
                sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                    whole, sql.Identifier(column), sql.SQL(type_)
                ),
            )
        for landing in schemas.landings:
            if (landing, name) not in joined:
                _join(connection, whole, sql.Identifier(landing, name))


def _join(connection: Connection[Any], whole: sql.Identifier, landed: sql.Identifier) -> None:
    """Let a landed table inherit; add columns of older versions first if it lacks them."""
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        (whole.as_string(connection),),
    ).fetchall()
    for column, type_ in columns:
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}").format(
                landed, sql.Identifier(column), sql.SQL(type_)
            )
        )
    connection.execute(sql.SQL("ALTER TABLE {} INHERIT {}").format(landed, whole))
