"""What tests of several folders share."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import NAME

# What tests share compares too, and its failures are shown as those of tests are.
pytest.register_assert_rewrite("tests.end_to_end", "tests.tap", "tests.warehouse")

from tests.ports import free_port  # noqa: E402 - what is registered comes first
from tests.postgres import TIME_ZONE, AdministeredPostgres, Database  # noqa: E402

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
    port = free_port()
    postgres.start(port)
    database = Database(port)
    with database.connect() as connection:
        connection.execute(f"ALTER DATABASE ft42 SET timezone = '{TIME_ZONE}'")
    yield database
    postgres.stop()
