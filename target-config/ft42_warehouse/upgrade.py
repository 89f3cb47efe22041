"""Upgrades landed tables of older versions, with their rows."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.objects import Objects
from ft42_warehouse.statements import Schemas

_CURSUS = "cursus_id"
_DEFAULT_CURSUS = 21
"""The tap's default. Older versions read only one cursus, most of them this one."""


def allow_copies(
    connection: Connection[Any], objects: Objects, schemas: Schemas, schema: dict[str, Any]
) -> None:
    """Add the cursus to the key of a landed table of an older version.

    Each row gets the cursus for which it was read: a person that of the last enrolment; other
    rows without a cursus that of the last run. If the key of the stream's schema has no cursus,
    nothing is changed. The connection's role owns the table; a transaction is open.

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
    """Return SQL that tells the cursus of a landed row ``l``; the most certain comes first."""
    known: list[sql.Composable] = []
    if name == "census":  # an old census counted all cursus
        known.append(sql.Literal(0))
    if name == "users" and objects.exists(f"table {schemas.landing}.projects_users"):
        known.append(schemas.statement("upgrade/cursus_of_last_enrolment"))
    if objects.exists(f"table {schemas.landing}.sync_runs"):
        known.append(schemas.statement("upgrade/cursus_of_last_run"))
    return sql.SQL("").join(sql.SQL("{}, ").format(one) for one in known)
