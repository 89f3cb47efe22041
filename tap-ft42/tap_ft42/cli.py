"""The command ``tap-ft42``: it runs the tap, or says what a run would cost."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import requests
import singer_sdk
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.clock import ClockError
from tap_ft42.api.errors import FatalAPIError, RetriableAPIError, SettingError, explain
from tap_ft42.run import logs
from tap_ft42.run.costs import estimates, told
from tap_ft42.run.lifecycle import IncompleteRunError
from tap_ft42.tap import TapFT42, UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILES = ("config", "state", "catalog")
"""Options that a run and its plan share."""


class JSONFile(click.File):
    """A file that holds JSON."""

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> IO[str]:
        file = super().convert(value, param, ctx)
        text = file.read()
        try:
            json.loads(text)
        except ValueError as error:
            message = f"{value}: {error}"
            raise UnreadableFileError(message) from error
        return StringIO(text)


class Command(SingerCommand, click.Group):
    """The SDK's command of a tap, with commands below it."""

    @override
    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [plan]")


def main() -> None:
    """Run the tap; end with one clear line and exit code 1 if it cannot go on."""
    try:
        run = command()
        logs.set_up(Path(singer_sdk.__file__).parent)
        run()
    except ConfigValidationError as error:
        for message in error.errors:
            TapFT42.logger.error("Setting refused: %s", message)
    except SettingError as error:
        TapFT42.logger.error("Setting refused: %s", error)
    except (FatalAPIError, RetriableAPIError, requests.RequestException) as error:
        TapFT42.logger.error("%s", explain(error))
    except RunEnds as end:
        TapFT42.logger.error("The budget does not reach for a plan: %s.", end)
    except BrokenPipeError:
        TapFT42.logger.error("The target has closed its input; see its messages.")
    except UnreadableFileError as error:
        TapFT42.logger.error("A file that was given cannot be read: %s", error)
    except (ClockError, IncompleteRunError, OSError) as error:
        TapFT42.logger.error("%s", error)
    sys.exit(1)


def command() -> Command:
    """Return the command that runs the tap, with those below it."""
    options = TapFT42.cli.params
    for option in options:
        if isinstance(option.type, click.File):
            option.type = JSONFile()
    return Command(
        name=TapFT42.name,
        callback=_run,
        params=options,
        commands=[
            click.Command(
                "plan",
                callback=_plan,
                params=[option for option in options if option.name in _FILES],
                help="Say what a run would ask for, stream by stream; read nothing.\n\n"
                "\b\nExample:\n  tap-ft42 --config settings.json --state state.json plan",
            )
        ],
        invoke_without_command=True,
        context_settings={"help_option_names": ["--help"]},
        help="Read what changed at 42, and write it as Singer messages.\n\n"
        "\b\nExample:\n  tap-ft42 --config settings.json --state state.json | target-postgres",
        logger=TapFT42.logger,
    )


@click.pass_context
def _run(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - the options
    if context.invoked_subcommand is None:
        TapFT42.invoke(**options)


@click.pass_context
def _plan(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - the options
    before: Mapping[str, Any] = context.parent.params if context.parent else {}
    given: dict[str, Any] = {name: _given(options[name]) or before.get(name) for name in _FILES}
    state = json.load(given["state"]) if given["state"] else {}
    config = given["config"]
    tap = TapFT42(
        config=config.config,
        # What Meltano writes of a state holds the tap's own.
        state=state.get("singer_state", state),
        catalog=json.load(given["catalog"]) if given["catalog"] else None,
        parse_env_config=config.parse_env,
        validate_config=True,
    )
    _ = tap.streams  # the catalog selects among them
    tap.run.begin()
    click.echo(told(tap.run, estimates(tap.lists)))


def _given(value: Any) -> Any:  # noqa: ANN401 - what an option holds
    """Return what an option holds, or None if it was not given."""
    is_empty = getattr(value, "config", True) == {} and not getattr(value, "parse_env", True)
    return None if is_empty else value
