"""Which rows of a list are known, in a form that fits in a bookmark.

A tally is exact as long as it knows up to 100,000 ids: it holds each of them. A
greater one holds how many rows lie in each slice of ids, a page's worth a slice.
Written down, ids and slices are gaps between numbers, zlib and base64: 27 kB for
40,341 students. However an API gives its ids away, no tally takes more than
`LONGEST` characters.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.regions import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST_IDS = 100_000
"""Rows up to which each id is remembered, beyond a run."""

MOST_SLICES = 10_000
"""Slices that a greater tally has at most; they grow beyond a page then."""

LONGEST = 550_000
"""Characters that a tally takes at most: four bytes a gap, and base64."""


@dataclass(frozen=True)
class Expectation:
    """How many rows a list should have in which interval of ids.

    Attributes:
        firsts: Where each slice begins, ascending; of an exact tally, each id.
        rows: Rows of each slice.
        greatest: Greatest id that is known.
        page_size: Rows a page.
    """

    firsts: Sequence[int]
    rows: Sequence[int]
    greatest: int
    page_size: int

    @cached_property
    def _before(self) -> list[int]:
        return list(accumulate(self.rows, initial=0))

    @property
    def total(self) -> int:
        """Rows of the whole list."""
        return self._before[-1]

    def between(self, lower: int, upper: int) -> int:
        """Return how many rows are expected in a closed interval of whole slices."""
        first, end = self._slices(lower, upper)
        return self._before[end] - self._before[first]

    def middle(self, lower: int, upper: int) -> int | None:
        """Return where to halve a closed interval, so that the halves fill pages.

        Args:
            lower: Its lowest id.
            upper: Its highest id.

        Returns:
            The highest id of the lower half; None if it is a single slice.
        """
        first, end = self._slices(lower, upper)
        if end - first <= 1:
            return None
        pages = ceil((self._before[end] - self._before[first]) / self.page_size)
        half = self._before[first] + self.page_size * ceil(pages / 2)
        cut = bisect_right(self._before, half, first, end) - 1
        return self.firsts[min(max(cut, first + 1), end - 1)] - 1

    def sector(self, start: int, rows: int) -> tuple[int, int]:
        """Return a closed interval with so many rows or a few more.

        Args:
            start: Its lowest id; beyond the greatest one the list begins anew.
            rows: How many rows.

        Returns:
            Its lowest and highest id.
        """
        first = bisect_left(self.firsts, start)
        if start > self.greatest or first >= len(self.firsts):
            first = 0
        end = bisect_left(self._before, self._before[first] + rows, first + 1)
        return (
            self.firsts[first] if first else 1,
            self.firsts[end] - 1 if end < len(self.firsts) else self.greatest,
        )

    def _slices(self, lower: int, upper: int) -> tuple[int, int]:
        return bisect_left(self.firsts, lower), bisect_right(self.firsts, upper)


class Tally:
    """The rows that are known of a list."""

    def __init__(self, *, page_size: int) -> None:
        """Know nothing yet.

        Args:
            page_size: Rows of a slice.
        """
        self._page_size = page_size
        self._ids: IdSet | None = IdSet()
        self._firsts: list[int] = []
        self._rows: list[int] = []
        self._counted = IdSet()
        self.greatest = 0
        """Greatest id that is known."""

    @classmethod
    def restored(cls, state: Mapping[str, Any], *, page_size: int) -> Tally:
        """Make a tally again of what was written down of it.

        Args:
            state: What `as_state` returned.
            page_size: Rows of a slice.

        Returns:
            The tally.

        Raises:
            ValueError: The state is damaged.
            KeyError: It is none.
        """
        tally = cls(page_size=page_size)
        if "ids" in state:
            for number in accumulate(unpacked(state["ids"])):
                tally.add(number)
        else:
            tally._ids = None
            tally._firsts = list(accumulate(unpacked(state["slices"])))
            tally._rows = unpacked(state["rows"])
            tally.greatest = int(state["greatest"])
        return tally

    def as_state(self) -> dict[str, Any]:
        """Write the tally down, in slices if it has become too large for ids."""
        if self.is_small and self._ids is not None:
            return {"ids": packed(_gaps(self._ids))}
        expected = self.expectation
        firsts, rows = list(expected.firsts), list(expected.rows)
        if self._ids is not None:
            firsts, rows = _sliced(firsts, self._page_size, 1)
        while len(firsts) > MOST_SLICES:
            rows = [sum(rows[at : at + 2]) for at in range(0, len(rows), 2)]
            firsts = firsts[::2]
        return {
            "slices": packed(_gaps(firsts)),
            "rows": packed(rows),
            "greatest": self.greatest,
        }

    @property
    def is_exact(self) -> bool:
        """Whether each id is known."""
        return self._ids is not None

    @property
    def is_small(self) -> bool:
        """Whether each id is known in the next run, too."""
        return self._ids is not None and len(self._ids) <= MOST_IDS

    @property
    def ids(self) -> Iterable[int]:
        """The ids of an exact tally, ascending."""
        return self._ids or ()

    def __contains__(self, number: int) -> bool:
        """Tell whether a row is known for certain; in slices none is."""
        return self._ids is not None and number in self._ids

    @property
    def expectation(self) -> Expectation:
        """What the tally expects, as of now."""
        if self._ids is None:
            slices = tuple(self._firsts), tuple(self._rows)
            return Expectation(*slices, self.greatest, self._page_size)
        ids = array("q", self._ids)
        ones = array("b", bytes([1])) * len(ids)
        return Expectation(ids, ones, self.greatest, self._page_size)

    def add(self, number: int, *, is_new: bool = True) -> bool:
        """Account for a row that was read.

        Args:
            number: Its id.
            is_new: Whether it was not there when its list was last read; an exact
                tally knows by itself.

        Returns:
            Whether the tally has changed.
        """
        if not 1 <= number <= MAX_ID:
            return False
        is_beyond = number > self.greatest
        self.greatest = max(number, self.greatest)
        if self._ids is not None:
            return self._ids.add(number)
        if not (is_new or is_beyond) or not self._counted.add(number):
            return False
        at = bisect_right(self._firsts, number) - 1
        if at < 0 or (is_beyond and self._rows[at] >= self._page_size):
            at += 1
            self._firsts.insert(at, number if at else 1)
            self._rows.insert(at, 0)
        self._rows[at] += 1
        return True

    def remove(self, number: int) -> bool:
        """Account for a row that has left the list.

        Args:
            number: Its id. In slices, nobody knows whether the list had it: the caller
                must.

        Returns:
            Whether the tally has changed.
        """
        if self._ids is not None:
            return self._ids.remove(number)
        at = bisect_right(self._firsts, number) - 1
        if at < 0 or not self._rows[at]:
            return False
        self._rows[at] -= 1
        return True

    def between(self, lower: int, upper: int) -> Iterator[int]:
        """Yield the ids of an exact tally in a closed interval, ascending."""
        return iter(()) if self._ids is None else self._ids.between(lower, upper)

    def replace(self, lower: int, upper: int, ids: Sequence[int]) -> None:
        """Let these be all rows of a closed interval of whole slices.

        Args:
            lower: Its lowest id.
            upper: Its highest id.
            ids: The ids of its rows.
        """
        if self._ids is not None:
            self._ids.replace(lower, upper, ids)
            return
        first, end = bisect_left(self._firsts, lower), bisect_right(self._firsts, upper)
        firsts, rows = _sliced(sorted(ids), self._page_size, lower)
        self._firsts[first:end], self._rows[first:end] = firsts, rows


def _sliced(ids: Sequence[int], size: int, lower: int) -> tuple[list[int], list[int]]:
    """Cut ascending ids into slices of a page's worth, the first one from a bound on."""
    firsts = [lower, *ids[size::size]]
    return firsts, [len(ids[at * size : (at + 1) * size]) for at in range(len(firsts))]


def _gaps(numbers: Iterable[int]) -> list[int]:
    return [after - before for before, after in pairwise([0, *numbers])]


def packed(numbers: Iterable[int]) -> str:
    """Write numbers of 32 bits without a sign down as text."""
    words = array("I", numbers)
    if sys.byteorder == "big":
        words.byteswap()
    raw = words.tobytes()
    # The high bytes are nearly all 0: side by side they take next to nothing.
    return b64encode(zlib.compress(b"".join(raw[at::4] for at in range(4)))).decode()


def unpacked(text: str) -> list[int]:
    """Read what `packed` has written.

    Raises:
        ValueError: It is damaged.
    """
    try:
        planes = zlib.decompress(b64decode(text, validate=True))
    except zlib.error as error:
        message = f"a tally cannot be read: {error}"
        raise ValueError(message) from error
    raw = bytearray(len(planes))
    count = len(planes) // 4
    for at in range(4):
        raw[at::4] = planes[at * count : (at + 1) * count]
    words = array("I", bytes(raw))
    if sys.byteorder == "big":
        words.byteswap()
    return list(words)
