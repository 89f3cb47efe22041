"""The command ``warehouse outcome``."""

from __future__ import annotations

import click

from ft42_warehouse.commands.options import Warehouse, job_option
from ft42_warehouse.turns import failures


@click.command(epilog="Example: warehouse outcome --job nightly")
@job_option("--job", "Job that ends with this.", required=True)
@click.pass_obj
def outcome(warehouse: Warehouse, job: str) -> None:
    """Tell which streams a job did not load; exit code 1 if there are any.

    A job publishes its other streams when one fails. This, its last task, then lets the
    job fail.
    """
    tell_outcome(warehouse, job)


def tell_outcome(warehouse: Warehouse, job: str) -> None:
    """Say what the loads of a job missed.

    Raises:
        click.ClickException: They missed something.
    """
    with warehouse.database.connect() as connection:
        missed = failures(connection, warehouse.schemas, job)
    if missed:
        message = (
            f"The job {job} did not load everything: {'; '.join(missed)}. What came is "
            "published, and the next run goes on where this one stopped. See the log of the "
            "load."
        )
        raise click.ClickException(message)
    click.echo(f"The job {job} has loaded everything that was due")
