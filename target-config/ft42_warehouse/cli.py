"""The command ``warehouse``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

import click
import psycopg

from ft42_warehouse.landing import create_landing, stream_schemas

if TYPE_CHECKING:
    from collections.abc import Callable

_F = TypeVar("_F", bound="Callable[..., Any]")


class Server(TypedDict):
    """How to reach the database: settings of the stock target."""

    host: str
    port: int
    user: str
    database: str


def _server_option(
    name: str,
    **attributes: Any,  # noqa: ANN401 - passed on to click
) -> Callable[[_F], _F]:
    """Declare an option that the stock target's variable sets, else Meltano's."""
    return click.option(
        f"--{name.replace('_', '-')}",
        envvar=[f"TARGET_POSTGRES_{name.upper()}", f"WAREHOUSE_{name.upper()}"],
        show_envvar=True,
        **attributes,
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@_server_option("host", required=True)
@_server_option("port", default=5432, show_default=True)
@_server_option("user", required=True)
@_server_option("database", required=True)
@click.pass_context
def main(context: click.Context, **server: Unpack[Server]) -> None:
    """Prepare the database that tap-ft42 loads.

    The server is named by the variables of the stock target. The password is read
    from TARGET_POSTGRES_PASSWORD, else from PGPASSWORD or ~/.pgpass.
    """
    context.obj = server


def _advice(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "Grant the role CREATE on the database, and ownership of what is there."
    if isinstance(error, psycopg.OperationalError):
        return "Check the server and TARGET_POSTGRES_HOST, _PORT, _USER, _PASSWORD, _DATABASE."
    return ""


@main.command()
@click.option(
    "--landing-schema",
    envvar=["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA", "WAREHOUSE_LANDING_SCHEMA"],
    default="ft42_raw",
    show_default=True,
    show_envvar=True,
)
@click.pass_obj
def init(server: Server, landing_schema: str) -> None:
    """Create the landing schema and its tables; what exists is kept."""
    try:
        with psycopg.connect(
            host=server["host"],
            port=server["port"],
            user=server["user"],
            dbname=server["database"],
            password=os.environ.get("TARGET_POSTGRES_PASSWORD")
            or os.environ.get("WAREHOUSE_PASSWORD"),
            application_name="ft42-warehouse",
            connect_timeout=10,
        ) as connection:
            create_landing(connection, landing_schema)
    except psycopg.Error as error:
        message = " ".join(str(error).split())
        raise click.ClickException(f"{message}. {_advice(error)}".rstrip()) from None
    click.echo(f"{landing_schema}: {len(list(stream_schemas()))} tables are ready")
