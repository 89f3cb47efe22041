"""Instants as the store holds them (microseconds) and as the API writes them (text)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from ft42_sandbox.columns import NULL_INSTANT

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def from_datetime(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def at(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 text with an offset or `Z`."""
    return from_datetime(datetime.fromisoformat(text))


def to_text(microseconds: int) -> str:
    """The API's way to write an instant: UTC, milliseconds (cut, not rounded), `Z`."""
    moment = NAIVE_EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="milliseconds") + "Z"


def texts(instants: NDArray[Any]) -> list[str | None]:
    """Many instants at once in the API's way; a null instant becomes None."""
    nulls = instants == NULL_INSTANT
    written = np.datetime_as_string(
        np.where(nulls, 0, instants).astype("datetime64[us]").astype("datetime64[ms]"),
        unit="ms",
    )
    return [
        None if null else text + "Z"
        for text, null in zip(written.tolist(), nulls.tolist(), strict=True)
    ]


def local_text(microseconds: int | None, offset_minutes: int) -> str | None:
    """An instant in a campus' own offset, as `anonymize_date` is written."""
    if microseconds is None:
        return None
    zone = timezone(timedelta(minutes=offset_minutes))
    return (
        (EPOCH + timedelta(microseconds=microseconds))
        .astimezone(zone)
        .isoformat(timespec="milliseconds")
    )
