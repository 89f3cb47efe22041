"""A clock that a test moves."""

from __future__ import annotations

from tap_ft42.api.clock import Clock
from typing_extensions import override


class Moved(Clock):
    """The time at 42; it stands still until it is moved."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.at = at

    @override
    def time(self) -> float:
        return self.at
