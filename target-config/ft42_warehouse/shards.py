"""Shards: landing schemas of loads that must not touch each other's rows.

Each load has a landing schema of its own, with all that makes a landing schema. Where
there are several, a schema of empty tables, from which all of theirs inherit, shows what
has landed everywhere. The catalog of the server alone says which shards there are.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ft42_warehouse.landing import column_types
from ft42_warehouse.tables import stream_schemas

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection

    from ft42_warehouse.objects import Objects
    from ft42_warehouse.statements import Schemas

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_WHOLE = "all"


class ShardNameError(Exception):
    """A name that no shard can have."""


def with_shards(
    connection: Connection[Any], schemas: Schemas, names: Iterable[str] = ()
) -> Schemas:
    """Return the schemas of a pipeline with those of its shards.

    Args:
        connection: Any connection to the database.
        schemas: Names of the schemas. The landing schema may be a shard's: the pipeline
            is the one that it belongs to.
        names: Names of shards to be made.

    Raises:
        psycopg.Error: The server refused the query.
        ShardNameError: A name cannot be one.
    """
    for name in names:
        if not _NAME.fullmatch(name) or name == _WHOLE:
            message = (
                f"A shard cannot be called {name!r}. Take up to 31 letters a to z, digits and "
                f"underscores, and not {_WHOLE!r}"
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
    """Let the tables of the whole show the rows of all landing schemas.

    Args:
        connection: A connection of the schemas' owner; a transaction is open, in which
            all landed tables were made.
        objects: What there was before.
        schemas: Names of the schemas, with all shards.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    if not schemas.shards:
        return
    objects.make(
        f"comment {schemas.whole}",
        sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
            sql.Identifier(schemas.whole),
            sql.Literal("What has landed everywhere; to drop it drops all that has landed."),
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
    """Let a landed table inherit, with the columns of older versions that the whole has."""
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
