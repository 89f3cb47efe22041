"""The command ``warehouse alert``."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from ft42_warehouse.alerts import post_news
from ft42_warehouse.commands.options import (
    Warehouse,
    job_option,
    option,
    schedule_of,
    schedule_options,
)
from ft42_warehouse.turns import note_failure
from ft42_warehouse.webhook import Format, Webhook, WebhookError


@click.command(epilog="Example: warehouse alert --after nightly")
@click.option(
    "--format", "message_format", type=click.Choice([taker.value for taker in Format]),
    envvar="WAREHOUSE_ALERT_FORMAT", show_envvar=True,
    help="Format of the message. If not given, the URL's host decides, else JSON.",
)  # fmt: skip
@option(
    "--state", "WAREHOUSE_ALERT_STATE",
    type=click.Path(dir_okay=False, path_type=Path), default=".local/alerts.json",
    show_default=True, help="File that remembers alerts while the database cannot be reached.",
)  # fmt: skip
@job_option("--after", "Job that has just ended; it failed if it published nothing.")
@schedule_options
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
    """Post each new problem to a webhook, and each problem that is over.

    The URL is in WAREHOUSE_ALERT_URL. The exit code is 1 if the webhook refuses.
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
    schedule = schedule_of(incremental_minutes, nightly_hours)
    if job is not None:
        # If the server does not answer, the code below reports it.
        with suppress(click.ClickException), warehouse.database.connect() as connection:
            note_failure(connection, warehouse.schemas, job, schedule.turn(job))
    try:
        news = post_news(warehouse.database, warehouse.schemas, schedule, webhook, state)
    except WebhookError as error:
        message = f"The alert was not posted: {error}. The next call tries again."
        raise click.ClickException(message) from None
    except OSError as error:
        message = f"{state} cannot be used: {error.strerror}. Choose another --state."
        raise click.ClickException(message) from None
    click.echo(
        f"Posted: {len(news.new)} new, {len(news.over)} over" if news else "Nothing new to post"
    )
