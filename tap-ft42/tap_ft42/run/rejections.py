"""How many broken records of a stream its bookmarks may pass."""

from __future__ import annotations

from collections import Counter

from tap_ft42.api.errors import FatalAPIError

KEEPER = "rejected_records"
"""The stream that takes them."""

_REASONS = 10
"""Reasons that a log line tells of; the stream has all."""

_ENOUGH = 1000
"""Records after which it is clear that most of a stream are broken."""


class UnusableRecordsError(FatalAPIError):
    """Records break their schema and may not be passed by."""


class Rejections:
    """What of a stream was rejected, and whether its bookmarks may pass it.

    They may where the records are kept elsewhere, and where they are the exception. A
    single one always is.
    """

    def __init__(self, *, is_kept: bool) -> None:
        self.is_kept = is_kept
        """Whether what is rejected goes to a stream of its own."""
        self._seen = 0
        self._reasons: Counter[str] = Counter()

    def note(self, *, reason: str | None) -> None:
        """Account for a record."""
        self._seen += 1
        if reason is not None:
            self._reasons[reason] += 1

    @property
    def total(self) -> int:
        """How many records were rejected."""
        return self._reasons.total()

    @property
    def reasons(self) -> dict[str, int]:
        """The most frequent reasons, and how often each was one."""
        return dict(self._reasons.most_common(_REASONS))

    def objection(self) -> str | None:
        """Say why no bookmark may pass what has been read; None if it may."""
        if not self.total:
            return None
        reason = next(iter(self.reasons))
        if not self.is_kept:
            return (
                f"{self.total} of {self._seen} records break the schema, mostly for this "
                f"reason: {reason}. They would be lost, as the stream {KEEPER} is not "
                "selected: select it"
            )
        if self.total * 2 > self._seen and self.total > 1:
            return (
                f"{self.total} of {self._seen} records break the schema, mostly for this "
                f"reason: {reason}. The API has changed, or tap-ft42 is too old"
            )
        return None

    @property
    def is_hopeless(self) -> bool:
        """Whether to read on is of no use."""
        return self._seen >= _ENOUGH and self.total * 2 > self._seen
