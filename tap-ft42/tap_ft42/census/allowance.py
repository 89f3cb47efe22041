"""How many requests the censuses of a run may use."""

from __future__ import annotations

from math import ceil
from sys import maxsize
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_ft42.run.run import Run

_SHARE = 4
"""Counts end once this part of the hour's requests, a quarter, has been sent, unless the
settings say otherwise. Others need the rest."""


def requests_left(run: Run) -> int:
    """Return how many requests are left for counts in this hour."""
    spent = run.quota.spent if run.quota.per_hour else run.budget.spent
    wanted: int | None = run.settings.get("census_requests")
    return max((wanted or run.quota.per_hour // _SHARE or maxsize) - spent, 0)


def end_of(share: float, run: Run) -> int:
    """Return how many requests the run may have spent when a list has used its share."""
    return run.budget.spent + ceil(requests_left(run) * share)
