"""Regions of a list: the rows whose keys lie in closed intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from math import ceil
from typing import TypeAlias

from tap_ft42.api.page import Page
from tap_ft42.declared.capabilities import Bounds
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import ID

Key: TypeAlias = str
"""``id``, or the name of a column that holds instants."""

MAX_ID = 2**31 - 1
"""The greatest id that the API's database can hold."""

EVERY_ID = (0, MAX_ID)
"""The interval of all ids."""

_ROUNDING = 1000
"""Milliseconds by which the API may round the bounds of a window."""


@dataclass(frozen=True, slots=True)
class Region:
    """The rows whose keys lie in closed intervals; all rows if there are none."""

    bounds: Mapping[Key, tuple[int, int]] = field(default_factory=dict)

    def params(self, bounds: Bounds = "both") -> dict[str, str]:
        """Write the region as ``range`` parameters of the API.

        Args:
            bounds: The bounds of an interval that the API includes. An interval of ids is
                widened by one where it excludes them, and one of instants always by a
                millisecond.
        """
        below, above = bounds in {"upper", "none"}, bounds in {"lower", "none"}
        return {
            f"range[{key}]": (
                f"{max(0, lower - below)},{min(upper + above, MAX_ID)}"
                if key == ID
                else f"{from_milliseconds(max(0, lower - 1))},{from_milliseconds(upper + 1)}"
            )
            for key, (lower, upper) in self.bounds.items()
        }

    def narrowed(self, key: Key, lower: int, upper: int) -> Region:
        """Return the region with another interval of a key."""
        return Region({**self.bounds, key: (lower, upper)})

    def interval(self, key: Key) -> tuple[int, int]:
        """Return the interval of a key."""
        return self.bounds.get(key, EVERY_ID)

    def width(self, key: Key) -> int:
        """Return the distance between the ends of a key's interval."""
        lower, upper = self.interval(key)
        return upper - lower

    def without(self, key: Key) -> Region:
        """Return the region without the interval of a key."""
        return Region({name: value for name, value in self.bounds.items() if name != key})

    def strangers(self, page: Page) -> Mapping[Key, int]:
        """Return by key how many rows of a page lie outside of its interval."""
        found = {
            key: sum(
                not lower - tolerance <= row <= upper + tolerance for row in page.keys(key)
            )
            for key, (lower, upper) in self.bounds.items()
            for tolerance in (0 if key == ID else _ROUNDING,)
        }
        return {key: rows for key, rows in found.items() if rows}

    def cut(self, key: Key, parts: int) -> list[Region]:
        """Cut the region into parts of equal width, in ascending order."""
        lower, upper = self.interval(key)
        step = _step(key)
        width = max(1, ceil((upper - lower + step) / parts))
        return self._cut_at(key, range(lower + width - step, upper, width))

    def halved(self, key: Key, seen: Sequence[int]) -> list[Region]:
        """Cut the region in two, so that half of the keys that were seen lie in each.

        Returns:
            Two smaller regions, if the region `is_divisible`.
        """
        lower, upper = self.interval(key)
        middle = sorted(seen)[(len(seen) - 1) // 2] if seen else (lower + upper) // 2
        least = lower if key == ID else lower + 1
        return self._cut_at(key, [min(max(middle, least), upper - 1)])

    def cut_around(self, key: Key, seen: Sequence[int]) -> list[Region]:
        """Cut the region below the keys that were seen, in their middle, and above them.

        Returns:
            Smaller regions, if the region `is_divisible`.
        """
        lower, upper = self.interval(key)
        ends = min(seen, default=lower) - _step(key), max(seen, default=upper)
        middle = self.halved(key, seen)[0].interval(key)[1]
        least = lower if key == ID else lower + 1
        return self._cut_at(key, sorted({p for p in (*ends, middle) if least <= p < upper}))

    def is_divisible(self, key: Key) -> bool:
        """Tell whether the region can be cut into smaller ones."""
        lower, upper = self.interval(key)
        return upper - lower + _step(key) > 1

    def is_filled_by(self, ids: Sized) -> bool:
        """Tell whether the region has no room for more ids than these."""
        lower, upper = self.interval(ID)
        return len(ids) > upper - lower

    def _cut_at(self, key: Key, points: Iterable[int]) -> list[Region]:
        """Cut the region behind some keys; they must ascend and lie within it."""
        _, upper = self.interval(key)
        pieces, (begin, _) = list[Region](), self.interval(key)
        for point in (*points, upper):
            pieces.append(self.narrowed(key, begin, point))
            begin = point + _step(key)
        return pieces


def _step(key: Key) -> int:
    """Return the distance between the end of a region and the beginning of the next one."""
    return 1 if key == ID else 0


class RangeIgnoredError(Exception):
    """The API does not narrow this list by ranges after all."""

    def __init__(self, key: Key = ID) -> None:
        super().__init__(self.__doc__)
        self.key = key


class RangeTooWideError(RangeIgnoredError):
    """The API narrows this list by shorter ranges only."""

    def __init__(self, key: Key, widest: int) -> None:
        super().__init__(key)
        self.widest = widest
