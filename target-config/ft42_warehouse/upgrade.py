"""From the landed tables of older versions to today's, with the rows that they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from psycopg import Connection

    from ft42_warehouse.objects import Objects
    from ft42_warehouse.statements import Schemas

_CURSUS = "cursus_id"
_DEFAULT_CURSUS = 21
"""That of the tap: older versions read one cursus, and most of them this one."""


def allow_copies(
    connection: Connection[Any], objects: Objects, schemas: Schemas, schema: dict[str, Any]
) -> None:
    """Let a landed table hold a row for each cursus, where its key is of an older version.

    Each row gets the cursus that it was read for: a person that of the last enrolment,
    and what else does not know it that of the last run.

    Args:
        connection: A connection of the table's owner; a transaction is open.
        objects: What there is.
        schemas: Names of the schemas.
        schema: The stream's schema; of others than those that land for each cursus
            nothing is changed.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    name, key = schema["title"], schema["x-primary-key"]
    found = connection.execute(
        schemas.statement("upgrade/primary_key"), {"schema": schemas.landing, "table": name}
    ).fetchone()
    if _CURSUS not in key or found is None:
        return
    constraint, old_key = found
    if {*old_key} != {*key} - {_CURSUS}:
        return
    table = sql.Identifier(schemas.landing, name)
    objects.make(
        f"column {schemas.landing}.{name}.{_CURSUS}",
        sql.SQL("ALTER TABLE {} ADD COLUMN {} bigint").format(table, sql.Identifier(_CURSUS)),
    )
    connection.execute(
        schemas.statement(
            "upgrade/allow_copies",
            table=table,
            constraint=sql.Identifier(constraint),
            key=sql.SQL(", ").join(map(sql.Identifier, key)),
            known=_known(objects, schemas, name),
            default_cursus=sql.Literal(_DEFAULT_CURSUS),
        )
    )


def _known(objects: Objects, schemas: Schemas, name: str) -> sql.Composed:
    """Return what tells the cursus of a landed row ``l``, the surest first."""
    known: list[sql.Composable] = []
    if name == "census":  # of all that there was
        known.append(sql.Literal(0))
    if name == "users" and objects.exists(f"table {schemas.landing}.projects_users"):
        known.append(schemas.statement("upgrade/cursus_of_last_enrolment"))
    if objects.exists(f"table {schemas.landing}.sync_runs"):
        known.append(schemas.statement("upgrade/cursus_of_last_run"))
    return sql.SQL("").join(sql.SQL("{}, ").format(one) for one in known)
