"""The command ``warehouse``: a group that imports a command only when it is called."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from ft42_warehouse.commands.options import Warehouse, option, server_option
from ft42_warehouse.database import Database
from ft42_warehouse.loader_settings import LoaderSettings
from ft42_warehouse.project import missing_variables
from ft42_warehouse.statements import Schemas

_NEEDED = ("host", "user", "database")
"""Options that must name the server, unless a URL does."""

_COMMANDS = {
    "alert": "alert",
    "campuses": "campuses",
    "check": "check",
    "forget": "persons",
    "init": "init",
    "outcome": "outcome",
    "person": "persons",
    "publish": "publish",
    "rebuild": "publish",
    "report": "report",
    "sql": "sql",
    "status": "status",
}
"""The module of each command in ``ft42_warehouse.commands``."""


_ASKS_FOR_HELP = "ft42_warehouse.asks_for_help"


class _Commands(click.Group):
    """Commands that are imported when they are called or listed."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_ASKS_FOR_HELP] = not {*args}.isdisjoint(ctx.help_option_names)
        return super().parse_args(ctx, args)

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"ft42_warehouse.commands.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: warehouse status --json",
)
@server_option("--host", help="Server.")
@server_option("--port", default=5432, show_default=True, help="Port.")
@server_option("--user", help="Account of the loader.")
@server_option("--database", help="Database.")
@option(
    "--publisher", "WAREHOUSE_PUBLISHER",
    help="Account to use instead of --user; its password is in WAREHOUSE_PUBLISHER_PASSWORD.",
)  # fmt: skip
@server_option(
    "--ssl-enable", type=bool, default=False,
    help="Connect with TLS, as --ssl-mode says.",
)  # fmt: skip
@server_option(
    "--ssl-mode",
    default="verify-full",
    show_default=True,
    help="How TLS verifies the server.",
)
@server_option(
    "--ssl-certificate-authority", help="Certificate of the authority: a file, or its text."
)
@server_option(
    "--ssl-client-certificate-enable", type=bool, default=False,
    help="Log in with a certificate.",
)  # fmt: skip
@server_option("--ssl-client-certificate", help="This certificate: a file, or its text.")
@server_option("--ssl-client-private-key", help="Its key: a file, or its text.")
@server_option(
    "--ssl-storage-directory", default=".secrets", show_default=True,
    help="Folder for certificates that are given as text.",
)  # fmt: skip
@server_option(
    "--ssh-tunnel-enable", type=bool, default=False,
    help="Refused, as only the loader would use the tunnel.",
)  # fmt: skip
@option(
    "--wait-seconds", "WAREHOUSE_WAIT_SECONDS",
    type=click.FloatRange(1), default=600, show_default=True,
    help="How long to wait for locks that others hold.",
)  # fmt: skip
@option(
    "--landing-schema", "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA", "WAREHOUSE_LANDING_SCHEMA",
    default="ft42_raw", show_default=True, help="Schema that the loader writes.",
)  # fmt: skip
@option(
    "--published-schema", "WAREHOUSE_PUBLISHED_SCHEMA",
    default="ft42", show_default=True, help="Schema that people query.",
)  # fmt: skip
@option(
    "--keep-strangers", "WAREHOUSE_KEEP_STRANGERS",
    type=bool, default=False, show_default=True,
    help="Keep all data of teams, and of people who are not in `users`. Otherwise only ids and "
    "facts without a name are kept.",
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
    """Publish, check and erase what tap-ft42 has loaded.

    The stock target's variables name the server, or TARGET_POSTGRES_SQLALCHEMY_URL
    does. The password comes from TARGET_POSTGRES_PASSWORD, else from PGPASSWORD or
    ~/.pgpass.
    """
    schemas = Schemas(landing_schema, published_schema, keep_strangers=keep_strangers)
    # `sql` and a request for help need no server.
    if context.invoked_subcommand == "sql" or context.meta[_ASKS_FOR_HELP]:
        context.obj = schemas
        return
    url = _secret("TARGET_POSTGRES_SQLALCHEMY_URL", "WAREHOUSE_SQLALCHEMY_URL")
    for parameter in context.command.params:
        if parameter.name in _NEEDED and not server[parameter.name] and not url:
            message = (
                "Fill in .env, and call it in the folder of the project: "
                f"MELTANO_ENVIRONMENT=prod warehouse {context.invoked_subcommand}"
            )
            raise click.MissingParameter(message, ctx=context, param=parameter)
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
        schemas,
        loader,
    )


def _secret(*variables: str) -> str | None:
    return next((value for name in variables if (value := os.environ.get(name))), None)


def run() -> None:
    """Run the command with the settings of the Meltano project around it."""
    gc.freeze()  # what is imported stays: at the end, Python need not search it for cycles
    os.environ.update(missing_variables(os.environ, Path.cwd()))
    main()
