"""A session with the server that relies only on settings of its own transaction.

Behind a pooler, each transaction may run in another session of the server. Settings of an
earlier transaction are then lost, or affect other users. A server, a database and an account
also have defaults: they may change the form of dates, or end statements early. So every
transaction begins with all settings that it needs, for itself only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg import ClientCursor, IsolationLevel, sql
from psycopg.pq import TransactionStatus
from typing_extensions import override

_SETTINGS = {
    # The form of values.
    "client_encoding": "UTF8",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    # The meaning and the results of statements.
    "search_path": "pg_catalog",
    "transform_null_equals": "off",
    "gin_fuzzy_search_limit": "0",
    "row_security": "off",  # an error if a policy would hide rows
    # The time limits of statements and transactions.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
_SINCE_17 = {"transaction_timeout": "0"}
_VERSION_17 = 170_000


class Cursor(ClientCursor[Any]):
    """Runs each statement in a transaction of a `Session`.

    It puts values into statements itself: the server cannot bind values in
    ``CREATE TABLE … AS``.
    """

    @override
    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        if self.connection.info.transaction_status is not TransactionStatus.IDLE:
            return super().execute(query, params, **options)
        with self.connection.transaction():
            return super().execute(query, params, **options)


class Session(psycopg.Connection[Any]):
    """A connection whose transactions all begin with the same settings.

    Attributes:
        wait_seconds: How long a statement waits for a lock of others.
        name: The name of the session in the server, so that others can identify it.
        begins_since: When it asked for the transaction that it is waiting for, on the monotonic
            clock; None if it does not wait. A pooler may let it wait.
    """

    wait_seconds: float = 600
    name: str = "ft42-warehouse"
    begins_since: float | None = None

    def prepare(self, name: str, wait_seconds: float) -> None:
        """Let all transactions begin in the same way, whatever the server's defaults are."""
        self.name, self.wait_seconds = name, wait_seconds
        self.isolation_level = IsolationLevel.READ_COMMITTED
        self.deferrable = False
        # A standby refuses to begin a transaction that may write.
        if self.info.parameter_status("in_hot_standby") != "on":
            self.read_only = False

    @override
    @contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[psycopg.Transaction]:
        """Open a transaction with the settings, or a savepoint within one."""
        if self.info.transaction_status is not TransactionStatus.IDLE:
            with super().transaction(savepoint_name, force_rollback) as savepoint:
                yield savepoint
            return
        self.begins_since = monotonic()
        with super().transaction(savepoint_name, force_rollback) as transaction:
            self.begins_since = None
            self.execute(self._settings())
            yield transaction

    def _settings(self) -> sql.Composed:
        """Return the settings as statements. They take no snapshot, so locks may follow."""
        settings = {
            **_SETTINGS,
            **(_SINCE_17 if self.info.server_version >= _VERSION_17 else {}),
            "lock_timeout": f"{self.wait_seconds:.0f}s",
            "application_name": self.name,
        }
        return sql.SQL("; ").join(
            sql.SQL("SET LOCAL {} = {}").format(
                sql.SQL(name), sql.SQL(", ").join(map(sql.Literal, value.split(", ")))
            )
            for name, value in settings.items()
        )
