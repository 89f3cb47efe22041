"""Keeps the pages of a run on disk, until a later run's state covers them.

A target passes its state on late: the stock target at the end of its input, or every five
minutes. If a run is killed, its bookmarks are lost, though its requests were spent. So each
page is written to a file before it is used. Beside the pages, the file has each *plan*: the
state with which a stream or partition began, and the instants up to which it read.

The next run compares the state that comes back with the plan. If the state covers the whole
plan, pages and plan are deleted. If it covers only a part, or is the state with which the plan
began, the run follows the plan again. It asks for the same pages, and pages on disk cost no
request. It emits rows a second time; a target upserts them by primary key. A closed window
does not change when it is read later, so old and new pages fit together. A list that is read
in full has no such window, so its pages are used for a quarter of an hour only.

The file holds personal data. Only its owner may read it, deleted data is overwritten, and
everything is deleted after a day. Each run also deletes older files of others in the folder:
of backfills, other applications, a stopped project.

The spool only saves requests. If it cannot be written, for example on a full disk, a run goes
on without it.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any

from tap_ft42.api.clock import Clock
from tap_ft42.api.page import METADATA, Page, restored_page
from tap_ft42.declared.events import EVENTS
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.declared.listing import Cursor

LONGEST_AGE = 24 * 3600
"""Seconds after which a plan is given up."""

FRESH = 15 * 60
"""Seconds. Pages of a full read are used for so long. If a window was begun earlier, another
one up to now follows it."""

_NAME = re.compile(r"(?P<database>[0-9a-f]{16}\.sqlite)(-wal|-shm)?")
"""Names of files in the folder; other files there are not touched."""

_KEPT = (
    "from_scratch", "read_until", "refreshed_at", "replication_key_value", "scope",
    "total_score", "total_score_seen",
)  # fmt: skip
"""Keys of a state that say how far a stream was read; the SDK adds other keys."""

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

    def __init__(  # noqa: PLR0913 - facts about the run
        self,
        file: Path,
        *,
        clock: Clock,
        has_state: bool,
        is_compressed: bool = True,
        is_new: bool = False,
        keeps_pages: bool = True,
    ) -> None:
        """Open the file, or begin a new one.

        Args:
            file: An SQLite database; it is created with its folder if it is missing.
            clock: Tells the time.
            has_state: Whether the run was given a state, so that the next run's state will
                show what has been covered.
            is_compressed: Whether to compress pages, which costs 2 ms for each.
            is_new: Whether to delete what earlier runs have left.
            keeps_pages: Whether pages are kept, and not only plans.
        """
        self._file = file
        self._clock = clock
        self._has_state = has_state
        self._keeps_pages = keeps_pages
        self._level = 1 if is_compressed else 0
        self._lock = RLock()
        self._database: sqlite3.Connection | None = None
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(file.parent)
            if is_new:
                _delete(file)
            try:
                self._database = self._opened()
            except sqlite3.DatabaseError:
                # The machine crashed during a write. That costs requests, but no rows.
                _delete(file)
                self._database = self._opened()
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
        now = clock.time()
        self._drop("begun NOT BETWEEN ? AND ?", now - LONGEST_AGE, now + FRESH)

    def _give_up(self, error: Exception) -> None:
        EVENTS.warning(
            "The spool %s cannot be used (%s). The run goes on without it; if it is "
            "killed, the next one asks for its pages again.",
            self._file,
            error,
            happened="spool_lost",
        )
        self._close()

    def _close(self) -> None:
        """Delete the file, as much of it as possible; from now on, the run has no spool."""
        if self._database is not None:
            self._database.close()
            self._database = None
        with suppress(OSError):
            _delete(self._file)

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
        self, name: str, state: dict[str, Any], until: int, longest_age: float = LONGEST_AGE
    ) -> list[int]:
        """Continue the plan that an earlier run began, or note a new one.

        Args:
            name: The stream and its partition.
            state: Their state. If a plan is continued, it becomes the state of its beginning.
            until: Instant up to which this run reads, in milliseconds since 1970.
            longest_age: Seconds after which an earlier plan is not continued.

        Returns:
            The instants up to which the stream is read, one after the other.
        """
        now, at = _position(state), self._clock.time()
        plans = self._all(
            "SELECT begun, ended_with, state, stops FROM plans WHERE name = ?", (name,)
        )
        for begun_at, ended_with, began_with, known_stops in plans:
            begun: dict[str, Any] = json.loads(began_with)
            stops: list[int] = json.loads(known_stops)
            is_open = begun_at > at - longest_age and ended_with != json.dumps(now)
            if is_open and _continues(begun, now, stops[-1]):
                if until - stops[-1] > FRESH * 1000:
                    stops.append(until)
                self._note(name, begun, stops, at)
                for key in _KEPT:
                    state.pop(key, None)
                state.update(begun)
                return stops
            self._drop("name = ?", name)
        self._note(name, now, [until], at)
        return [until]

    def _all(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Return all rows of a statement; none if the spool is given up, perhaps just now."""
        with self._lock:
            try:
                if self._database is not None:
                    return self._database.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                self._give_up(error)
        return []

    def _note(self, name: str, state: Mapping[str, Any], stops: list[int], at: float) -> None:
        self._all(
            "INSERT INTO plans VALUES (?, ?, ?, ?, NULL)"
            " ON CONFLICT (name) DO UPDATE SET stops = excluded.stops, ended_with = NULL",
            (name, json.dumps(state), json.dumps(stops), at),
        )

    def keep(self, name: str, request: str, page: Page) -> None:
        """Write a page to the file."""
        if not self._keeps_pages:
            return
        row = (name, request, *page.metadata.values(), zlib.compress(page.body, self._level))
        self._all("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def recall(self, name: str, request: str, cursor: Cursor | None) -> Page | None:
        """Return a page that an earlier run has read; None if there is none."""
        rows = self._all(
            f"SELECT body, {', '.join(METADATA)} FROM pages WHERE plan = ? AND request = ?",  # noqa: S608 - our own words
            (name, request),
        )
        if not rows:
            return None
        ((body, *values),) = rows
        metadata = dict(zip(METADATA, values, strict=True))
        metadata["more"] = bool(metadata["more"])
        try:
            return restored_page(zlib.decompress(body), cursor, **metadata)
        except (zlib.error, ValueError):
            # The page is damaged, and would fail in each later run. Ask the API again.
            self._all("DELETE FROM pages WHERE plan = ? AND request = ?", (name, request))
            return None

    def end(self, name: str, state: Mapping[str, Any], *, is_full: bool) -> None:
        """Note that a plan has been followed to its end.

        The plan is deleted if the run was given no state, as perhaps none ever comes back; and
        after a full read, which has no bookmark.

        Args:
            name: The stream and its partition.
            state: The last state that was written.
            is_full: Whether it was a full read.
        """
        if self._has_state and not is_full:
            self._update(name, ended_with=_position(state))
        else:
            self._drop("name = ?", name)

    def pause(self, name: str, state: Mapping[str, Any]) -> None:
        """Note that a plan continues from a later state than that of its beginning."""
        self._update(name, state=_position(state))

    def _update(self, name: str, **columns: Mapping[str, Any]) -> None:
        ((column, value),) = columns.items()
        self._all(
            f"UPDATE plans SET {column} = ? WHERE name = ?",  # noqa: S608 - our own words
            (json.dumps(value), name),
        )

    def _drop(self, which: str, *values: object) -> None:
        self._all(
            f"DELETE FROM pages WHERE plan IN (SELECT name FROM plans WHERE {which})",  # noqa: S608 - our own words
            values,
        )
        self._all(f"DELETE FROM plans WHERE {which}", values)  # noqa: S608 - our own words

    def tidy(self) -> None:
        """Remove deleted data from the disk, and also the file if it is empty.

        This is done once for each stream, and not for each of hundreds of partitions.
        """
        with self._lock:
            if self._all("SELECT 1 FROM plans LIMIT 1"):
                self._all("PRAGMA wal_checkpoint(TRUNCATE)")
            elif self._database is not None:
                self._close()


def _sweep(folder: Path) -> None:
    """Delete the files of all runs that were not written for a day."""
    now = time.time()  # this clock stamps the files
    written: dict[Path, float] = {}
    for file in folder.iterdir():
        if (found := _NAME.fullmatch(file.name)) and file.is_file():
            database = folder / found["database"]
            written[database] = max(file.stat().st_mtime, written.get(database, 0))
    for database, last in written.items():
        if abs(now - last) > LONGEST_AGE:
            _delete(database)


def _delete(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _position(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a state that says how far a stream was read."""
    return {key: state[key] for key in _KEPT if state.get(key) is not None}


def _continues(begun: Mapping[str, Any], now: Mapping[str, Any], until: int) -> bool:
    """Tell whether a state lies at the beginning of a plan, or before its end."""
    if (milliseconds(now.get("read_until")) or 0) >= until:
        return False
    if now == begun:
        return True
    bookmark, first = (state.get("replication_key_value") for state in (now, begun))
    scratch: Mapping[str, Any] = now.get("from_scratch") or {}
    if bookmark is None or scratch:
        return bool(first == bookmark and scratch.get("until") == from_milliseconds(until))
    if first is None or first > bookmark:
        return False
    return isinstance(bookmark, int) or bookmark <= from_milliseconds(until)
