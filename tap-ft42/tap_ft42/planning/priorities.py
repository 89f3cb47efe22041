"""The order in which a run reads lists if its budget does not suffice for all.

The list that has waited longest comes first. A list that people use much has a greater
weight, and counts as waiting longer. After its turn, a list goes to the end of the queue even
if it is not complete. So a first load of many runs does not delay the other lists, and no list
waits for ever.

The state of a stream or partition holds ``served_at``: when the run began that last spent a
request on it. Pages that an earlier run left on disk do not count as a turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.declared.instants import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    State = Mapping[str, Any]


def last_served(state: State) -> int:
    """Return when a stream or partition last had its turn.

    Returns:
        Milliseconds since 1970; 0 for never.
    """
    return max(milliseconds(state.get(mark)) or 0 for mark in ("served_at", "read_until"))


def need(lists: Iterable[tuple[State, Sequence[State], int]], now: int) -> int:
    """Return how urgent it is to read a list or one of its children.

    Args:
        lists: The list and its children: for each, the state of the stream, the states of its
            partitions, and its weight.
        now: When the run began, in milliseconds since 1970.

    Returns:
        The greatest product of waiting time, in milliseconds, and weight.
    """
    return max(
        (now - max(last_served(whole), min(map(last_served, partitions), default=0))) * weight
        for whole, partitions, weight in lists
    )
