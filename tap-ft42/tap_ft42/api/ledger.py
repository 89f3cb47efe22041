"""Counts the requests and rows of a run, by stream and route.

A request is counted when it leaves the process. So a request that is sent again with a new
token, or that gets no answer, is counted, too. Requests for tokens are counted separately:
they do not use up the quota.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import ceil
from threading import Lock
from typing import Any
from uuid import uuid4

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.page import Page
from tap_ft42.api.retries import RETRIED, TooManyRequestsError
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import Cursor

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass
class Entry:
    """The counts of one route for one stream."""

    stream: str
    route: str
    requests: int = 0
    """Requests that were sent, with an answer or without."""
    refusals: int = 0
    """Answers 429."""
    refusals_in_a_row: int = 0
    """Answers 429 since the last page."""
    retries: int = 0
    """Requests that failed and were tried again, without answers 429."""
    rows: int = 0
    """Rows that came."""
    rows_emitted: int = 0
    """Rows that were written for the target."""
    rows_changed: int | None = None
    """Emitted rows that are new or changed; None if a full read cannot tell."""
    pages: int = 0
    """Pages that came, or that an earlier run had left on disk."""
    pages_expected: int = 0
    """Pages of all reads, judged by their first pages."""
    bytes: int = 0
    """Size of the pages."""
    quota_seconds: float = 0.0
    """Time that the requests had to wait until the quota allowed them."""
    api_seconds: float = 0.0
    """Sum of the times that answers took; requests run at the same time."""
    begins: int | None = None
    """Lower bound of what was read, in milliseconds since 1970; None if there is none."""
    ends: int | None = None
    """Upper bound of what was read, in milliseconds since 1970."""
    failure: Exception | None = None
    """The last failure that led to another try, without answers 429."""
    is_open: bool = False
    """Whether any read has no lower bound."""
    page_size: int = 0
    """Rows of a full page."""
    _lock: Lock = field(default_factory=Lock, repr=False)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count requests that are sent within this context for this route."""
        sending = _SENDING.set(self)
        began = time.monotonic()
        try:
            yield
        except RETRIED as failure:
            if not isinstance(failure, TooManyRequestsError):
                with self._lock:
                    self.retries += 1
                    self.failure = failure
            raise
        finally:
            _SENDING.reset(sending)
            with self._lock:
                self.api_seconds += time.monotonic() - began

    def take(self, page: Page) -> None:
        """Count a page that came."""
        with self._lock:
            self.rows += page.count
            self.bytes += len(page.body)
            self.refusals_in_a_row = 0
            self.page_size = max(self.page_size, page.size)

    def count(self, *, requests: int = 0, refusals: int = 0) -> None:
        """Count requests that are about to be sent, or answers 429."""
        with self._lock:
            self.requests += requests
            self.refusals += refusals
            self.refusals_in_a_row += refusals

    def cover(self, begins: int | None, ends: int, *, tells_changes: bool) -> None:
        """Note what a read covers.

        Args:
            begins: Lower bound of the window; None if it has none.
            ends: Upper bound.
            tells_changes: Whether the read shows which of its rows are new or changed.
        """
        if tells_changes and self.rows_changed is None:
            self.rows_changed = 0
        self.is_open = self.is_open or begins is None
        known = [bound for bound in (self.begins, begins) if bound is not None]
        self.begins = None if self.is_open or not known else min(known)
        self.ends = max(ends, self.ends or ends)

    @property
    def lower_bound(self) -> int:
        """The least possible number of requests, if it were known which rows to ask for.

        The rows are those that are new or changed, or all rows that a full read emitted. They
        would come in full pages. If there are none, it still takes one request to know that.
        """
        if not self.requests:
            return 0
        needed = self.rows_emitted if self.rows_changed is None else self.rows_changed
        # Rows from the spool cost an earlier run its requests, not this one.
        needed = min(needed, self.rows)
        return max(1, ceil(needed / self.page_size)) if self.page_size else 1


class Emitted:
    """Counts the rows of a list that go to the target."""

    def __init__(self, cursor: Cursor | None) -> None:
        self._cursor = cursor
        self._entry: Entry | None = None
        self._since: str | int | None = None

    def begin(self, entry: Entry, since: str | int | None) -> None:
        """Begin to count the rows of a read.

        Rows whose cursor is greater than `since` are changed; None if that cannot be told.
        """
        self._entry, self._since = entry, since

    def count(self, row: Mapping[str, Any]) -> None:
        """Count a row that goes to the target. Only the consuming thread calls this."""
        if (entry := self._entry) is None:
            return
        entry.rows_emitted += 1
        if (is_changed := self.is_changed(row)) is not None:
            entry.rows_changed = (entry.rows_changed or 0) + is_changed

    def is_changed(self, row: Mapping[str, Any]) -> bool | None:
        """Tell whether a row is new or has changed; None if that cannot be told."""
        cursor, since = self._cursor, self._since
        if since is None or cursor is None:
            return None
        value = row.get(cursor.column)
        return since == "" or (value is not None and value > since)


_SENDING: ContextVar[Entry] = ContextVar("sending")


class Ledger:
    """The entries of a run."""

    def __init__(self) -> None:
        self.run_id = str(uuid4())
        """The id of the run."""
        self._entries: dict[tuple[str, str], Entry] = {}
        self._lock = Lock()
        self._is_closed = False

    def entry(self, stream: str, path: str) -> Entry:
        """Return the entry of a stream and a route, such as ``/v2/cursus/{cursus_id}``."""
        route = _PLACEHOLDER.sub(r":\1", path)
        with self._lock:
            return self._entries.setdefault((stream, route), Entry(stream, route))

    def entries(self) -> list[Entry]:
        """Return all entries that are not empty."""
        with self._lock:
            known = list(self._entries.values())
        return [entry for entry in known if entry.requests or entry.rows_emitted]

    @property
    def only_failure(self) -> Exception | None:
        """Why requests failed, if no page came at all; else None."""
        with self._lock:
            entries = list(self._entries.values())
        failures = [entry.failure for entry in entries if entry.failure]
        return failures[-1] if failures and not any(entry.pages for entry in entries) else None

    def close(self) -> None:
        """Forbid any further request, as it would not be counted."""
        with self._lock:
            self._is_closed = True

    def note_request(self) -> Entry | None:
        """Count a request that is being sent; return its entry, or None if it has none.

        Raises:
            RunEnds: The ledger is closed.
        """
        with self._lock:
            if self._is_closed:
                message = "the run is over"
                raise RunEnds(message)
            entry = _SENDING.get(None)
            if entry is not None:
                entry.count(requests=1)
            return entry


_SUMS = (
    "requests", "refusals", "retries", "rows", "rows_emitted", "bytes",
    "quota_seconds", "api_seconds", "lower_bound",
)  # fmt: skip


def summary(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the sums of several entries, by the names of the columns."""
    rows = [counts(entry) for entry in entries]
    return {name: sum(row[name] for row in rows) for name in _SUMS}


def counts(entry: Entry) -> dict[str, Any]:
    """Return the counts of an entry, by the names of the columns."""
    names = ("stream", "route", *_SUMS, "rows_changed")
    return {name: getattr(entry, name) for name in names} | {
        "quota_seconds": round(entry.quota_seconds, 3),
        "api_seconds": round(entry.api_seconds, 3),
        "window_begins_at": None if entry.begins is None else from_milliseconds(entry.begins),
        "window_ends_at": None if entry.ends is None else from_milliseconds(entry.ends),
    }
