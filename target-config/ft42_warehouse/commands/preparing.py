"""What prepares the database, for ``warehouse init`` and for the publish of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ft42_warehouse.init import REFUSALS, create_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection

    from ft42_warehouse.statements import Schemas


def prepare(
    connection: Connection[Any], schemas: Schemas, shards: Iterable[str] = ()
) -> list[str]:
    """Create what is missing, as `create_all` does.

    Raises:
        click.ClickException: It was refused; nothing has changed.
    """
    try:
        return create_all(connection, schemas, shards)
    except REFUSALS as error:
        message = f"{error}."
        raise click.ClickException(message) from None
