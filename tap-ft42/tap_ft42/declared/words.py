"""How figures are said."""

from __future__ import annotations


def some(count: int, thing: str) -> str:
    """Say how many there are, as in ``1 row`` and ``1,240 rows``."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
