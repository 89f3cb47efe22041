"""A whole pipeline: the sandbox, Meltano, the stock target, a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.known_files import copy_known_files
from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.postgres import Database

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv/bin"


@dataclass(frozen=True)
class Pipeline:
    """Meltano in this repository or a copy, with state and settings of its own."""

    environment: dict[str, str]
    project: Path = ROOT

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
            cwd=self.project,
            env={**self.environment, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=280,
        )


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
    return Pipeline(
        meltano_environment(tmp_path_factory.mktemp("meltano"), sandbox) | database.environment
    )


@pytest.fixture(scope="module")
def project_of_others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which Meltano knows all targets, tested or not."""
    project = tmp_path_factory.mktemp("project")
    copy_known_files(project, "meltano.yml", "tap-ft42/pyproject.toml", "target-config")
    for file in (project / "target-config/others").iterdir():
        (project / "target-config" / file.name).symlink_to(file)
    return project


def meltano_environment(own: Path, api: RunningSandbox | None) -> dict[str, str]:
    """Return the variables of the environment ``prod``, as a user would set them.

    Args:
        own: a folder for the state and the settings of the runs.
        api: where the tap reads; it has no address and no credentials if there is none.
    """
    # Runs write catalogs and settings into this folder, and would read each other's.
    for installed in ("extractors", "loaders", "utilities"):
        (own / installed).symlink_to(ROOT / ".meltano" / installed)
    environment = {
        **{name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ},
        "MELTANO_DATABASE_URI": f"sqlite:///{own}/meltano.db",
        "MELTANO_SYS_DIR_ROOT": str(own),
        "MELTANO_ENVIRONMENT": "prod",
        "TAP_FT42_REQUESTS_PER_SECOND": "0",
        "TAP_FT42_REQUESTS_PER_HOUR": "0",
    }
    if api:
        environment |= {
            "TAP_FT42_API_URL": api.url,
            "TAP_FT42_CLIENT_ID": api.client_id,
            "TAP_FT42_CLIENT_SECRET": api.client_secret,
        }
    return environment
