"""Deletes old records of runs, rejected records, erasures and alerts.

Rows that the published tables need stay. So does the census: each night replaces its rows.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.shards import with_shards
from ft42_warehouse.statements import Schemas

# Runs are deleted before their requests.
_KEPT = ("rejected", "runs", "requests", "erasures", "alerts", "checks", "refusals", "turns")


def expire(connection: Connection[Any], schemas: Schemas, *, days: float) -> None:
    """Delete all records that are older than some days.

    The connection is one of the publisher, in autocommit mode.

    Raises:
        psycopg.Error: The server refused a statement; nothing has changed.
    """
    before = sql.SQL("now() - {} * interval '1 day'").format(sql.Literal(days))
    with connection.transaction():
        schemas = with_shards(connection, schemas)
        for name in _KEPT:
            connection.execute(schemas.statement(f"retention/{name}", before=before))
