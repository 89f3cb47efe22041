"""What a census gets from its run."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from sys import maxsize
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_ft42.api.budget import Budget
    from tap_ft42.api.quota import Quota
    from tap_ft42.planning.scope import Scope
    from tap_ft42.planning.steps import Times
    from tap_ft42.reading.places import Place
    from tap_ft42.run.partitions import Partitions
    from tap_ft42.run.people import Departures
    from tap_ft42.run.run import Run

_SHARE = 4
"""Counts end once this part of the hour's requests, a quarter, has been sent, unless the
settings say otherwise. Others need the rest."""


@dataclass(frozen=True, kw_only=True)
class CensusTerms:
    """What the censuses of a run need from it."""

    settings: Mapping[str, Any]
    """The settings of the tap."""
    began: int
    """When the run began, in milliseconds since 1970."""
    now: Callable[[], float]
    """Returns the Unix time."""
    times: Times
    """The instants between which the run reads."""
    scope: Scope
    """Which part of the network the run reads."""
    quota: Quota
    """The application's limits."""
    budget: Budget
    """What the run may spend."""
    is_wanted: Callable[[], bool]
    """Whether anybody wants to know which rows exist."""
    is_whole: Callable[[], bool]
    """Whether the run is neither a dry run nor a backfill."""
    ends_early: Callable[[], bool]
    """Whether the run ends before all rows are read."""
    next_place: Callable[[], Place]
    """Returns the next place in the order of the run."""
    write_state: Callable[[], None]
    """Writes the state now and then."""
    departures: Departures
    """The people whom the run has found to be gone so far."""

    @classmethod
    def of(cls, run: Run) -> CensusTerms:
        """Return the terms of a run."""
        return cls(
            settings=run.settings,
            began=run.began,
            now=run.clock.time,
            times=run.times,
            scope=run.scope,
            quota=run.quota,
            budget=run.budget,
            is_wanted=lambda: run.is_census_wanted,
            is_whole=lambda: not run.is_dry_run and run.backfill is None,
            ends_early=lambda: run.lifecycle.ends_early,
            next_place=run.next_place,
            write_state=run.write_state_if_due,
            departures=run.people.departures,
        )

    @property
    def left(self) -> int:
        """Requests that are left for counts in this hour."""
        spent = self.quota.spent if self.quota.per_hour else self.budget.spent
        wanted: int | None = self.settings.get("census_requests")
        return max((wanted or self.quota.per_hour // _SHARE or maxsize) - spent, 0)

    def end(self, share: float) -> int:
        """Return how many requests the run may have spent when a list has used its share."""
        return self.budget.spent + ceil(self.left * share)


def is_counted(counted: Partitions, terms: CensusTerms) -> bool:
    """Tell whether a census counts the rows of a list."""
    return counted.output.selected and terms.is_wanted() and terms.is_whole()
