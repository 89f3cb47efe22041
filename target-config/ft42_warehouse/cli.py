"""The command ``warehouse``."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ft42_warehouse.alerts import tell
from ft42_warehouse.check import broken_promises, remember
from ft42_warehouse.database import Database
from ft42_warehouse.erasure import forget as forget_person
from ft42_warehouse.init import REFUSALS, create_all
from ft42_warehouse.loader_settings import LoaderSettings
from ft42_warehouse.overview import inspection, overview
from ft42_warehouse.person import UnknownPersonError, known_lines, known_of, person_id
from ft42_warehouse.publish import TooManyDeletionsError
from ft42_warehouse.publish import publish as publish_landed
from ft42_warehouse.report import report as render_report
from ft42_warehouse.report import write_page
from ft42_warehouse.retention import expire
from ft42_warehouse.schedule import JOBS, Schedule
from ft42_warehouse.serve import ReportServer
from ft42_warehouse.shards import with_shards
from ft42_warehouse.shown import as_json
from ft42_warehouse.spool import purge
from ft42_warehouse.statements import Schemas
from ft42_warehouse.status import status_lines, table_lines
from ft42_warehouse.tables import published_tables, stream_schemas
from ft42_warehouse.turns import note_begin, note_failure, note_publish
from ft42_warehouse.webhook import Format, Webhook, WebhookError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from psycopg import Connection

    from ft42_warehouse.publish import Published

_F = TypeVar("_F", bound="Callable[..., Any]")

_NEEDED = ("host", "user", "database")
"""Options without which no server is named, unless a URL names it."""


@dataclass(frozen=True)
class Warehouse:
    """What all commands need."""

    database: Database
    schemas: Schemas
    loader: LoaderSettings


def _option(
    name: str,
    *variables: str,
    **attributes: Any,  # noqa: ANN401 - passed on to click
) -> Callable[[_F], _F]:
    return click.option(name, envvar=variables, show_envvar=True, **attributes)


def _server_option(
    name: str,
    **attributes: Any,  # noqa: ANN401 - passed on to click
) -> Callable[[_F], _F]:
    """Declare an option that the stock target's variable sets, else Meltano's."""
    variable = name.strip("-").replace("-", "_").upper()
    return _option(name, f"TARGET_POSTGRES_{variable}", f"WAREHOUSE_{variable}", **attributes)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@_server_option("--host", help="Server.")
@_server_option("--port", default=5432, show_default=True, help="Its port.")
@_server_option("--user", help="The loader's account.")
@_server_option("--database", help="Database.")
@_option(
    "--publisher", "WAREHOUSE_PUBLISHER",
    help="Account to use instead of the loader's; its password is read from "
    "WAREHOUSE_PUBLISHER_PASSWORD.",
)  # fmt: skip
@_server_option(
    "--ssl-enable", type=bool, default=False,
    help="Connect with TLS, as --ssl-mode says.",
)  # fmt: skip
@_server_option(
    "--ssl-mode",
    default="verify-full",
    show_default=True,
    help="How TLS verifies the server, where it is enabled.",
)
@_server_option(
    "--ssl-certificate-authority", help="File with the authority's certificate, or its text."
)
@_server_option(
    "--ssl-client-certificate-enable", type=bool, default=False,
    help="Log in with a certificate.",
)  # fmt: skip
@_server_option("--ssl-client-certificate", help="File with this certificate, or its text.")
@_server_option("--ssl-client-private-key", help="File with its key, or its text.")
@_server_option(
    "--ssl-storage-directory", default=".secrets", show_default=True,
    help="Where the loader keeps what is given as text.",
)  # fmt: skip
@_server_option(
    "--ssh-tunnel-enable", type=bool, default=False,
    help="Refused: what opens a tunnel for the loader opens none for this.",
)  # fmt: skip
@_option(
    "--wait-seconds", "WAREHOUSE_WAIT_SECONDS",
    type=click.FloatRange(1), default=600, show_default=True,
    help="How long to wait for what somebody else holds in the database.",
)  # fmt: skip
@_option(
    "--landing-schema", "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA", "WAREHOUSE_LANDING_SCHEMA",
    default="ft42_raw", show_default=True, help="What the loader writes.",
)  # fmt: skip
@_option(
    "--published-schema", "WAREHOUSE_PUBLISHED_SCHEMA",
    default="ft42", show_default=True, help="What people query.",
)  # fmt: skip
@_option(
    "--keep-strangers", "WAREHOUSE_KEEP_STRANGERS",
    type=bool, default=False, show_default=True,
    help="Keep what lands of people out of the scope, and of teams, as it came; else only ids "
    "and what names nobody.",
)  # fmt: skip
@click.pass_context
def main(  # noqa: PLR0913 - an argument an option
    context: click.Context,
    /,
    *,
    publisher: str | None,
    wait_seconds: float,
    landing_schema: str,
    published_schema: str,
    keep_strangers: bool,
    **server: Any,  # noqa: ANN401 - the options that name it, as click gives them
) -> None:
    """Keep a database that one can trust of what tap-ft42 loads.

    The server is named by the variables of the stock target, or by
    TARGET_POSTGRES_SQLALCHEMY_URL instead of them. The password is read from
    TARGET_POSTGRES_PASSWORD, else from PGPASSWORD or ~/.pgpass.
    """
    url = _secret("TARGET_POSTGRES_SQLALCHEMY_URL", "WAREHOUSE_SQLALCHEMY_URL")
    for option in context.command.params:
        if option.name in _NEEDED and not server[option.name] and not url:
            raise click.MissingParameter(ctx=context, param=option)
    loader = LoaderSettings(
        **server,
        sqlalchemy_url=url,
        password=_secret("TARGET_POSTGRES_PASSWORD", "WAREHOUSE_PASSWORD"),
    )
    parameters = loader.parameters()
    if publisher:
        parameters |= {"user": publisher, "password": _secret("WAREHOUSE_PUBLISHER_PASSWORD")}
    context.obj = Warehouse(
        Database(
            parameters,
            loader.certificates(),
            purpose=context.invoked_subcommand or "",
            wait_seconds=wait_seconds,
        ),
        Schemas(landing_schema, published_schema, keep_strangers=keep_strangers),
        loader,
    )


def _secret(*variables: str) -> str | None:
    return next((value for name in variables if (value := os.environ.get(name))), None)


def _job_option(name: str, meaning: str) -> Callable[[_F], _F]:
    return click.option(name, "job", type=click.Choice(JOBS), help=meaning)


@main.command()
@click.option(
    "--shard", "shards", multiple=True, envvar="WAREHOUSE_SHARDS", show_envvar=True,
    help="A load with a landing schema of its own, ft42_raw_NAME; several times for several, "
    "in the variable with blanks between them. Those that exist need not be named.",
)  # fmt: skip
@_job_option("--job", "Job that begins with this.")
@click.pass_obj
def init(warehouse: Warehouse, job: str | None, shards: tuple[str, ...]) -> None:
    """Create schemas, tables, indexes and roles; what exists is kept."""
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
        # Before anything can fail, so that a job that fails here is missed.
        is_noted = job is None or note_begin(connection, schemas, job)
        try:
            notes = create_all(connection, schemas, shards)
        except REFUSALS as error:
            message = f"{error}."
            raise click.ClickException(message) from None
        if job is not None and not is_noted:
            note_begin(connection, schemas, job)
        landings = with_shards(connection, schemas).landings
    for name in landings:
        click.echo(f"{name}: {len(list(stream_schemas()))} tables are ready")
    click.echo(f"{schemas.published}: {len(published_tables())} tables are ready")
    for note in notes:
        click.echo(note)


_max_delete_percent = _option(
    "--max-delete-percent", "WAREHOUSE_MAX_DELETE_PERCENT",
    type=click.FloatRange(0, 100), default=5, show_default=True,
    help="Change nothing if more of a table would go.",
)  # fmt: skip
_allow_deletes = click.option(
    "--allow-deletes", is_flag=True, help="Publish whatever share of a table goes."
)


@main.command()
@_max_delete_percent
@_allow_deletes
@_option(
    "--keep-days", "WAREHOUSE_KEEP_DAYS",
    type=click.FloatRange(0, min_open=True), default=30, show_default=True,
    help="How long rejected records, runs, alerts and the dates of erasures are kept.",
)  # fmt: skip
@_job_option("--job", "Job whose load this publishes.")
@click.pass_obj
def publish(
    warehouse: Warehouse,
    *,
    max_delete_percent: float,
    allow_deletes: bool,
    keep_days: float,
    job: str | None,
) -> None:
    """Bring the published tables to what has landed, in one transaction."""
    _publish(warehouse, None if allow_deletes else max_delete_percent, everything=False)
    with warehouse.database.connect() as connection:
        expire(connection, warehouse.schemas, days=keep_days)
    if job is not None:
        with warehouse.database.connect() as connection:
            note_publish(connection, warehouse.schemas, job)


@main.command()
@_max_delete_percent
@_allow_deletes
@click.pass_obj
def rebuild(warehouse: Warehouse, max_delete_percent: float, allow_deletes: bool) -> None:
    """Publish and compare every row, also those that landed long ago.

    Puts right what was changed by hand. Readers see the tables as they were until it
    has ended.
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
                f"{error}. If it is right, run it with --allow-deletes once, or set "
                "WAREHOUSE_MAX_DELETE_PERCENT."
            )
            raise click.ClickException(message) from None
    _tell(published)


def _tell(published: Published) -> None:
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
    if not (+published.inserted or +published.changed or +published.deleted):
        click.echo("Nothing to publish")


@main.command()
@click.pass_obj
def check(warehouse: Warehouse) -> None:
    """Verify all that the tables promise; exit code 1 if something is broken."""
    with warehouse.database.connect() as connection:
        broken = broken_promises(connection, warehouse.schemas)
        remember(connection, warehouse.schemas, broken)
    for line in broken:
        click.echo(f"- {line}", err=True)
    if broken:
        message = f"{len(broken)} promises are broken. `warehouse rebuild` compares every row."
        raise click.ClickException(message)
    click.echo("All promises hold")


def _schedule_options(command: _F) -> _F:
    """Let a command be told how old the tables may become."""
    nightly = _option(
        "--nightly-hours", "WAREHOUSE_NIGHTLY_HOURS",
        type=click.FloatRange(0, min_open=True), default=26, show_default=True,
        help="Age that tables of the job nightly may reach.",
    )  # fmt: skip
    incremental = _option(
        "--incremental-minutes", "WAREHOUSE_INCREMENTAL_MINUTES",
        type=click.FloatRange(0, min_open=True), default=45, show_default=True,
        help="Age that tables of the job incremental may reach.",
    )  # fmt: skip
    return incremental(nightly(command))


def _schedule(incremental_minutes: float, nightly_hours: float) -> Schedule:
    return Schedule(timedelta(minutes=incremental_minutes), timedelta(hours=nightly_hours))


@main.command()
@click.option("--json", "as_object", is_flag=True, help="Print JSON, for monitors.")
@click.option("--tables", is_flag=True, help="Count the rows of each table.")
@_schedule_options
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
    schedule = _schedule(incremental_minutes, nightly_hours)
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


@main.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="File to write the page to; - for the standard output.",
)
@click.option(
    "--serve", is_flag=True,
    help="Serve the page on 127.0.0.1, fresh at each load, with /health and /metrics.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8042, show_default=True,
    help="Port to serve on; 0 for any that is free.",
)  # fmt: skip
@_schedule_options
@click.pass_obj
def report(  # noqa: PLR0913 - an argument an option
    warehouse: Warehouse,
    *,
    output: Path | None,
    serve: bool,
    port: int,
    incremental_minutes: float,
    nightly_hours: float,
) -> None:
    """Show how things stand on one HTML page, which needs no network."""
    if (output is None) != serve:
        message = "Say either --output FILE or --serve."
        raise click.UsageError(message)
    looked_at = (
        warehouse.database,
        warehouse.schemas,
        _schedule(incremental_minutes, nightly_hours),
    )
    if output is None:
        ReportServer(port, *looked_at).run()
        return
    with inspection(*looked_at) as seen:
        page = render_report(seen.overview, seen)
    try:
        write_page(page, output)
    except OSError as error:
        message = f"{output} cannot be written: {error.strerror}"
        raise click.ClickException(message) from None
    if str(output) != "-":
        click.echo(f"The report is in {output}: open it in a browser.")


@main.command()
@click.option(
    "--format", "message_format", type=click.Choice([taker.value for taker in Format]),
    envvar="WAREHOUSE_ALERT_FORMAT", show_envvar=True,
    help="Who takes the message; by the URL's host if not given, else JSON.",
)  # fmt: skip
@_option(
    "--state", "WAREHOUSE_ALERT_STATE",
    type=click.Path(dir_okay=False, path_type=Path), default=".local/alerts.json",
    show_default=True, help="File that remembers what was told while the database was away.",
)  # fmt: skip
@_job_option("--after", "Job that has just ended; if it did not publish, it has failed.")
@_schedule_options
@click.pass_obj
def alert(  # noqa: PLR0913 - an argument an option
    warehouse: Warehouse,
    *,
    message_format: str | None,
    state: Path,
    job: str | None,
    incremental_minutes: float,
    nightly_hours: float,
) -> None:
    """Post what is newly wrong and what is over to a webhook, once a cause.

    Its URL is read from WAREHOUSE_ALERT_URL. The exit code is 1 if it was not taken.
    """
    url = os.environ.get("WAREHOUSE_ALERT_URL")
    if not url:
        message = "WAREHOUSE_ALERT_URL is not set: it is the URL of the webhook to post to."
        raise click.UsageError(message)
    try:
        webhook = Webhook.at(url, message_format)
    except WebhookError as error:
        message = f"WAREHOUSE_ALERT_URL cannot be used: {error}."
        raise click.UsageError(message) from None
    if job is not None:
        # Whether the server answers is told below.
        with suppress(click.ClickException), warehouse.database.connect() as connection:
            note_failure(connection, warehouse.schemas, job)
    schedule = _schedule(incremental_minutes, nightly_hours)
    try:
        news = tell(warehouse.database, warehouse.schemas, schedule, webhook, state)
    except WebhookError as error:
        message = f"The webhook did not take it: {error}. It is told with the next call."
        raise click.ClickException(message) from None
    except OSError as error:
        message = f"{state} cannot be used: {error.strerror}"
        raise click.ClickException(message) from None
    click.echo(
        f"Told: {len(news.new)} new, {len(news.over)} over" if news else "Nothing new to tell"
    )


@main.command()
@click.argument("person")
@_option(
    "--spool", "TAP_FT42_SPOOL", "WAREHOUSE_SPOOL", type=click.Path(path_type=Path),
    help="Folder where the tap keeps pages for a day at most; it is emptied.",
)  # fmt: skip
@click.pass_obj
def forget(warehouse: Warehouse, person: str, spool: Path | None) -> None:
    """Erase a person's data, and keep them from coming back.

    PERSON is the id at 42, or the login. Only the id, the time, and digests of what the
    person was called are kept.
    """
    with warehouse.database.connect() as connection:
        user_id = _person_id(connection, warehouse, person)
        deleted: Counter[str] = forget_person(connection, warehouse.schemas, user_id)
    try:
        purged = 0 if spool is None else purge(spool)
    except OSError as error:
        message = f"The spool {spool} cannot be emptied: {error.strerror}"
        raise click.ClickException(message) from None
    if purged:
        click.echo(f"The tap's spool was emptied: {purged} files")
    click.echo(f"The person is forgotten: {deleted.total():,} published rows were erased")


@main.command()
@click.argument("person")
@click.option("--json", "as_object", is_flag=True, help="Print JSON.")
@click.pass_obj
def person(warehouse: Warehouse, person: str, *, as_object: bool) -> None:
    """Print all that is known of a person, from every schema.

    PERSON is the id at 42, or the login. It answers a request for access (GDPR, art. 15):
    look through it before you hand it out, as rows of a team tell of its other members.
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


@main.command()
@click.pass_obj
def campuses(warehouse: Warehouse) -> None:
    """Print the ids of the landed campuses as JSON, for who deals them to workers."""
    with warehouse.database.connect() as connection:
        rows = connection.execute(warehouse.schemas.statement("shards/campuses")).fetchall()
    click.echo(json.dumps([campus_id for (campus_id,) in rows]))
