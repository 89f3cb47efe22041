"""Writes figures for people: 1,200 · 45 min · 2026-11-25 02:00 UTC."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

_UNITS = ((86_400, "days", 3), (3_600, "h", 2), (60, "min", 2), (1, "s", 0))
"""Seconds of a unit, its name, and the least number for which it is used: 71 h, but 3 days."""

_LONGEST = 120
"""Characters of a text: enough for a sentence about a broken promise."""


def shown(value: object) -> str:
    """Return a value in a form for people.

    Args:
        value: A figure, an instant, a duration, or text. Text may come from the API: control
            characters are removed, and a long text is cut.
    """
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, timedelta):
        return duration(value.total_seconds())
    if isinstance(value, int):
        return f"{value:,}"
    text = "".join(filter(str.isprintable, "" if value is None else str(value)))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def duration(seconds: float) -> str:
    """Return a duration in its largest fitting unit, rounded down."""
    for size, name, least in _UNITS:
        if seconds >= size * least:
            return f"{int(seconds // size):,} {name}"
    return "0 s"


def as_json(value: object) -> str:
    """Return JSON for programs, with instants as ISO 8601."""
    return json.dumps(value, default=_instant, indent=2, ensure_ascii=False)


def _instant(value: object) -> str:
    if isinstance(value, date):  # an instant is one, too
        return value.isoformat()
    message = f"{type(value).__name__} has no place in JSON"
    raise TypeError(message)
