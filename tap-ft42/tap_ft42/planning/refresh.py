"""Decides when reference lists are read in full again.

Reference lists, such as cursus, campuses, achievements and coalitions, hardly ever change, and
some are slow to list. So each has an interval between full reads. In between, the API is
asked only for changes, if it can name them.

The state of the stream (or partition) holds:

``refreshed_at``
    By stream that needs the rows (the stream itself or a child): when the run began that
    last read all rows for it.
``refreshed_for``
    The scope of these runs. Another scope needs another full read.
``rows``
    How many rows the last full read found.
``collapsed``
    When a run began that found less than half of them; see `tap_ft42.planning.collapse`.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from typing import Any

from tap_ft42.declared.contexts import parent_of
from tap_ft42.declared.instants import DAY, HOUR, from_milliseconds, milliseconds
from tap_ft42.planning import nights
from tap_ft42.planning.bookmarks import is_same_scope

_LONGEST_TOLERANCE = 2 * HOUR
"""A read may be due so much earlier. A daily job may begin some seconds too early, and
without a tolerance the read would then wait for another day."""


def is_due(  # noqa: PLR0913 - the state, and what it is compared with
    state: Mapping[str, Any],
    *,
    now: int,
    hours: float,
    scope: Mapping[str, Any],
    readers: Collection[str],
    census_hour: int = -1,
) -> bool:
    """Tell whether a full read is due, for one of the readers at least.

    Args:
        state: The state of the stream or partition.
        now: When the run began, in milliseconds since 1970.
        hours: The interval between full reads. A day means each night: then a census finds
            what the list shows.
        scope: The scope of the run.
        readers: The streams that need the rows.
        census_hour: The hour at which a night begins; nights do not count if it is negative.
    """
    if not is_same_scope(state.get("refreshed_for"), scope):
        return True
    reads = state.get("refreshed_at") or {}
    interval = int(hours * HOUR)
    is_nightly = interval == DAY and census_hour >= 0
    tolerance = 0 if is_nightly else min(interval // 10, _LONGEST_TOLERANCE)
    for reader in readers:
        at = milliseconds(reads.get(reader))
        if at is None or now < at:
            return True
        is_new_night = is_nightly and nights.is_due(at, now, census_hour)
        if is_new_night or now - at >= interval - tolerance:
            return True
    return False


def note_refresh(
    state: dict[str, Any],
    *,
    now: int,
    scope: Mapping[str, Any],
    readers: Collection[str],
    rows: int,
) -> None:
    """Note that a full read has ended; arguments as in `is_due`, and how many rows it found."""
    is_same = is_same_scope(state.get("refreshed_for"), scope)
    known = state.get("refreshed_at", {}) if is_same else {}
    state["refreshed_for"] = dict(scope)
    state["refreshed_at"] = known | dict.fromkeys(readers, from_milliseconds(now))
    state["rows"] = rows


def forget_partitions(stream_state: dict[str, Any], parents: Container[object]) -> None:
    """Forget the partitions whose parents 42 no longer lists."""
    if "partitions" in stream_state:
        stream_state["partitions"] = [
            partition
            for partition in stream_state["partitions"]
            if (parent := parent_of(partition["context"])) == 0 or parent in parents
        ]
