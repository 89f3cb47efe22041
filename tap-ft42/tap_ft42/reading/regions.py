"""Which rows of a list are read: those whose keys lie in closed intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from statistics import median_low
from typing import TYPE_CHECKING, Literal, TypeAlias

from tap_ft42.declared.instants import from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tap_ft42.api.page import Page

Key: TypeAlias = Literal["id", "updated_at"]

MAX_ID = 2**31 - 1
"""Greatest id that the API's database has room for."""

_ROUNDING = 1000
"""Milliseconds by which an API may take a window less literally."""

_STEP: dict[Key, int] = {"id": 1, "updated_at": 0}
"""Distance from a region's end to the next one's beginning."""


@dataclass(frozen=True, slots=True)
class Region:
    """The rows whose keys lie in closed intervals; all rows if there are none."""

    bounds: Mapping[Key, tuple[int, int]] = field(default_factory=dict)

    def params(self) -> dict[str, str]:
        """Write the region as ``range`` parameters of the API."""
        return {
            f"range[{key}]": (
                f"{lower},{upper}"
                if key == "id"
                else f"{from_milliseconds(lower)},{from_milliseconds(upper)}"
            )
            for key, (lower, upper) in self.bounds.items()
        }

    def narrowed(self, key: Key, lower: int, upper: int) -> Region:
        """Return the region with another interval of a key."""
        return Region({**self.bounds, key: (lower, upper)})

    def interval(self, key: Key) -> tuple[int, int]:
        """Return the interval of a key."""
        return self.bounds.get(key, (0, MAX_ID))

    def holds(self, page: Page) -> bool:
        """Tell whether a page has no rows from elsewhere: whether ranges count at all."""
        return all(
            lower - tolerance <= row <= upper + tolerance
            for key, (lower, upper) in self.bounds.items()
            for tolerance in (_ROUNDING if key == "updated_at" else 0,)
            for row in page.keys(key)
        )

    def cut(self, key: Key, parts: int) -> list[Region]:
        """Cut the region into parts of equal width, in ascending order."""
        lower, upper = self.interval(key)
        step = _STEP[key]
        width = max(1, ceil((upper - lower + step) / parts))
        return self._cut_at(key, range(lower + width - step, upper, width))

    def halved(self, key: Key, seen: Sequence[int]) -> list[Region]:
        """Cut the region in two where half of the keys that were seen lie below."""
        lower, upper = self.interval(key)
        middle = median_low(seen) if seen else (lower + upper) // 2
        return self._cut_at(key, [max(min(middle, upper - 1), min(lower + 1, upper - 1))])

    def _cut_at(self, key: Key, points: Iterable[int]) -> list[Region]:
        lower, upper = self.interval(key)
        step = _STEP[key]
        return [
            self.narrowed(key, below if below == lower else below + step, above)
            for below, above in pairwise([lower, *points, upper])
        ]
