"""The command ``tap-ft42``."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import requests
import singer_sdk
from singer_sdk.exceptions import ConfigValidationError

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.clock import ClockError
from tap_ft42.api.errors import FatalAPIError, RetriableAPIError, SettingError, explain
from tap_ft42.plan import PlanningTap
from tap_ft42.run import logs
from tap_ft42.run.lifecycle import IncompleteRunError
from tap_ft42.tap import TapFT42

_READER = "load_json"
"""The function with which the SDK reads files."""


def main() -> None:
    """Run the tap; end with one clear line and exit code 1 if it cannot go on.

    With the word ``plan`` first or last, it says what a run would ask for instead.
    """
    try:
        command = _asked_for(sys.argv).cli
        logs.set_up(Path(singer_sdk.__file__).parent)
        command()
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
    except (ClockError, IncompleteRunError, OSError) as error:
        TapFT42.logger.error("%s", error)
    except ValueError as error:
        readers = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        if not any(frame.f_code.co_name == _READER for frame in readers):
            raise
        TapFT42.logger.error("A file that was given cannot be read: %s", error)
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
