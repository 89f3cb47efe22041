"""What is kept of runs, rejected records, erasures and alerts, and for how long.

What the published tables need is no part of this, and neither is the census, whose rows
each night replaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from ft42_warehouse.shards import with_shards

if TYPE_CHECKING:
    from psycopg import Connection

    from ft42_warehouse.statements import Schemas

# Runs go before their requests.
_KEPT = ("rejected", "runs", "requests", "erasures", "alerts", "checks", "refusals", "turns")


def expire(connection: Connection[Any], schemas: Schemas, *, days: float) -> None:
    """Delete what is older.

    Args:
        connection: A connection of the publisher, in autocommit mode.
        schemas: Names of the schemas.
        days: How long it is kept.

    Raises:
        psycopg.Error: The server refused a statement; nothing has changed.
    """
    before = sql.SQL("now() - {} * interval '1 day'").format(sql.Literal(days))
    with connection.transaction():
        schemas = with_shards(connection, schemas)
        for name in _KEPT:
            connection.execute(schemas.statement(f"retention/{name}", before=before))
