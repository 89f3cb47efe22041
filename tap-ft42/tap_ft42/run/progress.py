"""Shows the progress of a run: one line for each stream that is being read.

``users: 12,300 rows, 124 of 405 pages, 980 requests left this hour, 3 min to go``

On a terminal the lines stand below the log, and change as pages arrive. Under Meltano, whose
output goes through a pipe, a line is logged every ten seconds. Everywhere else, as in cron,
nothing is shown. The lines are computed from the ledger when they are shown, so that they
cost the run almost nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from threading import Event, Thread

from rich.text import Text
from typing_extensions import override

from tap_ft42.api.ledger import Ledger
from tap_ft42.api.quota import Quota
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import HOUR
from tap_ft42.declared.words import some

_INTERVAL = 10.0
"""Seconds between two lines of the log."""

_LOOKS_A_SECOND = 4
_MEMORY = 60.0
"""The pace is that of the last so many seconds."""


@dataclass(frozen=True)
class Standing:
    """The progress of a stream.

    Attributes:
        stream: Its name.
        rows: Rows that were written for the target.
        pages: Pages that have arrived.
        pages_expected: Pages of all reads, as far as known.
        requests_left: Requests that the API still allows in this hour; None if it does not say.
        seconds_left: How long the rest takes; None if that is not known.
    """

    stream: str
    rows: int
    pages: int
    pages_expected: int
    requests_left: int | None
    seconds_left: int | None

    @override
    def __str__(self) -> str:
        return f"{self.stream}: {self.figures}"

    @property
    def figures(self) -> str:
        """The figures, for people."""
        parts = [some(self.rows, "row")]
        if self.pages_expected:
            parts.append(f"{self.pages:,} of {some(self.pages_expected, 'page')}")
        if self.requests_left is not None:
            parts.append(f"{some(self.requests_left, 'request')} left this hour")
        if self.seconds_left is not None:
            parts.append(f"{_duration(self.seconds_left)} to go")
        return ", ".join(parts)


class Progress:
    """Computes and shows the progress of a run."""

    def __init__(self, ledger: Ledger, quota: Quota) -> None:
        self._ledger = ledger
        self._quota = quota
        self._streams: dict[str, None] = {}
        self._pace: deque[tuple[float, int]] = deque()
        self._display: _LogDisplay | _TerminalDisplay | None = None

    def start(self) -> None:
        """Begin to show the progress, if somebody may look at it."""
        if "MELTANO_EXTRACTOR_NAME" in os.environ:
            self._display = _LogDisplay(self.standings)
        elif sys.stderr.isatty() and not sys.stdout.isatty():
            self._display = _TerminalDisplay(self.standings)

    def stop(self) -> None:
        """Stop showing it."""
        if self._display is not None:
            self._display.close()

    def begin(self, stream: str) -> None:
        """Note that a stream is being read."""
        self._streams[stream] = None

    def end(self, stream: str) -> None:
        """Note that a stream is no longer read."""
        self._streams.pop(stream, None)

    def standings(self) -> list[Standing]:
        """Return the progress of each stream that is being read."""
        entries, now = self._ledger.entries(), time.monotonic()
        self._pace.append((now, sum(entry.pages for entry in entries)))
        while self._pace[0][0] < now - _MEMORY:
            self._pace.popleft()
        standings, ahead = [], 0
        for stream in tuple(self._streams):
            own = [entry for entry in entries if entry.stream == stream]
            pages = sum(entry.pages for entry in own)
            expected = sum(entry.pages_expected for entry in own)
            # Streams are read one after the other, so the pages of earlier ones come first.
            ahead += expected - pages
            rows = sum(entry.rows_emitted for entry in own)
            seconds = self._seconds_for(ahead)
            standings.append(Standing(stream, rows, pages, expected, self._quota.left, seconds))
        return standings

    def _seconds_for(self, pages: int) -> int | None:
        """Estimate how long some pages take, by the pace and the requests left this hour."""
        (then, before), (now, came) = self._pace[0], self._pace[-1]
        if came == before or not pages:
            return None
        seconds = pages * (now - then) / (came - before)
        left, per_hour = self._quota.left, self._quota.per_hour
        if left is not None and per_hour and pages > left:
            rest = self._quota.rest_of_the_hour
            seconds = max(seconds, rest + (pages - left) / per_hour * HOUR / 1000)
        return round(seconds)


class _LogDisplay:
    """Logs a line for each stream that has progressed, every ten seconds."""

    def __init__(self, standings: Callable[[], Sequence[Standing]]) -> None:
        self._standings = standings
        self._is_over = Event()
        self._told: dict[str, tuple[int, int]] = {}
        standings()  # the pace is measured from here on
        Thread(target=self._run, name="progress", daemon=True).start()

    def close(self) -> None:
        self._is_over.set()

    def _run(self) -> None:
        while not self._is_over.wait(_INTERVAL):
            for standing in self._standings():
                so_far = (standing.rows, standing.pages)
                if self._told.get(standing.stream) != so_far:
                    self._told[standing.stream] = so_far
                    fields = {n: v for n, v in asdict(standing).items() if n != "stream"}
                    Events(standing.stream).info(
                        "%s", standing.figures, happened="progress", **fields
                    )


class _TerminalDisplay:
    """Keeps the lines at the bottom of a terminal, below the log."""

    def __init__(self, standings: Callable[[], Sequence[Standing]]) -> None:
        # Only a run on a terminal pays for this import.
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415

        self._standings = standings
        self._live = Live(
            console=Console(stderr=True, soft_wrap=True),
            get_renderable=self._lines,
            refresh_per_second=_LOOKS_A_SECOND,
            redirect_stdout=False,  # Singer messages go there
            transient=True,
        )
        self._handlers = [
            handler
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
        ]
        self._live.start()
        # A hidden cursor would stay hidden if the process were killed.
        self._live.console.show_cursor(True)
        self._write_through()
        atexit.register(self.close)

    def close(self) -> None:
        atexit.unregister(self.close)
        self._live.stop()
        self._write_through()

    def _write_through(self) -> None:
        """Let the log go through rich, which moves the lines out of its way."""
        for handler in self._handlers:
            handler.setStream(sys.stderr)

    def _lines(self) -> Text:
        from rich.text import Text  # noqa: PLC0415

        lines = "\n".join(map(str, self._standings()))
        return Text(lines, no_wrap=True, overflow="ellipsis")


def _duration(seconds: int) -> str:
    """Write a duration, rounded to minutes if it is long."""
    if seconds < 100:  # noqa: PLR2004 - minutes would be too rough
        return f"{seconds} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
