"""The turns of the jobs: when each turn began, and whether it has published.

A job notes its turns itself. The job nightly begins with ``warehouse init --job``, which notes
the beginning. The job incremental saves this call: its turn is noted when it has published.
Both publish with ``warehouse publish --job``. If a load missed streams and went on, the last
task of the job says so, after the publish: ``warehouse outcome --job``, or ``publish
--outcome``.

Meltano's own database is not enough: it knows loads but not jobs, and nothing of a job whose
``init`` or publish fails. If a turn ends without a publish, only the program that started it
knows. It says so with ``warehouse alert --after``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection

from ft42_warehouse.schedule import loaded_by
from ft42_warehouse.shards import with_shards
from ft42_warehouse.statements import Schemas

_RECENT = 0.5
"""A publish belongs to the turn that has just ended if it is younger than this part of the time
between two turns. A turn ends soon after its publish; the publish before is about a whole turn
older."""


def note_begin(connection: Connection[Any], schemas: Schemas, job: str) -> bool:
    """Note that a job begins; return whether that was possible.

    It is not before the first ``warehouse init``, or if the account lacks the rights.

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
    """Note that a job's turn, which has just ended, has failed, unless it has published.

    `turn` is the time between two turns of the job.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    connection.execute(
        schemas.statement("turns/failed"), {"job": job, "recent": turn * _RECENT}
    )


def failures(connection: Connection[Any], schemas: Schemas, job: str) -> list[str]:
    """Return what the last loads of a job missed, as reported by these loads.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    schemas = with_shards(connection, schemas)
    rows = connection.execute(
        schemas.statement("turns/outcome"), {"streams": loaded_by(job)}
    ).fetchall()
    return [reason or "no reason given" for (reason,) in rows]
