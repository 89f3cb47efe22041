"""What prepares the database, for ``warehouse init`` and for the publish of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ft42_warehouse.init import REFUSALS, create_all, is_up_to_date

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection

    from ft42_warehouse.statements import Schemas


def prepare(
    connection: Connection[Any],
    schemas: Schemas,
    shards: Iterable[str] = (),
    *,
    is_once: bool = False,
) -> list[str]:
    """Create what is missing, as `create_all` does.

    Args:
        connection: A connection of the publisher, in autocommit mode.
        schemas: Names of the schemas.
        shards: Names of shards that must exist, besides those that do.
        is_once: Whether to do nothing where a version like this one did it.

    Raises:
        click.ClickException: It was refused; nothing has changed.
    """
    try:
        if is_once and is_up_to_date(connection, schemas, shards):
            return []
        return create_all(connection, schemas, shards)
    except REFUSALS as error:
        message = f"{error}."
        raise click.ClickException(message) from None
