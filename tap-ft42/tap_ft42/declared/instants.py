"""Instants, in the one form that the tap writes.

An instant leaves the tap as 24 characters, ``2026-01-31T23:59:59.000Z``: always in UTC, with
milliseconds, and of the same width. So the SDK can compare bookmarks as strings, and a target
that ignores offsets still stores the right instant.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

HOUR = 3_600_000
DAY = 24 * HOUR
"""Milliseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_IN_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})(Z|\+00:00)", re.ASCII)


def write_instant(moment: datetime) -> str:
    """Write an aware datetime in the 24 characters described above, without microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def rewrite_instant(text: str) -> str:
    """Bring an instant of the API into the 24 characters described above.

    The API writes most instants in UTC, but ``anonymize_date`` and ``data_erasure_date`` in the
    offset of the campus.

    Raises:
        ValueError: It is not a date and time, has no offset, or lies outside the years 1 to
            9999.
    """
    moment = datetime.fromisoformat(text)
    if match := _IN_UTC.fullmatch(text):
        return text if match[2] == "Z" else f"{match[1]}Z"
    if moment.tzinfo is None:
        message = "the offset from UTC is missing"
        raise ValueError(message)
    try:
        return write_instant(moment)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def milliseconds(value: object) -> int | None:
    """Return an instant of the API as whole milliseconds since 1970; None for other values."""
    if not isinstance(value, str):
        return None
    try:
        return in_milliseconds(value)
    except ValueError:
        return None


def in_milliseconds(text: str) -> int:
    """Return an ISO 8601 date (or date and time) in whole milliseconds since 1970.

    Without an offset, it is in UTC.

    Raises:
        ValueError: The text is something else.
    """
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(number: int) -> str:
    """Write an instant that is a number of milliseconds since 1970."""
    return write_instant(_EPOCH + timedelta(milliseconds=number))
