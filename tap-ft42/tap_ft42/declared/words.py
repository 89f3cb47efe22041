"""Writes figures and tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def some(count: int, thing: str) -> str:
    """Write a number of things, such as ``1 row`` and ``1,240 rows``."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def first_of(words: Sequence[str], most: int) -> str:
    """Write the first words, and how many are left out, such as ``a, b and 3 more``."""
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + rest


def table(rows: Sequence[Sequence[str]], *, texts: int) -> Iterator[str]:
    """Yield the lines of a table with aligned columns.

    Args:
        rows: The cells of each row; the first row is the head.
        texts: So many columns, from the left, are texts; the others are figures.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(
            cell.ljust(width) if number < texts else cell.rjust(width)
            for number, (cell, width) in enumerate(cells)
        ).rstrip()
