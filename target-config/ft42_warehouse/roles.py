"""The rights: three roles without login, which you grant to your accounts.

The loader writes the landing schema, the publisher owns all three schemas, and the reader reads
the published one. No role is a superuser, and no password is stored here.

Roles belong to the whole server, so other databases may use the same names. A role of another
pipeline is not touched; then one account does everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql

from ft42_warehouse.objects import FIRST_REMEMBERED, REMEMBERED
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import parts, published_tables, stream_schemas

_SET_ROLE_IS_A_RIGHT = 160_000
"""Since this version of PostgreSQL, not every member of a role may act as the role."""


@dataclass(frozen=True)
class Roles:
    """The roles of this pipeline; None for a role that it may not use."""

    loader: str | None = None
    publisher: str | None = None
    reader: str | None = None
    note: str | None = None
    """Why roles are missing."""


def create_roles(connection: Connection[Any], schemas: Schemas) -> Roles:
    """Create the missing roles, if this account may, and if the names are not taken.

    They are named after the published schema. A transaction is open.

    Returns:
        The roles of this pipeline.
    """
    parts = {part: f"{schemas.published}_{part}" for part in ("loader", "publisher", "reader")}
    ours, foreign = _existing(connection, schemas, list(parts.values()))
    publisher = parts["publisher"]
    if foreign and publisher not in ours:
        named = ", ".join(sorted(foreign))
        return Roles(
            note=f"This server has {named} already, but this account is not a member: they "
            "belong to others. They get no rights here; one account does everything. See "
            "“Other databases on the server” in docs/how-to/own-server.md."
        )
    (may_create,) = connection.execute(
        "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone() or (False,)
    missing = set(parts.values()) - ours - foreign
    if missing and may_create:
        try:
            with connection.transaction():
                for name in sorted(missing):
                    connection.execute(
                        sql.SQL(
                            "CREATE ROLE {role} NOLOGIN; GRANT {role} TO CURRENT_USER"
                        ).format(role=sql.Identifier(name))
                    )
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            # Another database's `init` was faster.
            return create_roles(connection, schemas)
        missing = set()
    if publisher in missing:
        return Roles(
            note=f"The roles {parts['loader']}, _publisher and _reader were not created: "
            "this account may not. See “Roles” in target-config/README.md."
        )
    return Roles(**{part: name for part, name in parts.items() if name not in missing})


def _existing(
    connection: Connection[Any], schemas: Schemas, names: list[str]
) -> tuple[set[str], set[str]]:
    """Return the roles that belong to this pipeline, and those that belong to others."""
    ours: set[str] = set()
    foreign: set[str] = set()
    for name, is_ours, is_administered in connection.execute(
        schemas.statement("roles/existing"),
        {"schemas": schemas.names, "names": names, "may_set": _may_set(connection)},
    ).fetchall():
        if is_administered and not is_ours:  # the creator of a role administers it
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))
        (ours if is_ours or is_administered else foreign).add(name)
    return ours, foreign


def hand_over(connection: Connection[Any], schemas: Schemas, roles: Roles) -> list[str]:
    """Make the publisher the owner of this account's objects, and grant rights to the others.

    Other objects in these schemas are not touched. If the schemas have another owner than the
    publisher, that owner gets the objects. A transaction is open.

    Returns:
        Statements that somebody with more rights must run.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    landed = [schema["title"] for schema in stream_schemas()]
    tables = [table.name for table in published_tables()]
    read = [*tables, *(part.name for _, part in parts()), "orphans", "orphan_rows"]
    for (statement,) in connection.execute(
        schemas.statement("roles/to_hand_over"),
        {
            "schemas": schemas.names,
            "warehouse": schemas.warehouse,
            "relations": [*landed, *read, *FIRST_REMEMBERED, *REMEMBERED],
            "publisher": roles.publisher,
            "may_set": _may_set(connection),
        },
    ).fetchall():
        connection.execute(sql.SQL(statement))
    (account,) = connection.execute("SELECT current_user").fetchone() or ("",)
    lacking = connection.execute(
        schemas.statement("roles/grants"),
        {
            "landings": list(schemas.landings),
            "landed": landed,
            "loader": roles.loader,
            "published": schemas.published,
            "read": read,
            "reader": roles.reader,
            "publisher": roles.publisher or account,
        },
    ).fetchall()
    for statement, is_grantable in lacking:
        if is_grantable:
            connection.execute(sql.SQL(statement))
    return [statement for statement, is_grantable in lacking if not is_grantable]


def _may_set(connection: Connection[Any]) -> str:
    """Return the name that `pg_has_role` uses for the right to act as a role."""
    is_a_right = connection.info.server_version >= _SET_ROLE_IS_A_RIGHT
    return "SET" if is_a_right else "MEMBER"
