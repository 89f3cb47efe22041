"""A set of ids that uses one bit for each id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_ft42.reading.regions import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BLOCK = 10
_BYTES = 1 << (_BLOCK - 3)
_BITS = [[bit for bit in range(8) if byte >> bit & 1] for byte in range(256)]
_NOT_EMPTY = re.compile(rb"[^\0]")


class IdSet:
    """A set for millions of ids: it uses one bit for each, in blocks of 1,024 ids."""

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}
        self._size = 0

    def add(self, number: int) -> bool:
        """Add an id; return whether it is new."""
        block = self._blocks.get(number >> _BLOCK)
        if block is None:
            block = self._blocks[number >> _BLOCK] = bytearray(_BYTES)
        byte, bit = (number >> 3) & (_BYTES - 1), 1 << (number & 7)
        if block[byte] & bit:
            return False
        block[byte] |= bit
        self._size += 1
        return True

    def update(self, numbers: Iterable[int]) -> int:
        """Add ids, and return how many are new."""
        return sum(map(self.add, numbers))

    def remove(self, number: int) -> bool:
        """Remove an id; return whether it was in the set."""
        if number not in self:
            return False
        self._blocks[number >> _BLOCK][(number >> 3) & (_BYTES - 1)] &= ~(1 << (number & 7))
        self._size -= 1
        return True

    def between(self, lower: int, upper: int) -> Iterator[int]:
        """Yield the ids of a closed interval, ascending."""
        blocks = (name for name in self._blocks if lower >> _BLOCK <= name <= upper >> _BLOCK)
        for name in sorted(blocks):
            block = self._blocks[name]
            for found in _NOT_EMPTY.finditer(block):
                base = (name << _BLOCK) + (found.start() << 3)
                for bit in _BITS[block[found.start()]]:
                    if lower <= base + bit <= upper:
                        yield base + bit

    @override
    def __eq__(self, other: object) -> bool:
        """Tell whether another set has the same ids."""
        return isinstance(other, IdSet) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __contains__(self, number: int) -> bool:
        """Tell whether an id is in the set."""
        block = self._blocks.get(number >> _BLOCK)
        return block is not None and bool(
            block[(number >> 3) & (_BYTES - 1)] >> (number & 7) & 1
        )

    def __len__(self) -> int:
        """Return how many ids there are."""
        return self._size

    def __iter__(self) -> Iterator[int]:
        """Yield the ids, ascending."""
        return self.between(0, MAX_ID)
