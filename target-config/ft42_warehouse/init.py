"""``warehouse init``: everything that load, publish and check need, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from ft42_warehouse.landing import (
    create_functions,
    create_landing,
    create_triggers,
    reduce_landed,
)
from ft42_warehouse.objects import REMEMBERED, Objects
from ft42_warehouse.published import create_published
from ft42_warehouse.roles import create_roles, hand_over
from ft42_warehouse.shards import join_landings, with_shards

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection

    from ft42_warehouse.statements import Schemas


class EncodingError(Exception):
    """A database that cannot hold the names of people of all countries."""

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"The database is encoded in {encoding}. Names need UTF8: create one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def create_all(
    connection: Connection[Any], schemas: Schemas, shards: Iterable[str] = ()
) -> bool:
    """Create what is missing in the schemas, in one transaction.

    Args:
        connection: A connection of a role that may create schemas, or owns these.
        schemas: Names of the schemas.
        shards: Names of shards that must exist, besides those that do.

    Returns:
        Whether the three roles exist.

    Raises:
        psycopg.Error: The server refused a statement; nothing has changed.
        EncodingError: The database cannot hold all names; nothing has changed.
        ShardNameError: A name cannot be one; nothing has changed.
        UnusableTableError: A landed table lost its key; nothing has changed.
    """
    (encoding,) = connection.execute("SHOW server_encoding").fetchone() or ("",)
    if encoding != "UTF8":
        raise EncodingError(encoding)
    with connection.transaction():
        # CREATE … IF NOT EXISTS races with itself; one at a time.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('ft42_warehouse init'))")
        schemas = with_shards(connection, schemas, shards)
        has_roles = create_roles(connection, schemas)
        for name in schemas.names:
            if name != schemas.warehouse and not _exists(connection, name):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        if not _exists(connection, schemas.warehouse):
            connection.execute(schemas.statement("bookkeeping"))
        objects = Objects(connection, schemas)
        for name in REMEMBERED:  # by and by: older versions knew less
            objects.make(
                f"table {schemas.warehouse}.{name}", schemas.statement(f"remember_{name}")
            )
        lets_in_less = create_functions(objects, schemas)
        for load in schemas.each_landing():
            create_landing(connection, objects, load)
            create_triggers(objects, load)
            if lets_in_less:
                reduce_landed(connection, load)
        join_landings(connection, objects, schemas)
        if create_published(connection, objects, schemas):
            # The next publish fills what is new: it looks at every row.
            connection.execute(
                sql.SQL("UPDATE {}.publishes SET structure = NULL").format(
                    sql.Identifier(schemas.warehouse)
                )
            )
        if has_roles:
            hand_over(connection, schemas)
    return has_roles


def _exists(connection: Connection[Any], schema_name: str) -> bool:
    found = connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema_name,))
    return found.rowcount > 0
