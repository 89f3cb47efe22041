"""Erases a person's data everywhere, when 42 or the person asks for it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.mentions import naming, without_erased
from ft42_warehouse.named.digests import erased_names, remember_names
from ft42_warehouse.named.redaction import redact
from ft42_warehouse.named.strings import Named, names_of
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import Table, published_tables


def find_erased(connection: Connection[Any], schemas: Schemas, since: int) -> Named:
    """Note in the temporary table ``erased`` whose data must be erased.

    The publish whose transaction is open has found the disappeared rows; it looks at rows from
    the transaction `since` on.

    Returns:
        The strings that name these persons, as long as the tables still have them.
    """
    connection.execute(schemas.statement("erase/find"), {"since": since})
    for table in published_tables():
        if table.person:
            connection.execute(
                schemas.of_table(
                    "erase/find_late",
                    table,
                    person=sql.Identifier(table.person),
                    since=sql.Literal(since),
                )
            )
    rows = connection.execute("SELECT user_id FROM erased").fetchall()
    return names_of(connection, schemas, [person for (person,) in rows]) if rows else {}


def erase(
    connection: Connection[Any], schemas: Schemas, named: Named, *, again: bool = False
) -> tuple[int, Counter[str]]:
    """Delete every copy of the data of the persons in the table ``erased``.

    Their own rows are deleted from both schemas, children first, and so are their rejected
    records. Rows of others, and all other values, no longer name them. Which published rows
    were deleted is in the temporary table ``departed``, as others may hang on them.

    Args:
        connection: The transaction of a publish.
        schemas: Names of the schemas, with all shards.
        named: The strings that name these persons.
        again: Search everywhere, also for persons who were erased before. This takes longer.

    Returns:
        The number of persons, and the number of deleted published rows by table.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    (persons,) = connection.execute("SELECT count(*) FROM erased").fetchone() or (0,)
    deleted: Counter[str] = Counter()
    if again:
        for _, user_id, string in [*erased_names(connection, schemas)]:
            named.setdefault(user_id, set()).add(string)
    if not persons:
        redact(connection, schemas, named, everywhere=again)
        return 0, deleted
    # Without statistics, the server expects thousands of rows in a new table. It would then
    # read all enrolments instead of looking some up.
    connection.execute("ANALYZE erased")
    for table in published_tables():
        if table.mentions:
            _remove_from_others(connection, schemas, table)
    for table in reversed(published_tables()):
        if table.person:
            person = sql.Identifier(table.person)
            deleted[table.name] = connection.execute(
                schemas.moving("erase/published", table, "departed", person=person)
            ).rowcount
            connection.execute(schemas.of_table("erase/landed", table, person=person))
    connection.execute(schemas.statement("erase/rejected"))
    redact(connection, schemas, named, everywhere=again)
    connection.execute(schemas.statement("erase/note"))
    remember_names(connection, schemas, named)
    return persons, deleted


def _remove_from_others(connection: Connection[Any], schemas: Schemas, table: Table) -> None:
    """Remove the persons in the table ``erased`` from rows that belong to others."""
    connection.execute(schemas.statement("erase/naming", naming=naming(schemas, table)))
    connection.execute("ANALYZE naming")
    for schema_name, noting in (
        (schemas.published, ", last_changed_at = now()"),
        (schemas.landed, ""),
    ):
        connection.execute(
            schemas.of_table(
                "erase/others",
                table,
                anywhere=sql.Identifier(schema_name, table.name),
                without=without_erased(schemas, table),
                noting=sql.SQL(noting),
            )
        )
    connection.execute("DROP TABLE naming")
