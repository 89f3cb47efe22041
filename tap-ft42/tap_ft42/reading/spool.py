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
overwritten, and after a day everything is. Each run also deletes what others have left
in the folder for longer than that: backfills, other applications, a stopped project.

All that it does is to save requests. So where it cannot be written, on a full disk say,
a run goes on without it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import time
import zlib
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING, Any

from tap_ft42.api.page import TOLD, restored_page
from tap_ft42.declared.instants import from_milliseconds, milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tap_ft42.api.clock import Clock
    from tap_ft42.api.page import Page
    from tap_ft42.declared.listing import Cursor

LONGEST_AGE = 24 * 3600
"""Seconds after which a plan is given up."""

FRESH = 15 * 60
"""Seconds for which a full read's pages are used, and after which a window that was
begun is followed by another one up to now."""

_NAME = re.compile(r"(?P<database>[0-9a-f]{16}\.sqlite)(-wal|-shm)?")
"""Names of files in the folder; other files there are not touched."""

_KEPT = (
    "from_scratch", "read_until", "refreshed_at", "replication_key_value", "scope",
    "total_score", "total_score_seen",
)  # fmt: skip
"""The part of a state that tells how far a stream was read; the SDK adds more."""

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


_logger = logging.getLogger("tap-ft42")


class Spool:
    """The pages and plans of runs that no state has covered yet."""

    def __init__(  # noqa: PLR0913 - each is a fact about the run
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
            file: An SQLite database; made with its folder if it is missing.
            clock: Tells the time.
            has_state: Whether the run was handed a state, so that the next one
                will tell what has been covered.
            is_compressed: Whether to save disk, which costs 2 ms a page.
            is_new: Whether to forget what earlier runs have left.
            keeps_pages: Whether pages are kept, and not only how far a run has come.
        """
        self._file = file
        self._clock = clock
        self._has_state = has_state
        self._keeps_pages = keeps_pages
        self._level = 1 if is_compressed else 0
        self._lock = RLock()
        self._database: sqlite3.Connection | None = None
        with self._in_use():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(file.parent)
            if is_new:
                self._remove()
            try:
                self._database = self._opened()
            except sqlite3.DatabaseError:
                # The machine went down while it was written: requests are lost, no rows.
                self._remove()
                self._database = self._opened()
            now = clock.time()
            self._drop("begun NOT BETWEEN ? AND ?", now - LONGEST_AGE, now + FRESH)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Use the file alone, and give it up if that fails."""
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                _logger.warning(
                    "The spool %s cannot be used (%s). The run goes on without it; if it is "
                    "killed, the next one asks for its pages again.",
                    self._file,
                    error,
                    extra={"happened": "spool_lost"},
                )
                if self._database is not None:
                    self._database.close()
                    self._database = None
                with suppress(OSError):  # as much of it as can be deleted
                    self._remove()

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
        """Take up the plan that an earlier run began, or note a new one.

        Args:
            name: The stream and its partition.
            state: Their state; if a plan is taken up, it becomes what that began with.
            until: Instant up to which this run reads, in milliseconds since 1970.
            longest_age: Seconds after which an earlier plan is not taken up.

        Returns:
            The instants up to which the stream is read, one after the other.
        """
        with self._in_use():
            if self._database is not None:
                return self._follow(name, state, until, self._clock.time() - longest_age)
        return [until]

    def _follow(
        self, name: str, state: dict[str, Any], until: int, begun_after: float
    ) -> list[int]:
        now = _position(state)
        plans = self._all(
            "SELECT begun, ended_with, state, stops FROM plans WHERE name = ?", (name,)
        )
        for begun_at, ended_with, began_with, known_stops in plans:
            begun: dict[str, Any] = json.loads(began_with)
            stops: list[int] = json.loads(known_stops)
            is_open = begun_at > begun_after and ended_with != json.dumps(now)
            if is_open and _continues(begun, now, stops[-1]):
                if until - stops[-1] > FRESH * 1000:
                    stops.append(until)
                self._note(name, begun, stops)
                for key in _KEPT:
                    state.pop(key, None)
                state.update(begun)
                return stops
            self._drop("name = ?", name)
        self._note(name, now, [until])
        return [until]

    def _all(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Return all rows of a statement; none once the file was given up."""
        if self._database is None:
            return []
        return self._database.execute(statement, values).fetchall()

    def _note(self, name: str, state: Mapping[str, Any], stops: list[int]) -> None:
        self._all(
            "INSERT INTO plans VALUES (?, ?, ?, ?, NULL)"
            " ON CONFLICT (name) DO UPDATE SET stops = excluded.stops, ended_with = NULL",
            (name, json.dumps(state), json.dumps(stops), self._clock.time()),
        )

    def keep(self, name: str, request: str, page: Page) -> None:
        """Write a page down."""
        if not self._keeps_pages:
            return
        row = (name, request, *page.told.values(), zlib.compress(page.body, self._level))
        with self._in_use():
            self._all("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def recall(self, name: str, request: str, cursor: Cursor | None) -> Page | None:
        """Return a page that an earlier run has read; None if none can be read."""
        rows: list[Any] = []
        with self._in_use():
            rows = self._all(
                f"SELECT body, {', '.join(TOLD)} FROM pages WHERE plan = ? AND request = ?",  # noqa: S608 - our own words
                (name, request),
            )
        if not rows:
            return None
        ((body, *values),) = rows
        told = dict(zip(TOLD, values, strict=True))
        told["more"] = bool(told["more"])
        try:
            return restored_page(zlib.decompress(body), cursor, **told)
        except (zlib.error, ValueError):
            # It would fail in each run that follows; the API is asked again.
            with self._in_use():
                self._all("DELETE FROM pages WHERE plan = ? AND request = ?", (name, request))
            return None

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
        with self._in_use():
            self._drop("name = ?", name)

    def pause(self, name: str, state: Mapping[str, Any]) -> None:
        """Note that a plan goes on from a later state than it began with."""
        self._update(name, state=_position(state))

    def _update(self, name: str, **columns: Mapping[str, Any]) -> None:
        ((column, value),) = columns.items()
        with self._in_use():
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
        """Leave nothing on disk of what was dropped, and no file that holds nothing.

        Done once a stream and not once a partition: there are hundreds of these.
        """
        with self._in_use():
            if self._database is None:
                return
            if self._all("SELECT 1 FROM plans LIMIT 1"):
                self._all("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                self._database.close()
                self._database = None
                self._remove()

    def _remove(self) -> None:
        _delete(self._file)


def _sweep(folder: Path) -> None:
    """Delete the files of all runs that nobody has written to for a day."""
    now = time.time()  # by the clock that stamps files
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
    """Return the part of a state that tells how far a stream was read."""
    return {key: state[key] for key in _KEPT if state.get(key) is not None}


def _continues(begun: Mapping[str, Any], now: Mapping[str, Any], until: int) -> bool:
    """Tell whether a state lies where a plan began, or between that and its end."""
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
