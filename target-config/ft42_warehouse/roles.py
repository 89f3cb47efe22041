"""Who may do what: three roles without a login, to be granted to the accounts you make.

The loader writes the landing schema, the publisher owns all three schemas, and the
reader sees the published one. None is a superuser, and no password is known here.

Roles are the whole server's, and other databases of it may use the same names: what is
not this pipeline's is left alone, and everything works with one account then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from ft42_warehouse.objects import FIRST_REMEMBERED, REMEMBERED
from ft42_warehouse.tables import parts, published_tables, stream_schemas

if TYPE_CHECKING:
    from psycopg import Connection

    from ft42_warehouse.statements import Schemas

_SET_ROLE_IS_A_RIGHT = 160_000
"""Version of PostgreSQL since which not every member of a role may act as it."""


@dataclass(frozen=True)
class Roles:
    """The roles that this pipeline may use, None for those that it may not."""

    loader: str | None = None
    publisher: str | None = None
    reader: str | None = None
    note: str | None = None
    """Why it has none."""


def create_roles(connection: Connection[Any], schemas: Schemas) -> Roles:
    """Create the roles that are missing, if this account may, and none is somebody else's.

    Args:
        connection: A transaction is open.
        schemas: Names of the schemas; the roles are named after the published one.

    Returns:
        Those that are this pipeline's.
    """
    parts = {part: f"{schemas.published}_{part}" for part in ("loader", "publisher", "reader")}
    ours, foreign = _existing(connection, schemas, list(parts.values()))
    publisher = parts["publisher"]
    if foreign and publisher not in ours:
        named = ", ".join(sorted(foreign))
        return Roles(
            note=f"This server has {named} already, for others: this account is not a member. "
            "They get no rights here; one account does everything. See “Other databases on "
            "the server” in docs/how-to/own-server.md."
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
    """Return which of the roles are this pipeline's, and which somebody else's."""
    ours: set[str] = set()
    foreign: set[str] = set()
    for name, is_ours, is_administered in connection.execute(
        schemas.statement("roles/existing"),
        {"schemas": schemas.names, "names": names, "may_set": _may_set(connection)},
    ).fetchall():
        if is_administered and not is_ours:  # as who made it is, by itself
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))
        (ours if is_ours or is_administered else foreign).add(name)
    return ours, foreign


def hand_over(connection: Connection[Any], schemas: Schemas, roles: Roles) -> list[str]:
    """Make the publisher the owner of what this account owns, and grant the rest.

    What others made in these schemas, or this account for itself, is left alone. Where
    the schemas have another owner than the publisher, that one gets what was made.

    Args:
        connection: A transaction is open.
        schemas: Names of the schemas.
        roles: Who gets what.

    Returns:
        Statements that must be run by somebody who may.

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
    """Return what `pg_has_role` calls the right to act as a role."""
    is_a_right = connection.info.server_version >= _SET_ROLE_IS_A_RIGHT
    return "SET" if is_a_right else "MEMBER"
