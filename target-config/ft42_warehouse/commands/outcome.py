"""The command ``warehouse outcome``."""

from __future__ import annotations

import click

from ft42_warehouse.commands.options import Warehouse, job_option
from ft42_warehouse.turns import failures


@click.command(epilog="Example: warehouse outcome --job nightly")
@job_option("--job", "Job that ends with this command.", required=True)
@click.pass_obj
def outcome(warehouse: Warehouse, job: str) -> None:
    """Tell which streams a job did not load; exit code 1 if there are any.

    If one stream fails, a job still publishes the others. Then this last task fails the job.
    """
    print_outcome(warehouse, job)


def print_outcome(warehouse: Warehouse, job: str) -> None:
    """Print whether the loads of a job are complete.

    Raises:
        click.ClickException: They missed something.
    """
    with warehouse.database.connect() as connection:
        missed = failures(connection, warehouse.schemas, job)
    if missed:
        message = (
            f"The job {job} did not load everything: {'; '.join(missed)}. The other rows are "
            "published, and the next run continues where this one stopped. See the log of the "
            "load."
        )
        raise click.ClickException(message)
    click.echo(f"The job {job} has loaded everything that was due")
