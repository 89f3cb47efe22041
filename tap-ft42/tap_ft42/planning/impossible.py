"""What a state says and cannot be true: instants that have not come yet.

They were written by a clock that was wrong. Whatever hangs on one counts as unknown: it is
read again, from the last thing that the rows themselves prove.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tap_ft42.declared.instants import from_milliseconds, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEEWAY = 300_000
"""Milliseconds in the future that two clocks which are about right may make up."""

_POSITIONS = ("replication_key_value", "read_until", "served_at")
_NEVER = from_milliseconds(0)

_logger = logging.getLogger("tap-ft42")


def forget_the_future(states: Mapping[str, Any], now: int) -> None:
    """Forget, in place, what states say of what comes after now, in milliseconds."""
    latest = from_milliseconds(now + _LEEWAY)
    for stream, state in states.get("bookmarks", {}).items():
        parts = [state, *state.get("partitions", ())]
        forgotten = [_forget(part, latest) for part in parts]
        if any(forgotten):
            _logger.warning(
                "%s: the state says that it was read later than now: a clock was wrong. This "
                "is ignored, and the rows are read again.",
                stream,
                extra={"happened": "impossible_state", "stream": stream},
            )


def _forget(state: dict[str, Any], latest: str) -> bool:
    """Forget it in the state of a stream or partition, and tell whether there was any."""
    begun: Mapping[str, Any] = state.get("from_scratch") or {}
    # Ids are of no time.
    instants = {name: state.get(name) for name in _POSITIONS}
    lost = [name for name, at in instants.items() if isinstance(at, str) and at > latest]
    # What was read goes by the instants of rows, a first load by the one up to which it reads.
    if "replication_key_value" in lost or (begun.get("until") or "") > latest:
        lost += ["replication_key_value", "read_until", "from_scratch"]
    for name in lost:
        state.pop(name, None)
    bookmark = state.get("replication_key_value")
    known = bookmark if isinstance(bookmark, str) else _NEVER
    notes = [state.get(name) or {} for name in ("census", "scores", "refreshed_at")]
    return any([bool(lost), *(_put_back(part, latest, known) for part in notes)])


def _put_back(notes: dict[str, Any], latest: str, known: str) -> bool:
    """Replace instants in the future by the latest that is known to have been read."""
    impossible = [
        name
        for name, value in notes.items()
        if isinstance(value, str) and milliseconds(value) is not None and value > latest
    ]
    for name in impossible:
        # An account proves nothing about rows that were read before it was begun.
        notes[name] = _NEVER if name == "since" else known
    below = [
        _put_back(part, latest, known) for part in notes.values() if isinstance(part, dict)
    ]
    return bool(impossible) or any(below)
