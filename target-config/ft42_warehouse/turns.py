"""The turns of the jobs: when each began, and whether it came as far as its publish.

A job notes this by itself: its publish is ``warehouse publish --job``, and the night's
first task is ``warehouse init --job``. A quarter of an hour has no process for that: its
turn is noted once it has published. What loads missed that went on without it, its last task
tells, once the rest is published: ``warehouse outcome --job``, or ``publish --outcome``.
Meltano's own database does not tell: it knows loads rather than jobs, and nothing of a job
whose ``init`` or publish fails. Where a turn ended that did not publish, only who started it
knows, and says so with ``warehouse alert --after``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from ft42_warehouse.schedule import loaded_by
from ft42_warehouse.shards import with_shards

if TYPE_CHECKING:
    from datetime import timedelta

    from psycopg import Connection

    from ft42_warehouse.statements import Schemas

_RECENT = 0.5
"""The part of the time between two turns within which a publish is that of the turn that has
just ended. A turn ends soon after its publish, and the publish before it is a whole turn
older, less what that one took."""


def note_begin(connection: Connection[Any], schemas: Schemas, job: str) -> bool:
    """Note that a job begins.

    Args:
        connection: A connection of the publisher, in autocommit mode.
        schemas: Names of the schemas.
        job: Name of the job.

    Returns:
        Whether that was possible; not so before the first ``warehouse init``, nor for an
        account that has no right to any of this.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    try:
        connection.execute(schemas.statement("turns/begins"), {"job": job})
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return False
    return True


def note_publish(connection: Connection[Any], schemas: Schemas, job: str) -> None:
    """Note that a job has published.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    connection.execute(schemas.statement("turns/published"), {"job": job})


def note_failure(
    connection: Connection[Any], schemas: Schemas, job: str, turn: timedelta
) -> None:
    """Note that the turn of a job that has just ended has failed, unless it has published.

    Args:
        connection: A connection of the publisher, in autocommit mode.
        schemas: Names of the schemas.
        job: Name of the job.
        turn: After what time the job has its next turn.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    connection.execute(
        schemas.statement("turns/failed"), {"job": job, "recent": turn * _RECENT}
    )


def failures(connection: Connection[Any], schemas: Schemas, job: str) -> list[str]:
    """Return what the last loads of a job missed, as these said it themselves.

    Args:
        connection: A connection of the publisher.
        schemas: Names of the schemas.
        job: Name of the job.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    schemas = with_shards(connection, schemas)
    rows = connection.execute(
        schemas.statement("turns/outcome"), {"streams": loaded_by(job)}
    ).fetchall()
    return [reason or "no reason given" for (reason,) in rows]
