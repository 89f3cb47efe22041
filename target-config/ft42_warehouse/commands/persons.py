"""The commands about one person: ``warehouse forget`` and ``warehouse person``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
from psycopg import Connection

from ft42_warehouse.commands.options import Warehouse, option
from ft42_warehouse.person import UnknownPersonError, known_lines, known_of, person_id
from ft42_warehouse.publish import forget as forget_person
from ft42_warehouse.shown import as_json
from ft42_warehouse.spool import purge


@click.command(epilog="Example: warehouse forget 12345")
@click.argument("person")
@option(
    "--spool", "TAP_FT42_SPOOL", "WAREHOUSE_SPOOL", type=click.Path(path_type=Path),
    help="Folder to empty, where the tap keeps pages for a day at most.",
)  # fmt: skip
@click.pass_obj
def forget(warehouse: Warehouse, person: str, spool: Path | None) -> None:
    """Erase a person's data, and let no load bring them back.

    PERSON is the id at 42, or the login. Only the id, the time and digests of the names are
    kept.
    """
    with warehouse.database.connect() as connection:
        user_id = _person_id(connection, warehouse, person)
        deleted: Counter[str] = forget_person(connection, warehouse.schemas, user_id)
    try:
        purged = 0 if spool is None else purge(spool)
    except OSError as error:
        message = (
            f"The spool {spool} cannot be emptied: {error.strerror}. Delete its files, which "
            "may hold the person's data."
        )
        raise click.ClickException(message) from None
    if purged:
        click.echo(f"The tap's spool was emptied: {purged} files")
    click.echo(f"The person is forgotten: {deleted.total():,} published rows were erased")


@click.command(epilog="Example: warehouse person jdoe --json")
@click.argument("person")
@click.option("--json", "as_object", is_flag=True, help="Print JSON.")
@click.pass_obj
def person(warehouse: Warehouse, person: str, *, as_object: bool) -> None:
    """Print all data about a person, from every schema.

    PERSON is the id at 42, or the login. If you answer a request for access (GDPR, art. 15),
    read the output before you hand it out: rows of a team name its other members.
    """
    with warehouse.database.connect() as connection:
        user_id = _person_id(connection, warehouse, person)
        known = known_of(connection, warehouse.schemas, user_id)
    if as_object:
        click.echo(as_json({"user_id": user_id, "tables": known}))
        return
    for line in known_lines(known):
        click.echo(line)
    if not known:
        click.echo("Nothing is known of this person")


def _person_id(connection: Connection[Any], warehouse: Warehouse, person: str) -> int:
    try:
        return person_id(connection, warehouse.schemas, person)
    except UnknownPersonError as error:
        message = f"{error}."
        raise click.ClickException(message) from None
