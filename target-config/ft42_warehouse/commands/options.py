"""Options that several commands of ``warehouse`` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import click

from ft42_warehouse.database import Database
from ft42_warehouse.loader_settings import LoaderSettings
from ft42_warehouse.schedule import JOBS, Schedule
from ft42_warehouse.statements import Schemas

_F = TypeVar("_F", bound="Callable[..., Any]")


@dataclass(frozen=True)
class Warehouse:
    """The objects that all commands need."""

    database: Database
    schemas: Schemas
    loader: LoaderSettings


def option(
    name: str,
    *variables: str,
    **attributes: Any,  # noqa: ANN401 - passed on to click
) -> Callable[[_F], _F]:
    """Declare an option; its default is the first of some variables that is set."""
    return click.option(name, envvar=variables, show_envvar=True, **attributes)


def server_option(
    name: str,
    **attributes: Any,  # noqa: ANN401 - passed on to click
) -> Callable[[_F], _F]:
    """Declare an option; its default is the stock target's variable, else Meltano's."""
    variable = name.strip("-").replace("-", "_").upper()
    return option(name, f"TARGET_POSTGRES_{variable}", f"WAREHOUSE_{variable}", **attributes)


def job_option(name: str, meaning: str, *, required: bool = False) -> Callable[[_F], _F]:
    """Declare an option that names a job."""
    return click.option(name, "job", type=click.Choice(JOBS), required=required, help=meaning)


max_delete_percent = option(
    "--max-delete-percent", "WAREHOUSE_MAX_DELETE_PERCENT",
    type=click.FloatRange(0, 100), default=5, show_default=True,
    help="Change nothing if a larger share of a table would be deleted.",
)  # fmt: skip
allow_deletes = click.option(
    "--allow-deletes", is_flag=True, help="Delete any share of a table."
)

shard_option = click.option(
    "--shard", "shards", multiple=True, envvar="WAREHOUSE_SHARDS", show_envvar=True,
    help="Also prepare the landing schema ft42_raw_NAME. Existing ones need not be named. Can "
    "be repeated; in the variable, separate names with spaces.",
)  # fmt: skip


def schedule_options(command: _F) -> _F:
    """Add the options that say how old the tables may become."""
    nightly = option(
        "--nightly-hours", "WAREHOUSE_NIGHTLY_HOURS",
        type=click.FloatRange(0, min_open=True), default=26, show_default=True,
        help="Age at which tables of the job nightly are stale.",
    )  # fmt: skip
    incremental = option(
        "--incremental-minutes", "WAREHOUSE_INCREMENTAL_MINUTES",
        type=click.FloatRange(0, min_open=True), default=45, show_default=True,
        help="Age at which tables of the job incremental are stale.",
    )  # fmt: skip
    return incremental(nightly(command))


def schedule_of(incremental_minutes: float, nightly_hours: float) -> Schedule:
    """Return the schedule from the options of `schedule_options`."""
    return Schedule(timedelta(minutes=incremental_minutes), timedelta(hours=nightly_hours))
