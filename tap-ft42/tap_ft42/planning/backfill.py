"""A window of the past that is read beside the live bookmarks.

A backfill is a run with ``end_date``: of the incremental streams it reads what last
changed between ``start_date`` and that, by the same windows and sweeps as any run. Where
a live run goes on from its bookmark, a backfill begins at ``start_date``, and there is no
first load by ids.

It keeps its position apart. Below ``bookmarks``, beside those of the live streams,
stands ``backfill``:

``start_date``, ``end_date``
    The window.
``bookmarks``
    What the state holds elsewhere below this name, as far as the window has been read.

Whatever else the state says is handed on as it came. So a backfill may run in the
live state: Meltano then lets no other run of the same load begin meanwhile, and the next
live one reads all that changed since its bookmark, hence since before the backfill. What
changed after the backfill had read it comes once more and later.

That is why nothing of an earlier run's spool is used, either: its pages may be
older than what a live run has loaded in between. Nor is any row found to be gone: a
window does not say what exists.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.declared.instants import from_milliseconds, in_milliseconds, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ft42.declared.listing import Cursor

_STATE = "backfill"
"""Key in the state, among the names of streams."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """A closed window of a cursor, in milliseconds since 1970."""

    begins: int
    ends: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Backfill | None:
        """Return the window that the settings name; None if the run is none."""
        if settings.get("end_date") is None:
            return None
        return cls(*map(in_milliseconds, (settings["start_date"], settings["end_date"])))

    @override
    def __str__(self) -> str:
        return f"{from_milliseconds(self.begins)} to {from_milliseconds(self.ends)}"

    def part_of(self, state: Any) -> Any:  # noqa: ANN401 - the SDK's type of a tap's state
        """Return the part of the tap's state that is the backfill's; made if need be."""
        return state.setdefault("bookmarks", {}).setdefault(_STATE, {})

    def take_up(self, state: Any) -> None:  # noqa: ANN401 - as for `part_of`
        """Go on with the window, or begin it in the place of another one."""
        part = self.part_of(state)
        window = {
            "start_date": from_milliseconds(self.begins),
            "end_date": from_milliseconds(self.ends),
        }
        if window != {name: part.get(name) for name in window}:
            part.clear()
            part.update(window, bookmarks={})

    def begin(self, cursor: Cursor, state: dict[str, Any]) -> None:
        """Let a stream or partition that has not been read begin with the window."""
        if cursor.kind == "instant" and not state.get("replication_key_value"):
            begins = from_milliseconds(self.begins)
            state["replication_key"] = cursor.column
            state["replication_key_value"] = state["read_until"] = begins

    def has_read(self, state: Mapping[str, Any]) -> bool:
        """Tell whether a stream or partition has been read to the window's end."""
        return (milliseconds(state.get("read_until")) or 0) >= self.ends


def refusal(settings: Mapping[str, Any]) -> str | None:
    """Say why the window of the settings cannot be read; None if it can, or there is none."""
    start, end = settings.get("start_date"), settings.get("end_date")
    if end is None:
        return None
    if start is None:
        return "end_date is set and start_date is not: a backfill needs both"
    if in_milliseconds(end) <= in_milliseconds(start):
        return f"end_date ({end}) is not later than start_date ({start})"
    if in_milliseconds(end) > time.time() * 1000:
        return (
            f"end_date ({end}) lies in the future: a backfill ends in the past. Leave it "
            "out to read up to now"
        )
    return None
