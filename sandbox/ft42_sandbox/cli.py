"""The command line: serve in the foreground; start, stop and show one in the background."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ft42_sandbox.background import BackgroundError, RunDir
from ft42_sandbox.likeness import Likeness, read
from ft42_sandbox.sandbox import Sandbox
from ft42_sandbox.server import PortTakenError, address, listen, run
from ft42_sandbox.settings import DATA_EPOCH, Behaviour, World
from ft42_sandbox.tokens import Application

PREFIX = "FT42_SANDBOX"
SECRET_ENV = f"{PREFIX}_CLIENT_SECRET"
CONTROL_ENV = f"{PREFIX}_CONTROL_TOKEN"
DEFAULT_SECRET = "sandbox"  # noqa: S105 - public on purpose: it opens made-up data
WORLD_OPTIONS = (
    "users",
    "enrolments",
    "seed",
    "achievements_per_user",
    "project_detail",
    "epoch",
)
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
SETTINGS = {"auto_envvar_prefix": PREFIX}

Command = Callable[..., Any]


def _options(command: Command) -> Command:
    """The options that `serve` and `start` share. Secrets come from the environment only."""
    for option in reversed(
        (
            click.option(
                "--host", default="127.0.0.1", show_default=True, help="Address to listen on."
            ),
            click.option(
                "--port",
                default=4242,
                show_default=True,
                type=click.IntRange(0, 65535),
                help="Port to listen on; 0 for any free one.",
            ),
            click.option(
                "--users",
                default=1500,
                show_default=True,
                help="Number of accounts, 50 or more; with 40000 it takes 5 seconds to start.",
            ),
            click.option(
                "--enrolments",
                default=20_000,
                show_default=True,
                help="Number of rows of projects_users.",
            ),
            click.option(
                "--achievements-per-user",
                default=20,
                show_default=True,
                help="Average number of badges of an account.",
            ),
            click.option(
                "--seed", default=42, show_default=True, help="Seed of the generated data."
            ),
            click.option(
                "--epoch",
                default=DATA_EPOCH,
                show_default=True,
                help="Instant of the data.",
            ),
            click.option(
                "--project-detail",
                default="auto",
                show_default=True,
                type=click.Choice(["auto", "light", "full"]),
                help="Whether projects carry all campuses and sessions.",
            ),
            click.option(
                "--requests-per-second",
                default=2,
                show_default=True,
                help="Limit of an application in a second of the clock; 0 for none.",
            ),
            click.option(
                "--requests-per-hour",
                default=1200,
                show_default=True,
                help="Limit of an application in an hour of the clock; 0 for none.",
            ),
            click.option(
                "--stray-429",
                default=0.0,
                show_default=True,
                type=click.FloatRange(0, 1),
                help="Share of requests that are refused though they are within the limits.",
            ),
            click.option(
                "--retry-after/--no-retry-after",
                default=True,
                show_default=True,
                help="Whether a 429 says how long to wait.",
            ),
            click.option(
                "--latency",
                default="none",
                show_default=True,
                type=click.Choice(["none", "real"]),
                help="How long answers take: no time, or as long as measured at 42.",
            ),
            click.option(
                "--latency-factor",
                default=1.0,
                show_default=True,
                type=click.FloatRange(0),
                help="Factor of the real latency.",
            ),
            click.option(
                "--life",
                default="off",
                show_default=True,
                type=click.Choice(["off", "clock", "requests"]),
                help="Let data change with the clock, or between requests.",
            ),
            click.option(
                "--life-rate",
                default=1.0,
                show_default=True,
                type=click.FloatRange(0),
                help="With --life clock: how many times faster than real life.",
            ),
            click.option(
                "--life-seconds-per-request",
                default=60.0,
                show_default=True,
                type=click.FloatRange(0),
                help="With --life requests: seconds of life before each page.",
            ),
            click.option(
                "--as",
                type=EXISTING,
                help="Behave like the API of this report of `tap-ft42 doctor`.",
            ),
            click.option(
                "--expires-in",
                default=7200,
                show_default=True,
                type=click.IntRange(1),
                help="Seconds for which a token is valid.",
            ),
            click.option(
                "--client-id",
                default="sandbox",
                show_default=True,
                help=f"Client id of the application; {SECRET_ENV} has its secret.",
            ),
            click.option(
                "--control-token-env",
                default=CONTROL_ENV,
                show_default=True,
                help="Environment variable with the token of the control plane.",
            ),
            click.option(
                "--tls-cert", type=EXISTING, help="Serve https with this certificate."
            ),
            click.option("--tls-key", type=EXISTING, help="The certificate's key."),
            click.option("--verbose", is_flag=True, help="Log every request."),
        )
    ):
        command = option(command)
    return command


@click.group(
    context_settings=SETTINGS,
    epilog="Example: ft42-sandbox start --users 300 --requests-per-hour 0",
)
@click.version_option(package_name="ft42-sandbox", prog_name="ft42-sandbox")
def main() -> None:
    """A stand-in for the 42 intranet's API v2, with generated people.

    Run `ft42-sandbox serve` and open the printed address in a browser. Clients use it
    instead of https://api.intra.42.fr, with the client id `sandbox` and the secret
    `sandbox`.
    """


@main.command(context_settings=SETTINGS)
@_options
def serve(**options: Any) -> None:  # noqa: ANN401 - options of many kinds
    """Serve until interrupted.

    \b
    As strict and as slow as the real API, with all of its students:
      ft42-sandbox serve --users 40000 --enrolments 1000000 --latency real
    As fast as it can:
      ft42-sandbox serve --requests-per-second 0 --requests-per-hour 0
    With rows that change while they are read, under your control:
      FT42_SANDBOX_CONTROL_TOKEN=sesame ft42-sandbox serve --life requests
    Like the API of a report of `tap-ft42 doctor`:
      ft42-sandbox serve --as report.json

    The environment can set every option: FT42_SANDBOX_USERS sets --users, and so on.
    """  # noqa: D301 - click looks for the character itself
    try:
        likeness = _likeness(options)
        world, behaviour = split(options)
        tls = _tls(options["tls_cert"], options["tls_key"])
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    try:
        listener = listen(options["host"], options["port"])
    except PortTakenError as taken:
        raise click.ClickException(str(taken)) from None
    application = Application(
        options["client_id"],
        [os.environ.get(SECRET_ENV) or DEFAULT_SECRET],
        roles=likeness.roles,
        secret_valid_until=likeness.secret_valid_until,
    )
    control_token = os.environ.get(options["control_token_env"]) or None
    log = partial(click.echo, err=True) if options["verbose"] else None
    sandbox = Sandbox(world, behaviour, application, control_token, log, likeness)
    click.echo(f"ft42-sandbox: {address(listener, tls=tls is not None)}")
    sys.stdout.flush()
    run(sandbox, listener, tls=tls)


@main.command(
    context_settings=SETTINGS, epilog="Example: ft42-sandbox start --port 4243 --latency real"
)
@_options
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    default=Path(".local/sandbox"),
    show_default=True,
    help="Folder for the process id and the log.",
)
@click.option("--wait", default=60.0, show_default=True, help="Seconds to wait for an answer.")
def start(run_dir: Path, wait: float, **options: Any) -> None:  # noqa: ANN401 - options of many kinds
    """Serve in the background, unless it runs already."""
    try:
        _likeness(options)
        split(options)
        url, started = RunDir(run_dir).start(arguments(options), wait)
    except (ValueError, BackgroundError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Sandbox:    {'started' if started else 'already running'} on {url}")


@main.command(context_settings=SETTINGS, epilog="Example: ft42-sandbox stop")
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    default=Path(".local/sandbox"),
    show_default=True,
    help="Folder for the process id and the log.",
)
def stop(run_dir: Path) -> None:
    """Stop the sandbox in the background."""
    try:
        stopped = RunDir(run_dir).stop()
    except BackgroundError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Sandbox:    {'stopped' if stopped else 'not running'}")


@main.command(context_settings=SETTINGS, epilog="Example: ft42-sandbox status")
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    default=Path(".local/sandbox"),
    show_default=True,
    help="Folder for the process id and the log.",
)
def status(run_dir: Path) -> None:
    """Tell whether a sandbox runs in the background; exit code 1 if not."""
    url = RunDir(run_dir).url()
    click.echo(f"Sandbox:    {f'running on {url}' if url else 'not running'}")
    if not url:
        raise SystemExit(1)


def split(options: dict[str, Any]) -> tuple[World, Behaviour]:
    """The options as the world that is generated and the behaviour.

    Raises:
        ValueError: for a value that is not possible.
    """
    world = World(**{name: options[name] for name in WORLD_OPTIONS})
    behaviour = Behaviour()
    named = set(behaviour.describe())
    behaviour.change({name: value for name, value in options.items() if name in named})
    return world, behaviour


def _tls(certificate: Path | None, key: Path | None) -> tuple[str, str] | None:
    """The files of the certificate and its key; None to serve http.

    Raises:
        ValueError: if one is missing, or they are no certificate with its key.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        msg = "https needs both: --tls-cert and --tls-key"
        raise ValueError(msg)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:
        msg = f"{certificate} and {key} are no PEM certificate with its key: {error}"
        raise ValueError(msg) from None
    return str(certificate), str(key)


def _likeness(options: dict[str, Any]) -> Likeness:
    """The API to imitate. Its limits become options, unless the command line sets them.

    Raises:
        ReportError: if the file is no report.
    """
    likeness = read(options["as"]) if options["as"] else Likeness()
    limits = {
        "requests_per_second": likeness.per_second,
        "requests_per_hour": likeness.per_hour,
    }
    source = click.get_current_context().get_parameter_source
    options |= {
        name: limit
        for name, limit in limits.items()
        if limit is not None and source(name) is ParameterSource.DEFAULT
    }
    return likeness


def arguments(options: dict[str, Any]) -> list[str]:
    """The options as the words of a command line."""
    words = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is None:
            continue
        if isinstance(value, bool):
            if value:
                words.append(flag)
            elif name == "retry_after":
                words.append("--no-retry-after")
        else:
            words += [flag, str(value)]
    return words
