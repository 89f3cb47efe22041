"""A set of ids that uses one bit for each id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from typing_extensions import override

from tap_ft42.reading.regions import MAX_ID

_BITS = 10
_REST = (1 << _BITS) - 1


class IdSet:
    """A set for millions of ids: by block of 1,024 ids, a number with one bit for each."""

    def __init__(self) -> None:
        self._blocks: dict[int, int] = {}
        self._size = 0

    def add(self, number: int) -> bool:
        """Add an id; return whether it is new."""
        block, bit = self._blocks.get(number >> _BITS, 0), 1 << (number & _REST)
        if block & bit:
            return False
        self._blocks[number >> _BITS] = block | bit
        self._size += 1
        return True

    def update(self, numbers: Iterable[int]) -> int:
        """Add ids, and return how many are new."""
        return sum(map(self.add, numbers))

    def remove(self, number: int) -> bool:
        """Remove an id; return whether it was in the set."""
        if number not in self:
            return False
        self._blocks[number >> _BITS] ^= 1 << (number & _REST)
        self._size -= 1
        return True

    def between(self, lower: int, upper: int) -> Iterator[int]:
        """Yield the ids of a closed interval, ascending."""
        blocks = (name for name in self._blocks if lower >> _BITS <= name <= upper >> _BITS)
        for name in sorted(blocks):
            left = self._blocks[name]
            while left:
                number = (name << _BITS) + (left & -left).bit_length() - 1
                left &= left - 1
                if lower <= number <= upper:
                    yield number

    @override
    def __eq__(self, other: object) -> bool:
        """Tell whether another set has the same ids."""
        return isinstance(other, IdSet) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __contains__(self, number: int) -> bool:
        """Tell whether an id is in the set."""
        return bool(self._blocks.get(number >> _BITS, 0) >> (number & _REST) & 1)

    def __len__(self) -> int:
        """Return how many ids there are."""
        return self._size

    def __iter__(self) -> Iterator[int]:
        """Yield the ids, ascending."""
        return self.between(0, MAX_ID)
