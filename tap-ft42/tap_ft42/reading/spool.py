"""What a run has read, kept on disk until a later run's state covers it.

A target hands its state on late: the stock one at the end of its input, or every
five minutes. When a run is killed, its bookmarks are lost although its requests
have been spent. So each page is written to a file before it is used, and beside the
pages stands each *plan*: the state that a stream (or a partition of it) began with,
and the instants up to which it read.

The next run compares the state that comes back with the plan. If that lies beyond
what the plan was for, pages and plan are deleted. If it lies between, or is the very
one that the plan began with, the run follows the plan once more: it asks for the
same pages, and those that are on disk cost no request. Rows are emitted a second
time, which a target's primary keys absorb. A closed window does not change by being
read later, so old pages and new ones go together; a list that is read in full has no
such border, and its pages are used for a quarter of an hour only.

The file holds personal data: only its owner may read it, what is deleted is
overwritten, and after a day everything is.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zlib
from threading import RLock
from typing import TYPE_CHECKING, Any

from tap_ft42.api.page import restored_page
from tap_ft42.declared.instants import from_milliseconds, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tap_ft42.api.page import Page

LONGEST_AGE = 24 * 3600
"""Seconds after which a plan is given up."""

FRESH = 15 * 60
"""Seconds for which a full read's pages are used, and after which a window that was
begun is followed by another one up to now."""

_KEPT = (
    "from_scratch", "read_until", "refreshed_at", "replication_key_value", "scope",
    "total_score", "total_score_seen",
)  # fmt: skip
"""What of a state tells how far a stream was read; the SDK adds more."""

_TABLES = """
    CREATE TABLE IF NOT EXISTS plans (
        name TEXT PRIMARY KEY, state TEXT, stops TEXT, begun REAL, ended_with TEXT
    ) STRICT;
    CREATE TABLE IF NOT EXISTS pages (
        plan TEXT, request TEXT, total INTEGER, size INTEGER, more INTEGER,
        sent REAL, answered REAL, body BLOB,
        PRIMARY KEY (plan, request)
    ) STRICT;
"""


class Spool:
    """The pages and plans of runs that no state has covered yet."""

    def __init__(
        self,
        file: Path,
        *,
        has_state: bool,
        is_compressed: bool = True,
        is_new: bool = False,
        keeps_pages: bool = True,
    ) -> None:
        """Open the file, or begin a new one.

        Args:
            file: An SQLite database; made with its folder if it is missing.
            has_state: Whether the run was handed a state, so that the next one
                will tell what has been covered.
            is_compressed: Whether to save disk, which costs 2 ms a page.
            is_new: Whether to forget what earlier runs have left.
            keeps_pages: Whether pages are kept, and not only how far a run has come.
        """
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = file
        if is_new:
            self._remove()
        self._has_state = has_state
        self._keeps_pages = keeps_pages
        self._level = 1 if is_compressed else 0
        self._lock = RLock()
        try:
            self._database = self._opened()
        except sqlite3.DatabaseError:
            # The machine went down while it was written: requests are lost, no rows.
            self._remove()
            self._database = self._opened()
        self._drop("begun < ?", time.time() - LONGEST_AGE)

    def _opened(self) -> sqlite3.Connection:
        os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(
            self._file, check_same_thread=False, isolation_level=None, timeout=60
        )
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA secure_delete = ON")
        database.executescript(_TABLES)
        return database

    def follow(
        self, name: str, state: dict[str, Any], until: int, *, longest_age: float = LONGEST_AGE
    ) -> list[int]:
        """Take up the plan that an earlier run began, or note a new one.

        Args:
            name: The stream and its partition.
            state: Their state; if a plan is taken up, it becomes what that began with.
            until: Instant up to which this run reads, in milliseconds since 1970.
            longest_age: Seconds after which an earlier plan is not taken up.

        Returns:
            The instants up to which the stream is read, one after the other.
        """
        now = _position(state)
        with self._lock:
            plan = self._database.execute(
                "SELECT state, stops, ended_with FROM plans WHERE name = ? AND begun > ?",
                (name, time.time() - longest_age),
            ).fetchone()
            if plan is not None and plan[2] != json.dumps(now):
                begun: dict[str, Any] = json.loads(plan[0])
                stops: list[int] = json.loads(plan[1])
                if _continues(begun, now, stops[-1]):
                    for key in _KEPT:
                        state.pop(key, None)
                    state.update(begun)
                    if until - stops[-1] > FRESH * 1000:
                        stops.append(until)
                    self._note(name, begun, stops)
                    return stops
            self._drop("name = ?", name)
            self._note(name, now, [until])
            return [until]

    def _note(self, name: str, state: Mapping[str, Any], stops: list[int]) -> None:
        self._database.execute(
            "INSERT INTO plans VALUES (?, ?, ?, ?, NULL)"
            " ON CONFLICT (name) DO UPDATE SET stops = excluded.stops, ended_with = NULL",
            (name, json.dumps(state), json.dumps(stops), time.time()),
        )

    def keep(self, name: str, request: str, page: Page) -> None:
        """Write a page down.

        Args:
            name: The stream and its partition.
            request: What was asked for.
            page: What came.
        """
        if not self._keeps_pages:
            return
        row = (
            name, request, page.total, page.size, page.more, page.sent, page.answered,
            zlib.compress(page.body, self._level),
        )  # fmt: skip
        with self._lock:
            self._database.execute(
                "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row
            )

    def recall(self, name: str, request: str) -> Page | None:
        """Return a page that an earlier run has read, or None.

        Args:
            name: The stream and its partition.
            request: What is asked for.
        """
        with self._lock:
            row = self._database.execute(
                "SELECT body, total, size, more, sent, answered FROM pages"
                " WHERE plan = ? AND request = ?",
                (name, request),
            ).fetchone()
        if row is None:
            return None
        body, total, size, more, sent, answered = row
        return restored_page(
            zlib.decompress(body),
            total=total,
            size=size,
            more=bool(more),
            sent=sent,
            answered=answered,
        )

    def end(self, name: str, state: Mapping[str, Any], *, is_full: bool) -> None:
        """Note that a plan has been followed to its end.

        Where no state was handed in none may ever come back, and what is read in full
        has no bookmark: of these nothing is kept.

        Args:
            name: The stream and its partition.
            state: The last state that was written of it.
            is_full: Whether it is read in full.
        """
        if self._has_state and not is_full:
            self._update(name, ended_with=_position(state))
            return
        with self._lock:
            self._drop("name = ?", name)

    def pause(self, name: str, state: Mapping[str, Any]) -> None:
        """Note that a plan goes on from a later state than it began with.

        Args:
            name: The stream and its partition.
            state: The last state that was written of it.
        """
        self._update(name, state=_position(state))

    def _update(self, name: str, **columns: Mapping[str, Any]) -> None:
        ((column, value),) = columns.items()
        with self._lock:
            self._database.execute(
                f"UPDATE plans SET {column} = ? WHERE name = ?",  # noqa: S608 - our own words
                (json.dumps(value), name),
            )

    def _drop(self, which: str, *values: object) -> None:
        with self._lock:
            self._database.execute(
                f"DELETE FROM pages WHERE plan IN (SELECT name FROM plans WHERE {which})",  # noqa: S608 - our own words
                values,
            )
            self._database.execute(f"DELETE FROM plans WHERE {which}", values)  # noqa: S608 - our own words

    def tidy(self) -> None:
        """Leave nothing on disk of what was dropped, and no file that holds nothing.

        Done once a stream and not once a partition: there are hundreds of these.
        """
        with self._lock:
            if self._database.execute("SELECT 1 FROM plans").fetchone():
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                self._database.close()
                self._remove()

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)


def _position(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a state tells how far a stream was read."""
    return {key: state[key] for key in _KEPT if state.get(key) is not None}


def _continues(begun: Mapping[str, Any], now: Mapping[str, Any], until: int) -> bool:
    """Tell whether a state lies where a plan began, or between that and its end."""
    if (milliseconds(now.get("read_until")) or 0) >= until:
        return False
    if now == begun:
        return True
    bookmark, first = (state.get("replication_key_value") for state in (now, begun))
    if bookmark is None:
        scratch: Mapping[str, Any] = now.get("from_scratch") or {}
        return first is None and scratch.get("until") == from_milliseconds(until)
    return first is not None and first <= bookmark <= from_milliseconds(until)
