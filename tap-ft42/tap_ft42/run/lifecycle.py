"""The life of a run: how it begins, which failures it survives, and how it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import FatalAPIError, OtherShapeError, explain, status_of
from tap_ft42.api.retries import RETRIED
from tap_ft42.api.token import NoTokenError
from tap_ft42.declared.events import EVENTS
from tap_ft42.declared.words import first_of
from tap_ft42.planning.impossible import forget_the_future
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.run import announcements
from tap_ft42.run.host import Host
from tap_ft42.run.logs import THIS_RUN
from tap_ft42.run.progress import Progress
from tap_ft42.run.services import Services

PARTIAL_FAILURES = (FatalAPIError, IncompleteReadError, *RETRIED)
"""Failures of a part of a run, after which the other parts may go on."""

_NAMED = 10
"""Failed parts of a stream that a message names; it counts the others."""


class IncompleteRunError(Exception):
    """A part of the run failed, or it could read nothing."""


@dataclass(frozen=True)
class _Failure:
    """A stream or a setting that failed, perhaps only some parts of it."""

    what: str
    why: str
    kind: str
    is_of_rows: bool = False
    """Whether only rows are missing for which nights look."""
    parts: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the stream or setting, with its failed parts."""
        if not self.parts:
            return self.what
        return f"{self.what} of {first_of(self.parts, _NAMED)}"

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"


class Lifecycle:
    """How a run begins, goes on and ends."""

    ends_early = False
    """Whether the run ends before everything is read."""

    def __init__(self, run: Services, host: Host) -> None:
        self._run = run
        self._host = host
        self._began: float | None = None
        self._never_began: RunEnds | None = None
        self._streams_began: dict[str, float] = {}
        self._end: str | None = None
        self._failed: Exception | None = None
        self._failures: dict[tuple[str, str], _Failure] = {}
        """By stream or setting, and kind."""
        self._trouble: str | None = None

    @property
    def outcome(self) -> str:
        """How the run ends: complete, early or failed."""
        if self._failed or self._failures or self._nothing_came or self._is_endless:
            return "failed"
        return "early" if self.ends_early else "complete"

    @property
    def reason(self) -> str | None:
        """Why the run ends so, without texts that may name people."""
        no_token = self._run.token.failure if self._failed else self._no_token
        if (self._failed or self.ends_early) and no_token:
            return f"42 gives no token: {_kind(no_token)}"
        if self._failed:
            return type(self._failed).__name__
        if self._failures:
            return f"not read completely: {', '.join(map(str, self._failures.values()))}"
        if failure := self._nothing_came:
            return f"nothing came: {type(failure).__name__}"
        return self._end

    @property
    def _is_endless(self) -> bool:
        """Whether the run ended because the API shows more and more rows, as the next would."""
        return self.ends_early and self._run.budget.is_endless

    @property
    def _nothing_came(self) -> Exception | None:
        """Why a run that ended early got no answer from the API; None if it got one."""
        return self._no_token or self._run.ledger.only_failure if self.ends_early else None

    @property
    def _no_token(self) -> Exception | None:
        """Why the run never got a token; None if it got one, or never asked."""
        return None if self._run.token.is_known else self._run.token.failure

    @property
    def failed_streams(self) -> list[str] | None:
        """The streams that failed, with their children.

        None if no stream failed, or if the run ended so that others may be incomplete, too.
        """
        if self._failed or self.ends_early or not self._failures:
            return None
        return self._host.with_children(self._failed_parts)

    @property
    def lacking_streams(self) -> list[str] | None:
        """The streams of which rows are known to be missing; None if there are none."""
        return sorted({one.what for one in self._failures.values() if one.is_of_rows}) or None

    @property
    def _failed_parts(self) -> set[str]:
        """The names of the streams and settings that failed."""
        return {what for what, _ in self._failures}

    def fails_alone(self, name: str, failure: Exception, part: str = "") -> bool:
        """Note that a part of a stream failed, and tell whether the run goes on.

        The run does not go on if a second stream has trouble and the API is down.

        Raises:
            IncompleteRunError: 42 gives no token, after many tries.
        """
        if not isinstance(failure, PARTIAL_FAILURES):
            return False
        if isinstance(failure, NoTokenError):
            _end_without_token(failure)
        if isinstance(failure, RETRIED):
            # All parts of one stream may fail. If a second stream fails, too, 42 may be down.
            is_second = self._trouble not in {None, name}
            if not self._run.token.is_known or (is_second and self._run.is_down):
                return False
            self._trouble = name
        self.note_failure(name, explain(failure), kind=_kind(failure), part=part)
        return True

    def note_failure(
        self, what: str, why: str, *, kind: str, part: str = "", is_of_rows: bool = False
    ) -> None:
        """Note that something could not be read, while the rest of the run goes on.

        Args:
            what: The name of a stream or a setting.
            why: The reason: a sentence without its full stop.
            kind: The reason in a few words that name no person.
            part: The failed part of the stream, if it has several.
            is_of_rows: Whether only rows are missing for which nights look.
        """
        failed = self._failures.get((what, kind))
        if failed is not None:
            failed.parts.extend([part] if part and part not in failed.parts else [])
        else:
            parts = [part] if part else []
            self._failures[what, kind] = _Failure(
                what, why.removesuffix("."), kind, is_of_rows, parts
            )
            EVENTS.error(
                "%s: %s. Its unread part keeps its bookmark; the rest of the run goes on.",
                what,
                why.removesuffix("."),
                happened="part_failed",
                part=what,
            )

    def raise_failures(self, *, unless_partial: bool) -> None:
        """Report at the end of the run what has failed.

        Args:
            unless_partial: Only log the failures if some streams are complete.

        Raises:
            IncompleteRunError: Something failed.
        """
        if self._failures:
            first, *others = self._failures.values()
            more = f" Likewise {', '.join(map(str, others))}." if others else ""
            failed = self._host.with_children(self._failed_parts)
            if children := sorted(set(failed).difference(self._failed_parts)):
                more += f" Rows of {', '.join(children)} may be missing with it."
            message = f"The run is not complete. {first.name}: {first.why}.{more}"
            if not unless_partial or set(failed).issuperset(self._host.selected):
                raise IncompleteRunError(message)
            EVENTS.error("%s", message, happened="partial_success")
        if self._is_endless:
            message = f"The run is not complete: {self._end}."
            raise IncompleteRunError(message)
        if failure := self._nothing_came:
            if failure is self._no_token:
                _end_without_token(failure)
            message = f"The run read nothing: {explain(failure)}"
            raise IncompleteRunError(message)

    @cached_property
    def progress(self) -> Progress:
        """Shows how far the run has come."""
        return Progress(self._run.ledger, self._run.quota)

    def begin_stream(self, name: str) -> None:
        """Note that a stream is being read; called for each of its parents.

        Raises:
            RunEnds: The budget is too small to wait for a token.
            IncompleteRunError: 42 gives no token, after many tries.
            CredentialsError: 42 refuses the application.
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
        # This comes before any plan, as all plans go by 42's clock.
        try:
            run.begin()
        except RunEnds as end:
            self._never_began = end
            return
        except RETRIED as failure:
            _end_without_token(failure)
        if run.clock.is_known:
            forget_the_future(self._host.stream_states, run.began)
        else:
            announcements.warn_of_clock()
        for setting, why in self._host.missing_ids():
            self.note_failure(setting, why, kind=why)
        THIS_RUN.run_id = run.ledger.run_id
        announcements.announce_run(run, self._host.selected)
        self.progress.start()

    def end_stream(self, name: str) -> None:
        """Log what a stream has read, after its last parent."""
        began = self._streams_began.pop(name, None)
        if began is None:
            return
        self.progress.end(name)
        entries = [entry for entry in self._run.ledger.entries() if entry.stream == name]
        seconds = round(time.monotonic() - began, 3)
        why_not = "its turn did not come" if self.ends_early else "nothing was due"
        announcements.sum_up_stream(name, entries, seconds, why_not)

    def end_early(self, end: RunEnds) -> None:
        """End the run before everything is read; each unread partition calls this again."""
        if not self.ends_early:
            self.ends_early = True
            self._end = str(end)
            EVENTS.info(
                "The run ends here: %s. What it has read is kept; the next run goes on.",
                end,
                happened="budget_ends",
                reason=self._end,
            )
            self._run.write_state()

    def fail(self, failure: Exception) -> None:
        """Write the state and the ledger, as the run cannot go on.

        Only the class of the failure is kept: its text may name people.
        """
        if self._failed or isinstance(failure, BrokenPipeError):
            return
        self._failed = failure
        self._run.write_state()
        self._host.write_ledger()
        self.end()

    def end(self) -> None:
        """Log how the run ended, once, after everything else."""
        if self._began is None:
            return
        seconds = round(time.monotonic() - self._began, 3)
        self._began = None
        self.progress.stop()
        announcements.warn_of_expiry(self._run)
        backfill = self._run.backfill
        if backfill is not None and self.outcome == "complete":
            # A continued run does not list all parents again, so the states must tell.
            is_done = all(map(backfill.has_read, self._host.states_with_bookmarks()))
            announcements.sum_up_backfill(str(backfill), is_done=is_done)
        announcements.sum_up_run(self._run, self.outcome, self.reason, seconds)


def _end_without_token(failure: Exception) -> NoReturn:
    """End a run that gets no token; a later run may get one."""
    message = (
        f"Nothing can be read, as 42 gives no token. {explain(failure).removesuffix('.')}. "
        "The state is kept: start the run again when 42 answers."
    )
    raise IncompleteRunError(message) from failure


def _kind(failure: Exception) -> str:
    """Return the status or the class of a failure, as its text may name people."""
    if isinstance(failure, OtherShapeError):
        return "no list of records"
    status = status_of(failure)
    return type(failure).__name__ if status is None else f"42 answered {status}"
