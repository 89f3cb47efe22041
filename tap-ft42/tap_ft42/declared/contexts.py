"""Contexts: they name a partition by its parent, its cursus, or both.

A stream is read partition by partition. If it is read cursus by cursus, its contexts have
``cursus_id``, beside the id of the parent if it has one.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

Context: TypeAlias = Mapping[str, Any]
"""The Singer SDK's form: ids, by the names of the columns that hold them."""

CURSUS = "cursus_id"
"""The key of the cursus; any other key is that of the parent."""


def parent_of(context: Context | None) -> int:
    """Return the id of a context's parent; 0 if it has none."""
    return next((int(value) for name, value in (context or {}).items() if name != CURSUS), 0)


def cursus_of(context: Context | None) -> int:
    """Return the id of a context's cursus; 0 if it has none."""
    return int((context or {}).get(CURSUS, 0))


def list_of(context: Context | None) -> Context | None:
    """Return the context of the whole list to which a partition belongs."""
    cursus_id = cursus_of(context)
    return {CURSUS: cursus_id} if cursus_id else None


def key_of(context: Context | None) -> Hashable:
    """Return a context as a key of a dictionary."""
    return frozenset((context or {}).items())
