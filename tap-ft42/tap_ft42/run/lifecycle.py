"""The life of a run: how it begins, goes and ends, and what it says of that."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalAPIError

from tap_ft42.api.errors import explain
from tap_ft42.api.retries import RETRIED
from tap_ft42.api.token import CredentialsError
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.planning.impossible import forget_the_future
from tap_ft42.run.logs import THIS_RUN, some
from tap_ft42.run.progress import Progress
from tap_ft42.singer.own.runs import LEDGER_STREAMS, summed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_ft42.api.budget import RunEnds
    from tap_ft42.api.ledger import Tally
    from tap_ft42.singer.stream import FT42Stream
    from tap_ft42.tap import TapFT42

_NOTICE = timedelta(days=7)
"""How long before the secret expires the run says so."""

_ENDINGS = {
    "complete": "The run is complete",
    "early": "The run ended early",
    "failed": "The run failed",
}


ALONE = (FatalAPIError, *RETRIED)
"""Failures by which a part of a run may fail alone."""


class IncompleteRunError(Exception):
    """Something of the run failed, and the rest of it went on."""


class Lifecycle:
    """The run of a tap."""

    ends_early = False
    """Whether the run ends before all is read."""

    def __init__(self, tap: TapFT42) -> None:
        """Wait for the first stream.

        Args:
            tap: The tap whose run it is.
        """
        self._tap = tap
        self._began: float | None = None
        self._streams_began: dict[str, float] = {}
        self._end: str | None = None
        self._failed: Exception | None = None
        self._failures: dict[str, str] = {}
        self._pages_at_trouble = 0

    @property
    def outcome(self) -> str:
        """How the run ends: complete, early or failed."""
        if self._failed or self._failures or self._nothing_came:
            return "failed"
        return "early" if self.ends_early else "complete"

    @property
    def reason(self) -> str | None:
        """Why it ends so; what may name people is left out."""
        if self._failed:
            return type(self._failed).__name__
        if self._failures:
            return f"not read completely: {', '.join(self._failures)}"
        if failure := self._nothing_came:
            return f"nothing came: {type(failure).__name__}"
        return self._end

    @property
    def _nothing_came(self) -> Exception | None:
        """Why a run that ended early got nothing at all from the API; None if it did."""
        return self._tap.ledger.only_failure if self.ends_early else None

    @property
    def failed_streams(self) -> list[str] | None:
        """The streams of which something is missing, with those that are read below them.

        None if others may be incomplete, too, or none is.
        """
        if self._failed or self.ends_early or not self._failures:
            return None
        names = set(self._failures)
        for stream in self._tap.api_streams.values():  # parents come before children
            if stream.name in names:
                names |= {child.name for child in stream.wanted_children}
        return sorted(names & self._tap.api_streams.keys())

    def fails_alone(self, stream: FT42Stream, failure: Exception) -> bool:
        """Note that a part of a stream failed, and tell whether the run goes on.

        It does not where nothing can be read: without credentials, with a clock that is
        not known, and where no page has come since the last trouble.

        Args:
            stream: The stream.
            failure: Why.
        """
        pages = self._tap.ledger.pages
        is_trouble = isinstance(failure, RETRIED)
        if not isinstance(failure, ALONE) or isinstance(failure, CredentialsError):
            return False
        if is_trouble and pages == self._pages_at_trouble:
            return False
        if is_trouble:
            self._pages_at_trouble = pages
        self.note_failure(stream.name, explain(failure))
        return True

    def note_failure(self, what: str, why: str) -> None:
        """Note that something could not be read, and that the rest goes on.

        Args:
            what: A stream, or a setting.
            why: A sentence without its full stop.
        """
        if what not in self._failures:
            self._failures[what] = why
            self._tap.logger.error(
                "%s: %s. What of it was not read keeps its bookmark; the rest of the run "
                "goes on.",
                what,
                why.removesuffix("."),
                extra={"happened": "part_failed", "part": what},
            )

    def raise_failures(self) -> None:
        """End a run that went on although something had failed.

        Raises:
            IncompleteRunError: Something had.
        """
        if self._failures:
            (what, why), *others = self._failures.items()
            more = f" Likewise {', '.join(name for name, _ in others)}." if others else ""
            message = f"The run is not complete. {what}: {why.removesuffix('.')}.{more}"
            raise IncompleteRunError(message)
        if failure := self._nothing_came:
            message = f"Nothing came of the run: {explain(failure)}"
            raise IncompleteRunError(message)

    @cached_property
    def progress(self) -> Progress:
        """How far the run has come."""
        return Progress(self._tap.ledger, self._tap.quota, self._tap.logger)

    def begin_stream(self, stream: FT42Stream) -> None:
        """Take note that a stream is read, perhaps once more, for another parent."""
        if self._tap.is_dry_run:
            return
        if self._began is None:
            self._begin()
        if stream.name not in self._streams_began:
            self._streams_began[stream.name] = time.monotonic()
            self.progress.begin(stream.name)

    def _begin(self) -> None:
        tap = self._tap
        # Before anything is planned: all goes by 42's clock.
        began = tap.began
        self._began = time.monotonic()
        if tap.clock.is_known:
            forget_the_future(tap.stream_states, began)
        for setting, why in tap.scope.unlisted():
            self.note_failure(setting, why)
        THIS_RUN.run_id = tap.ledger.run_id
        streams = [name for name, stream in tap.api_streams.items() if stream.selected]
        campus_ids = sorted(tap.scope.campus_ids)
        until = from_milliseconds(tap.times.until)
        tap.logger.info(
            "A %s begins: %s of cursus %s, %s, %s.",
            "run" if tap.backfill is None else "backfill",
            some(len(streams), "stream"),
            ", ".join(map(str, tap.scope.cursus_ids)),
            f"campuses {', '.join(map(str, campus_ids))}" if campus_ids else "all campuses",
            f"up to {_readable(until)}"
            if tap.backfill is None
            else f"changed from {tap.backfill}",
            extra={
                "happened": "run_begins",
                "streams": streams,
                "cursus_ids": list(tap.scope.cursus_ids),
                "campus_ids": campus_ids or None,
                "window_ends_at": until,
                "tap_version": version("tap-ft42"),
            },
        )
        self.progress.start()

    def end_stream(self, stream: FT42Stream) -> None:
        """Say what a stream has brought, after its last parent."""
        began = self._streams_began.pop(stream.name, None)
        if began is None:
            return
        self.progress.end(stream.name)
        tallies = [t for t in self._tap.ledger.tallies() if t.stream == stream.name]
        told, seconds = summed(tallies), round(time.monotonic() - began, 3)
        begins, ends = _window(tallies)
        if tallies:
            since = f", changed since {_readable(begins)}" if begins else ""
            message = f"{stream.name}: {_cost(told, seconds)}{since}."
        elif self.ends_early:
            message = f"{stream.name}: its turn did not come."
        else:
            message = f"{stream.name}: nothing was due."
        stream.logger.info(
            "%s",
            message,
            extra={
                "happened": "stream_ends",
                "seconds": seconds,
                "window_begins_at": begins,
                "window_ends_at": ends,
                **told,
            },
        )

    def end_early(self, end: RunEnds) -> None:
        """Say once why the run ends before all is read."""
        if not self.ends_early:
            self.ends_early = True
            self._end = str(end)
            self._tap.logger.info(
                "The run ends here: %s. What it has read is kept; the next run goes on.",
                end,
                extra={"happened": "budget_ends", "reason": self._end},
            )
        self._tap.write_state()

    def fail(self, failure: Exception) -> None:
        """Write down what is left to write when the run cannot go on.

        Args:
            failure: Why; its text may name people, so only its kind is kept.
        """
        if self._failed or isinstance(failure, BrokenPipeError):
            return
        self._failed = failure
        self._tap.write_state()
        for stream in (self._tap.streams[own.name] for own in LEDGER_STREAMS):
            if stream.selected:
                stream.sync()
        self.end()

    def end(self) -> None:
        """Say what came of the run, once, after all else."""
        if self._began is None:
            return
        seconds = round(time.monotonic() - self._began, 3)
        self._began = None
        self.progress.stop()
        self._warn_of_the_secrets_end()
        self._say_what_a_backfill_has_come_to()
        told = summed(self._tap.ledger.tallies())
        self._tap.logger.info(
            "%s: %s (lower bound: %s).",
            _ENDINGS[self.outcome],
            _cost(told, seconds),
            some(told["lower_bound"], "request"),
            extra={
                "happened": "run_ends",
                "outcome": self.outcome,
                "reason": self.reason,
                "seconds": seconds,
                **told,
            },
        )

    def _say_what_a_backfill_has_come_to(self) -> None:
        backfill = self._tap.backfill
        if backfill is None or self.outcome != "complete":
            return
        # Parents that an earlier run had listed are not listed again by one that goes on.
        if all(map(backfill.has_read, self._states_with_bookmarks())):
            self._tap.logger.info(
                "The backfill from %s is done. The same run again asks for nothing.",
                backfill,
                extra={"happened": "backfill_done"},
            )
        else:
            self._tap.logger.info(
                "The backfill from %s goes on with the next run.",
                backfill,
                extra={"happened": "backfill_goes_on"},
            )

    def _states_with_bookmarks(self) -> Iterator[dict[str, Any]]:
        for stream in self._tap.api_streams.values():
            if stream.selected and stream.replication_key:
                for whole in stream.lists:
                    yield from stream.states_within(whole)

    def _warn_of_the_secrets_end(self) -> None:
        until = self._tap.token.secret_valid_until
        if until is None or until - self._tap.clock.now() >= _NOTICE:
            return
        self._tap.logger.warning(
            "The application's secret expires at %s. Until then copy the next secret from "
            "the application's page on the intranet to `client_secret`, and confirm the "
            "rotation there.",
            f"{until:%Y-%m-%d %H:%M} UTC",
            extra={"happened": "secret_expires", "secret_valid_until": until.isoformat()},
        )


def _window(tallies: Sequence[Tally]) -> tuple[str | None, str | None]:
    """Return the bounds of what was read; None for one that does not exist."""
    covered = [tally for tally in tallies if tally.ends is not None]
    begins = [tally.begins for tally in covered if tally.begins is not None]
    ends = [tally.ends for tally in covered if tally.ends is not None]
    is_closed = begins and len(begins) == len(covered)
    return (
        from_milliseconds(min(begins)) if is_closed else None,
        from_milliseconds(max(ends)) if ends else None,
    )


def _cost(told: dict[str, Any], seconds: float) -> str:
    rows, requests = some(told["rows_emitted"], "row"), some(told["requests"], "request")
    return f"{rows} in {requests} and {seconds:,.1f} s"


def _readable(instant: str) -> str:
    return f"{instant[:10]} {instant[11:19]} UTC"
