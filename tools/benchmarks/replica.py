"""What a database would hold of the messages of many runs, and how far it is from the truth.

Rows are kept by what tells whether they are fresh. They go where a census misses them, as
`warehouse publish` lets them go; that the tables do the same is what
``tests/end_to_end/test_published.py`` proves with a real one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Rows = dict[int, tuple[Any, ...]]
"""By id, what tells whether a row is fresh."""

STAMPS: dict[str, tuple[str, ...]] = {
    "cursus": (),
    "projects": ("updated_at",),
    "achievements": (),
    "campuses": (),
    "blocs": (),
    "coalitions": (),
    "users": ("updated_at",),
    "projects_users": ("updated_at",),
    "achievements_users": ("updated_at",),
    "coalitions_users": ("updated_at", "score"),
    "cursus_users": ("updated_at", "level", "grade", "blackholed_at"),
}
"""By stream, the columns that betray a change."""
OF_PEOPLE = ("projects_users", "achievements_users", "coalitions_users", "cursus_users")
"""Streams whose rows are published if their ``user_id`` is."""


class _Held(NamedTuple):
    stamps: tuple[Any, ...]
    user_id: int | None
    extracted: str


@dataclass
class Said:
    """What a run said.

    Attributes:
        state: its last state; None if it wrote none.
        outcome: how it ended.
        requests: what it sent, by stream.
        lower_bound: what would have done, by stream.
        rows: records of the API's streams that it emitted.
        changed: those of them that were new or had changed, as the tap counts them.
    """

    state: dict[str, Any] | None = None
    outcome: str = "none"
    requests: Counter[str] = field(default_factory=Counter)
    lower_bound: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    changed: int = 0

    def __add__(self, other: Said) -> Said:
        """What two runs said together, with the outcome of the second."""
        return Said(
            other.state,
            other.outcome,
            self.requests + other.requests,
            self.lower_bound + other.lower_bound,
            self.rows + other.rows,
            self.changed + other.changed,
        )


@dataclass
class Drift:
    """How far a table is from the truth, in rows.

    Attributes:
        missing: rows at 42 that it lacks.
        stale: rows whose stamps differ.
        gone: rows that 42 no longer has.
    """

    missing: set[int]
    stale: set[int]
    gone: set[int]


class Replica:
    """Tables by stream."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._tables: dict[str, dict[int, _Held]] = defaultdict(dict)

    def take(self, output: Path) -> Said:
        """Write what a run has put out."""
        said = Said()
        censuses = []
        with output.open("rb") as lines:
            for line in lines:
                message = orjson.loads(line)
                if message["type"] == "STATE":
                    said.state = message["value"]
                elif message["type"] == "RECORD":
                    stream, row = message["stream"], message["record"]
                    if stream in STAMPS:
                        said.rows += 1
                        self._write(stream, row, message["time_extracted"])
                    elif stream == "census":
                        censuses.append(row)
                    elif stream == "sync_requests":
                        said.requests[row["stream"]] += row["requests"]
                        said.lower_bound[row["stream"]] += row["lower_bound"]
                        said.changed += row["rows_changed"] or 0
                    elif stream == "sync_runs":
                        said.outcome = row["outcome"]
        for census in censuses:
            self._delete(census)
        return said

    def published(self, stream: str) -> Rows:
        """Return the rows that people would see."""
        table = self._tables[stream]
        if stream not in OF_PEOPLE:
            return {row_id: held.stamps for row_id, held in table.items()}
        people = self._tables["users"]
        return {row_id: held.stamps for row_id, held in table.items() if held.user_id in people}

    def drift(self, stream: str, truth: Rows) -> Drift:
        """Compare a table with what 42 has."""
        mine = self.published(stream)
        return Drift(
            missing=truth.keys() - mine.keys(),
            stale={i for i in truth.keys() & mine.keys() if truth[i] != mine[i]},
            gone=mine.keys() - truth.keys(),
        )

    def _write(self, stream: str, row: dict[str, Any], extracted: str) -> None:
        person = row.get("user_id") if stream in OF_PEOPLE else None
        self._tables[stream][row["id"]] = _Held(stamps_of(stream, row), person, extracted)

    def _delete(self, census: dict[str, Any]) -> None:
        stream = census["stream"]
        if census["ids"] is None or stream not in STAMPS:
            return
        table, counted = self._tables[stream], datetime.fromisoformat(census["counted_at"])
        existing = set(census["ids"])
        judged: Iterable[int] = (
            range(census["first_id"], census["last_id"] + 1)
            if census["last_id"] - census["first_id"] < len(table)
            else [i for i in table if census["first_id"] <= i <= census["last_id"]]
        )
        for row_id in judged:
            held = table.get(row_id)
            if (
                held
                and row_id not in existing
                and datetime.fromisoformat(held.extracted) < counted
            ):
                del table[row_id]


def stamps_of(stream: str, row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what tells whether a row is fresh."""
    return tuple(row[name] for name in STAMPS[stream])
