"""The commands ``warehouse publish`` and ``warehouse rebuild``."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from ft42_warehouse.commands.options import (
    Warehouse,
    allow_deletes,
    job_option,
    max_delete_percent,
    option,
    shard_option,
)
from ft42_warehouse.commands.outcome import print_outcome
from ft42_warehouse.commands.preparing import prepare
from ft42_warehouse.publish import Published, TooManyDeletionsError
from ft42_warehouse.publish import publish as publish_landed
from ft42_warehouse.retention import expire
from ft42_warehouse.system_database import is_due, trim
from ft42_warehouse.tables import published_tables
from ft42_warehouse.turns import note_publish


@click.command(epilog="Example: warehouse publish --allow-deletes")
@max_delete_percent
@allow_deletes
@option(
    "--keep-days", "WAREHOUSE_KEEP_DAYS",
    type=click.FloatRange(0, min_open=True), default=30, show_default=True,
    help="How long to keep rejected records, runs (also Meltano's), alerts and dates of "
    "erasures.",
)  # fmt: skip
@job_option("--job", "Job whose load this publishes.")
@click.option(
    "--outcome", "is_last", is_flag=True, help="Run `outcome` for this job at the end."
)
@shard_option
@click.pass_obj
def publish(  # noqa: PLR0913 - an argument an option
    warehouse: Warehouse,
    *,
    max_delete_percent: float,
    allow_deletes: bool,
    keep_days: float,
    job: str | None,
    is_last: bool,
    shards: tuple[str, ...],
) -> None:
    """Publish the landed rows, in one transaction.

    With --job, run `init` first, if this version has not run it yet.
    """
    if is_last and job is None:
        raise click.MissingParameter(param_hint="--job", param_type="option")
    if job is not None:
        with warehouse.database.connect() as connection:
            for note in prepare(connection, warehouse.schemas, shards, is_once=True):
                click.echo(note)
    _publish(warehouse, None if allow_deletes else max_delete_percent, everything=False)
    with warehouse.database.connect() as connection:
        expire(connection, warehouse.schemas, days=keep_days)
    if job is not None:
        with warehouse.database.connect() as connection:
            note_publish(connection, warehouse.schemas, job)
    uri = os.environ.get("MELTANO_DATABASE_URI")
    if uri and is_due(job, datetime.now(UTC)) and (failure := trim(uri, days=keep_days)):
        click.echo(f"{failure}.", err=True)
    if job is not None and is_last:
        print_outcome(warehouse, job)


@click.command(epilog="Example: warehouse rebuild")
@max_delete_percent
@allow_deletes
@click.pass_obj
def rebuild(warehouse: Warehouse, max_delete_percent: float, allow_deletes: bool) -> None:
    """Publish, and compare every row with the landed rows.

    This corrects rows that were changed by hand. Readers see the old tables until it ends.
    """
    _publish(warehouse, None if allow_deletes else max_delete_percent, everything=True)


def _publish(
    warehouse: Warehouse, max_delete_percent: float | None, *, everything: bool
) -> None:
    with warehouse.database.connect() as connection:
        try:
            published = publish_landed(
                connection,
                warehouse.schemas,
                max_delete_percent=max_delete_percent,
                everything=everything,
            )
        except TooManyDeletionsError as error:
            message = (
                f"{error}. If that is right, run it once with --allow-deletes, or set "
                "WAREHOUSE_MAX_DELETE_PERCENT."
            )
            raise click.ClickException(message) from None
    _print_result(published)


def _print_result(published: Published) -> None:
    for table in published_tables():
        parts = [
            f"{counts[table.name]:,} {word}"
            for counts, word in (
                (published.inserted, "new"),
                (published.changed, "changed"),
                (published.deleted, "deleted"),
            )
            if counts[table.name]
        ]
        if parts:
            click.echo(f"{table.name:<20} {', '.join(parts)}")
    if published.erased:
        click.echo(f"The data of {published.erased:,} persons were erased")
    if published.returned:
        start, end = published.missing
        click.echo(
            f"42 lists {published.returned:,} persons again whose data were erased. Their "
            "older rows are missing until a backfill reads them: "
            f"TAP_FT42_START_DATE={start} TAP_FT42_END_DATE={end} meltano --environment=prod "
            "run tap-ft42-live target-postgres warehouse:publish",
            err=True,
        )
    if not (+published.inserted or +published.changed or +published.deleted):
        click.echo("Nothing to publish")
