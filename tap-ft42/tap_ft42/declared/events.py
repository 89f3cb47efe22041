"""Events: a line of the log each, with its facts in fields; see `tap_ft42.run.logs`."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from typing_extensions import override


class Events(logging.LoggerAdapter[logging.Logger]):
    """Logs what happens to one stream, or to the run.

    Its methods are those of a logger. Each further keyword is a fact of the event: a field of
    the line. ``happened`` is the kind of event.
    """

    def __init__(self, stream: str = "") -> None:
        """Log what happens to a stream; its name begins each line. If empty: to the run."""
        # The Singer SDK gives its streams the same loggers.
        super().__init__(logging.getLogger(f"tap-ft42.{stream}" if stream else "tap-ft42"))
        self._beginning = f"{stream}: " if stream else ""

    @override
    def process(
        self, msg: object, kwargs: MutableMapping[str, Any]
    ) -> tuple[str, MutableMapping[str, Any]]:
        return f"{self._beginning}{msg}", {"extra": dict(kwargs)}


EVENTS = Events()
"""Logs what happens to the run."""
