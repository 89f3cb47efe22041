"""Decides which partitions of a stream are read together.

The API takes up to 100 ids in one filter, so partitions below many parents can share their
requests: ``filter[campus]=1,9,12,…`` asks for several campuses at once. Such a read is a
*sweep*. The state, the tables and the SDK know nothing of it: each partition keeps its own
bookmark, and a sweep moves the bookmarks of all its members alike.

**Members.** ListInRun share a sweep if their first load is done, and if they are complete up
to instants within one hour. ListInRun whose first load has come equally far share one, too:
for example all that no run has begun. A campus that is new in the scope is loaded by itself.
It joins the sweep of the others in the next run, as a run levels the bookmarks of all
partitions that it has read.

**Lower bound.** A partition is complete up to its bookmark, and also up to ``read_until``, the
end of the last window. So a sweep loses nothing if it begins where its least complete member
is complete; rows that the other members have already are read twice. If the greatest bookmark
of the members is earlier, the sweep begins there, because ``read_until`` comes from another
clock than the rows (see `tap_ft42.planning.bookmarks.level`). A first load continues behind
the last id that it has read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tap_ft42.declared.instants import HOUR, from_milliseconds, milliseconds
from tap_ft42.declared.listing import LARGEST

CLOSE = HOUR
"""Milliseconds: instants that differ by less count as about the same."""


def sweeps(
    states: Sequence[Mapping[str, Any]], largest: int = LARGEST, *, with_loads: bool = True
) -> list[list[int]]:
    """Group the partitions that are read together.

    Args:
        states: The SDK's states of the partitions.
        largest: Members of a sweep, at most.
        with_loads: Whether first loads are grouped, too.

    Returns:
        Groups of positions in ``states``, each position once. A partition that is read by
        itself is a group of one.
    """
    known = [(end, number) for number, state in enumerate(states) if (end := _complete(state))]
    loads = list(_loads(states))
    groups = [] if with_loads else [[number] for load in loads for number in load]
    for cluster in [*_clusters(sorted(known)), *(loads if with_loads else [])]:
        # In the order of the parents and not of the bookmarks, so that a run after a kill
        # asks for the same sweeps.
        groups += [
            cluster[start : start + largest] for start in range(0, len(cluster), largest)
        ]
    return sorted(groups)


def _clusters(known: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Cut a sorted list of instants into groups that are close to their first one."""
    while known:
        first, _ = known[0]
        cluster = [number for end, number in known if end - first <= CLOSE]
        yield sorted(cluster)
        known = known[len(cluster) :]


def _loads(states: Sequence[Mapping[str, Any]]) -> Iterator[list[int]]:
    """Group the partitions in a first load by how far it has come."""
    begun = defaultdict[str, list[int]](list)
    for number, state in enumerate(states):
        if not _complete(state):
            begun[json.dumps(state.get("from_scratch"), sort_keys=True)].append(number)
    yield from begun.values()


def sweep_state(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the state with which a sweep of these partitions begins."""
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
