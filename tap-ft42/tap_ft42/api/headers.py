"""Reads headers. No value of a header can make a run fail."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_MOST_DIGITS = 15
"""Digits that a number may have: a longer number fits neither a column nor a clock."""


def whole_number(headers: Mapping[str, str], name: str) -> int | None:
    """Read a whole number, 0 or more; None if the header is missing or holds none."""
    text = headers.get(name, "").strip()
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None


def http_date(headers: Mapping[str, str], name: str) -> float | None:
    """Read a date as Unix time; None if the header is missing or holds none."""
    try:
        return parsedate_to_datetime(headers.get(name, "")).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
