"""What a run logs when it begins and ends, and when a stream ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from tap_ft42.api.ledger import Entry, summary
from tap_ft42.declared.events import EVENTS, Events
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.words import some
from tap_ft42.run.services import Services

_NOTICE = timedelta(days=7)
"""A run warns this long before the secret expires."""

_ENDINGS = {
    "complete": "The run is complete",
    "early": "The run ended early",
    "failed": "The run failed",
}


def warn_of_clock() -> None:
    """Warn that 42 did not say what time it is."""
    EVENTS.warning(
        "42 does not say what time it is (its first answer has no header `Date` that can be "
        "read). The run goes by this machine's clock: see that it is right.",
        happened="clock_unknown",
    )


def announce_run(run: Services, streams: Sequence[str]) -> None:
    """Log what a run is going to read."""
    campus_ids, until = list(run.scope.campus_ids), from_milliseconds(run.times.until)
    is_backfill = run.backfill is not None
    EVENTS.info(
        "A %s begins: %s of cursus %s, %s, %s.",
        "backfill" if is_backfill else "run",
        some(len(streams), "stream"),
        ", ".join(map(str, run.scope.cursus_ids)),
        f"campuses {', '.join(map(str, campus_ids))}" if campus_ids else "all campuses",
        f"changed from {run.backfill}" if is_backfill else f"up to {_readable(until)}",
        happened="run_begins",
        streams=streams,
        cursus_ids=list(run.scope.cursus_ids),
        campus_ids=campus_ids or None,
        window_ends_at=until,
        tap_version=version("tap-ft42"),
    )


def sum_up_stream(name: str, entries: Sequence[Entry], seconds: float, why_not: str) -> None:
    """Log what a stream has read; `why_not` is the reason if it sent no request."""
    sums, (begins, ends) = summary(entries), _window(entries)
    message = why_not
    if entries:
        since = f", changed since {_readable(begins)}" if begins else ""
        message = f"{_cost(sums, seconds)}{since}"
    Events(name).info(
        "%s.",
        message,
        happened="stream_ends",
        seconds=seconds,
        window_begins_at=begins,
        window_ends_at=ends,
        **sums,
    )


def sum_up_run(run: Services, outcome: str, reason: str | None, seconds: float) -> None:
    """Log how a run ended, and what it read."""
    sums = summary(run.ledger.entries())
    EVENTS.info(
        "%s: %s (lower bound: %s).",
        _ENDINGS[outcome],
        _cost(sums, seconds),
        some(sums["lower_bound"], "request"),
        happened="run_ends",
        outcome=outcome,
        reason=reason,
        seconds=seconds,
        **sums,
    )


def sum_up_backfill(window: str, *, is_done: bool) -> None:
    """Log whether a backfill is done, or has to be started again."""
    end = (
        "is done. The same run again asks for nothing"
        if is_done
        else "goes on with the next run"
    )
    happened = "backfill_done" if is_done else "backfill_goes_on"
    EVENTS.info("The backfill from %s %s.", window, end, happened=happened)


def warn_of_expiry(run: Services) -> None:
    """Warn if the application's secret expires soon."""
    until = run.token.secret_valid_until
    if until is None or until - run.clock.now() >= _NOTICE:
        return
    EVENTS.warning(
        "The application's secret expires at %s. Until then copy the next secret from "
        "the application's page on the intranet to `client_secret`, and confirm the "
        "rotation there.",
        f"{until:%Y-%m-%d %H:%M} UTC",
        happened="secret_expires",
        secret_valid_until=until.isoformat(),
    )


def _window(entries: Sequence[Entry]) -> tuple[str | None, str | None]:
    """Return the first and last instant of what was read; None for a missing bound."""
    covered = [entry for entry in entries if entry.ends is not None]
    begins = [entry.begins for entry in covered if entry.begins is not None]
    ends = [entry.ends for entry in covered if entry.ends is not None]
    is_closed = begins and len(begins) == len(covered)
    return (
        from_milliseconds(min(begins)) if is_closed else None,
        from_milliseconds(max(ends)) if ends else None,
    )


def _cost(sums: dict[str, Any], seconds: float) -> str:
    rows, requests = some(sums["rows_emitted"], "row"), some(sums["requests"], "request")
    return f"{rows} in {requests} and {seconds:,.1f} s"


def _readable(instant: str) -> str:
    return f"{instant[:10]} {instant[11:19]} UTC"
