"""Prepares the database, for ``warehouse init`` and for the publish of a job."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from psycopg import Connection

from ft42_warehouse.init import REFUSALS, create_all, is_up_to_date
from ft42_warehouse.statements import Schemas


def prepare(
    connection: Connection[Any],
    schemas: Schemas,
    shards: Iterable[str] = (),
    *,
    is_once: bool = False,
) -> list[str]:
    """Create what is missing; see `create_all`.

    Args:
        connection: A connection of the publisher, in autocommit mode.
        schemas: Names of the schemas.
        shards: Names of shards to create, besides those that exist.
        is_once: Whether to do nothing if this version has done it already.

    Raises:
        click.ClickException: It is not possible; nothing has changed.
    """
    try:
        if is_once and is_up_to_date(connection, schemas, shards):
            return []
        return create_all(connection, schemas, shards)
    except REFUSALS as error:
        message = f"{error}."
        raise click.ClickException(message) from None
