"""Waiting for something that must come about, or be over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something is so.

    Args:
        condition: what tells it.
        seconds: how long it may take.

    Raises:
        AssertionError: it took longer.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def away_from_the_end_of_the_hour(seconds: float = 70) -> None:
    """Wait for the next hour if this one ends soon: it forgives what has been used of it."""
    until(lambda: 3600 - time.time() % 3600 > seconds, seconds + 5)
