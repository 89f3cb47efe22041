"""The reads of a list that the pipeline runs, before the run has come to their partitions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_ft42.declared.contexts import key_of, list_of, parent_of
from tap_ft42.planning.bookmarks import movement
from tap_ft42.planning.steps import Way
from tap_ft42.planning.sweeps import together
from tap_ft42.run.dealing import pages_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.declared.contexts import Context
    from tap_ft42.planning.bookmarks import Movement
    from tap_ft42.planning.plan import PlannedRead
    from tap_ft42.reading.pipeline import Reading
    from tap_ft42.reading.places import Place
    from tap_ft42.run.partitions import Partitions
    from tap_ft42.run.sweeping import Halving
    from tap_ft42.run.trait import Trait

Member: TypeAlias = "tuple[Context | None, Place]"
"""A partition by its context, and its place in the order of the run."""


@dataclass(frozen=True)
class Started:
    """A planned read that the pipeline runs, and what moves bookmarks as it goes on."""

    read: PlannedRead
    members: Sequence[Member]
    readings: Sequence[Reading]
    movements: Sequence[Movement]
    halving: Halving | None = None


class StartedReads:
    """What of a list is read ahead."""

    def __init__(self, partitions: Partitions, traits: Sequence[Trait]) -> None:
        """Read nothing yet.

        Args:
            partitions: The list.
            traits: What it needs beside what all lists do.
        """
        self._list = partitions
        self._traits = traits
        self._running: dict[Hashable, Started | None] = {}
        self._due: dict[Hashable, bool] = {}
        self._movements: dict[str, Sequence[Movement]] = {}
        self._swept: dict[str, Sequence[dict[str, Any]]] = {}

    def is_due(self, context: Context | None) -> bool | None:
        """Tell whether anything of a partition is read; None if it is not planned."""
        return self._due.get(key_of(context))

    def __contains__(self, context: Context | None) -> bool:
        """Tell whether a partition is read ahead and the run has not come to it yet."""
        return key_of(context) in self._running

    def take(self, context: Context | None) -> Started | None:
        """Return the read of a partition, for good; None if an earlier one has its rows."""
        return self._running.pop(key_of(context))

    def begin(
        self,
        reads: Iterable[PlannedRead],
        members: Sequence[Member],
        halving: Halving | None = None,
        *,
        is_urgent: bool = False,
    ) -> None:
        """Let the pipeline read.

        Args:
            reads: The plan.
            members: The partitions that it is of.
            halving: The sweep whose half these are, if they are one.
            is_urgent: Whether to find out early how much it is.
        """
        of = {key_of(context): (context, place) for context, place in members}
        for read in reads:
            keys = [key_of(context) for context in read.contexts]
            self._due |= dict.fromkeys(keys, bool(read.steps))
            self._running |= dict.fromkeys(keys)
            self._running[keys[0]] = self._started(
                read, [of[key] for key in keys], halving, is_urgent=is_urgent
            )

    def _started(
        self,
        read: PlannedRead,
        members: Sequence[Member],
        halving: Halving | None,
        *,
        is_urgent: bool,
    ) -> Started:
        reader, ((context, place), *_) = self._list.reader, members
        listing = self._list.fitted_listing
        accepts = None
        if read.is_sweep:
            whole = list_of(context)
            query = self._list.query(whole)
            if listing.parent_filter is not None:
                ids = (str(parent_of(member)) for member in read.contexts)
                query[listing.parent_filter] = ",".join(ids)
            source = reader.source(whole, query, read.name, path=self._list.whole_path)
            states = [self._list.state(member) for member in read.contexts]
            self._swept[read.name] = states
            movements: Sequence[Movement] = [
                movement(step, self._list.listing, states) for step in read.steps
            ]
            accepts = partial(self._accepts, read)
        else:
            query, path = self._list.query(context), self._list.path
            source = reader.source(context, query, read.name, path=path)
            self._list.plans[read.name] = read.state
            movements = self._movements_of(read)
        readings = [
            reader.begin(
                (*place, number),
                source,
                step.reading(listing, accepts),
                is_urgent=is_urgent and number == 0,
                is_divided=not read.is_sweep,
            )
            for number, step in enumerate(read.steps)
        ]
        return Started(read, members, readings, movements, halving)

    def _movements_of(self, read: PlannedRead) -> Sequence[Movement]:
        """Return what moves the state of a partition; batches of people share one state."""
        if read.name not in self._movements:
            readers = len(self._list.contexts or ()) or 1
            readers = 1 if self._list.is_one_list else readers
            self._movements[read.name] = [
                movement(step, self._list.listing, [read.state], readers) for step in read.steps
            ]
        return self._movements[read.name]

    def _accepts(self, read: PlannedRead, head: Page) -> bool:
        if self._list.is_campus_ignored:
            return True
        # A list of all parents may have many rows of others.
        is_narrowed = self._list.fitted_listing.parent_filter is not None
        if read.way is Way.LOAD and not is_narrowed and pages_of(head) > len(read.partitions):
            return False
        return all(trait.is_worth_sweeping(head, read) for trait in self._traits)

    def end(self, *, is_cut_short: bool) -> None:
        """Tell the spool how far the plans of the run have been followed.

        Args:
            is_cut_short: Whether the next run goes on with them.
        """
        spool, is_full = self._list.run.spool, self._list.listing.cursor is None
        swept = {name: together(states) for name, states in self._swept.items()}
        plans = self._list.plans | swept
        for name, state in plans.items():
            if is_cut_short:
                spool.pause(name, state)
            else:
                spool.end(name, state, is_full=is_full)
        if plans:
            spool.tidy()
