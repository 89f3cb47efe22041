"""``warehouse publish``: brings landed rows into the schema that people query.

One transaction updates all published tables, so readers never see half of a publish. It looks
at the rows that landed since the last publish, and at orphans whose parent it publishes now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from ft42_warehouse.erasure import erase, find_erased
from ft42_warehouse.named.strings import Named, names_of
from ft42_warehouse.published import (
    drop_keys_of_empty,
    end_of_the_last_publish,
    make_keys,
    missing_of,
    structure,
)
from ft42_warehouse.shards import with_shards
from ft42_warehouse.statements import Schemas, equals
from ft42_warehouse.tables import PERSONS, Part, Table, published_tables

_ATTEMPTS = 10

_NEVER = 2**62
"""A transaction that no row has landed in."""


class TooManyDeletionsError(Exception):
    """A publish would have deleted too large a share of a table."""

    def __init__(self, table: str, deleted: int, before: int) -> None:
        self.table, self.deleted, self.before = table, deleted, before
        super().__init__(
            f"this would delete {deleted:,} of the {before:,} rows of {table}, "
            f"{100 * deleted / before:.1f} %. Nothing was changed"
        )


@dataclass
class Published:
    """The result of a publish: numbers of rows, by table."""

    inserted: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    deleted: Counter[str] = field(default_factory=Counter)
    erased: int = 0
    """Persons whose data were erased."""
    returned: int = 0
    """Persons whom 42 lists again after their data were erased."""
    missing: tuple[str, str] = ("", "")
    """The instants between which their missing rows last changed."""


def publish(
    connection: Connection[Any],
    schemas: Schemas,
    *,
    max_delete_percent: float | None = 5,
    everything: bool = False,
) -> Published:
    """Update the published tables from the landed rows.

    It waits for another publish to end. The loader may write at the same time: rows that it
    commits meanwhile come with the next publish.

    Args:
        connection: A connection in autocommit mode, of the publisher.
        schemas: Names of the schemas.
        max_delete_percent: The share of a table that may be deleted; None for any. Data of
            persons who were anonymised do not count.
        everything: Compare every row, also those that landed long ago.

    Returns:
        The numbers of rows that were inserted, changed and deleted.

    Raises:
        psycopg.Error: The server refused a statement; nothing has changed.
        TooManyDeletionsError: Too many rows would be deleted; nothing has changed.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                connection.execute(
                    schemas.statement("session/take_turn", turn=sql.SQL("publishes"))
                )
                # Only now: while this waited, a shard may have been made and loaded.
                all_schemas = with_shards(connection, schemas)
                return _Publish(connection, all_schemas, everything).run(max_delete_percent)
        except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
            # The loader wrote a row that was being deleted here.
            if attempt == _ATTEMPTS:
                raise
        except TooManyDeletionsError as refusal:
            # This has its own transaction, as that of the publish was rolled back.
            connection.execute(
                schemas.statement("publish/note_refusal"),
                {
                    "table_name": refusal.table,
                    "would_delete": refusal.deleted,
                    "of_rows": refusal.before,
                },
            )
            raise
    raise AssertionError


def forget(connection: Connection[Any], schemas: Schemas, user_id: int) -> Counter[str]:
    """Erase the data of the person with an id at 42, and let no load bring them back.

    The connection is one of the publisher, in autocommit mode.

    Returns:
        The number of deleted published rows, by table.

    Raises:
        psycopg.Error: The server refused a statement; nothing has changed.
    """
    with connection.transaction():
        all_schemas = with_shards(connection, schemas)
        return _Publish(connection, all_schemas, everything=False).forget(user_id)


class _Publish:
    """One attempt, in the transaction that is open."""

    def __init__(self, connection: Connection[Any], schemas: Schemas, everything: bool) -> None:
        self._connection = connection
        self._schemas = schemas
        self._done = Published()
        self._guarded: Counter[str] = Counter()
        self._moved: Counter[tuple[str, str]] = Counter()
        """The numbers of rows in ``arrived`` and ``departed``, by this name and the table."""
        self._since = 0 if everything else end_of_the_last_publish(connection, schemas)
        self._everything = everything or self._since == 0

    def run(self, max_delete_percent: float | None) -> Published:
        self._connection.execute(self._schemas.statement("publish/begin"))
        tables = published_tables()
        is_first = self._everything and drop_keys_of_empty(self._connection, self._schemas)
        if self._everything:
            self._connection.execute(self._schemas.statement("publish/forget_waiting"))
        self._remove_gone(tables)
        named = find_erased(self._connection, self._schemas, self._since)
        for table in reversed(tables):
            if table.key == ("id",):
                self._delete(table, "publish/remove_disappeared")
        self._erase(named, again=self._everything)
        for table in tables:
            self._publish(table)
        if is_first:
            make_keys(self._connection, self._schemas)
        if self._moved["arrived", PERSONS] and not self._everything:
            (self._done.returned, *between) = self._connection.execute(
                self._schemas.statement("publish/returned")
            ).fetchone() or (0, "", "")
            self._done.missing = (between[0], between[1])
        if max_delete_percent is not None:
            self._guard(max_delete_percent)
        self._connection.execute(
            self._schemas.statement("publish/note"),
            {
                "structure": structure(),
                "inserted": Jsonb(+self._done.inserted),
                "changed": Jsonb(+self._done.changed),
                "deleted": Jsonb(+self._done.deleted),
            },
        )
        return self._done

    def forget(self, user_id: int) -> Counter[str]:
        """Erase a person's data; publish nothing else."""
        self._connection.execute(self._schemas.statement("publish/begin"))
        self._connection.execute("INSERT INTO erased VALUES (%s, 'forgotten')", (user_id,))
        named = names_of(self._connection, self._schemas, [user_id])
        self._erase(named, again=True)
        for table in published_tables():
            if any(self._moved["departed", str(of.references)] for of in table.references):
                self._gather(table, landed_since=_NEVER)
                self._note_waiting(table)
        # Members of the coalition who ranked below the person move up.
        self._connection.execute(self._schemas.statement("publish/derive_coalitions_users"))
        return self._done.deleted

    def _erase(self, named: Named, *, again: bool) -> None:
        self._done.erased, rows = erase(self._connection, self._schemas, named, again=again)
        self._done.deleted.update(rows)
        self._moved.update({("departed", table): count for table, count in rows.items()})

    def _remove_gone(self, tables: tuple[Table, ...]) -> None:
        """Remove the landed rows that have disappeared, by the census of their own load."""
        counted = self._connection.execute(
            self._schemas.statement("publish/censuses", since=sql.Literal(self._since))
        ).fetchall()
        for schemas in self._schemas.each_landing():
            for table in tables:
                if table.key == ("id",) and (schemas.landing, table.name) in counted:
                    self._connection.execute(
                        schemas.of_table(
                            "publish/disappeared", table, since=sql.Literal(self._since)
                        )
                    )

    def _publish(self, table: Table) -> None:
        self._gather(table)
        if self._everything and not table.has_derived_rows:
            self._delete(table, "publish/unlanded")
        self._delete(table, "publish/retract")
        self._done.changed[table.name] += self._execute("publish/change", table)
        self._done.inserted[table.name] += self._moving(table, "publish/insert", "arrived")
        if self._everything:
            # The next statements come before the server would analyze the new rows by itself.
            self._connection.execute(self._schemas.of_table("publish/analyze", table))
        self._note_waiting(table)
        if table.derived_from and (self._everything or self._has_new_source(table)):
            done = self._done.inserted if table.has_derived_rows else self._done.changed
            done[table.name] += self._connection.execute(
                self._schemas.statement(f"publish/derive_{table.name}")
            ).rowcount
        for part in table.parts:
            self._connection.execute(
                of_part(self._schemas, table, part, is_everything=self._everything)
            )

    def _note_waiting(self, table: Table) -> None:
        """Note which candidates wait for a parent, and look at no others of the table."""
        if table.references:
            self._execute("publish/waiting", table, missing=missing_of(self._schemas, table))
        self._connection.execute("DROP TABLE candidate")

    def _gather(self, table: Table, *, landed_since: int | None = None) -> None:
        """Fill the temporary table ``candidate`` with the rows to look at.

        They are those that landed from a transaction on, by default since the last publish,
        and those whose parent was moved.
        """
        since = self._since if landed_since is None else landed_since
        self._connection.execute(
            self._schemas.of_table("publish/candidates", table, since=sql.Literal(since))
        )
        for column in table.references:
            parent = str(column.references)
            parts = {"column": sql.Identifier(column.name), "parent": sql.Literal(parent)}
            for moved in ("arrived", "departed"):
                # Skip it if there is nothing to find: the server may read all rows for that.
                if self._moved[moved, parent] and not self._everything:
                    self._execute(
                        "publish/awaited", table, looked_at=sql.Identifier(moved), **parts
                    )
            if self._moved["departed", parent]:
                self._delete(table, "publish/leave_with_parent", **parts)
        self._reduce_strangers(table)
        if self._schemas.has_copies(table) and table.key == ("id",):
            self._execute("publish/lost_copies", table)
        self._connection.execute("ANALYZE candidate")
        if table.references and not self._everything:
            self._execute("publish/no_longer_waiting", table)
        if self._schemas.has_copies(table):
            self._execute("publish/choose", table)
            self._connection.execute("ANALYZE candidate")

    def _reduce_strangers(self, table: Table) -> None:
        """Remove the names of people who are not published from their landed rows."""
        if self._schemas.keep_strangers or table.name == PERSONS or not table.named_by:
            return
        # Two statements: with one that uses OR, the server would read all rows.
        looked_at = ["candidate"]
        if self._moved["departed", PERSONS]:
            looked_at.append("departed")
        for name in looked_at:
            self._connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
            for parts in stranger_parts(table, name):
                self._execute("publish/reduce_strangers", table, **parts)

    def _has_new_source(self, table: Table) -> bool:
        """Tell whether this publish has changed a table from which this one is derived."""
        return any(
            counts[name]
            for counts in (self._done.inserted, self._done.changed, self._done.deleted)
            for name in (table.name, *table.derived_from)
        )

    def _delete(self, table: Table, name: str, **parts: sql.Composable) -> None:
        deleted = self._moving(table, name, "departed", **parts)
        self._done.deleted[table.name] += deleted
        self._guarded[table.name] += deleted

    def _guard(self, max_delete_percent: float) -> None:
        for table, deleted in self._guarded.items():
            if not deleted:
                continue
            moved = self._done.deleted[table] - self._done.inserted[table]
            # Most tables have enough rows for these few deletions. Then do not count them all.
            if max_delete_percent:
                enough = ceil(100 * deleted / max_delete_percent)
                if self._count(table, at_most=max(enough - moved, 0)) + moved >= enough:
                    continue
            before = self._count(table) + moved
            if deleted > before * max_delete_percent / 100:
                raise TooManyDeletionsError(table, deleted, before)

    def _count(self, table: str, at_most: int | None = None) -> int:
        (rows,) = self._connection.execute(
            sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) AS rows").format(
                sql.Identifier(self._schemas.published, table), sql.Literal(at_most)
            )
        ).fetchone() or (0,)
        return int(rows)

    def _moving(self, table: Table, name: str, moved: str, **parts: sql.Composable) -> int:
        """Run a statement; if others refer to the table, note which rows it moved."""
        rows = self._connection.execute(
            self._schemas.moving(name, table, moved, **parts)
        ).rowcount
        self._moved[moved, table.name] += rows
        return rows

    def _execute(self, name: str, table: Table, **parts: sql.Composable) -> int:
        return self._connection.execute(
            self._schemas.of_table(name, table, since=sql.Literal(self._since), **parts)
        ).rowcount


def of_part(schemas: Schemas, table: Table, part: Part, *, is_everything: bool) -> sql.Composed:
    """Return the statement that updates the table of a list from the rows that hold it."""
    looked_at = sql.SQL("true" if is_everything else "r.last_changed_at = now()")
    return schemas.of_part("publish/part", table, part, is_looked_at=looked_at)


def stranger_parts(table: Table, looked_at: str) -> Iterator[dict[str, sql.Composable]]:
    """Yield the parts of the statements that remove people's names from landed rows.

    Args:
        table: The table.
        looked_at: The temporary table with the rows to look at: ``candidate`` for rows that
            landed, ``departed`` for those of people who are no longer published.
    """
    if table.name == PERSONS:
        return
    for who, named in table.named_by.items():
        columns, person = [*map(sql.Identifier, named)], sql.Identifier(who)
        same = sql.SQL(" AND ").join(equals(key, "c") for key in table.key)
        if looked_at == "departed":
            same = sql.SQL("c.table_name = {} AND c.id = l.{}").format(
                sql.Literal(PERSONS), person
            )
        yield {
            "looked_at": sql.Identifier(looked_at),
            "same": same,
            "person": person,
            "nothing": sql.SQL(", ").join(
                sql.SQL("{} = NULL").format(name) for name in columns
            ),
            "named": sql.SQL(" OR ").join(
                sql.SQL("l.{} IS NOT NULL").format(name) for name in columns
            ),
        }
