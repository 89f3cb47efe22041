"""What a census says, and when the next one is due."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run

Row = dict[str, Any]
State = dict[str, Any]

STUDENTS = "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false"
AT_ONCE: dict[str, Any] = {"settle_seconds": 0, "overlap_seconds": 0}


def counted(run: Run, stream: str) -> list[Row]:
    return [row for row in run.records("census") if row["stream"] == stream]


def named(run: Run, stream: str, known: set[int], parent: int = 0) -> set[int]:
    """Which of the known rows a run says to be gone."""
    return {
        row
        for proof in counted(run, stream)
        if proof["ids"] is not None and proof["parent_id"] == parent
        for row in known.difference(proof["ids"])
        if proof["first_id"] <= row <= proof["last_id"]
    }


def a_day_later(state: State) -> State:
    """The state as it will be when the next census is due, and the night's reads are."""
    later = copy.deepcopy(state)
    states = later["bookmarks"].values()
    for bookmark in (*states, *(one for own in states for one in own.get("partitions", []))):
        notes = [
            (bookmark.get("census", {}), "taken"),
            (bookmark.get("unshown", {}), "asked"),
            (bookmark, "night"),
        ]
        for note, name in notes:
            if at := note.get(name):
                before = datetime.fromisoformat(at) - timedelta(days=1)
                note[name] = before.isoformat()
    return later


def asked(sandbox: RunningSandbox) -> int:
    """How many requests came since the last time, without those for tokens."""
    requests = int(sandbox.requests()["total"])
    sandbox.reset_requests()
    return requests


def remembered(run: Run) -> list[str]:
    """What a run says to have found out, of what it had assumed."""
    return [line for line in run.warnings if "This is remembered for a month" in line]


def known(run: Run, stream: str) -> Row:
    """What a run leaves of what it observed of a stream's lists, by their paths."""
    found: Row = run.state["bookmarks"][stream].get("capabilities", {})
    return found
