"""One run: its services, its life, and what else its lists share."""

from __future__ import annotations

from functools import cached_property

from tap_ft42.run.lifecycle import Lifecycle
from tap_ft42.run.people import Directory
from tap_ft42.run.services import Services


class Run(Services):
    """What the lists of a run share."""

    spent_before_counts: int | None = None
    """Requests that it had sent when its census began; None until then."""

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """How the run begins, goes on and ends."""
        return Lifecycle(self, self._host)

    @cached_property
    def people(self) -> Directory:
        """The people in scope."""
        return Directory(self.scope)

    def stop(self, reason: str) -> None:
        """Let the run end now, in good order."""
        self.pipeline.stop(self.budget.stop(reason))
