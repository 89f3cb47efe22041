"""Instants as the store holds them (microseconds) and as the API writes them (text)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
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
PATTERN = np.frombuffer(b'"0000-00-00T00:00:00.000Z"', dtype=np.uint8)
LENGTH = len(PATTERN)
# The sandbox knows the days from 1970 to the end of the year 2199.
LAST_YEAR = 2199
DAYS_KNOWN = (datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - EPOCH).days


def from_datetime(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def parse_instant(text: str) -> int:
    """Read an ISO 8601 instant in microseconds since 1970; without an offset it is UTC.

    Raises:
        ValueError: if the text is not an instant, or if its year is not supported.
    """
    instant = datetime.fromisoformat(text)
    return known(from_datetime(instant if instant.tzinfo else instant.replace(tzinfo=UTC)))


def known(instant: int) -> int:
    """The same instant, if the sandbox can write it.

    Raises:
        ValueError: if it lies before 1970 or too far ahead.
    """
    if not DAY <= instant < (DAYS_KNOWN - 1) * DAY:
        msg = f"the sandbox knows the years from 1970 to {LAST_YEAR} only"
        raise ValueError(msg)
    return instant


def at(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 text with an offset or `Z`."""
    return from_datetime(datetime.fromisoformat(text))


def to_text(microseconds: int) -> str:
    """An instant in the API's form: UTC, milliseconds (cut, not rounded), `Z`."""
    moment = NAIVE_EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="milliseconds") + "Z"


def texts(instants: NDArray[Any]) -> list[str | None]:
    """Many instants at once in the API's form; null becomes None."""
    return [None if text == "null" else text[1:-1] for text in json_texts(instants)]


def json_texts(instants: NDArray[Any]) -> list[str]:
    """Many instants at once as JSON: texts in quotes, or null."""
    written = _written(instants)
    return [
        "null" if null else written[n : n + LENGTH]
        for n, null in zip(
            range(0, len(written), LENGTH), (instants == NULL_INSTANT).tolist(), strict=True
        )
    ]


def local_json_texts(instants: NDArray[Any], offset_minutes: NDArray[Any]) -> list[str]:
    """Instants in the offsets of their campuses, like `anonymize_date`, or null."""
    nulls = instants == NULL_INSTANT
    written = _written(np.where(nulls, 0, instants) + offset_minutes.astype(np.int64) * MINUTE)
    return [
        "null" if null else f'{written[n : n + LENGTH - 2]}{_offset(minutes)}"'
        for n, null, minutes in zip(
            range(0, len(written), LENGTH),
            nulls.tolist(),
            offset_minutes.tolist(),
            strict=True,
        )
    ]


def _written(instants: NDArray[Any]) -> str:
    """All instants one after the other in quotes; the text of a null is meaningless.

    numpy takes five times as long to write dates, and half of a page consists of dates.
    """
    dates, times, fractions = _tables()
    milliseconds = np.where(instants == NULL_INSTANT, 0, instants) // 1000
    days, within = np.divmod(milliseconds, DAY // 1000)
    seconds, fraction = np.divmod(within, 1000)
    text = np.empty((len(instants), LENGTH), dtype=np.uint8)
    text[:] = PATTERN
    text[:, 1:11] = dates[days]
    text[:, 12:20] = times[seconds]
    text[:, 21:24] = fractions[fraction]
    return text.tobytes().decode("ascii")


@cache
def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The digits of every day, every second of a day and every millisecond of a second."""
    days = np.arange(DAYS_KNOWN).astype("datetime64[D]")
    seconds = np.arange(86_400).astype("datetime64[s]")
    return (
        _characters(np.datetime_as_string(days), 10),
        np.ascontiguousarray(_characters(np.datetime_as_string(seconds), 19)[:, 11:]),
        _characters(np.char.zfill(np.arange(1000).astype(str), 3), 3),
    )


def _characters(texts: NDArray[np.str_], length: int) -> NDArray[np.uint8]:
    """ASCII texts of one length as a matrix of their bytes."""
    return texts.astype(f"S{length}").view(np.uint8).reshape(len(texts), length)


@cache
def _offset(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
