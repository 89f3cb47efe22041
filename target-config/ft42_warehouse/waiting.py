"""Watches a session: says after some seconds who blocks it, and gives up after a limit."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Any, Self

import click
import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from ft42_warehouse.session import Session
from ft42_warehouse.shown import duration, shown
from ft42_warehouse.statements import text_of

PATIENCE = 5
"""Seconds after which the watch asks why a statement has not ended."""


class Watch:
    """Watches a session through a second connection.

    The server itself gives up on a lock that others hold (``lock_timeout``). The watch gives up
    on a pooler that lends no connection.
    """

    def __init__(
        self, session: Session, connect: Callable[[], psycopg.Connection[Any]]
    ) -> None:
        """Watch a session.

        Args:
            session: The session, which may wait for ``wait_seconds`` at most.
            connect: Makes another connection to the same database.
        """
        self._session = session
        self._connect = connect
        self._over = Event()
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self.said = ""
        """The last message about who blocks the session."""
        self.has_hung_up = False
        self._who: object = None

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching."""
        # The thread may be asking the server just now; do not wait for it.
        self._over.set()

    def _run(self) -> None:
        patience = min(PATIENCE, self._session.wait_seconds / 2)
        while not self._over.wait(patience):
            begins_since = self._session.begins_since
            if begins_since is not None:
                waited = monotonic() - begins_since
                if waited >= patience:
                    self._say("no connection is free at the pooler, or the server is stuck")
                if waited >= self._session.wait_seconds:
                    self._hang_up()
            elif self._session.info.transaction_status is TransactionStatus.ACTIVE:
                self._look()

    def _look(self) -> None:
        try:
            with self._connect() as connection:
                rows = connection.execute(
                    sql.SQL(text_of("session/held_up_by")), {"name": self._session.name}
                ).fetchall()
        except psycopg.Error:
            return  # the watched session will report what is wrong with the server
        if rows and not self._over.is_set():
            # A longer duration alone is no reason for another message.
            self._say("; ".join(_holder(*row) for row in rows), {row[:2] for row in rows})

    def _say(self, what: str, who: object = None) -> None:
        is_new = not self.said or who != self._who
        self.said, self._who = what, who
        if is_new:
            limit = duration(self._session.wait_seconds)
            click.echo(f"Waiting for {limit} at most: {what}", err=True)

    def _hang_up(self) -> None:
        """Cut the session's connection, as if the server had gone away."""
        self.has_hung_up = True
        with socket.socket(fileno=os.dup(self._session.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def _holder(  # noqa: PLR0913, PLR0917 - a column an argument
    what: str,
    pid: int,
    application: str | None,
    account: str | None,
    state: str | None,
    seconds: float | None,
) -> str:
    """Describe who holds a lock, without the text of statements: it may name people."""
    if not pid:
        return f"a prepared transaction holds {what}; see pg_prepared_xacts"
    known = [
        *([shown(application)] if application else []),
        *([f"account {shown(account)}"] if account else []),
        *([state if seconds is None else f"{state} for {duration(seconds)}"] if state else []),
    ]
    return f"pid {pid} ({', '.join(known)}) holds {what}"
