"""Which window of ``updated_at`` an incremental stream reads next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_ft42.instants import write_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Lower bound of a first load: older than 42 itself."""


class Window(NamedTuple):
    """A closed interval of ``updated_at``; both bounds belong to it."""

    lower: str
    upper: str

    def as_range(self) -> str:
        """Write the window as the value of a ``range[…]`` parameter."""
        return f"{self.lower},{self.upper}"


def next_window(
    bookmark: datetime | None,
    *,
    not_before: datetime | None,
    run_started: datetime,
    settle: timedelta,
    overlap: timedelta,
) -> Window:
    """Compute the window that follows a bookmark.

    The upper bound lies ``settle`` in the past, where rows have stopped
    arriving: a row that 42 stamps now and commits a moment later is left to the
    next run. The lower bound lies ``overlap`` before the bookmark, because the
    clocks that stamp rows are not one clock. Rows in the overlap are read
    twice; the target upserts them by primary key.

    Args:
        bookmark: Greatest ``updated_at`` read so far; None on a first load.
        not_before: The setting ``start_date``; nothing older is read.
        run_started: When this run began.
        settle: Distance of the upper bound from ``run_started``.
        overlap: Distance of the lower bound from the bookmark.

    Returns:
        The window to read.
    """
    lower = BEGINNING if bookmark is None else bookmark - overlap
    if not_before is not None:
        lower = max(lower, not_before)
    return Window(write_instant(lower), write_instant(run_started - settle))


def level(partitions: Sequence[dict[str, Any]], replication_key: str) -> None:
    """Give the partitions that one run has read the same bookmark: the greatest.

    All of them have been read up to the same upper bound, and the greatest
    ``updated_at`` among them lies below it, so no partition has rows between its
    own bookmark and that. A quiet partition then need not be read from its last
    change again, and a row that belongs to two partitions is read by both or by
    neither.

    Args:
        partitions: The SDK's states of the partitions; changed in place.
        replication_key: Name of the replication key.
    """
    bookmarks = [
        partition["replication_key_value"]
        for partition in partitions
        if partition.get("replication_key_value")
    ]
    for partition in partitions if bookmarks else ():
        partition["replication_key"] = replication_key
        partition["replication_key_value"] = max(bookmarks)
