"""The plan of a run: which partitions of a list are read together, and by which steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_ft42.declared.contexts import cursus_of, list_of, parent_of
from tap_ft42.planning.steps import (
    Step,
    Way,
    change_steps,
    full_steps,
    incremental_steps,
)
from tap_ft42.planning.sweeps import sweeps, together
from tap_ft42.reading.spool import FRESH, LONGEST_AGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.planning.steps import Times
    from tap_ft42.reading.places import Place


@dataclass(frozen=True)
class Partition:
    """A part of a list that has a state of its own.

    Attributes:
        context: What it is a part by; None if it is the whole list.
        state: Its state; a plan that is taken up again changes it in place.
        name: What it is called in the spool.
        is_full: Whether a read of all of it is due, where it has no bookmark or may lose it.
        is_due: Whether anything of it is to be read in this run.
        is_short: Whether a page shows all of it, and it is to be shown.
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
    """What is read at once: a partition, or several in a sweep.

    Attributes:
        partitions: The partitions.
        name: What the read is called in the spool.
        state: The state that it begins with; of one partition, its own.
        steps: The steps, in their order.
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
        """Whether several partitions share it."""
        return len(self.partitions) > 1

    @property
    def begins(self) -> int | None:
        """Lower bound of its first window, if it has one."""
        return self.steps[0].begins if self.steps else None

    @property
    def way(self) -> Way | None:
        """How its first step is read; None if nothing is due."""
        return self.steps[0].way if self.steps else None


Stops: TypeAlias = "Callable[[str, dict[str, Any], int, float], list[int]]"
"""Says up to which instants a partition is read, one after the other: by its name, its state,
the end of the run, and the seconds after which an earlier plan is not taken up; as
`Spool.follow`."""

Grouping: TypeAlias = "Callable[[Listing, Sequence[Partition]], list[list[Partition]]]"
"""Says which partitions of a list share a read."""


def to_the_end(
    _name: str, _state: dict[str, Any], until: int, _longest_age: float
) -> list[int]:
    """Return the end of the run, as where no plan was begun."""
    return [until]


def alike(listing: Listing, partitions: Sequence[Partition]) -> list[list[Partition]]:
    """Let partitions share a read that are complete up to about the same instant.

    So do those parents whose first load has come equally far.
    """
    # People are asked for in batches, as all of them would have other rows, too.
    return _groups(listing, partitions, with_loads=listing.parent is not None)


def loads_apart(listing: Listing, partitions: Sequence[Partition]) -> list[list[Partition]]:
    """Let first loads share no reads; else as `alike`."""
    return _groups(listing, partitions, with_loads=False)


def apart(_listing: Listing, partitions: Sequence[Partition]) -> list[list[Partition]]:
    """Let each partition be read by itself."""
    return [[partition] for partition in partitions]


def at_once(_listing: Listing, partitions: Sequence[Partition]) -> list[list[Partition]]:
    """Let all partitions share one read."""
    return [[*partitions]]


def _groups(
    listing: Listing, partitions: Sequence[Partition], *, with_loads: bool
) -> list[list[Partition]]:
    if listing.largest_sweep == 1:
        return apart(listing, partitions)
    states = [partition.state for partition in partitions]
    groups = sweeps(states, listing.largest_sweep, with_loads=with_loads)
    return [[partitions[number] for number in group] for group in groups]


def plan(
    listing: Listing,
    partitions: Sequence[Partition],
    times: Times,
    stops: Stops = to_the_end,
    grouping: Grouping = alike,
) -> list[PlannedRead]:
    """Tell what brings partitions of a list up to date.

    Args:
        listing: The list.
        partitions: What is to be brought up to date, all of one cursus, in the order of the
            run.
        times: The instants of the run.
        stops: Where reads end.
        grouping: Which partitions share one.

    Returns:
        The reads, in the order of their first partitions.
    """
    groups = grouping(listing, partitions)
    return [_together(members, listing, times, stops) for members in groups]


def _together(
    members: Sequence[Partition], listing: Listing, times: Times, stops: Stops
) -> PlannedRead:
    first, *others = members
    name, state, is_full = first.name, first.state, first.is_full
    if others:
        state = together([member.state for member in members])
        name, is_full = sweep_name(listing, members), False
    steps = list[Step]()
    if any(member.is_due for member in members):
        is_short = first.is_short and not others
        steps = _steps(listing, name, state, times, stops, is_full=is_full, is_short=is_short)
    return PlannedRead(tuple(members), name, state, tuple(steps))


def sweep_name(listing: Listing, members: Sequence[Partition]) -> str:
    """Return what a sweep is called in the spool."""
    whole = list_of(members[0].context)
    cursus = f" cursus_id={cursus_of(whole)}" if whole else ""
    ids = ""
    if listing.parent is not None:
        ids = ",".join(str(parent_of(member.context)) for member in members)
    return f"sweep of {listing.name}{cursus} {ids}"


def _steps(  # noqa: PLR0913 - what a plan follows from
    listing: Listing,
    name: str,
    state: dict[str, Any],
    times: Times,
    stops: Stops,
    *,
    is_full: bool,
    is_short: bool,
) -> list[Step]:
    if (cursor := listing.cursor) is not None:
        until = stops(name, state, times.until, LONGEST_AGE)
        return list(incremental_steps(listing, cursor, state, until, times, is_short=is_short))
    if is_full:
        until = stops(name, state, times.until, FRESH)
        return full_steps(listing, state, until[-1])
    if listing.changes is None or times.is_past:
        return []
    until = stops(name, state, times.until, FRESH)
    return change_steps(listing.changes, state, until[-1], times)
