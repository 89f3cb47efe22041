"""What tests of several folders share."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import HOST, NAME

from tests.postgres import TIME_ZONE, AdministeredPostgres, Database

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """A folder for a server's data that another run of the tests leaves alone.

    For root the server runs as a user of its own, and every pytest that starts shuts
    other users out of the folders that ``tmp_path`` hands out, of earlier runs too.
    """
    with tempfile.TemporaryDirectory(prefix="ft42-postgres-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def database(postgres_folder: Path) -> Iterator[Database]:
    postgres = AdministeredPostgres(
        postgres_folder / "tests",
        f"ALTER ROLE {NAME} CREATEDB",
        # DROP DATABASE ... WITH (FORCE) also meets other accounts' sessions, and autovacuum.
        f"GRANT pg_signal_backend TO {NAME}",
    )
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    postgres.start(port)
    database = Database(port)
    with database.connect() as connection:
        connection.execute(f"ALTER DATABASE ft42 SET timezone = '{TIME_ZONE}'")
    yield database
    postgres.stop()
