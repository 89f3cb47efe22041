"""A PgBouncer of the test's own: Debian's, in front of the test's PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import HOST, NAME

from tests.ports import free_port, is_open
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Database

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

needs_pgbouncer = pytest.mark.skipif(
    PGBOUNCER is None, reason="there is no pgbouncer here: apt-get install pgbouncer"
)


@dataclass(frozen=True)
class Pooler:
    """A pooler that runs."""

    port: int
    environment: dict[str, str]
    """The variables that name the database through it."""


@contextmanager
def pooling(database: Database, folder: Path, mode: str, size: int = 2) -> Iterator[Pooler]:
    """Run a pooler before the database.

    Args:
        database: whose account it lets in.
        folder: what it writes; another user must be able to read it.
        mode: of pooling: ``session`` or ``transaction``.
        size: how many sessions it has with the server.
    """
    port = free_port()
    users = folder / "users.txt"
    users.write_text(f'"{NAME}" "{NAME}"\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{NAME} = host={HOST} port={database.port} dbname={NAME}\n"
        f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = plain\nauth_file = {users}\n"
        f"pool_mode = {mode}\ndefault_pool_size = {size}\nmax_client_conn = 200\n"
        "query_wait_timeout = 0\n"
    )
    folder.chmod(0o755)
    server = subprocess.Popen(
        [str(PGBOUNCER), str(settings)],
        user="nobody" if os.geteuid() == 0 else None,  # it refuses to run as root
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: server.poll() is not None or is_open(port))
        assert server.poll() is None, server.stderr and server.stderr.read()
        yield Pooler(port, database.environment | {"TARGET_POSTGRES_PORT": str(port)})
    finally:
        server.kill()
        server.communicate()
