"""Writes numbers as text that is small enough for a state: 27 kB for 40,341 ids."""

from __future__ import annotations

import sys
import zlib
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable
from itertools import accumulate, pairwise

MOST_IDS = 100_000
"""A state holds at most this many ids of a list."""


def packed(numbers: Iterable[int]) -> str:
    """Write unsigned numbers of 32 bits as text."""
    words = array("I", numbers)
    if sys.byteorder == "big":
        words.byteswap()
    raw = words.tobytes()
    # The high bytes are nearly all 0: side by side, they need almost no space.
    return b64encode(zlib.compress(b"".join(raw[at::4] for at in range(4)))).decode()


def unpacked(text: str) -> list[int]:
    """Read what `packed` has written.

    Raises:
        ValueError: The text is damaged.
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
    """Write ids as text; they may come in any order."""
    return packed(after - before for before, after in pairwise([0, *sorted(numbers)]))


def unpacked_ids(text: str) -> list[int]:
    """Read what `packed_ids` has written, ascending; as `unpacked`."""
    return list(accumulate(unpacked(text)))


def steps(values: Iterable[int]) -> str:
    """Write numbers as text, each close to the one before, greater or smaller."""
    signed = (after - before for before, after in pairwise([0, *values]))
    return packed(2 * step if step >= 0 else -2 * step - 1 for step in signed)


def stepped(text: str) -> list[int]:
    """Read what `steps` has written; as `unpacked`."""
    signed = (step // 2 if step % 2 == 0 else -(step + 1) // 2 for step in unpacked(text))
    return list(accumulate(signed))
