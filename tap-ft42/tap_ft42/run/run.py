"""One run: its services, its life, and what else its lists share."""

from __future__ import annotations

from functools import cached_property

from tap_ft42.census.terms import CensusTerms
from tap_ft42.run.lifecycle import Lifecycle
from tap_ft42.run.people import Directory
from tap_ft42.run.services import Services


class Run(Services):
    """What the lists of a run share."""

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """How the run begins, goes on and ends."""
        return Lifecycle(self, self._host)

    @cached_property
    def people(self) -> Directory:
        """The people in scope."""
        return Directory(self.scope)

    @cached_property
    def census_terms(self) -> CensusTerms:
        """What the censuses of the run need to know of it."""
        return CensusTerms(
            settings=self.settings,
            began=self.began,
            now=self.clock.time,
            times=self.times,
            scope=self.scope,
            quota=self.quota,
            budget=self.budget,
            is_wanted=lambda: self._host.is_census_wanted,
            is_whole=lambda: not self.is_dry_run and self.backfill is None,
            ends_early=lambda: self.lifecycle.ends_early,
            next_place=self.next_place,
            write_state=self.write_state_if_due,
        )

    def stop(self, reason: str) -> None:
        """Let the run end now, in good order."""
        self.pipeline.stop(self.budget.stop(reason))
