"""The plan of a run: which partitions of a list are read together, and by which steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
from tap_ft42.reading.spool import FRESH, LONGEST_AGE, Spool


@dataclass(frozen=True)
class Partition:
    """A part of a list that has a state of its own.

    Attributes:
        context: Its parent, its cursus or both; None if it is the whole list.
        state: Its state. To continue an earlier plan, this is changed in place.
        is_full: Whether all of it is due, as far as no bookmark says otherwise.
        is_due: Whether the run has anything to read of it.
        is_short: Whether its first window is to show all rows, as one page has room for them.
        place: Its place in the order of the run.
    """

    context: Context | None
    state: dict[str, Any]
    is_full: bool = True
    is_due: bool = True
    is_short: bool = False
    place: Place = ()


@dataclass(frozen=True)
class PlannedRead:
    """The plan to read one partition, or several in a sweep.

    Attributes:
        listing: The list, as the plan takes it to be.
        partitions: The partitions.
        name: The name of the read in the spool.
        steps: The steps, in order.
    """

    listing: Listing
    partitions: Sequence[Partition]
    name: str
    steps: Sequence[Step]

    @cached_property
    def contexts(self) -> list[Context | None]:
        """The contexts of the partitions."""
        return [partition.context for partition in self.partitions]

    @cached_property
    def is_sweep(self) -> bool:
        """Whether several partitions share the read."""
        return len(self.partitions) > 1

    @property
    def is_narrowed(self) -> bool:
        """Whether it asks for rows of its partitions only."""
        return not self.is_sweep or self.listing.parent_filter is not None

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


def planned(
    listing: Listing,
    members: Sequence[Partition],
    times: Times,
    spool: Spool | None = None,
) -> PlannedRead:
    """Plan the read that brings some partitions of one cursus up to date.

    If a spool is given, the read continues what an earlier run has left there.
    """
    first, *others = members
    name, state = _name(listing, members), first.state
    is_full, is_short = first.is_full and not others, first.is_short and not others
    if others:
        state = sweep_state([member.state for member in members])
    cursor, changes, steps, stops = listing.cursor, listing.changes, list[Step](), [times.until]
    is_any = cursor is not None or is_full or (changes is not None and not times.is_past)
    if not (is_any and any(member.is_due for member in members)):
        return PlannedRead(listing, members, name, steps)
    if spool is not None:
        longest_age = FRESH if cursor is None else LONGEST_AGE
        stops = spool.follow(name, state, times.until, longest_age)
    if cursor is not None:
        steps += incremental_steps(listing, cursor, state, stops, times, is_short=is_short)
    elif is_full:
        steps += [full_step(listing, state, stops[-1])]
    elif changes is not None:
        steps += [change_step(changes, state, stops[-1], times)]
    return PlannedRead(listing, members, name, steps)


def _name(listing: Listing, members: Sequence[Partition]) -> str:
    """Return the name of a read in the spool."""
    if len(members) == 1:
        context: Context = members[0].state.get("context", {})
        return " ".join([listing.name, *(f"{key}={value}" for key, value in context.items())])
    whole = list_of(members[0].context)
    cursus = f" cursus_id={cursus_of(whole)}" if whole else ""
    ids = ""
    if listing.parent is not None:
        ids = ",".join(str(parent_of(member.context)) for member in members)
    return f"sweep of {listing.name}{cursus} {ids}"
