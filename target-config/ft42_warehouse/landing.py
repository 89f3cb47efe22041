"""The landing schema: the tables that the stock target writes.

The target would create its tables itself, with instants as ``timestamp`` without a zone. Only
readers who know that UTC is meant would read them right. But the target keeps tables that
exist. So they are created here: with ``timestamptz``, with the descriptions of the schemas as
comments, and with triggers that note what landed and keep erased persons out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.types.json import Jsonb

from ft42_warehouse.mentions import anybody, members, mentioned, reduced, without
from ft42_warehouse.tables import (
    PERSONS,
    SCOPES,
    declared_items,
    published_tables,
    sql_type,
    stream_schemas,
    tables_by_name,
)
from ft42_warehouse.upgrade import allow_copies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg import Connection

    from ft42_warehouse.objects import Objects
    from ft42_warehouse.statements import Schemas
    from ft42_warehouse.tables import Table

_SDC_COLUMNS = {
    "_sdc_extracted_at": "timestamptz",
    "_sdc_received_at": "timestamptz",
    "_sdc_batched_at": "timestamptz",
    "_sdc_deleted_at": "timestamptz",
    "_sdc_sequence": "bigint",
    "_sdc_table_version": "bigint",
    "_sdc_sync_started_at": "bigint",
}
"""Columns that the target adds to each row (its setting ``add_record_metadata``)."""


class UnusableTableError(Exception):
    """A landed table has lost its key, which cannot be made again."""


def create_landing(connection: Connection[Any], objects: Objects, schemas: Schemas) -> bool:
    """Create the landed tables, and their missing columns and indexes.

    Existing objects are kept, whoever made them. A ``timestamp`` column that the target made
    holds UTC, and becomes ``timestamptz``. A column that was dropped gets its values back from
    the published table.

    Args:
        connection: A connection of a role that owns the schema; a transaction is open.
        objects: The objects that exist.
        schemas: Names of the schemas.

    Returns:
        Whether a table got a column, so that the next publish must look at all its rows.

    Raises:
        psycopg.Error: The server refused a statement.
        UnusableTableError: A table lost its key.
    """
    has_grown = False
    for schema in stream_schemas():
        name = schema["title"]
        path = f"{schemas.landing}.{name}"
        table = sql.Identifier(schemas.landing, name)
        if objects.exists(f"table {path}"):
            allow_copies(connection, objects, schemas, schema)
            has_grown |= _add_columns(connection, objects, schemas, schema)
            for column in _zoneless_columns(connection, schemas, schema):
                _add_zone(connection, objects, schemas, name, column)
        else:
            objects.refuse_taken(f"table {path}")
            connection.execute(_create_table(table, schema))
        objects.make(
            f"index {path}_landed_in_idx",
            sql.SQL("CREATE INDEX {} ON {} (landed_in)").format(
                sql.Identifier(f"{name}_landed_in_idx"), table
            ),
        )
        comment_on(objects, schemas.landing, name, schema["description"], _meanings(schema))
    for published in published_tables():
        for index, expression in _indexes(published):
            objects.make(
                f"index {schemas.landing}.{index}",
                sql.SQL("CREATE INDEX {} ON {} USING {}").format(
                    sql.Identifier(index),
                    sql.Identifier(schemas.landing, published.name),
                    expression,
                ),
            )
    return has_grown


def _indexes(table: Table) -> Iterator[tuple[str, sql.Composed]]:
    """Yield the indexes that find the rows of persons, and the rows that name them."""
    columns = [mention.column for mention in table.mentions if not mention.steps]
    if table.person and table.person not in table.key:
        columns.append(table.person)
    for column in columns:
        yield f"{table.name}_{column}_idx", sql.SQL("btree ({})").format(sql.Identifier(column))
    if (ids := members(table)) is not None:
        yield f"{table.name}_members_idx", sql.SQL("gin ({})").format(ids)


def create_functions(objects: Objects, schemas: Schemas) -> bool:
    """Create the functions that a publish and the triggers of landed tables call.

    Returns:
        Whether triggers may now let in less than before. Then `reduce_landed` must do the same
        to rows that landed earlier.
    """
    is_new = False
    for function in (
        "id_of", "persons_in", "is_refused", "declared_only", "reduced_teams",
        "without_persons", "distinct_ids", "stamp", "refuse_rejected",
    ):  # fmt: skip
        is_new |= objects.keep(
            f"function {schemas.warehouse}.{function}",
            schemas.statement(f"init/{function}", **function_parts(schemas)),
        )
    for table in published_tables():
        if table.person:
            is_new |= objects.keep(
                f"function {schemas.warehouse}.refuse_{table.name}", refusal(schemas, table)
            )
        if table.mentions or table.naming_lists:
            is_new |= objects.keep(
                f"function {schemas.warehouse}.refuse_others_in_{table.name}",
                refusal_of_others(schemas, table),
            )
    return is_new and not schemas.keep_strangers


def function_parts(schemas: Schemas) -> dict[str, sql.Composable]:
    """Return the parts of the statements that make functions."""
    declared = declared_items("projects_users", "teams", naming=schemas.keep_strangers)
    return {
        "scope": sql.SQL(SCOPES[PERSONS]),
        "shape": sql.Literal(Jsonb(declared)),
        "keep_strangers": sql.Literal(schemas.keep_strangers),
        "anybody": anybody(),
        **_fields_of_teams(declared),
    }


def refusal(schemas: Schemas, table: Table) -> sql.Composed:
    """Return the statement for the function that keeps erased persons out of a table."""
    function = sql.Identifier(schemas.warehouse, f"refuse_{table.name}")
    if table.name != PERSONS:
        person = sql.Identifier(str(table.person))
        return schemas.statement("init/refuse", person=person, function=function)
    return schemas.statement(
        "init/refuse_users",
        function=function,
        reduce=_forgetting_all_but_the_scope(table),
        **function_parts(schemas),
    )


def refusal_of_others(schemas: Schemas, table: Table) -> sql.Composed:
    """Return the statement for the function that removes erased persons from others' rows."""
    nobody = sql.SQL("SELECT NULL::bigint")
    return schemas.statement(
        "init/refuse_others",
        function=sql.Identifier(schemas.warehouse, f"refuse_others_in_{table.name}"),
        mentioned=mentioned(schemas, table, "new") if table.mentions else nobody,
        without=_assigned(without(schemas, table, "new", sql.SQL("persons"))),
        reduce=_assigned(reduced(schemas, table, "new")),
        keep_strangers=sql.Literal(schemas.keep_strangers),
    )


def _assigned(changes: Iterable[tuple[sql.Identifier, sql.Composed]]) -> sql.Composable:
    """Return the assignments that change columns of a row ``NEW``, if there are any."""
    changed = [sql.SQL("NEW.{} := {};").format(*change) for change in changes]
    return sql.SQL("\n        ").join(changed) if changed else sql.SQL("NULL;")


def reduce_landed(connection: Connection[Any], schemas: Schemas) -> None:
    """Reduce rows that landed earlier to what the triggers let in now.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    for table in published_tables():
        for statement in reductions(schemas, table):
            connection.execute(statement)
    connection.execute(
        schemas.statement("upgrade/reduce_users", scope=sql.SQL(SCOPES[PERSONS]))
    )


def reductions(schemas: Schemas, table: Table) -> Iterator[sql.Composed]:
    """Yield the statements that reduce lists of people in landed rows, as the triggers do."""
    for column, value in reduced(schemas, table, "l"):
        yield schemas.statement(
            "upgrade/reduce_lists",
            table=sql.Identifier(schemas.landing, table.name),
            column=column,
            reduced=value,
        )


def _fields_of_teams(kept: dict[str, Any]) -> dict[str, sql.Composable]:
    """Return the kept and the other fields of teams and of their members.

    Args:
        kept: The kept fields, as ``declared_items`` returns them.
    """
    api = declared_items("projects_users", "teams")
    fields: dict[str, sql.Composable] = {}
    for what, shape, of_api in (
        ("team", kept, api),
        ("member", kept["users"], api["users"]),
    ):
        flat = [name for name, below in shape.items() if not below]
        fields[f"{what}_kept"] = sql.SQL("{}::text[]").format(flat)
        fields[f"{what}_left"] = sql.SQL("{}::text[]").format(sorted(of_api.keys() - {*flat}))
    return fields


def _forgetting_all_but_the_scope(table: Table) -> sql.Composed:
    """Return assignments that empty a row ``NEW``, except its key, its age and its scope."""
    kept = {*table.copy_key, *table.ages, "kind", "alumni"}
    return sql.SQL("\n").join(
        sql.SQL("        NEW.{} := NULL;").format(sql.Identifier(column.name))
        for column in table.landed
        if column.name not in kept and not column.merged
    )


def create_triggers(objects: Objects, schemas: Schemas) -> None:
    """Create the triggers that note the transaction of a row, and keep erased persons out."""
    for name, trigger, statement in triggers(schemas):
        objects.keep(f"trigger {schemas.landing}.{name}.{trigger}", statement)


def triggers(schemas: Schemas) -> Iterator[tuple[str, str, sql.Composed]]:
    """Yield for each trigger: the landed table, its name, and the statement that makes it."""
    refusals = {"rejected_records": "refuse_rejected"}
    for table in published_tables():
        if table.person:
            refusals[table.name] = f"refuse_{table.name}"
    # Triggers of a table fire in the order of their names.
    all_of_them = [(table, "ft42_refuse", function) for table, function in refusals.items()]
    all_of_them += [
        (table.name, "ft42_refuse_others", f"refuse_others_in_{table.name}")
        for table in published_tables()
        if table.mentions or table.naming_lists
    ]
    all_of_them += [(schema["title"], "ft42_stamp", "stamp") for schema in stream_schemas()]
    for name, trigger, function in all_of_them:
        yield (
            name,
            trigger,
            schemas.statement(
                "init/trigger",
                trigger=sql.Identifier(trigger),
                table=sql.Identifier(schemas.landing, name),
                function=sql.Identifier(schemas.warehouse, function),
            ),
        )


def comment_on(
    objects: Objects, schema_name: str, table: str, meaning: str, columns: dict[str, str]
) -> None:
    """Describe a table and its columns by comments in the database."""
    path = f"{schema_name}.{table}"
    objects.make(
        f"comment {path} {meaning}",
        sql.SQL("COMMENT ON TABLE {} IS {}").format(
            sql.Identifier(schema_name, table), sql.Literal(meaning)
        ),
    )
    for column, means in columns.items():
        objects.make(
            f"comment {path}.{column} {means}",
            sql.SQL("COMMENT ON COLUMN {} IS {}").format(
                sql.Identifier(schema_name, table, column), sql.Literal(means)
            ),
        )


def _meanings(schema: dict[str, Any]) -> dict[str, str]:
    return {name: column["description"] for name, column in schema["properties"].items()}


def column_types(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the columns of a landed table with their types."""
    for name, column in schema["properties"].items():
        yield name, sql_type(column)
    yield from _SDC_COLUMNS.items()
    yield "landed_in", "bigint"


def _create_table(table: sql.Identifier, schema: dict[str, Any]) -> sql.Composed:
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))
        for name, type_ in column_types(schema)
    ]
    return sql.SQL("CREATE TABLE {table} ({columns}, PRIMARY KEY ({key}))").format(
        table=table,
        columns=sql.SQL(", ").join(columns),
        key=sql.SQL(", ").join(map(sql.Identifier, schema["x-primary-key"])),
    )


def _add_columns(
    connection: Connection[Any], objects: Objects, schemas: Schemas, schema: dict[str, Any]
) -> bool:
    name = schema["title"]
    table = sql.Identifier(schemas.landing, name)
    has_grown = False
    for column, type_ in column_types(schema):
        if objects.exists(f"column {schemas.landing}.{name}.{column}"):
            continue
        has_grown = True
        if column in schema["x-primary-key"]:
            message = (
                f"{schemas.landing}.{name} lost its key, the column {column}. Drop the table, "
                "run `warehouse init`, and load it again with `meltano run --full-refresh`"
            )
            raise UnusableTableError(message)
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                table, sql.Identifier(column), sql.SQL(type_)
            )
        )
        if column == "landed_in":
            connection.execute(
                sql.SQL("UPDATE {} SET landed_in = pg_current_xact_id()::text::bigint").format(
                    table
                )
            )
        elif objects.exists(f"column {schemas.published}.{name}.{column}"):
            connection.execute(
                sql.SQL(
                    "UPDATE {table} AS l SET {column} = p.{column} FROM {published} AS p "
                    "WHERE {same_row}"
                ).format(
                    table=table,
                    column=sql.Identifier(column),
                    published=sql.Identifier(schemas.published, name),
                    same_row=sql.SQL(" AND ").join(
                        sql.SQL("p.{} = l.{}").format(*[sql.Identifier(key)] * 2)
                        for key in tables_by_name()[name].key
                    ),
                )
            )
    return has_grown


def _zoneless_columns(
    connection: Connection[Any], schemas: Schemas, schema: dict[str, Any]
) -> list[str]:
    instants = [name for name, type_ in column_types(schema) if type_ == "timestamptz"]
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s AND column_name = ANY (%s) "
        "AND data_type = 'timestamp without time zone'",
        (schemas.landing, schema["title"], instants),
    )
    return [name for (name,) in rows]


def _add_zone(
    connection: Connection[Any], objects: Objects, schemas: Schemas, table: str, column: str
) -> None:
    """Turn a ``timestamp`` column, which holds UTC, into ``timestamptz``.

    It stays if something depends on it, as a publish reads both types alike: objects that
    others made must not fail a job.
    """
    name = sql.Identifier(schemas.landing, table)
    dependents = connection.execute(
        schemas.statement("init/dependents"),
        {"table": name.as_string(connection), "column": column},
    ).fetchall()
    if dependents:
        listed = ", ".join(dependent for (dependent,) in dependents)
        objects.notes.append(
            f"{schemas.landing}.{table}.{column} stays a timestamp without a time zone, in "
            f"UTC, as this depends on it: {listed}. Drop that, run `warehouse init`, and make "
            "it again"
        )
        return
    connection.execute(
        sql.SQL(
            "ALTER TABLE {table} ALTER COLUMN {column} "
            "TYPE timestamptz USING {column} AT TIME ZONE 'UTC'"
        ).format(table=name, column=sql.Identifier(column))
    )
