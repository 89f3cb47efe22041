"""Erases a person's data everywhere, when 42 or the person asks for it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ft42_warehouse.mentions import naming, without
from ft42_warehouse.named.digests import erased_names, remember_names
from ft42_warehouse.named.redaction import redact
from ft42_warehouse.named.strings import Named, names_of
from ft42_warehouse.shards import with_shards
from ft42_warehouse.tables import published_tables

if TYPE_CHECKING:
    from psycopg import Connection

    from ft42_warehouse.statements import Schemas
    from ft42_warehouse.tables import Table


def find_erased(connection: Connection[Any], schemas: Schemas, since: int) -> Named:
    """Note in the table ``erased`` of this transaction whose data must go.

    Args:
        connection: The transaction of a publish, which has found out who is gone.
        schemas: Names of the schemas.
        since: The first transaction whose rows are looked at.

    Returns:
        What they are called, as long as the tables still say so.
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
    """Delete every copy of the data of those in the table ``erased``.

    Their own rows go from both schemas, children first, and so do their rejected
    records; in the rows of others, and in any other value, they are no longer named.

    Args:
        connection: The transaction of a publish.
        schemas: Names of the schemas, with all shards.
        named: What they are called.
        again: Look everywhere, and for those, too, who were erased before, which takes
            longer.

    Returns:
        How many persons it is about, and the published rows that went, by table.

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
    # Of a table made a moment ago the server knows nothing: it would expect thousands of
    # rows in it, and rather look at all enrolments than look some up.
    connection.execute("ANALYZE erased")
    for table in published_tables():
        if table.mentions:
            _take_out_of_others(connection, schemas, table)
    for table in reversed(published_tables()):
        if table.person:
            person = sql.Identifier(table.person)
            deleted[table.name] = connection.execute(
                schemas.of_table("erase/published", table, person=person)
            ).rowcount
            connection.execute(schemas.of_table("erase/landed", table, person=person))
    connection.execute(schemas.statement("erase/rejected"))
    redact(connection, schemas, named, everywhere=again)
    connection.execute(schemas.statement("erase/note"))
    remember_names(connection, schemas, named)
    return persons, deleted


def _take_out_of_others(connection: Connection[Any], schemas: Schemas, table: Table) -> None:
    """Name those in the table ``erased`` no longer in rows that belong to others."""
    connection.execute(schemas.statement("erase/naming", naming=naming(schemas, table)))
    connection.execute("ANALYZE naming")
    persons = sql.SQL("(SELECT array_agg(user_id) FROM erased)::bigint[]")
    changes = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(*change) for change in without(schemas, table, "p", persons)
    )
    for schema_name, noting in (
        (schemas.published, ", last_changed_at = now()"),
        (schemas.landed, ""),
    ):
        connection.execute(
            schemas.of_table(
                "erase/others",
                table,
                anywhere=sql.Identifier(schema_name, table.name),
                without=changes,
                noting=sql.SQL(noting),
            )
        )
    connection.execute("DROP TABLE naming")


def forget(connection: Connection[Any], schemas: Schemas, user_id: int) -> Counter[str]:
    """Erase a person's data and keep them from coming back with the next load.

    Args:
        connection: A connection of the publisher, in autocommit mode.
        schemas: Names of the schemas.
        user_id: The person's id at 42.

    Returns:
        The published rows that went, by table.

    Raises:
        psycopg.Error: The server refused a statement; nothing has changed.
    """
    with connection.transaction():
        schemas = with_shards(connection, schemas)
        connection.execute(schemas.statement("publish/begin"))
        connection.execute("INSERT INTO erased VALUES (%s, 'forgotten')", (user_id,))
        named = names_of(connection, schemas, [user_id])
        _, deleted = erase(connection, schemas, named, again=True)
        # Who stood behind the person has moved up.
        connection.execute(schemas.statement("publish/derive_coalitions_users"))
        return deleted
