"""The command ``warehouse sql``."""

from __future__ import annotations

import click

from ft42_warehouse.commands.options import schedule_of, schedule_options
from ft42_warehouse.printed import (
    NoSuchStatementError,
    listed,
    placeholders_listed,
    printed,
)
from ft42_warehouse.statements import Schemas


@click.command(epilog="Example: warehouse sql publish/change users")
@click.argument("name", required=False)
@click.argument("table", required=False)
@click.option("--placeholders", is_flag=True, help="Print what each placeholder means.")
@schedule_options
@click.pass_obj
def sql(  # noqa: PLR0913 - an argument an option
    schemas: Schemas,
    *,
    name: str | None,
    table: str | None,
    placeholders: bool,
    incremental_minutes: float,
    nightly_hours: float,
) -> None:
    """Print an SQL statement of this program; without NAME, list all statements.

    This needs no database. Values that only a run knows become variables of psql.

    \b
    warehouse sql                          # all statements, by their purpose
    warehouse sql publish/change users     # how changed rows of users are published
    warehouse sql check/duplicates users | psql ft42
    """  # noqa: D301 - click looks for the character itself
    if placeholders:
        lines = [*placeholders_listed()]
    elif name is None:
        lines = [*listed()]
    else:
        schedule = schedule_of(incremental_minutes, nightly_hours)
        try:
            lines = [printed(schemas, schedule, name, table)]
        except NoSuchStatementError as error:
            message = f"{error}."
            raise click.UsageError(message) from None
    click.echo("\n".join(lines))
