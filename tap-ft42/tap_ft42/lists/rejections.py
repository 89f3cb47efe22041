"""Counts the broken records of a stream, and lets bookmarks pass them if they may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tap_ft42.api.errors import FatalAPIError

REJECTED_RECORDS = "rejected_records"
"""The stream that keeps rejected records."""

_REASONS = 10
"""Reasons in one log line; the stream has all of them."""

_ENOUGH = 1000
"""After so many records, it is clear whether most records of a stream are broken."""


class UnusableRecordsError(FatalAPIError):
    """Records break their schema, and the bookmark may not pass them."""


class Rejections:
    """The rejected records of a stream.

    Bookmarks may pass them if a stream keeps them, and if they are the exception. A single
    rejected record always is an exception.
    """

    def __init__(self, *, is_kept: bool) -> None:
        self.is_kept = is_kept
        """Whether a stream keeps the rejected records."""
        self._seen = 0
        self._reasons: Counter[str] = Counter()

    def note(self, *, reason: str | None) -> None:
        """Count a record, with the reason if it is rejected."""
        self._seen += 1
        if reason is not None:
            self._reasons[reason] += 1

    @property
    def total(self) -> int:
        """How many records were rejected."""
        return self._reasons.total()

    @property
    def reasons(self) -> dict[str, int]:
        """The most frequent reasons, with the number of records for each."""
        return dict(self._reasons.most_common(_REASONS))

    def objection(self) -> str | None:
        """Say why bookmarks may not pass the records; None if they may."""
        if not self.total:
            return None
        reason = next(iter(self.reasons))
        if not self.is_kept:
            return (
                f"{self.total} of {self._seen} records break the schema, mostly for this "
                f"reason: {reason}. They would be lost, as the stream {REJECTED_RECORDS} is "
                "not selected: select it"
            )
        if self.total * 2 > self._seen and self.total > 1:
            return (
                f"{self.total} of {self._seen} records break the schema, mostly for this "
                f"reason: {reason}. The API has changed, or tap-ft42 is too old"
            )
        return None

    @property
    def is_hopeless(self) -> bool:
        """Whether so many records are broken that it is useless to read on."""
        return self._seen >= _ENOUGH and self.total * 2 > self._seen


class Moves:
    """The moves of the bookmarks of one read, as far as its records let them pass."""

    def __init__(self, rejections: Rejections) -> None:
        self._rejections = rejections
        self._rejected_before = rejections.total
        self._waiting: list[Callable[[], None]] = []

    def add(self, move: Callable[[], None]) -> None:
        """Add a move, to be made after those that wait already."""
        self._waiting.append(move)

    def make(self) -> None:
        """Make the moves that wait, unless records of this read forbid it.

        Raises:
            UnusableRecordsError: Most records are broken, so the read is useless.
        """
        objection = self._rejections.objection()
        if objection is None or self._rejections.total == self._rejected_before:
            for move in self._waiting:
                move()
            self._waiting.clear()
        elif self._rejections.is_hopeless:
            raise UnusableRecordsError(objection)

    def end(self) -> None:
        """Raise an `UnusableRecordsError` if records forbid moves that still wait."""
        if self._waiting and (objection := self._rejections.objection()):
            raise UnusableRecordsError(objection)
