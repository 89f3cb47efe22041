"""Bookmarks: how far a list has been read, and how they move as steps are read.

The state of a stream or partition has the SDK's form: ``replication_key_value`` is the greatest
value of the cursor up to which nothing is missing. Beside it stand:

``read_until``
    Upper bound of the last window that was read to its end.
``scope``
    The scope of the reads. A bookmark says nothing of rows outside of it, so with a wider
    scope the stream is read from scratch.
``from_scratch``
    During a first load: ``next_id``, below which all ids have been read; ``until``, up to
    which the load reads all changes; and ``latest``, the greatest value of the cursor so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tap_ft42.declared.contexts import CURSUS
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.declared.listing import Cursor, Listing
from tap_ft42.planning.steps import Step, Way
from tap_ft42.reading.asking import Part


class Movement:
    """Moves the bookmarks of partitions while a step reads them."""

    def __init__(
        self, step: Step, listing: Listing, states: Sequence[dict[str, Any]], readers: int = 1
    ) -> None:
        """Begin with the present states.

        Args:
            step: The step.
            listing: The list that it reads.
            states: The states of the partitions, several in a sweep; changed in place.
            readers: How many reads, with different parameters, must end before they move.
        """
        self._until = step.until
        self._latest = step.latest
        self._is_load = step.way in {Way.FULL, Way.LOAD}
        self._cursor = listing.cursor if step.way in {Way.LOAD, Way.WINDOW} else None
        self._states = states
        self._is_shared = readers > 1
        self._readers = readers

    def advance(self, part: Part) -> None:
        """Move after a part of the read, once its records have been emitted."""
        if part.page is not None and part.page.positions:
            self._latest = max(*part.page.positions, self._latest or 0)
        if part.reached is None or self._is_shared:
            return
        if self._is_load:
            self._note_load(part.reached)
        else:
            self._move(part.reached)

    def complete(self) -> None:
        """Move after the end of the read."""
        self._readers -= 1
        if self._readers:
            return
        until = from_milliseconds(self._until)
        for state in self._states:
            if self._is_load:
                state.pop("from_scratch", None)
            state["read_until"] = max(until, state.get("read_until") or "")
        self._move(self._until)

    def _note_load(self, next_id: int) -> None:
        """Note the id below which a load has read all rows."""
        cursor, latest = self._cursor, self._latest
        for state in self._states:
            state["from_scratch"] = {
                "next_id": next_id,
                "until": from_milliseconds(self._until),
                "latest": None if cursor is None or latest is None else cursor.written(latest),
            }

    def _move(self, reached: int) -> None:
        """Move the bookmark forward, but not beyond the greatest position of a row."""
        cursor, latest = self._cursor, self._latest
        if cursor is None or latest is None:
            return
        bookmark = cursor.written(min(latest, reached) if cursor.kind == "instant" else latest)
        for state in self._states:
            known = state.get("replication_key_value")
            state["replication_key"] = cursor.column
            state["replication_key_value"] = max(bookmark, known) if known else bookmark


_BOOKMARK = ("replication_key_value", "read_until", "from_scratch")


def has_bookmark(state: Mapping[str, Any]) -> bool:
    """Tell whether a stream or partition has a bookmark: it was loaded, and had a row."""
    return state.get("replication_key_value") is not None


def forget_position(state: dict[str, Any]) -> None:
    """Drop the bookmark, so a stream is read from its start, or continues such a read."""
    state.pop("replication_key_value", None)
    state.pop("read_until", None)


def forget_foreign(cursor: Cursor, state: dict[str, Any]) -> bool:
    """Forget a bookmark that is no value of the cursor, and tell whether there was one."""
    bookmark = state.get("replication_key_value")
    is_foreign = bookmark is not None and cursor.position(bookmark) is None
    for outdated in _BOOKMARK if is_foreign else ():
        state.pop(outdated, None)
    return is_foreign


def note_scope(state: dict[str, Any], scope: Mapping[str, Any]) -> None:
    """Note the scope of a stream's reads; forget the bookmarks of a narrower one."""
    if not _covers(state.get("scope"), scope):
        for outdated in _BOOKMARK:
            state.pop(outdated, None)
    state["scope"] = dict(scope)


def is_same_scope(scope: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Tell whether rows were read for the scope that is wanted now.

    Keys of the read's scope that `wanted` lacks do not count.
    """
    return scope is not None and all(scope.get(key) == wanted[key] for key in wanted)


def _covers(scope: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Tell whether the scope of a read includes the scope that is wanted now."""
    if (scope or {}).get("privacy") != wanted.get("privacy"):
        return False
    if scope is None:
        return True
    if not is_same_scope(scope, {CURSUS: wanted[CURSUS]} if CURSUS in wanted else {}):
        return False
    if "campus_ids" not in wanted:
        return True
    read, now = (set(known.get("campus_ids") or ()) for known in (scope, wanted))
    return not read or (bool(now) and now <= read)


def level(cursor: Cursor, partitions: Sequence[dict[str, Any]]) -> None:
    """Give all partitions that a run has read the same bookmark: the greatest of them.

    The greatest bookmark lies below the upper bound of the windows, so no partition has
    unread rows between its own bookmark and this one. Then a quiet partition is not read
    again from its last change on, and a row that belongs to two partitions is read by both or
    by neither. If the window of a partition ended earlier, because a killed run had begun it,
    the bookmark goes only to that end.
    """
    bookmarks = [
        partition["replication_key_value"]
        for partition in partitions
        if partition.get("replication_key_value")
    ]
    for partition in partitions if bookmarks else ():
        if read_until := partition.get("read_until"):
            partition["replication_key"] = cursor.column
            partition["replication_key_value"] = min(max(bookmarks), read_until)


def last_served(state: Mapping[str, Any]) -> int:
    """Return when a stream or partition last had its turn; see `tap_ft42.lists.turns`.

    It is in milliseconds since 1970; 0 for never.
    """
    return max(milliseconds(state.get(mark)) or 0 for mark in ("served_at", "read_until"))
