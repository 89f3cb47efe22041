"""The command ``warehouse campuses``."""

from __future__ import annotations

import json

import click

from ft42_warehouse.commands.options import Warehouse


@click.command(epilog="Example: warehouse campuses")
@click.pass_obj
def campuses(warehouse: Warehouse) -> None:
    """Print the ids of the landed campuses as JSON, to divide them among workers."""
    with warehouse.database.connect() as connection:
        rows = connection.execute(warehouse.schemas.statement("shards/campuses")).fetchall()
    click.echo(json.dumps([campus_id for (campus_id,) in rows]))
