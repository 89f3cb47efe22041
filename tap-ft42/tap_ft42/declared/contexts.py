"""What a context names: the parent of a partition, its cursus, or both.

The SDK hands a context to whatever reads a partition. A stream that is read cursus by
cursus has ``cursus_id`` in it, beside the id of the parent if it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from singer_sdk.helpers.types import Context

CURSUS = "cursus_id"
"""The name of the cursus, among those of parents."""


def parent_of(context: Context | None) -> int:
    """Return the id of a context's parent; 0 if it has none."""
    return next((int(value) for name, value in (context or {}).items() if name != CURSUS), 0)


def cursus_of(context: Context | None) -> int:
    """Return the id of a context's cursus; 0 if it has none."""
    return int((context or {}).get(CURSUS, 0))


def list_of(context: Context | None) -> Context | None:
    """Return the context of the whole list that a partition is a part of."""
    cursus_id = cursus_of(context)
    return {CURSUS: cursus_id} if cursus_id else None


def key_of(context: Context | None) -> Hashable:
    """Return a context in a form that can be looked up."""
    return frozenset((context or {}).items())
