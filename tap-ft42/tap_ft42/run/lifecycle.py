"""The life of a run: how it begins, what may fail of it, and how it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import FatalAPIError, OtherShapeError, explain, status_of
from tap_ft42.api.retries import RETRIED
from tap_ft42.api.token import NoTokenError
from tap_ft42.planning.impossible import forget_the_future
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.run import announcements
from tap_ft42.run.announcements import LOGGER
from tap_ft42.run.logs import THIS_RUN
from tap_ft42.run.progress import Progress

if TYPE_CHECKING:
    from tap_ft42.run.host import Host
    from tap_ft42.run.services import Services

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


class Lifecycle:
    """How a run begins, goes and ends."""

    ends_early = False
    """Whether the run ends before all is read."""

    def __init__(self, run: Services, host: Host) -> None:
        self._run = run
        self._host = host
        self._began: float | None = None
        self._never_began: RunEnds | None = None
        self._streams_began: dict[str, float] = {}
        self._end: str | None = None
        self._failed: Exception | None = None
        self._failures: dict[str, _Failure] = {}
        self._trouble: str | None = None

    @property
    def outcome(self) -> str:
        """How the run ends: complete, early or failed."""
        if self._failed or self._failures or self._nothing_came or self._is_endless:
            return "failed"
        return "early" if self.ends_early else "complete"

    @property
    def reason(self) -> str | None:
        """Why it ends so; what may name people is left out."""
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
        """Whether it ended as the API shows ever more rows, as it would to the next run."""
        return self.ends_early and self._run.budget.is_endless

    @property
    def _nothing_came(self) -> Exception | None:
        """Why a run that ended early got nothing at all from the API; None if it did."""
        return self._no_token or self._run.ledger.only_failure if self.ends_early else None

    @property
    def _no_token(self) -> Exception | None:
        """Why the run never had a token; None if it had one, or has asked for none."""
        return None if self._run.token.is_known else self._run.token.failure

    @property
    def failed_streams(self) -> list[str] | None:
        """The streams that are not complete, with those that are read below them.

        None if others may be incomplete, too, or none is.
        """
        if self._failed or self.ends_early or not self._failures:
            return None
        return self._host.with_those_below(self._failures)

    def fails_alone(self, name: str, failure: Exception, part: str = "") -> bool:
        """Note that a part of a stream failed, and tell whether the run goes on.

        It does not where nothing can be read: without a token, with a clock that is not
        known, and where another stream had trouble and the API is down.

        Raises:
            IncompleteRunError: There is no token, however long it was waited for.
        """
        if not isinstance(failure, ALONE):
            return False
        if isinstance(failure, NoTokenError):
            _end_without_token(failure)
        if isinstance(failure, RETRIED):
            # All parts of one stream may fail; where another one does, too, nothing comes.
            is_second = self._trouble not in {None, name}
            if not self._run.token.is_known or (is_second and self._run.is_down):
                return False
            self._trouble = name
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
            LOGGER.error(
                "%s: %s. Its unread part keeps its bookmark; the rest of the run goes on.",
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
            below = set(self._host.with_those_below(self._failures)).difference(self._failures)
            if below:
                more += f" Rows of {', '.join(sorted(below))} may be missing with it."
            message = f"The run is not complete. {first.name}: {first.why}.{more}"
            failed = self._host.with_those_below(self._failures)
            if not unless_partial or set(failed).issuperset(self._host.selected):
                raise IncompleteRunError(message)
            LOGGER.error("%s", message, extra={"happened": "partial_success"})
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
        """How far the run has come."""
        return Progress(self._run.ledger, self._run.quota, LOGGER)

    def begin_stream(self, name: str) -> None:
        """Take note that a stream is read, perhaps once more, for another parent.

        Raises:
            RunEnds: The budget does not allow to wait for a token.
            IncompleteRunError: There is none, however often it is asked for.
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
        announcements.announce_run(run, self._host.selected)
        self.progress.start()

    def end_stream(self, name: str) -> None:
        """Say what a stream has brought, after its last parent."""
        began = self._streams_began.pop(name, None)
        if began is None:
            return
        self.progress.end(name)
        entries = [entry for entry in self._run.ledger.entries() if entry.stream == name]
        seconds = round(time.monotonic() - began, 3)
        why_not = "its turn did not come" if self.ends_early else "nothing was due"
        announcements.sum_up_stream(name, entries, seconds, why_not)

    def end_early(self, end: RunEnds) -> None:
        """Say once why the run ends before all is read: each partition left hears of it."""
        if not self.ends_early:
            self.ends_early = True
            self._end = str(end)
            LOGGER.info(
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
        announcements.warn_of_expiry(self._run)
        backfill = self._run.backfill
        if backfill is not None and self.outcome == "complete":
            # Parents that an earlier run had listed are not listed again by one that goes on.
            is_done = all(map(backfill.has_read, self._host.states_with_bookmarks()))
            announcements.sum_up_backfill(str(backfill), is_done=is_done)
        announcements.sum_up_run(self._run, self.outcome, self.reason, seconds)


def _end_without_token(failure: Exception) -> NoReturn:
    """End a run that gets no token, which may pass."""
    message = (
        f"Nothing can be read, as 42 gives no token. {explain(failure).removesuffix('.')}. "
        "The state is kept: start the run again when 42 answers."
    )
    raise IncompleteRunError(message) from failure


def _kind(failure: Exception) -> str:
    """Say what failed by its status or its class, as its text may name people."""
    if isinstance(failure, OtherShapeError):
        return "no list of records"
    status = status_of(failure)
    return type(failure).__name__ if status is None else f"42 answered {status}"
