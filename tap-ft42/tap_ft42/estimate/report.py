"""What a run would cost, as a table for a person to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.words import table
from tap_ft42.estimate.costs import Estimate
from tap_ft42.run.run import Run

_TEXTS = 3
"""Columns of the printed table that hold text, not figures."""


def as_text(run: Run, costs: Sequence[Estimate]) -> str:
    """Return estimates as a table with a summary, for a person to read."""
    rows = [("stream", "mode", "changes since", "rows", "requests"), *map(_line, costs)]
    lines = [*table(rows, texts=_TEXTS), "", *_sum(run, sum(cost.requests for cost in costs))]
    if {cost.intent.mode for cost in costs} <= {"full", "first load"}:
        lines += ["This is a first load: no bookmarks were given (--state)."]
    return "\n".join(lines)


def _line(cost: Estimate) -> tuple[str, ...]:
    intent = cost.intent
    return (
        intent.name,
        intent.mode,
        "" if intent.begins is None else from_milliseconds(intent.begins),
        "?" if cost.rows is None else f"{cost.rows:,}",
        f"{cost.requests:,}",
    )


def _sum(run: Run, requests: int) -> Iterator[str]:
    yield f"About {requests:,} requests until {from_milliseconds(run.times.until)}."
    quota, allowed = run.quota, run.quota.allowed
    per_hour, per_second = quota.usable, quota.per_second
    if allowed is not None:
        ceilings = (
            _limit(run.settings.get(f"requests_per_{one}")) for one in ("second", "hour")
        )
        kept = (
            f"The settings allow {' and '.join(ceilings)}, so the run sends at most "
            f"{_limit(per_second)} and {_limit(quota.per_hour)}."
            if per_second or quota.per_hour
            else "The settings let the run send any number."
        )
        yield (
            f"42 allows {allowed.per_second:,} requests a second and {allowed.per_hour:,} an "
            f"hour (roles: {allowed.roles}). {kept}"
        )
    if per_hour:
        yield f"That is {requests / per_hour:.0%} of the {per_hour:,} that an hour allows."
    if per_second:
        yield f"At {per_second} a second it takes {ceil(requests / per_second / 60):,} min."
    most = run.settings.get("max_requests")
    if most and most < requests:
        yield f"A run sends {most:,} at most (max_requests): {ceil(requests / most):,} runs."


def _limit(requests: int | None) -> str:
    return "as many" if requests is None else f"{requests:,}" if requests else "any number"
