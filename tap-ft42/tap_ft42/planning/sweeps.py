"""Which partitions of a stream are read together.

The API takes up to 100 ids in one filter, so the children of many parents can share
their requests: ``filter[campus]=1,9,12,…`` asks for all campuses what
``filter[campus]=1`` asks for one. Such a read is a *sweep*. The state, the tables and
the SDK know nothing of it: each child keeps a bookmark of its own, and a sweep moves
those of all its members alike.

**Who takes part.** Partitions that have come to the end of their first load, and are
complete up to instants within an hour; and partitions whose first load has come equally
far, such as all that nobody has begun. A campus that is new in the scope is loaded by
itself, and joins the sweep of the others with the next run, as a run levels the bookmarks
of all that it has read.

**Where it begins.** A partition is complete up to its bookmark and, since a window was
read to its end there, up to ``read_until``. So nothing is lost by a sweep that begins
where the member that is least far is complete; what the others have read beyond that
is read twice. It begins at the greatest bookmark of its members if that is earlier, as
`tap_ft42.planning.bookmarks.level` has it: ``read_until`` is of another clock than the rows.
A first load goes on behind the id that it has come to.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tap_ft42.declared.instants import HOUR, from_milliseconds, milliseconds
from tap_ft42.declared.listing import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CLOSE = HOUR
"""Milliseconds between two instants that are about the same."""


def sweeps(
    states: Sequence[Mapping[str, Any]], largest: int = LARGEST, *, with_loads: bool = True
) -> list[list[int]]:
    """Tell which partitions are read together.

    Args:
        states: The SDK's states of the partitions.
        largest: Members of a sweep, at most.
        with_loads: Whether first loads share one, too.

    Returns:
        Positions in ``states``, each once: sweeps in their order, and lists of one
        for partitions that are read by themselves.
    """
    known = [(end, number) for number, state in enumerate(states) if (end := _complete(state))]
    loads = list(_loads(states))
    groups = [] if with_loads else [[number] for load in loads for number in load]
    for cluster in [*_clusters(sorted(known)), *(loads if with_loads else [])]:
        # In the order of the parents and not of the bookmarks, so that a run that
        # goes on where another one was killed asks for the same.
        groups += [
            cluster[start : start + largest] for start in range(0, len(cluster), largest)
        ]
    return sorted(groups)


def _clusters(known: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Cut a row of instants where they are no longer close to the first one."""
    while known:
        first, _ = known[0]
        cluster = [number for end, number in known if end - first <= CLOSE]
        yield sorted(cluster)
        known = known[len(cluster) :]


def _loads(states: Sequence[Mapping[str, Any]]) -> Iterator[list[int]]:
    """Group the partitions that are being loaded by how far that has come."""
    begun = defaultdict[str, list[int]](list)
    for number, state in enumerate(states):
        if not _complete(state):
            begun[json.dumps(state.get("from_scratch"), sort_keys=True)].append(number)
    yield from begun.values()


def together(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the state that a sweep begins with.

    Returns:
        What of a state tells how far a stream was read.
    """
    loading = next((state for state in states if not _complete(state)), None)
    if loading is not None:
        return {key: loading[key] for key in ("scope", "from_scratch") if key in loading}
    complete = min(map(_complete, states))
    bookmarks = [milliseconds(state["replication_key_value"]) or 0 for state in states]
    return {
        "scope": states[0].get("scope"),
        "replication_key_value": from_milliseconds(min(max(bookmarks), complete)),
        "read_until": from_milliseconds(complete),
    }


def _complete(state: Mapping[str, Any]) -> int:
    """Return the instant up to which nothing is missing; 0 during a first load."""
    bookmark = milliseconds(state.get("replication_key_value"))
    if bookmark is None:
        return 0
    return max(bookmark, milliseconds(state.get("read_until")) or 0)
