"""The sandbox's own clock: the wall clock, unless it is set or moved."""

from __future__ import annotations

import time

from ft42_sandbox.instants import SECOND, known, to_text


class Clock:
    """The time in the sandbox.

    Rows that change get this time. Tokens and rate limits follow the real wall clock instead,
    so that a move of the sandbox's clock does not expire a token or reset a limit.
    """

    def __init__(self, not_before: int) -> None:
        """Start a clock.

        Args:
            not_before: microseconds since 1970. The clock starts here if the wall clock is
                earlier, so that no change is older than the data.
        """
        self._offset = max(0, not_before - _wall())
        self._frozen: int | None = None

    def now(self) -> int:
        """The sandbox's time in microseconds since 1970, UTC."""
        return self._frozen if self._frozen is not None else _wall() + self._offset

    def set(self, instant: int) -> None:
        """Set the clock to an instant; it goes on from there unless it is frozen.

        Raises:
            ValueError: for an instant that the sandbox does not know.
        """
        if self._frozen is None:
            self._offset = known(instant) - _wall()
        else:
            self._frozen = known(instant)

    def move(self, seconds: float) -> None:
        """Move the clock forwards, or backwards for a negative number of seconds."""
        self.set(self.now() + int(seconds * SECOND))

    def freeze(self) -> None:
        """Stop the clock where it is."""
        self._frozen = self.now()

    def resume(self) -> None:
        """Let a frozen clock go on from where it stopped."""
        if self._frozen is not None:
            self._offset = self._frozen - _wall()
            self._frozen = None

    def describe(self) -> dict[str, object]:
        """The clock's state as the control plane shows it."""
        return {
            "now": to_text(self.now()),
            "wall": to_text(_wall()),
            "offset_seconds": round((self.now() - _wall()) / SECOND, 3),
            "frozen": self._frozen is not None,
        }


def _wall() -> int:
    return time.time_ns() // 1000
