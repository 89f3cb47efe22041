"""``warehouse init``: creates all objects that load, publish and check need."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import Connection, sql

from ft42_warehouse.admission import create_functions, create_triggers, reduce_landed
from ft42_warehouse.landing import UnusableTableError, create_landing
from ft42_warehouse.objects import (
    FIRST_REMEMBERED,
    REMEMBERED,
    Objects,
    TakenNameError,
    have_all,
)
from ft42_warehouse.published import create_published
from ft42_warehouse.roles import create_roles, hand_over
from ft42_warehouse.shards import ShardNameError, join_landings, with_shards
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import stream_schemas


class EncodingError(Exception):
    """The database cannot hold the names of people of all countries."""

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"The database is encoded in {encoding}. Names need UTF8: create one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


class NotAllowedError(Exception):
    """This account may not create what is missing."""


class InTheWayError(Exception):
    """An object that others made prevents a change that is needed."""


REFUSALS = (
    EncodingError, InTheWayError, NotAllowedError, ShardNameError, TakenNameError,
    UnusableTableError,
)  # fmt: skip
"""Errors after which nothing has changed; their texts say what to do."""


_MAKING = frozenset(["schemas", "sql", "init", "remember", "roles", "shards", "upgrade"])
"""Folders whose files decide which objects must exist, like the modules."""


def create_all(
    connection: Connection[Any], schemas: Schemas, shards: Iterable[str] = ()
) -> list[str]:
    """Create what is missing in the schemas, in one transaction.

    Args:
        connection: A connection of a role that may create schemas, or owns these.
        schemas: Names of the schemas.
        shards: Names of shards to create, besides those that exist.

    Returns:
        Notes, a line each: what was not done or may stop a later publish, and what to do.

    Raises:
        psycopg.Error: The server refused a statement; nothing has changed.
        EncodingError: The database cannot hold all names; nothing has changed.
        InTheWayError: An object that others made is in the way; nothing has changed.
        NotAllowedError: The account lacks a right; nothing has changed.
        ShardNameError: A shard cannot have this name; nothing has changed.
        TakenNameError: An object that others made has the name; nothing has changed.
        UnusableTableError: A landed table lost its key; nothing has changed.
    """
    (encoding,) = connection.execute("SHOW server_encoding").fetchone() or ("",)
    if encoding != "UTF8":
        raise EncodingError(encoding)
    try:
        with connection.transaction():
            return _create_all(connection, schemas, shards)
    except psycopg.errors.InsufficientPrivilege as error:
        account, owners = connection.execute(
            schemas.statement("roles/owners"), {"schemas": schemas.names}
        ).fetchone() or ("", None)
        message = (
            f"{account} may not do this: {error.diag.message_primary}. "
            f"{owners or 'It owns everything here'}. Use the owner's account, with "
            "WAREHOUSE_PUBLISHER or TARGET_POSTGRES_USER, or have the owner grant "
            f"{account} the missing right"
        )
        raise NotAllowedError(message) from None
    except (
        psycopg.errors.DependentObjectsStillExist,
        psycopg.errors.FeatureNotSupported,
    ) as error:
        message = (
            f"{error.diag.message_primary}: {error.diag.message_detail}. Drop what depends on "
            "it, and make it again when `warehouse init` has ended"
        )
        raise InTheWayError(message) from None
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.UndefinedFunction,
    ) as error:
        message = (
            f"{error.diag.message_primary}. It cannot be made again: restore it from a backup"
        )
        raise InTheWayError(message) from None


def is_up_to_date(
    connection: Connection[Any], schemas: Schemas, shards: Iterable[str] = ()
) -> bool:
    """Tell whether this version has called `create_all` for these schemas and shards.

    Raises:
        psycopg.Error: The server refused the query.
        ShardNameError: A shard cannot have this name.
    """
    schemas = with_shards(connection, schemas, shards)
    statement = sql.SQL("SELECT digest FROM {}.objects WHERE name = %s").format(
        sql.Identifier(schemas.warehouse)
    )
    try:
        found = connection.execute(statement, (_version_of(schemas),)).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return False
    return found is not None and found[0] == _version()


def _version_of(schemas: Schemas) -> str:
    """Return the name under which the version is noted, for these settings."""
    landings = " ".join(schemas.landings)
    return f"version {landings} {schemas.published} {schemas.keep_strangers}"


@cache
def _version() -> str:
    """Return a digest of this version of the package, of all files that matter."""
    digest = sha256()
    folders = [files("ft42_warehouse")]
    for folder in folders:
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.is_file():
                digest.update(file.read_bytes())
            elif file.name in _MAKING:
                folders.append(file)
    return digest.hexdigest()


def _create_all(
    connection: Connection[Any], schemas: Schemas, shards: Iterable[str]
) -> list[str]:
    # One at a time: two CREATE … IF NOT EXISTS at once can fail.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('ft42_warehouse init'))")
    # So every name must have its schema, and no function of others can be called by mistake.
    connection.execute("SET LOCAL search_path = ''")
    schemas = with_shards(connection, schemas, shards)
    _create_schemas(connection, schemas)
    roles = create_roles(connection, schemas)
    if not have_all(connection, schemas, FIRST_REMEMBERED):
        connection.execute(schemas.statement("remember/bookkeeping"))
    objects = Objects(connection, schemas)
    made = {
        name: objects.make(
            f"table {schemas.warehouse}.{name}", schemas.statement(f"remember/{name}")
        )
        for name in REMEMBERED  # older versions had fewer of these tables
    }
    objects.make(
        f"column {schemas.warehouse}.turns.noted_at", schemas.statement("upgrade/noted_turns")
    )
    if objects.exists(f"function {schemas.warehouse}.refuse_teammates"):
        connection.execute(schemas.statement("upgrade/older_refusals"))
    lets_in_less = create_functions(objects, schemas)
    to_look_at_all = False
    for load in schemas.each_landing():
        to_look_at_all |= create_landing(connection, objects, load)
        create_triggers(objects, load)
        if lets_in_less:
            reduce_landed(connection, load)
    join_landings(connection, objects, schemas)
    to_look_at_all |= create_published(connection, objects, schemas)
    if to_look_at_all:
        # The next publish looks at every row, and fills what is new.
        connection.execute(
            sql.SQL("UPDATE {}.publishes SET structure = NULL").format(
                sql.Identifier(schemas.warehouse)
            )
        )
    if made["waiting"]:
        connection.execute(schemas.statement("upgrade/waiting"))
    objects.note(_version_of(schemas), _version())
    to_grant = hand_over(connection, schemas, roles)
    in_the_way = connection.execute(
        schemas.statement("init/in_the_way"),
        {"schemas": schemas.names, "tables": [schema["title"] for schema in stream_schemas()]},
    ).fetchall()
    return [
        *([roles.note] if roles.note else []),
        *objects.notes,
        *(f"Somebody with the right to do so must run: {statement};" for statement in to_grant),
        *(f"{line}." for (line,) in in_the_way),
    ]


def _create_schemas(connection: Connection[Any], schemas: Schemas) -> None:
    missing = [name for name in schemas.names if not _exists(connection, name)]
    (may_create, account, database) = connection.execute(
        "SELECT has_database_privilege(current_database(), 'CREATE'), "
        "quote_ident(current_user), quote_ident(current_database())"
    ).fetchone() or (False, "", "")
    if missing and not may_create:
        statements = "; ".join(
            sql.SQL("CREATE SCHEMA {} AUTHORIZATION ")
            .format(sql.Identifier(name))
            .as_string(connection)
            + account
            for name in missing
        )
        message = (
            f"{account} may not create schemas in the database {database}. Its owner must "
            f"run: {statements}"
        )
        raise NotAllowedError(message)
    for name in missing:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))


def _exists(connection: Connection[Any], schema_name: str) -> bool:
    found = connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema_name,))
    return found.rowcount > 0
