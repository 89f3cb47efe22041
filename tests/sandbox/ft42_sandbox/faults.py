"""Faults (filled in by the next version)."""

from __future__ import annotations


class Faults:
    """Switchable faults."""

    def __init__(self, seed: int) -> None:
        """Draw with this seed."""
        self.seed = seed
