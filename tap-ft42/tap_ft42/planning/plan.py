"""The plan of a run: which partitions of a list are read together, and by which steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from tap_ft42.declared.contexts import Context, cursus_of, list_of, parent_of
from tap_ft42.declared.listing import Listing
from tap_ft42.planning.steps import (
    Step,
    Times,
    Way,
    change_step,
    full_step,
    incremental_steps,
)
from tap_ft42.planning.sweeps import sweep_state, sweeps
from tap_ft42.reading.places import Place
from tap_ft42.reading.spool import FRESH, LONGEST_AGE


@dataclass(frozen=True)
class Partition:
    """A part of a list that has a state of its own.

    Attributes:
        context: Its parent, its cursus or both; None if it is the whole list.
        state: Its state. To continue an earlier plan, this is changed in place.
        name: Its name in the spool.
        is_full: Whether all of it is due, as far as no bookmark says otherwise.
        is_due: Whether the run has anything to read of it.
        is_short: Whether its first window is to show all rows, as one page has room for them.
        place: Its place in the order of the run.
    """

    context: Context | None
    state: dict[str, Any]
    name: str
    is_full: bool = True
    is_due: bool = True
    is_short: bool = False
    place: Place = ()


@dataclass(frozen=True)
class PlannedRead:
    """The plan to read one partition, or several in a sweep.

    Attributes:
        partitions: The partitions.
        name: The name of the read in the spool.
        state: The state with which it begins. For a single partition, its own state.
        steps: The steps, in order.
    """

    partitions: tuple[Partition, ...]
    name: str
    state: dict[str, Any]
    steps: tuple[Step, ...]

    @cached_property
    def contexts(self) -> list[Context | None]:
        """The contexts of the partitions."""
        return [partition.context for partition in self.partitions]

    @cached_property
    def is_sweep(self) -> bool:
        """Whether several partitions share the read."""
        return len(self.partitions) > 1

    @property
    def begins(self) -> int | None:
        """Lower bound of the first window, if it has one."""
        return self.steps[0].begins if self.steps else None

    @property
    def is_from_scratch(self) -> bool:
        """Whether no earlier run has read any of it."""
        return bool(self.steps) and self.steps[0].since == ""

    @property
    def way(self) -> Way | None:
        """How the first step is read; None if nothing is due."""
        return self.steps[0].way if self.steps else None


Stops: TypeAlias = Callable[[str, dict[str, Any], int, float], list[int]]
"""Returns the instants up to which a partition is read, one after the other, such as
`Spool.follow`. Arguments: the name, the state, the end of the run, and the seconds after which
an earlier plan is not continued."""


def to_the_end(
    _name: str, _state: dict[str, Any], until: int, _longest_age: float
) -> list[int]:
    """Return only the end of the run, as if there were no earlier plan."""
    return [until]


def sharing(
    listing: Listing, partitions: Sequence[Partition], *, are_loads_apart: bool = False
) -> list[list[Partition]]:
    """Group partitions that are complete up to about the same instant.

    First loads below parents are grouped, too, if they have come equally far, unless each is
    to be read apart.
    """
    if listing.largest_sweep == 1:
        return [[partition] for partition in partitions]
    # First loads by people stay apart: without the batches they would read everybody's rows.
    with_loads = listing.parent is not None and not are_loads_apart
    states = [partition.state for partition in partitions]
    groups = sweeps(states, listing.largest_sweep, with_loads=with_loads)
    return [[partitions[number] for number in group] for group in groups]


def plan(
    listing: Listing,
    groups: Sequence[Sequence[Partition]],
    times: Times,
    stops: Stops = to_the_end,
) -> list[PlannedRead]:
    """Plan the reads that bring partitions of a list up to date.

    The groups are of one cursus; each shares a read, which ends where `stops` says.
    """
    return [_planned_read(members, listing, times, stops) for members in groups]


def _planned_read(
    members: Sequence[Partition], listing: Listing, times: Times, stops: Stops
) -> PlannedRead:
    first, *others = members
    name, state, is_full, is_short = first.name, first.state, first.is_full, first.is_short
    if others:
        state = sweep_state([member.state for member in members])
        name, is_full, is_short = _sweep_name(listing, members), False, False
    steps: Iterable[Step] = ()
    if not any(member.is_due for member in members):
        pass
    elif (cursor := listing.cursor) is not None:
        until = stops(name, state, times.until, LONGEST_AGE)
        steps = incremental_steps(listing, cursor, state, until, times, is_short=is_short)
    elif is_full:
        until = stops(name, state, times.until, FRESH)
        steps = [full_step(listing, state, until[-1])]
    elif listing.changes is not None and not times.is_past:
        until = stops(name, state, times.until, FRESH)
        steps = [change_step(listing.changes, state, until[-1], times)]
    return PlannedRead(tuple(members), name, state, tuple(steps))


def _sweep_name(listing: Listing, members: Sequence[Partition]) -> str:
    """Return the name of a sweep in the spool."""
    whole = list_of(members[0].context)
    cursus = f" cursus_id={cursus_of(whole)}" if whole else ""
    ids = ""
    if listing.parent is not None:
        ids = ",".join(str(parent_of(member.context)) for member in members)
    return f"sweep of {listing.name}{cursus} {ids}"
