"""``warehouse person``: shows all data about one person, who has the right to ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.named.columns import text_columns
from ft42_warehouse.named.digests import digest_of
from ft42_warehouse.named.patterns import conditions
from ft42_warehouse.named.strings import names_of
from ft42_warehouse.shards import with_shards
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import (
    PERSONS,
    Table,
    json_path,
    published_tables,
    stream_schemas,
    tables_by_name,
)

Known = dict[str, list[dict[str, Any]]]
"""Rows, by the name of their table."""


class UnknownPersonError(Exception):
    """Nobody has the login, or several persons have had it."""


def person_id(connection: Connection[Any], schemas: Schemas, who: str) -> int:
    """Return the id of a person who is named by id or login.

    Raises:
        UnknownPersonError: No person has the login, or several do.
        psycopg.Error: The server refused a statement.
    """
    if who.isascii() and who.isdigit() and int(who):
        return int(who)
    schemas = with_shards(connection, schemas)
    wanted = {"login": who, "digest": digest_of(connection, schemas, who)}
    statements = [schemas.statement("erase/erased_as")]
    for table in published_tables():
        statements += whose_login(schemas, table)
    found = {
        person for one in statements for (person,) in connection.execute(one, wanted).fetchall()
    }
    if not found:
        message = "No known person has that login: give the id at 42"
        raise UnknownPersonError(message)
    if len(found) > 1:
        message = "Several persons have had that login: give the id at 42"
        raise UnknownPersonError(message)
    return int(found.pop())


def whose_login(schemas: Schemas, table: Table) -> Iterator[sql.Composed]:
    """Yield the statements that find the person of a login in a landed and published table."""
    logins = [
        (person, column)
        for person, columns in table.named_by.items()
        for column, kind in columns.items()
        if kind == "login"
    ]
    for person, column in logins:
        for schema_name in (schemas.landed, schemas.published):
            yield schemas.statement(
                "erase/person_of",
                person=sql.Identifier(person),
                column=sql.Identifier(column),
                anywhere=sql.Identifier(schema_name, table.name),
            )


def known_of(connection: Connection[Any], schemas: Schemas, person: int) -> Known:
    """Return every row of every schema that is about a person, or names the person.

    This includes rows of others that name the person, such as enrolments of the same team, and
    rows that refer to the person's, as what a coalition gained refers to a membership.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        schemas = with_shards(connection, schemas)
        strings = names_of(connection, schemas, [person]).get(person, set())
        ids = {schema["title"]: [*_ids(schema, person)] for schema in stream_schemas()}
        for table in published_tables():
            ids[table.name] += _hanging(schemas, table, person)
        ids["rejected_records"] = [
            sql.SQL("{} = ANY ({}.persons_in(t.stream, t.record_id, t.body))").format(
                sql.Literal(person), sql.Identifier(schemas.warehouse)
            )
        ]
        ids["erasures"] = [sql.SQL("t.user_id = {}").format(sql.Literal(person))]
        columns = text_columns(connection, schemas)
        known: Known = {}
        for (schema, name), group in groupby(columns, lambda one: (one.schema, one.table)):
            finding = [*ids.get(name, []), *conditions([*group], strings)]
            if not finding:
                continue
            rows = connection.execute(
                sql.SQL(
                    "SELECT to_jsonb(t) FROM ONLY {} AS t WHERE {} ORDER BY t::text"
                ).format(sql.Identifier(schema, name), sql.SQL(" OR ").join(finding))
            ).fetchall()
            if rows:
                known[f"{schema}.{name}"] = [row for (row,) in rows]
        return known


def known_lines(known: Known) -> Iterator[str]:
    """Yield the rows as text, each below its table, without empty columns."""
    for table, rows in known.items():
        yield f"{table}: {len(rows):,} row{'s' if len(rows) > 1 else ''}"
        for row in rows:
            yield ""
            for column, value in row.items():
                if value is not None:
                    yield f"  {column}: {json.dumps(value, ensure_ascii=False)}"
        yield ""


def _ids(schema: dict[str, Any], person: int) -> Iterator[sql.Composed]:
    """Yield the conditions that a row ``t`` holds the person's id."""
    for path, kind in schema.get("x-persons", {}).items():
        if kind != "id":
            continue
        column, *steps = path.split("/")
        name = sql.Identifier("t", column)
        if steps:
            found = f'{json_path(steps)} ? (@ == {person} || @ == "{person}")'
            yield sql.SQL("jsonb_path_exists({}, {})").format(name, sql.Literal(found))
        else:
            yield sql.SQL("{} = {}").format(name, sql.Literal(person))


def _hanging(schemas: Schemas, table: Table, person: int) -> Iterator[sql.Composed]:
    """Yield the conditions that a row refers to a row of the person in another table."""
    for column in table.references:
        parent = tables_by_name()[str(column.references)]
        whose = [*_hanging(schemas, parent, person)]
        if parent.person is not None and parent.name != PERSONS:
            whose.append(
                sql.SQL("{} = {}").format(sql.Identifier(parent.person), sql.Literal(person))
            )
        if whose:
            yield sql.SQL("{} IN (SELECT id FROM {} WHERE {})").format(
                sql.Identifier(column.name),
                sql.Identifier(schemas.landed, parent.name),
                sql.SQL(" OR ").join(whose),
            )
