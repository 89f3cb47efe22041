"""``warehouse status``: what is published, how old it is, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from ft42_warehouse.tables import published_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from ft42_warehouse.statements import Schemas


def status_lines(connection: Connection[Any], schemas: Schemas) -> Iterator[str]:
    """Yield what there is to tell, line by line.

    Args:
        connection: A connection of the publisher.
        schemas: Names of the schemas.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    last = connection.execute(schemas.statement("status")).fetchone()
    if last is None:
        yield "Nothing was published yet: run `warehouse publish`"
    else:
        published_at, took, *counts = last
        words = ("new", "changed", "deleted")
        did = ", ".join(
            f"{sum(count.values()):,} {word}" for count, word in zip(counts, words, strict=True)
        )
        when = f"{published_at:%Y-%m-%d %H:%M:%S} UTC"
        yield f"Last publish: {when}, {took.total_seconds():.1f} s, {did}"
    waiting = dict(
        connection.execute(
            sql.SQL("SELECT table_name, sum(rows) FROM {}.orphans GROUP BY 1").format(
                sql.Identifier(schemas.published)
            )
        ).fetchall()
    )
    yield f"{'table':<20}{'published':>12}{'landed':>12}{'orphans':>12}  last change"
    for table in published_tables():
        published, changed, landed = connection.execute(
            schemas.of_table("status_of_table", table)
        ).fetchone() or (0, None, 0)
        when = f"{changed:%Y-%m-%d %H:%M:%S}" if changed else "never"
        yield (
            f"{table.name:<20}{published:>12,}{landed:>12,}"
            f"{waiting.get(table.name, 0):>12,}  {when}"
        )
