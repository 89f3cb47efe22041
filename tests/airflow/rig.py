"""What workers share in tests: an API and a PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ft42_warehouse.embedded import HOST, NAME

from tests.ports import free_port
from tests.postgres import AdministeredPostgres, Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox


@contextmanager
def server(folder: Path) -> Iterator[Database]:
    """Start a server with a database for each of the three that keep something there."""
    postgres, port = AdministeredPostgres(folder / "server"), free_port()
    postgres.start(port)
    try:
        database = Database(port)
        with database.connect() as connection:
            connection.autocommit = True
            connection.execute("CREATE DATABASE airflow")
            connection.execute("CREATE DATABASE meltano")
        yield database
    finally:
        postgres.stop()


def url(database: Database, name: str, driver: str = "") -> str:
    """Return the address of a database."""
    return f"postgresql{driver}://{NAME}:{NAME}@{HOST}:{database.port}/{name}"


def credentials(sandbox: RunningSandbox, database: Database) -> str:
    """Return the file ``.env`` of all machines."""
    lines = {
        **database.environment,
        "MELTANO_DATABASE_URI": url(database, "meltano", "+psycopg"),
        "TAP_FT42_QUOTA_STORE": url(database, "ft42"),
        "TAP_FT42_API_URL": sandbox.url,
        "TAP_FT42_CLIENT_ID": sandbox.client_id,
        "TAP_FT42_CLIENT_SECRET": sandbox.client_secret,
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())
