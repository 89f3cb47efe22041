"""Who may do what: three roles without a login, to be granted to the accounts you make.

The loader writes the landing schema, the publisher owns all three schemas, and the
reader sees the published one. None is a superuser, and no password is known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from ft42_warehouse.tables import published_tables, stream_schemas

if TYPE_CHECKING:
    from psycopg import Connection

    from ft42_warehouse.statements import Schemas


def create_roles(connection: Connection[Any], schemas: Schemas) -> bool:
    """Create the roles that are missing, if this account may.

    Args:
        connection: A transaction is open.
        schemas: Names of the schemas; the roles are named after the published one.

    Returns:
        Whether all three exist.
    """
    names = [f"{schemas.published}_{part}" for part in ("loader", "publisher", "reader")]
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", (names,))
    missing = set(names) - {name for (name,) in rows}
    (may_create,) = connection.execute(
        "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone() or (False,)
    if missing and not may_create:
        return False
    for name in sorted(missing):
        connection.execute(
            sql.SQL("CREATE ROLE {role} NOLOGIN; GRANT {role} TO CURRENT_USER").format(
                role=sql.Identifier(name)
            )
        )
    return True


def hand_over(connection: Connection[Any], schemas: Schemas) -> None:
    """Make the publisher the owner of what this account owns, and grant the rest.

    Args:
        connection: A connection of the schemas' owner; a transaction is open.
        schemas: Names of the schemas.

    Raises:
        psycopg.Error: The account is not a member of the publisher's role.
    """
    publisher = f"{schemas.published}_publisher"
    for (statement,) in connection.execute(
        schemas.statement("to_hand_over"),
        {
            "schemas": schemas.names,
            "publisher": publisher,
        },
    ).fetchall():
        connection.execute(sql.SQL(statement))
    (lacks_right,) = connection.execute(
        "SELECT pg_has_role(datdba, 'MEMBER') "
        "AND NOT has_database_privilege(%s::name, oid, 'CREATE') "
        "FROM pg_database WHERE datname = current_database()",
        (publisher,),
    ).fetchone() or (False,)
    if lacks_right:
        connection.execute(
            # Lets the publisher make a schema anew that was dropped.
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                sql.Identifier(connection.info.dbname), sql.Identifier(publisher)
            )
        )
    landed_tables = [schema["title"] for schema in stream_schemas()]
    tables = [*(table.name for table in published_tables()), "orphans", "orphan_rows"]
    loader, reader = (f"{schemas.published}_{part}" for part in ("loader", "reader"))
    names = {
        "landings": list(schemas.landings),
        "landed_tables": landed_tables,
        "loader": loader,
        "published": schemas.published,
        "published_tables": tables,
        "reader": reader,
    }
    (lacks_grants,) = connection.execute(
        schemas.statement("lacks_grants"), names
    ).fetchone() or (False,)
    if lacks_grants:
        connection.execute(
            schemas.statement(
                "grants",
                loader=sql.Identifier(loader),
                reader=sql.Identifier(reader),
                landings=sql.SQL(", ").join(map(sql.Identifier, schemas.landings)),
                landed_tables=sql.SQL(", ").join(
                    _paths(landing, landed_tables) for landing in schemas.landings
                ),
                published_tables=_paths(schemas.published, tables),
            )
        )


def _paths(schema_name: str, names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(schema_name, name) for name in names)
