"""Parts that several forms share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ft42_sandbox.instants import texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from ft42_sandbox.store import Positions, Store, Table

Json = Any


def plain_rows(table: Table, positions: Positions, keys: tuple[str, ...]) -> list[Json]:
    """Rows whose JSON is some columns and the two dates."""
    return [
        dict(zip(keys, record, strict=True)) | {"created_at": created, "updated_at": updated}
        for record, created, updated in zip(
            table.records(positions, keys),
            texts(table.array("created_at")[positions]),
            texts(table.array("updated_at")[positions]),
            strict=True,
        )
    ]


def kept_rows(
    store: Store,
    table: Table,
    positions: Positions,
    build: Callable[[int], Json],
    depends: tuple[str, ...],
) -> list[Json]:
    """Rows whose JSON is kept until any row of their table, or of `depends`, changes."""
    store.derived(f"kept {table.name}", (table.name, *depends), table.rendered.clear)
    for position in positions.tolist():
        if position not in table.rendered:
            table.keep_rendered(position, orjson.Fragment(orjson.dumps(build(position))))
    return [table.rendered[position] for position in positions.tolist()]
