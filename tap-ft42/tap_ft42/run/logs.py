"""Sets up the log: which fields a line has, and which lines are written.

An event is one line that can be understood alone. Its facts are in fields, too (``extra``),
which become keys in the JSON logs of the SDK and Meltano: ``happened`` is the kind of event,
``run_id`` the run, ``stream_name`` the stream. Times are in seconds; sizes are in rows, pages
and requests.

Levels: DEBUG for requests and the SDK's steps, INFO for events, WARNING for what a person
should look at, ERROR for what ended the run.
"""

from __future__ import annotations

import logging
from pathlib import Path

from typing_extensions import override

_STEP = "log"
"""The SDK's function that logs the steps of a stream. At level ERROR it logs each parent whose
child failed; the end of the run reports that once."""


class RunFilter(logging.Filter):
    """Adds run and stream to each line, and lowers the SDK's steps to DEBUG."""

    run_id: str | None = None
    """The id of the run, once it has begun."""
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
    # One line a request is enough: the tap's own, with rows and seconds. urllib3 warns of
    # malformed headers with a traceback, though they do no harm.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(THIS_RUN)
