"""What the tap's log lines carry, and which of them are worth a line.

A thing that happens is one line that reads by itself. What it tells is in fields, too
(``extra``), which the SDK's and Meltano's JSON have as keys: ``happened`` names the kind
of thing, ``run_id`` the run, ``stream_name`` the stream. Times are in seconds, sizes in
rows, pages and requests.

DEBUG tells of requests and of the SDK's steps, INFO of what happened, WARNING of what a
person should look at, ERROR of what ended the run.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from pathlib import Path

_STEP = "log"
"""The SDK's function that logs the steps of a stream, and, at level ERROR, each parent below
which it failed. The end of the run tells that once."""


class RunFilter(logging.Filter):
    """Names run and stream in each line, and hides the SDK's steps above DEBUG."""

    run_id: str | None = None
    """The run, once it has begun."""
    sdk: str = ""
    """The folder of the SDK."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if (
            self.sdk
            and record.pathname.startswith(self.sdk)
            and (record.levelno <= logging.INFO or record.funcName == _STEP)
        ):
            if not logging.getLogger().isEnabledFor(logging.DEBUG):
                return False
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        tap, _, stream = record.name.partition(".")
        if tap == "tap-ft42":
            record.run_id = self.run_id
            record.stream_name = stream or None
        return True


THIS_RUN = RunFilter()
"""The filter of this process, which is one run."""


def set_up(sdk: Path) -> None:
    """Let all lines of this process go through the filter."""
    THIS_RUN.sdk = str(sdk)
    # One line a request is enough: the tap's own has rows and seconds. What urllib3 warns
    # of, headers that are none, comes with a traceback, and costs nothing.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(THIS_RUN)
