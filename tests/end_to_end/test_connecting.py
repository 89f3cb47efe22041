"""A whole night over TLS, and through a pooler, with the settings that a user would write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import Pipeline, meltano_environment
from tests.tls_server import needs_tls_server, tls_server
from tests.warehouse.pooler import needs_pgbouncer, pooling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.postgres import Database
    from tests.tls_server import TlsServer

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def server(memory: Path) -> Iterator[TlsServer]:
    with tls_server(memory / "tls of a night") as server:
        yield server


@needs_tls_server
@pytest.mark.parametrize("vouched_for", [True, False], ids=["authority", "no authority"])
def test_a_night_over_tls(
    server: TlsServer, sandbox: RunningSandbox, tmp_path: Path, vouched_for: bool
) -> None:
    tls = {
        "TARGET_POSTGRES_SSL_ENABLE": "true",
        "TARGET_POSTGRES_SSL_CERTIFICATE_AUTHORITY": server.file("authority.pem"),
    }
    night = Pipeline(
        meltano_environment(tmp_path, sandbox)
        | server.environment
        | (tls if vouched_for else {"PGSSLMODE": "require"})
    )
    assert "All promises hold" in night.run("nightly")


@needs_tls_server
def test_a_night_that_the_loader_could_not_end_does_not_begin(
    server: TlsServer, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    night = Pipeline(meltano_environment(tmp_path, sandbox) | server.environment)
    done = night.attempt(
        "run", "nightly", TARGET_POSTGRES_SSL_ENABLE="true", TARGET_POSTGRES_SSL_MODE="require"
    )
    assert done.returncode != 0
    assert "set PGSSLMODE=require" in done.stdout
    assert "Traceback" not in done.stdout
    assert "Beginning sync" not in done.stdout


@needs_pgbouncer
def test_a_night_through_a_pooler_by_session(
    pipeline: Pipeline, database: Database, memory: Path
) -> None:
    folder = memory / "pooler of a night"
    folder.mkdir()
    with pooling(database, folder, "session", size=30) as pooler:
        assert "All promises hold" in pipeline.run("nightly", **pooler.environment)
        assert "All promises hold" in pipeline.run("warehouse:check")
        pipeline.run("warehouse:publish")
