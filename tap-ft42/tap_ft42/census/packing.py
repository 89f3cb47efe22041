"""Numbers written down as text that is small enough for a state: 27 kB for 40,341 ids."""

from __future__ import annotations

import sys
import zlib
from array import array
from base64 import b64decode, b64encode
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_IDS = 100_000
"""Ids that are remembered of a list, beyond a run."""

LONGEST = 550_000
"""Characters that so many take at most: four bytes each, and base64."""


def packed(numbers: Iterable[int]) -> str:
    """Write numbers of 32 bits without a sign down."""
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
        message = f"an account cannot be read: {error}"
        raise ValueError(message) from error
    raw = bytearray(len(planes))
    count = len(planes) // 4
    for at in range(4):
        raw[at::4] = planes[at * count : (at + 1) * count]
    words = array("I", bytes(raw))
    if sys.byteorder == "big":
        words.byteswap()
    return list(words)


def packed_ids(numbers: Iterable[int]) -> str:
    """Write ids down, in whatever order they come."""
    return packed(after - before for before, after in pairwise([0, *sorted(numbers)]))


def unpacked_ids(text: str) -> list[int]:
    """Read what `packed_ids` has written, ascending; as `unpacked`."""
    return list(accumulate(unpacked(text)))


def steps(values: Iterable[int]) -> str:
    """Write numbers down that are close to their predecessors, greater or smaller ones."""
    signed = (after - before for before, after in pairwise([0, *values]))
    return packed(2 * step if step >= 0 else -2 * step - 1 for step in signed)


def stepped(text: str) -> list[int]:
    """Read what `steps` has written; as `unpacked`."""
    signed = (step // 2 if step % 2 == 0 else -(step + 1) // 2 for step in unpacked(text))
    return list(accumulate(signed))
