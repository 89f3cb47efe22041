"""A real PostgreSQL for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
from ft42_warehouse.embedded import HOST, NAME, EmbeddedPostgres
from psycopg import sql
from psycopg.rows import dict_row
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY, ROOM = Path("/dev/shm"), 3 * 2**30  # noqa: S108 - not for temporary files, but fast
"""A file system in memory, and how much of it has to be free for the tests' files."""

TIME_ZONE = "Asia/Kolkata"

# Copied by its files, a small database is not written to the log page by page.
_COPY = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")


class AdministeredPostgres(EmbeddedPostgres):
    """A server whose account may do more, in every database."""

    def __init__(self, directory: Path, *grants: str) -> None:
        """Find the server's programs; nothing is started.

        Args:
            directory: where the data lie.
            grants: the statements that allow more; by default the account may do all.
        """
        super().__init__(directory)
        self._grants = grants or (f"ALTER ROLE {NAME} SUPERUSER",)

    @override
    def start(self, port: int) -> None:
        super().start(port)
        self.stop()
        with (self.directory / "postgresql.conf").open("a") as settings:
            # Nothing here outlives the machine; it takes half the time of copying a database.
            settings.write("fsync = off\n")
            # Nobody guesses these passwords; it takes a third of a connection's CPU.
            settings.write("scram_iterations = 1\n")
        grants = (f"ALTER ROLE {NAME} PASSWORD '{NAME}'", *self._grants)
        self._run(
            "postgres", "--single", "-D", str(self.directory), "postgres",
            stdin="".join(f"{grant}\n" for grant in grants),
        )  # fmt: skip
        rules = self.directory / "pg_hba.conf"
        rules.write_text(f"host all all {HOST}/32 scram-sha-256\n")
        self._serve(port)

    def start_as(self, other: AdministeredPostgres, port: int) -> None:
        """Start with the data of another one, which does not run.

        Args:
            other: whose data are copied, which is quicker than to make them.
            port: TCP port on 127.0.0.1.
        """
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        # The owner goes along: for root, the server runs as a user of its own.
        subprocess.run(["cp", "-a", other.directory, self.directory], check=True)  # noqa: S607 - any cp
        self._server().ensure_pgdata_inited()
        self._serve(port)

    @property
    def programs(self) -> Path:
        """Where ``psql`` lies."""
        return self._server().bin_path


@contextmanager
def folder_in_memory(memory: Path = MEMORY) -> Iterator[Path]:
    """A folder for servers' data and runs' files that another run of the tests leaves alone.

    In memory, where there is room: on a disk it takes ten times the CPU to bring a database
    back, which most tests begin with, and a run of the tap waits for the disk longer than it
    works. For root the server runs as a user of its own, and every pytest that starts shuts
    other users out of the folders that ``tmp_path`` hands out, of earlier runs too.

    A run that is killed hard removes nothing, so the next one removes it; a server that still
    has its data there ends within a minute of missing them.
    """
    name = "ft42-tests-{}-"
    for left in memory.glob(name.format("*") + "*"):
        owner = left.name.split("-")[2]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    place = memory if has_room else None
    with tempfile.TemporaryDirectory(prefix=name.format(os.getpid()), dir=place) as folder:
        yield Path(folder)


class _Sessions(dict[str, "psycopg.Connection[dict[str, Any]]"]):
    """Sessions by the names of their databases; they end with whoever keeps them."""

    def __del__(self) -> None:
        for session in self.values():
            session.close()


@dataclass(frozen=True)
class Database:
    """A database of the embedded server, on a server whose time zone is not UTC."""

    port: int
    _kept: _Sessions = field(default_factory=_Sessions, compare=False, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name it to the target and to ``warehouse``."""
        return {
            "TARGET_POSTGRES_HOST": HOST,
            "TARGET_POSTGRES_PORT": str(self.port),
            "TARGET_POSTGRES_USER": NAME,
            "TARGET_POSTGRES_PASSWORD": NAME,
            "TARGET_POSTGRES_DATABASE": NAME,
        }

    def connect(self, name: str = NAME) -> psycopg.Connection[dict[str, Any]]:
        """Connect as a reader would."""
        return psycopg.connect(
            host=HOST, port=self.port, user=NAME, password=NAME, dbname=name,
            client_encoding="UTF8", row_factory=dict_row,
        )  # fmt: skip

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Run a statement as a reader would and return its rows."""
        return self.session().execute(statement, values).fetchall()

    def execute(self, statement: str, *values: object) -> None:
        """Run a statement by hand."""
        self.session().execute(statement, values or None)

    def session(self, name: str = NAME) -> psycopg.Connection[dict[str, Any]]:
        """Return a session as good as a new one, which takes the CPU of thirty statements.

        Each statement is committed: a server may end who is slow within a transaction.

        Args:
            name: Of the database.
        """
        try:
            self._kept[name].execute("DISCARD ALL")
        except (KeyError, psycopg.OperationalError):  # it was ended with its database
            self._kept[name] = self.connect(name)
            self._kept[name].autocommit = True
            self._kept[name].prepare_threshold = None  # what is prepared is discarded
        return self._kept[name]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a landed table, without the target's own columns."""
        rows = (
            self.session()
            .execute(sql.SQL("SELECT * FROM ft42_raw.{}").format(sql.Identifier(table)))
            .fetchall()
        )
        return [
            {
                name: value
                for name, value in row.items()
                if not name.startswith("_sdc_") and name != "landed_in"
            }
            for row in rows
        ]

    def keep(self, name: str) -> None:
        """Keep a copy of the database as it is now, in place of an earlier one."""
        self.end_session()
        copy = sql.Identifier(name)
        administration = self.session("postgres")
        administration.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(copy))
        administration.execute(_COPY.format(copy, sql.Identifier(NAME)))

    def restore(self, name: str) -> None:
        """Bring back what was kept, which takes less than to make it once more."""
        self.end_session()
        own = sql.Identifier(NAME)
        administration = self.session("postgres")
        _let_sessions_end(administration)
        for statement in (
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(own),
            _COPY.format(own, sql.Identifier(name)),
            sql.SQL("ALTER DATABASE {} SET timezone = {}").format(own, sql.Literal(TIME_ZONE)),
        ):
            administration.execute(statement)

    def end_session(self) -> None:
        """End the session that is kept: it counts, and no database that has one is copied."""
        if NAME in self._kept:
            self._kept.pop(NAME).close()

    def reset(self) -> None:
        """Drop what the pipeline made."""
        schemas = (
            self.session()
            .execute(
                "SELECT string_agg(quote_ident(nspname), ', ') AS names FROM pg_namespace "
                "WHERE nspname ~ '^ft42(_|$)'"
            )
            .fetchone()
        )
        if schemas and schemas["names"]:
            self.execute(f"DROP SCHEMA {schemas['names']} CASCADE")


def _let_sessions_end(connection: psycopg.Connection[Any]) -> None:
    """Give the database's closed sessions the moment they take.

    For one that is left, DROP DATABASE sleeps a tenth of a second.
    """
    deadline = time.monotonic() + 0.1
    left = "SELECT FROM pg_stat_activity WHERE datname = %s"
    while connection.execute(left, [NAME]).fetchone() and time.monotonic() < deadline:
        time.sleep(0.002)
