"""In which order a run spends a budget that does not suffice for everything.

What waits longest comes first, and what people look at most counts as waiting longer.
Whatever has had its turn goes to the end of the queue even if it is not complete, so a
first load of many runs delays nobody, and nobody waits for ever.

In the state of a stream or partition stands ``served_at``: when the run began that last
spent a request on it. What an earlier run had read and left on disk is no turn.
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
    """Tell how urgently a list, or one below it, has to be read.

    Args:
        lists: The list and those below it: the state of the stream, those of its
            partitions, and its weight.
        now: When the run began, in milliseconds since 1970.

    Returns:
        The greatest of how long each of them waits, times its weight.
    """
    return max(
        (now - max(last_served(whole), min(map(last_served, partitions), default=0))) * weight
        for whole, partitions, weight in lists
    )
