"""The command ``warehouse status``."""

from __future__ import annotations

import sys

import click

from ft42_warehouse.commands.options import Warehouse, schedule_of, schedule_options
from ft42_warehouse.overview import inspection, overview
from ft42_warehouse.shown import as_json
from ft42_warehouse.status import status_lines, table_lines


@click.command(epilog="Example: warehouse status --json")
@click.option("--json", "as_object", is_flag=True, help="Print JSON, for monitors.")
@click.option("--tables", is_flag=True, help="Count the rows of each table.")
@schedule_options
@click.pass_obj
def status(
    warehouse: Warehouse,
    *,
    as_object: bool,
    tables: bool,
    incremental_minutes: float,
    nightly_hours: float,
) -> None:
    """Tell whether the data are fresh, what runs cost, and what to do.

    The exit code is 1 if something is stale or broken.
    """
    schedule = schedule_of(incremental_minutes, nightly_hours)
    if as_object:
        seen = overview(warehouse.database, warehouse.schemas, schedule)
        click.echo(as_json(seen.as_json()))
    else:
        with inspection(warehouse.database, warehouse.schemas, schedule) as inspected:
            seen = inspected.overview
        for line in status_lines(seen):
            click.echo(line)
    if tables and not as_object:
        click.echo()
        with warehouse.database.connect() as connection:
            for line in table_lines(connection, warehouse.schemas):
                click.echo(line)
    if seen.is_broken:
        sys.exit(1)
