"""Functions that several forms share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ft42_sandbox.render.tokens import quoted, tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from ft42_sandbox.store import Positions, Store, Table

Json = Any


def plain_rows(
    table: Table, positions: Positions, template: str, columns: tuple[str, ...]
) -> list[Json]:
    """Rows whose JSON is a template filled with some columns."""
    return [
        orjson.Fragment(template % row)
        for row in zip(*tokens(table, positions, columns), strict=True)
    ]


def columns_as_json(table: Table, positions: Positions, columns: tuple[str, ...]) -> list[Json]:
    """Rows whose JSON has only some columns."""
    template = "{" + ",".join(f"{quoted(name)}:%s" for name in columns) + "}"
    return plain_rows(table, positions, template, columns)


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
            table.keep_rendered(position, orjson.dumps(build(position)).decode())
    return [orjson.Fragment(table.rendered[position]) for position in positions.tolist()]
