"""Forgets impossible parts of a state: instants in the future.

A wrong clock wrote them. Whatever depends on such an instant is not known: it is read again,
from the last instant that the rows themselves prove.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import from_milliseconds, milliseconds

_LEEWAY = 300_000
"""Milliseconds: clocks that are about right may differ by so much."""

_POSITIONS = ("replication_key_value", "read_until", "served_at")
_NEVER = from_milliseconds(0)


def forget_the_future(states: Mapping[str, Any], now: int) -> None:
    """Forget, in place, instants in the future; ``now`` is in milliseconds since 1970."""
    latest = from_milliseconds(now + _LEEWAY)
    for stream, state in states.get("bookmarks", {}).items():
        parts = [state, *state.get("partitions", ())]
        forgotten = [_forget(part, latest) for part in parts]
        if any(forgotten):
            Events(stream).warning(
                "the state holds a time in the future: a clock was wrong. That time is "
                "ignored, and the rows are read again.",
                happened="impossible_state",
                stream=stream,
            )


def _forget(state: dict[str, Any], latest: str) -> bool:
    """Forget instants in the future in one state, and tell whether there were any."""
    begun: Mapping[str, Any] = state.get("from_scratch") or {}
    # Bookmarks that are ids are no instants.
    instants = {name: state.get(name) for name in _POSITIONS}
    lost = [name for name, at in instants.items() if isinstance(at, str) and at > latest]
    # Without a true bookmark, or a true end of a first load, nothing says what was read.
    if "replication_key_value" in lost or (begun.get("until") or "") > latest:
        lost += ["replication_key_value", "read_until", "from_scratch"]
    for name in lost:
        state.pop(name, None)
    bookmark = state.get("replication_key_value")
    known = bookmark if isinstance(bookmark, str) else _NEVER
    notes = [state.get(name) or {} for name in ("census", "scores", "refreshed_at")]
    return any([bool(lost), *(_put_back(part, latest, known) for part in notes)])


def _put_back(notes: dict[str, Any], latest: str, known: str) -> bool:
    """Replace instants in the future by the bookmark, up to which rows were read."""
    impossible = [
        name
        for name, value in notes.items()
        if isinstance(value, str) and milliseconds(value) is not None and value > latest
    ]
    for name in impossible:
        # `since` says when an account began; it proves nothing of rows read earlier.
        notes[name] = _NEVER if name == "since" else known
    below = [
        _put_back(part, latest, known) for part in notes.values() if isinstance(part, dict)
    ]
    return bool(impossible) or any(below)
