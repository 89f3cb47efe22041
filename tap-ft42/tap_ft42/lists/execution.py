"""Executes planned reads: gives their steps to the pipeline, and their plans to the spool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tap_ft42.api.page import Page
from tap_ft42.declared.contexts import list_of, parent_of
from tap_ft42.lists.corrected import is_read_at_once
from tap_ft42.lists.sweeping import Halving
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.planning.bookmarks import Movement
from tap_ft42.planning.plan import PlannedRead
from tap_ft42.planning.steps import Step, Way
from tap_ft42.planning.sweeps import sweep_state
from tap_ft42.reading.running import Reading
from tap_ft42.reading.source import Source
from tap_ft42.run.list_in_run import ListInRun


@dataclass(frozen=True)
class RunningRead:
    """A planned read that the pipeline runs, with the movements of its bookmarks."""

    read: PlannedRead
    steps: Sequence[tuple[Step, Reading, Movement]]
    halving: Halving | None = None
    """The sweep that failed and was halved, if this read is one of its halves."""


class Execution:
    """The planned reads of a list that the pipeline runs."""

    def __init__(self, of: ListInRun, traits: Sequence[Trait]) -> None:
        self.list = of
        self.traits = traits
        self._movements: dict[str, Sequence[Movement]] = {}
        """By plan: its movements, which batches of people share."""

    def begin(
        self,
        read: PlannedRead,
        halving: Halving | None = None,
        *,
        is_urgent: bool,
    ) -> RunningRead:
        """Let the pipeline run a planned read.

        If it `is_urgent`, its first page is fetched before anything else.
        """
        source, place = self._source(read), read.partitions[0].place
        accepts = partial(self._accepts, read) if read.is_sweep else None
        readings = [
            self.list.run.pipeline.read(
                (*place, number),
                source,
                step.reading(read.listing, accepts),
                is_urgent=is_urgent and number == 0,
            )
            for number, step in enumerate(read.steps)
        ]
        movements = self._movements_of(read)
        steps = list(zip(read.steps, readings, movements, strict=True))
        return RunningRead(read, steps, halving)

    def _source(self, read: PlannedRead) -> Source:
        context, path = read.contexts[0], self.list.path
        if not read.is_sweep:
            return self.list.reader.source(
                context, self.list.query(context), read.name, path=path
            )
        whole = list_of(context)
        query = self.list.query(whole)
        if (name := read.listing.parent_filter) is not None:
            query[name] = ",".join(str(parent_of(member)) for member in read.contexts)
        return self.list.reader.source(
            whole, query, read.name, path=self.list.whole_path, is_divided=False
        )

    def _movements_of(self, read: PlannedRead) -> Sequence[Movement]:
        """Return the movements of the partitions' states, one for each step."""
        listing = read.listing
        states = self.list.plans[read.name] = [one.state for one in read.partitions]
        if read.is_sweep:
            return [Movement(step, listing, states) for step in read.steps]
        if read.name not in self._movements:
            # Batches of people share the state of the list.
            readers = 1 if self.list.is_one_list else len(self.list.contexts or ()) or 1
            self._movements[read.name] = [
                Movement(step, listing, states, readers) for step in read.steps
            ]
        return self._movements[read.name]

    def _accepts(self, read: PlannedRead, head: Page) -> bool:
        if is_read_at_once(self.list):
            return True
        # A list that cannot be narrowed to some parents may hold many rows of others.
        is_load = read.way is Way.LOAD
        if is_load and not read.is_narrowed and head.pages > len(read.partitions):
            return False
        return all(trait.is_worth_sweeping(head, read) for trait in self.traits)

    def end(self, *, is_cut_short: bool) -> None:
        """Tell the spool how far the run has followed its plans."""
        spool, is_full = self.list.run.spool, self.list.listing.cursor is None
        for name, states in self.list.plans.items():
            state = sweep_state(states) if len(states) > 1 else states[0]
            if is_cut_short:
                spool.pause(name, state)
            else:
                spool.end(name, state, is_full=is_full)
        if self.list.plans:
            spool.tidy()
