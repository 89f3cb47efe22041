"""In which order a run spends a budget that may not do for everything.

What waits longest comes first, and what people look at most counts as waiting longer.
Whatever has had its turn goes to the end of the queue even if it is not through, so a
first load of many runs holds up nobody, and nobody waits for ever.

In the state of a stream or partition stands ``served_at``: when the run began that last
spent a request on it. What an earlier run had read and left on disk is no turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.declared.instants import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_ft42.singer.planned import PlannedStream


def by_need(streams: Iterable[PlannedStream], now: int) -> list[PlannedStream]:
    """Bring the streams that a run begins with into the order in which they are read.

    Args:
        streams: Streams without parents.
        now: When the run began, in milliseconds since 1970.

    Returns:
        The same, the neediest first.
    """
    return sorted(streams, key=lambda stream: -_need(stream, now))


def last_served(state: Mapping[str, Any]) -> int:
    """Return when a stream or partition last had its turn.

    Args:
        state: Its state.

    Returns:
        Milliseconds since 1970; 0 for never.
    """
    return max(milliseconds(state.get(mark)) or 0 for mark in ("served_at", "read_until"))


def _need(stream: PlannedStream, now: int) -> int:
    """Return how long a stream waits, and what is read below it, times its weight."""
    family = [stream, *stream.wanted_children]
    return max((now - _served(member)) * member.weight for member in family)


def _served(stream: PlannedStream) -> int:
    partitions = [
        last_served(partition)
        for whole in stream.lists
        for partition in stream.states_within(whole)
    ]
    return max(last_served(stream.stream_state), min(partitions, default=0))
