"""Backfills: reading a window of the past beside the live bookmarks.

A backfill is a run with ``end_date``. It reads the rows of incremental streams that last
changed between ``start_date`` and ``end_date``, with the same windows and sweeps as any run. A
live run continues from its bookmark; a backfill begins at ``start_date``, and has no first load
by ids.

It keeps its own position. The state holds, below ``bookmarks`` and beside the live streams,
``backfill``:

``start_date``, ``end_date``
    The window.
``bookmarks``
    The states of the streams within the window, in the same form as the live ones.

The rest of the state is passed on unchanged. So a backfill may run in the live state: Meltano
then starts no other run of the same load at the same time. The next live run reads all changes
since its own bookmark, which is older than the backfill. So a row that changed after the
backfill had read it comes again, later.

For the same reason a backfill uses no pages of an earlier run's spool: they may be older than
what a live run has loaded in between. And it finds no disappeared rows, as a window does not
show which rows exist.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from tap_ft42.declared.instants import DAY, from_milliseconds, in_milliseconds, milliseconds
from tap_ft42.declared.listing import Cursor
from tap_ft42.planning.bookmarks import has_bookmark

_STATE = "backfill"
"""Key in the state, among the names of streams."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """A closed window of a cursor, in milliseconds since 1970."""

    begins: int
    ends: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Backfill | None:
        """Return the window that the settings name; None if the run is no backfill."""
        if settings.get("end_date") is None:
            return None
        return cls(*map(in_milliseconds, (settings["start_date"], settings["end_date"])))

    @override
    def __str__(self) -> str:
        return f"{from_milliseconds(self.begins)} to {from_milliseconds(self.ends)}"

    def part_of(self, state: Any) -> Any:  # noqa: ANN401 - the SDK's type of a tap's state
        """Return the backfill's part of the tap's state; it is created if missing."""
        return state.setdefault("bookmarks", {}).setdefault(_STATE, {})

    def take_up(self, state: Any) -> None:  # noqa: ANN401 - as for `part_of`
        """Continue with the window, or begin it if the state holds another one."""
        part = self.part_of(state)
        window = {
            "start_date": from_milliseconds(self.begins),
            "end_date": from_milliseconds(self.ends),
        }
        if window != {name: part.get(name) for name in window}:
            part.clear()
            part.update(window, bookmarks={})

    def begin(self, cursor: Cursor, state: dict[str, Any]) -> None:
        """Set the bookmark of an unread stream or partition to the window's beginning."""
        if cursor.kind == "instant" and not has_bookmark(state):
            begins = from_milliseconds(self.begins)
            state["replication_key"] = cursor.column
            state["replication_key_value"] = state["read_until"] = begins

    def has_read(self, state: Mapping[str, Any]) -> bool:
        """Tell whether a stream or partition has been read to the window's end."""
        return (milliseconds(state.get("read_until")) or 0) >= self.ends


def refusal(settings: Mapping[str, Any]) -> str | None:
    """Say why the window of the settings cannot be read; None if it can."""
    start, end, now = settings.get("start_date"), settings.get("end_date"), time.time() * 1000
    # Where the sun rises early, a day has begun that has not in UTC.
    if start is not None and in_milliseconds(start) > now + DAY:
        return f"start_date ({start}) lies in the future: nothing would be read. Correct it"
    if end is None:
        return None
    if start is None:
        return "end_date is set and start_date is not: a backfill needs both"
    if in_milliseconds(end) <= in_milliseconds(start):
        return f"end_date ({end}) is not later than start_date ({start})"
    if in_milliseconds(end) > now:
        return (
            f"end_date ({end}) lies in the future: a backfill ends in the past. Unset it to "
            "read up to now"
        )
    return None
