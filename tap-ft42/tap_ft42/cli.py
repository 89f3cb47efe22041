"""The command ``tap-ft42``."""

from __future__ import annotations

import sys
import traceback

import requests
from singer_sdk.exceptions import ConfigValidationError, FatalAPIError, RetriableAPIError

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.clock import ClockError
from tap_ft42.api.errors import explain
from tap_ft42.run import logs
from tap_ft42.run.costs import PlanningTap
from tap_ft42.run.lifecycle import IncompleteRunError
from tap_ft42.tap import TapFT42

_READERS = frozenset({"load_json", "parse_environment_config"})
"""The functions with which the SDK reads files and environment variables."""

_VARIABLE = "env_var_name"
"""What the latter calls the name of the variable that it reads."""


def main() -> None:
    """Run the tap; end with one clear line and exit code 1 if it cannot go on.

    With the word ``plan`` first or last, it says what a run would ask for instead.
    """
    try:
        command = _asked_for(sys.argv).cli
        logs.set_up()
        command()
    except ConfigValidationError as error:
        for message in error.errors:
            TapFT42.logger.error("Setting refused: %s", message)
    except (FatalAPIError, RetriableAPIError, requests.RequestException) as error:
        TapFT42.logger.error("%s", explain(error))
    except (ClockError, IncompleteRunError) as error:
        TapFT42.logger.error("%s", error)
    except RunEnds as end:
        TapFT42.logger.error("The budget does not reach for a plan: %s.", end)
    except BrokenPipeError:
        TapFT42.logger.error("The target has closed its input; see its messages.")
    except OSError as error:
        TapFT42.logger.error("%s", error)
    except ValueError as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        if _READERS.isdisjoint(frame.f_code.co_name for frame in frames):
            raise
        # The SDK names the variable in a step that is not told, and not in the error.
        variables = [
            f"{frame.f_locals[_VARIABLE]}: " for frame in frames if _VARIABLE in frame.f_locals
        ]
        TapFT42.logger.error(
            "A setting or a file that was given cannot be read: %s%s",
            "".join(variables),
            error,
        )
    sys.exit(1)


def _asked_for(words: list[str]) -> type[TapFT42]:
    """Take the word ``plan`` off the command line, if it is there.

    Meltano puts the words of its users behind its own.
    """
    for position in (1, -1):
        if words[1:] and words[position] == "plan":
            del words[position]
            return PlanningTap
    return TapFT42
