"""The command ``warehouse init``."""

from __future__ import annotations

import click

from ft42_warehouse.commands.options import Warehouse, job_option, shard_option
from ft42_warehouse.commands.preparing import prepare
from ft42_warehouse.shards import with_shards
from ft42_warehouse.tables import published_tables, stream_schemas
from ft42_warehouse.turns import note_begin


@click.command(epilog="Example: warehouse init --shard lyon")
@shard_option
@job_option("--job", "Job that begins with this command.")
@click.pass_obj
def init(warehouse: Warehouse, job: str | None, shards: tuple[str, ...]) -> None:
    """Create schemas, tables, indexes and roles; existing ones are kept."""
    schemas = warehouse.schemas
    warehouse.loader.make_storage()
    loader = warehouse.loader
    is_the_loader = loader.user == warehouse.database.parameters.get("user")
    if job is not None and is_the_loader and not (loader.password or loader.sqlalchemy_url):
        message = (
            "TARGET_POSTGRES_PASSWORD is not set, and the loader asks for one. Set it, or name "
            "the server with TARGET_POSTGRES_SQLALCHEMY_URL, which needs none."
        )
        raise click.ClickException(message)
    with warehouse.database.connect() as connection:
        # Note this first: if the job fails here, its publish will be missed.
        is_noted = job is None or note_begin(connection, schemas, job)
        notes = prepare(connection, schemas, shards)
        if job is not None and not is_noted:
            note_begin(connection, schemas, job)
        landings = with_shards(connection, schemas).landings
    for name in landings:
        click.echo(f"{name}: {len(list(stream_schemas()))} tables are ready")
    click.echo(f"{schemas.published}: {len(published_tables())} tables are ready")
    for note in notes:
        click.echo(note)
