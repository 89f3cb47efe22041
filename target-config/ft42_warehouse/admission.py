"""What landed tables let in: the functions and triggers that `warehouse init` makes for them.

They note in which transaction a row landed, keep erased persons out, and reduce what rows tell
of people outside of the scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from ft42_warehouse.mentions import anybody, mentioned, reduced, without
from ft42_warehouse.objects import Objects
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import (
    PERSONS,
    SCOPES,
    Table,
    declared_items,
    published_tables,
    stream_schemas,
)


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

    `kept` are the kept ones, as ``declared_items`` returns them.
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
