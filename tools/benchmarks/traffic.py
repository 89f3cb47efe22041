"""What the sandbox's request log says of a load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox


@dataclass(frozen=True)
class Traffic:
    """The requests of a load, without those for tokens.

    Attributes:
        answered: requests that got what they asked for.
        refused: answers 429.
        failed: anything else.
        first: when the first was judged by the limits, in seconds since 1970.
        last: when the last answer was out.
    """

    answered: int
    refused: int
    failed: int
    first: float
    last: float

    @property
    def seconds(self) -> float:
        """From the first request to the last answer; the tool's start is not in it."""
        return self.last - self.first

    @property
    def sent(self) -> int:
        """All requests, whatever became of them."""
        return self.answered + self.refused + self.failed

    def share_of(self, per_second: int) -> float:
        """Return which share of a quota was used: the least possible time over the time.

        Args:
            per_second: The quota's requests a second.
        """
        return self.answered / per_second / self.seconds


def traffic(sandbox: RunningSandbox) -> Traffic | None:
    """Read the log; None if nothing was asked."""
    asked = [entry for entry in sandbox.log() if entry["route"] != "token"]
    if not asked:
        return None
    statuses = [entry["status"] for entry in asked]
    answered = sum(200 <= status < 400 for status in statuses)
    refused = statuses.count(429)
    return Traffic(
        answered=answered,
        refused=refused,
        failed=len(asked) - answered - refused,
        first=min(entry["at"] for entry in asked),
        last=max(entry["at"] + entry["seconds"] for entry in asked),
    )
