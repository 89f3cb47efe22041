"""The command ``tap-ft42``: it runs the tap, estimates a run, or tests the API."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from ctypes import CDLL
from io import StringIO
from pathlib import Path
from typing import IO, Any

import click
import requests
import singer_sdk
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.clock import ClockError
from tap_ft42.api.errors import APIError, SettingError, explain
from tap_ft42.configuration import UnreadableFileError, checked
from tap_ft42.declared.declarations import DeclarationError
from tap_ft42.doctor import report as doctor_report
from tap_ft42.doctor.doctor import Visit, VisitEndsError
from tap_ft42.estimate import report as cost_report
from tap_ft42.estimate.costs import estimates
from tap_ft42.run import logs
from tap_ft42.run.lifecycle import IncompleteRunError

try:
    from tap_ft42.tap import TapFT42
except DeclarationError as error:
    sys.exit(str(error))


_YOUNG = 50_000
"""Python looks for cycles after so many new objects: more than some pages of records have."""

_TRIM_THRESHOLD, _ARENA_MAX = -1, -8
"""Numbers of options of `mallopt`, from glibc's `malloc.h`."""

_FILES = ("config", "state", "catalog")
"""Options that a run shares with the commands."""


class JSONFile(click.File):
    """A file that holds what an option wants."""

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> IO[str]:
        file = super().convert(value, param, ctx)
        option = param.name if param and param.name else ""
        return StringIO(checked(option, str(value), file.read()))


class Command(SingerCommand, click.Group):
    """The SDK's command of a tap, with subcommands."""

    @override
    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [plan | doctor]")


def main() -> None:
    """Run the tap; if it fails, end with one clear line and exit code 1."""
    # A run makes hundreds of thousands of rows without cycles. The search for cycles would
    # take 7 % of the run.
    gc.freeze()
    gc.set_threshold(_YOUNG)
    gc.enable()
    _give_memory_back()
    try:
        run = command()
        logs.set_up(Path(singer_sdk.__file__).parent)
        run()
    except ConfigValidationError as error:
        for message in error.errors:
            TapFT42.logger.error("Setting refused: %s", message)
    except SettingError as error:
        TapFT42.logger.error("Setting refused: %s", error)
    except (APIError, requests.RequestException) as error:
        TapFT42.logger.error("%s", explain(error))
    except RunEnds as end:
        TapFT42.logger.error(
            "The budget is too small for a plan: %s. Unset max_requests and max_minutes.",
            end,
        )
    except BrokenPipeError:
        TapFT42.logger.error("The target has closed its input; see its messages.")
    except UnreadableFileError as error:
        TapFT42.logger.error("A file cannot be read: %s", error)
    except (ClockError, IncompleteRunError, OSError, VisitEndsError) as error:
        TapFT42.logger.error("%s", error)
    sys.exit(1)


def _give_memory_back() -> None:
    """Let glibc give back at once what is freed: a load takes a quarter less memory."""
    with suppress(AttributeError, OSError, TypeError):  # another C library
        mallopt = CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_TRIM_THRESHOLD, 128 * 1024)


def command() -> Command:
    """Return the command that runs the tap, with its subcommands."""
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
                help="Estimate how many requests a run would send, by stream.\n\n"
                "\b\nExample:\n  tap-ft42 --config settings.json --state state.json plan",
            ),
            click.Command(
                "doctor",
                callback=_doctor,
                params=[
                    *(option for option in options if option.name in {"config", "catalog"}),
                    click.Option(
                        ["--report"],
                        type=click.Path(dir_okay=False, writable=True, path_type=Path),
                        callback=_in_a_folder,
                        help="Write the result to this file, without personal data.",
                    ),
                    click.Option(
                        ["--json", "is_json"], is_flag=True, help="Print the result as JSON."
                    ),
                ],
                help="Test what this API allows and can do for this application.\n\n"
                "It sends 20 to 40 requests. The exit code is 1 if a stream cannot be read.\n\n"
                "\b\nExample:\n  tap-ft42 --config settings.json doctor --report report.json",
            ),
        ],
        invoke_without_command=True,
        context_settings={"help_option_names": ["--help"]},
        help="Read what changed at 42, and write it as Singer messages.\n\n"
        "\b\nExample:\n  tap-ft42 --config settings.json --state state.json | target-postgres",
        logger=TapFT42.logger,
    )


def _in_a_folder(
    _context: click.Context, _option: click.Parameter, file: Path | None
) -> Path | None:
    """Refuse a file that cannot be made, before anything is asked."""
    if file is not None and not os.access(file.parent, os.W_OK):
        message = f"nothing can be written to the folder {file.parent}. Choose another one."
        raise click.BadParameter(message)
    return file


@click.pass_context
def _run(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - the options
    if context.invoked_subcommand is None:
        TapFT42.invoke(**options)


@click.pass_context
def _plan(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - the options
    tap = _tap(context, options)
    tap.run.begin()
    for setting, why in tap.missing_ids():
        tap.logger.warning("%s: %s.", setting, why)
    click.echo(cost_report.as_text(tap.run, estimates(tap.lists)))


@click.pass_context
def _doctor(
    context: click.Context,
    /,
    report: Path | None,
    *,
    is_json: bool,
    **options: Any,  # noqa: ANN401 - the options
) -> None:
    tap = _tap(context, options)
    diagnosis = Visit(tap.run, tap.lists).diagnosis()
    json_text = json.dumps(doctor_report.as_json(diagnosis), indent=2)
    if report is not None:
        report.write_text(json_text + "\n", encoding="utf-8")
    click.echo(json_text if is_json else doctor_report.as_text(diagnosis))
    if diagnosis.refusal is not None:
        raise diagnosis.refusal
    context.exit(0 if diagnosis.has_way else 1)


def _tap(context: click.Context, options: Mapping[str, Any]) -> TapFT42:
    """Make the tap for one of the commands."""
    before: Mapping[str, Any] = context.parent.params if context.parent else {}
    given: dict[str, Any] = {
        name: _given(options.get(name)) or before.get(name) for name in _FILES
    }
    state = json.load(given["state"]) if given["state"] else {}
    config = given["config"]
    tap = TapFT42(
        config=config.config,
        # A state file of Meltano has the tap's state below a key.
        state=state.get("singer_state", state),
        catalog=json.load(given["catalog"]) if given["catalog"] else None,
        parse_env_config=config.parse_env,
        validate_config=True,
    )
    _ = tap.streams  # this applies the catalog's selection
    return tap


def _given(value: Any) -> Any:  # noqa: ANN401 - what an option holds
    """Return the value of an option, or None if it was not given."""
    is_empty = getattr(value, "config", True) == {} and not getattr(value, "parse_env", True)
    return None if is_empty else value
