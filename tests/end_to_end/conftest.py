"""A whole pipeline: the sandbox, Meltano, the stock target, a real PostgreSQL."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from ft42_sandbox.testing import running_sandbox
from ft42_warehouse.embedded import HOST, NAME, EmbeddedPostgres
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv/bin"


@dataclass(frozen=True)
class Database:
    """A database of the embedded server, on a server whose time zone is not UTC."""

    port: int

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

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """Connect as a reader would."""
        return psycopg.connect(
            host=HOST, port=self.port, user=NAME, password=NAME, dbname=NAME,
            row_factory=dict_row,
        )  # fmt: skip

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Run a statement as a reader would and return its rows."""
        with self.connect() as connection:
            return connection.execute(statement, values).fetchall()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a landed table, without the target's own columns."""
        with self.connect() as connection:
            rows = connection.execute(
                psycopg.sql.SQL("SELECT * FROM ft42_raw.{}").format(
                    psycopg.sql.Identifier(table)
                )
            ).fetchall()
        return [
            {name: value for name, value in row.items() if not name.startswith("_sdc_")}
            for row in rows
        ]

    def reset(self) -> None:
        """Drop the landing schema."""
        with self.connect() as connection:
            connection.execute("DROP SCHEMA IF EXISTS ft42_raw CASCADE")


@dataclass(frozen=True)
class Pipeline:
    """Meltano in this repository, with state and settings of its own."""

    environment: dict[str, str]

    def run(self, *blocks: str, **changes: str) -> str:
        """Run ``meltano run`` and return what it prints; fail if it fails.

        Args:
            blocks: Plugins or jobs.
            changes: Environment variables for this run.
        """
        done = self.attempt("run", *blocks, **changes)
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def attempt(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run Meltano whatever comes of it; stdout and stderr come together."""
        return subprocess.run(
            [BIN / "meltano", *arguments],
            cwd=ROOT,
            env={**self.environment, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=280,
        )


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
    postgres = EmbeddedPostgres(postgres_folder / "tests")
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    postgres.start(port)
    database = Database(port)
    with database.connect() as connection:
        connection.execute("ALTER DATABASE ft42 SET timezone = 'Asia/Kolkata'")
    yield database
    postgres.stop()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(
        users=200, enrolments=2000, requests_per_second=0, requests_per_hour=0
    ) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def pipeline(
    database: Database, sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Pipeline:
    """The environment ``prod``, as a user would set it, pointed at the sandbox."""
    database.reset()
    own = tmp_path_factory.mktemp("meltano")
    # Runs write catalogs and settings into this folder, and would read each other's.
    for installed in ("extractors", "loaders", "utilities"):
        (own / installed).symlink_to(ROOT / ".meltano" / installed)
    return Pipeline(
        {
            **{name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ},
            **database.environment,
            "MELTANO_DATABASE_URI": f"sqlite:///{own}/meltano.db",
            "MELTANO_SYS_DIR_ROOT": str(own),
            "MELTANO_ENVIRONMENT": "prod",
            "TAP_FT42_API_URL": sandbox.url,
            "TAP_FT42_CLIENT_ID": sandbox.client_id,
            "TAP_FT42_CLIENT_SECRET": sandbox.client_secret,
            "TAP_FT42_REQUESTS_PER_SECOND": "0",
            "TAP_FT42_REQUESTS_PER_HOUR": "0",
        }
    )
