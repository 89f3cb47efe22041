"""How many requests the censuses of a run may use."""

from __future__ import annotations

from math import ceil
from sys import maxsize

from tap_ft42.run.run import Run

_SHARE = 4
"""Counts end once this part of the hour's requests, a quarter, has been sent, unless the
settings say otherwise. Others need the rest."""

_OWN_SHARE = 8
"""Counts may send this part of the hour, an eighth, whatever was sent before: where a whole
network is read by nights only, each of them needs more than a quarter to read what changed."""


def requests_left(run: Run) -> int:
    """Return how many requests are left for counts in this hour."""
    per_hour, of_run = run.quota.per_hour, run.budget.spent
    spent = run.quota.spent if per_hour else of_run
    wanted: int | None = run.settings.get("census_requests")
    if wanted or not per_hour:
        return max((wanted or maxsize) - spent, 0)
    on_counts = 0 if run.spent_before_counts is None else of_run - run.spent_before_counts
    # No run waits for the next hour because of counts.
    own = min(per_hour // _OWN_SHARE - on_counts, run.quota.usable - spent)
    return max(per_hour // _SHARE - spent, own, 0)


def end_of(share: float, run: Run) -> int:
    """Return how many requests the run may have spent when a list has used its share."""
    return run.budget.spent + ceil(requests_left(run) * share)
