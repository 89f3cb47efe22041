"""Called by itself, the command has the settings that Meltano would give it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres import Database

PROGRAM = Path(sys.executable).with_name("warehouse")

PROJECT = """
default_environment: sandbox
include_paths: [parts/*.meltano.yml]
environments:
- name: sandbox
  config:
    plugins:
      utilities:
      - {name: warehouse, config: {host: nobody.invalid, port: 1}}
- name: prod
"""

PART = """
plugins:
  utilities:
  - name: warehouse
    settings:
    - {name: host}
    - {name: landing_schema, value: raw_of_plugin}
    - {name: spool, value: $MELTANO_SYS_DIR_ROOT/spool}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a Meltano project."""
    (tmp_path / "meltano.yml").write_text(PROJECT)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/postgres.meltano.yml").write_text(PART)
    return tmp_path


def called(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call the command in a folder, with no other variables than these."""
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder, env={"PATH": os.environ["PATH"], **variables},
        capture_output=True, check=False, text=True,
    )  # fmt: skip


def test_the_server_is_read_from_dotenv(project: Path, database: Database) -> None:
    database.reset()
    lines = [f"{name}={value}" for name, value in database.environment.items()]
    (project / ".env").write_text("\n".join(lines))
    (project / "below").mkdir()

    done = called(project / "below", "init", MELTANO_ENVIRONMENT="prod")

    assert done.returncode == 0, done.stderr
    assert "raw_of_plugin: 17 tables are ready" in done.stdout


@pytest.mark.slow
def test_what_is_nearer_comes_first(project: Path, database: Database) -> None:
    database.reset()
    done = called(project, "status", WAREHOUSE_USER="u", WAREHOUSE_DATABASE="d")
    assert "nobody.invalid" in done.stderr
    (project / ".env").write_text("TARGET_POSTGRES_HOST=elsewhere.invalid")
    done = called(project, "status", WAREHOUSE_USER="u", WAREHOUSE_DATABASE="d")
    assert "elsewhere.invalid" in done.stderr
    done = called(project, "status", "--json", **database.environment)
    assert json.loads(done.stdout)["findings"][0]["key"] == "not-prepared"


def test_outside_of_a_project_nothing_is_added(tmp_path: Path) -> None:
    done = called(tmp_path, "status")
    assert done.returncode == 2
    assert "Missing option '--host'" in done.stderr
    assert "in the folder of the project: MELTANO_ENVIRONMENT=prod warehouse status" in (
        done.stderr
    )
