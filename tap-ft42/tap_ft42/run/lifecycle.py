"""The life of a run: how it begins, goes and ends, and what it says of that."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import FatalAPIError, explain
from tap_ft42.api.ledger import summary
from tap_ft42.api.retries import RETRIED
from tap_ft42.api.token import CredentialsError
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.words import some
from tap_ft42.planning.impossible import forget_the_future
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.run.logs import THIS_RUN
from tap_ft42.run.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tap_ft42.api.clock import Clock
    from tap_ft42.api.ledger import Entry, Ledger
    from tap_ft42.api.quota import Quota
    from tap_ft42.api.token import BearerToken
    from tap_ft42.planning.backfill import Backfill
    from tap_ft42.planning.scope import Scope
    from tap_ft42.planning.steps import Times

_logger = logging.getLogger("tap-ft42")

_NOTICE = timedelta(days=7)
"""How long before the secret expires the run says so."""

_ENDINGS = {
    "complete": "The run is complete",
    "early": "The run ended early",
    "failed": "The run failed",
}


ALONE = (FatalAPIError, IncompleteReadError, *RETRIED)
"""Failures by which a part of a run may fail alone."""


_TOLD = 10
"""Parts of a stream that are told one by one."""


class IncompleteRunError(Exception):
    """Something of the run failed, and the rest of it went on."""


@dataclass(frozen=True)
class _Failure:
    """What failed alone: a stream or a setting, or parts of a stream."""

    what: str
    why: str
    kind: str
    parts: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What it is, with its parts."""
        if not self.parts:
            return self.what
        rest = f" and {len(self.parts) - _TOLD} more" if len(self.parts) > _TOLD else ""
        return f"{self.what} of {', '.join(self.parts[:_TOLD])}{rest}"

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"


class LivingRun(Protocol):
    """The services of a run whose life is told; see `tap_ft42.run.run`."""

    @property
    def began(self) -> int:
        """When it began, in milliseconds since 1970."""

    def begin(self) -> None:
        """Ask for a token, whose answer tells what time it is."""

    @property
    def clock(self) -> Clock:
        """What time it is at 42."""

    @property
    def ledger(self) -> Ledger:
        """What it asks for."""

    @property
    def quota(self) -> Quota:
        """The application's limits."""

    @property
    def token(self) -> BearerToken:
        """The access token."""

    @property
    def scope(self) -> Scope:
        """Which part of the network it reads."""

    @property
    def times(self) -> Times:
        """The instants between which it reads."""

    @property
    def backfill(self) -> Backfill | None:
        """The window of the past that it reads."""

    @property
    def is_dry_run(self) -> bool:
        """Whether the lists are only tried out."""

    def write_state(self, *, at_most_every: float = 0) -> None:
        """Write the state down."""


class Host(Protocol):
    """The program that a run is a run of."""

    @property
    def selected(self) -> list[str]:
        """The names of the streams that read the API and whose rows are wanted."""

    @property
    def is_dry_run(self) -> bool:
        """Whether the lists are only tried out, with a request each."""

    @property
    def is_census_wanted(self) -> bool:
        """Whether somebody wants to know which rows exist."""

    def write_state(self) -> None:
        """Write the state down."""

    def write_ledger(self) -> None:
        """Write down what the run asked for, as it cannot go on."""

    @property
    def stream_states(self) -> dict[str, Any]:
        """What holds the states of the streams that read the API, below ``bookmarks``."""

    def with_those_below(self, names: Collection[str]) -> list[str]:
        """Return those of some names that are streams, with the streams read below them."""

    def unlisted(self) -> Iterator[tuple[str, str]]:
        """Yield the settings that name what 42 does not list, and what is wrong with each."""

    def states_with_bookmarks(self) -> Iterator[dict[str, Any]]:
        """Yield the states of the partitions of wanted streams that have bookmarks."""


class Lifecycle:
    """How a run begins, goes and ends."""

    ends_early = False
    """Whether the run ends before all is read."""

    def __init__(self, run: LivingRun, host: Host) -> None:
        """Wait for the first stream.

        Args:
            run: The run.
            host: The program that it is a run of.
        """
        self._run = run
        self._host = host
        self._began: float | None = None
        self._never_began: RunEnds | None = None
        self._streams_began: dict[str, float] = {}
        self._end: str | None = None
        self._failed: Exception | None = None
        self._failures: dict[str, _Failure] = {}
        self._trouble: tuple[str, int] | None = None

    @property
    def outcome(self) -> str:
        """How the run ends: complete, early or failed."""
        if self._failed or self._failures or self._nothing_came:
            return "failed"
        return "early" if self.ends_early else "complete"

    @property
    def reason(self) -> str | None:
        """Why it ends so; what may name people is left out."""
        if (self._failed or self.ends_early) and self._no_token:
            return f"42 gives no token: {_kind(self._no_token)}"
        if self._failed:
            return type(self._failed).__name__
        if self._failures:
            return f"not read completely: {', '.join(map(str, self._failures.values()))}"
        if failure := self._nothing_came:
            return f"nothing came: {type(failure).__name__}"
        return self._end

    @property
    def _nothing_came(self) -> Exception | None:
        """Why a run that ended early got nothing at all from the API; None if it did."""
        return self._no_token or self._run.ledger.only_failure if self.ends_early else None

    @property
    def _no_token(self) -> Exception | None:
        """Why the run never had a token; None if it had one, or has asked for none."""
        return None if self._run.token.is_known else self._run.token.failure

    @property
    def _is_partial(self) -> bool:
        """Whether some streams failed, and others did not."""
        failed = self._host.with_those_below(self._failures)
        return not set(failed).issuperset(self._host.selected)

    @property
    def failed_streams(self) -> list[str] | None:
        """The streams of which something is missing, with those that are read below them.

        None if others may be incomplete, too, or none is.
        """
        if self._failed or self.ends_early or not self._failures:
            return None
        return self._host.with_those_below(self._failures)

    def fails_alone(self, name: str, failure: Exception, part: str = "") -> bool:
        """Note that a part of a stream failed, and tell whether the run goes on.

        It does not where nothing can be read: without a token, with a clock that is not
        known, and where no page has come since the trouble of another stream.

        Args:
            name: The stream.
            failure: Why.
            part: Which part of it, if it has several.
        """
        pages = self._run.ledger.pages
        is_trouble = isinstance(failure, RETRIED)
        if not isinstance(failure, ALONE) or isinstance(failure, CredentialsError):
            return False
        if is_trouble:
            last, at = self._trouble or (name, None)
            # All parts of one stream may fail; where another one does, too, nothing comes.
            if not self._run.token.is_known or (at == pages and last != name):
                return False
            self._trouble = (name, pages)
        self.note_failure(name, explain(failure), kind=_kind(failure), part=part)
        return True

    def note_failure(self, what: str, why: str, *, kind: str, part: str = "") -> None:
        """Note that something could not be read, and that the rest goes on.

        Args:
            what: A stream, or a setting.
            why: A sentence without its full stop.
            kind: The same in a few words that name nobody.
            part: Which part of the stream, if it has several.
        """
        failed = self._failures.get(what)
        if failed is not None:
            failed.parts.extend([part] if part and part not in failed.parts else [])
        else:
            parts = [part] if part else []
            self._failures[what] = _Failure(what, why.removesuffix("."), kind, parts)
            _logger.error(
                "%s: %s. What of it was not read keeps its bookmark; the rest of the run "
                "goes on.",
                what,
                why.removesuffix("."),
                extra={"happened": "part_failed", "part": what},
            )

    def raise_failures(self, *, unless_partial: bool) -> None:
        """End a run that went on although something had failed.

        Args:
            unless_partial: Whether it is enough to say so where only some streams failed.

        Raises:
            IncompleteRunError: Something had.
        """
        if self._failures:
            first, *others = self._failures.values()
            more = f" Likewise {', '.join(map(str, others))}." if others else ""
            message = f"The run is not complete. {first.name}: {first.why}.{more}"
            if not (unless_partial and self._is_partial):
                raise IncompleteRunError(message)
            _logger.error("%s", message, extra={"happened": "partial_success"})
        if failure := self._nothing_came:
            if failure is self._no_token:
                _end_without_token(failure)
            message = f"Nothing came of the run: {explain(failure)}"
            raise IncompleteRunError(message)

    @cached_property
    def progress(self) -> Progress:
        """How far the run has come."""
        return Progress(self._run.ledger, self._run.quota, _logger)

    def begin_stream(self, name: str) -> None:
        """Take note that a stream is read, perhaps once more, for another parent.

        Raises:
            RunEnds: The budget does not allow to wait for a token.
            IncompleteRunError: There is none, however often it is asked for.
            FatalAPIError: 42 refuses the application.
        """
        if self._run.is_dry_run:
            return
        if self._began is None:
            self._begin()
        if self._never_began is not None:
            raise self._never_began
        if name not in self._streams_began:
            self._streams_began[name] = time.monotonic()
            self.progress.begin(name)

    def _begin(self) -> None:
        run = self._run
        self._began = time.monotonic()
        # Before anything is planned: all goes by 42's clock.
        try:
            run.begin()
        except RunEnds as end:
            self._never_began = end
            return
        except RETRIED as failure:
            _end_without_token(failure)
        if run.clock.is_known:
            forget_the_future(self._host.stream_states, run.began)
        for setting, why in self._host.unlisted():
            self.note_failure(setting, why, kind=why)
        THIS_RUN.run_id = run.ledger.run_id
        streams = self._host.selected
        campus_ids = list(run.scope.campus_ids)
        until = from_milliseconds(run.times.until)
        _logger.info(
            "A %s begins: %s of cursus %s, %s, %s.",
            "run" if run.backfill is None else "backfill",
            some(len(streams), "stream"),
            ", ".join(map(str, run.scope.cursus_ids)),
            f"campuses {', '.join(map(str, campus_ids))}" if campus_ids else "all campuses",
            f"up to {_readable(until)}"
            if run.backfill is None
            else f"changed from {run.backfill}",
            extra={
                "happened": "run_begins",
                "streams": streams,
                "cursus_ids": list(run.scope.cursus_ids),
                "campus_ids": campus_ids or None,
                "window_ends_at": until,
                "tap_version": version("tap-ft42"),
            },
        )
        self.progress.start()

    def end_stream(self, name: str) -> None:
        """Say what a stream has brought, after its last parent."""
        began = self._streams_began.pop(name, None)
        if began is None:
            return
        self.progress.end(name)
        entries = [entry for entry in self._run.ledger.entries() if entry.stream == name]
        told, seconds = summary(entries), round(time.monotonic() - began, 3)
        begins, ends = _window(entries)
        if entries:
            since = f", changed since {_readable(begins)}" if begins else ""
            message = f"{name}: {_cost(told, seconds)}{since}."
        elif self.ends_early:
            message = f"{name}: its turn did not come."
        else:
            message = f"{name}: nothing was due."
        _logger.getChild(name).info(
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
        """Say once why the run ends before all is read: each partition left hears of it."""
        if not self.ends_early:
            self.ends_early = True
            self._end = str(end)
            _logger.info(
                "The run ends here: %s. What it has read is kept; the next run goes on.",
                end,
                extra={"happened": "budget_ends", "reason": self._end},
            )
            self._run.write_state()

    def fail(self, failure: Exception) -> None:
        """Write down what is left to write when the run cannot go on.

        Args:
            failure: Why; its text may name people, so only its kind is kept.
        """
        if self._failed or isinstance(failure, BrokenPipeError):
            return
        self._failed = failure
        self._run.write_state()
        self._host.write_ledger()
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
        told = summary(self._run.ledger.entries())
        _logger.info(
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
        backfill = self._run.backfill
        if backfill is None or self.outcome != "complete":
            return
        # Parents that an earlier run had listed are not listed again by one that goes on.
        if all(map(backfill.has_read, self._host.states_with_bookmarks())):
            _logger.info(
                "The backfill from %s is done. The same run again asks for nothing.",
                backfill,
                extra={"happened": "backfill_done"},
            )
        else:
            _logger.info(
                "The backfill from %s goes on with the next run.",
                backfill,
                extra={"happened": "backfill_goes_on"},
            )

    def _warn_of_the_secrets_end(self) -> None:
        until = self._run.token.secret_valid_until
        if until is None or until - self._run.clock.now() >= _NOTICE:
            return
        _logger.warning(
            "The application's secret expires at %s. Until then copy the next secret from "
            "the application's page on the intranet to `client_secret`, and confirm the "
            "rotation there.",
            f"{until:%Y-%m-%d %H:%M} UTC",
            extra={"happened": "secret_expires", "secret_valid_until": until.isoformat()},
        )


def _end_without_token(failure: Exception) -> NoReturn:
    """End a run that gets no token, which may pass."""
    message = (
        f"Nothing can be read, as 42 gives no token. {explain(failure).removesuffix('.')}. "
        "The state is kept: start the run again when 42 answers."
    )
    raise IncompleteRunError(message) from failure


def _kind(failure: Exception) -> str:
    """Say what failed by its status or its class, as its text may name people."""
    response = getattr(failure, "response", None)
    if response is None:
        return type(failure).__name__
    return f"42 answered {response.status_code}"


def _window(entries: Sequence[Entry]) -> tuple[str | None, str | None]:
    """Return the bounds of what was read; None for one that does not exist."""
    covered = [entry for entry in entries if entry.ends is not None]
    begins = [entry.begins for entry in covered if entry.begins is not None]
    ends = [entry.ends for entry in covered if entry.ends is not None]
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
