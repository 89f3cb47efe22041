"""The command ``warehouse check``."""

from __future__ import annotations

import click

from ft42_warehouse.check import broken_promises, remember
from ft42_warehouse.commands.options import Warehouse


@click.command(epilog="Example: warehouse check")
@click.pass_obj
def check(warehouse: Warehouse) -> None:
    """Verify the promises about the tables; exit code 1 if one is broken."""
    with warehouse.database.connect() as connection:
        broken = broken_promises(connection, warehouse.schemas)
        remember(connection, warehouse.schemas, broken)
    for line in broken:
        click.echo(f"- {line}", err=True)
    if broken:
        message = f"{len(broken)} promises are broken. `warehouse rebuild` compares every row."
        raise click.ClickException(message)
    click.echo("All promises hold")
