"""What the READMEs say is true: their commands run. Those of docs/ have tests of their own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import Page
from tests.end_to_end.conftest import BIN, ROOT
from tests.ports import free_port
from tests.warehouse.conftest import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docs.pages import Block
    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database

README = ROOT / "README.md"
_OUR_SETTINGS = ("FT42_", "MELTANO_", "TAP_FT42_", "TARGET_POSTGRES_", "WAREHOUSE_")
_NOT_RUN_HERE = {
    "make test": "these are the tests",
    "make demo": "a test of its own, below",
}


def commands(readme: Path) -> list[str]:
    """Return the shell commands that a README tells its reader to type."""
    blocks = [block.text for block in Page(readme).blocks if block.language == "sh"]
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def duckdb_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that one command fills and the next one reads."""
    return tmp_path_factory.mktemp("duckdb") / "ft42.duckdb"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [line for line in commands(README) if line not in _NOT_RUN_HERE]
)
def test_the_commands_of_the_readme_work(
    command: str,
    pipeline: Pipeline,
    duckdb_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if command.endswith(" .env"):
        dotenv = tmp_path_factory.mktemp("dotenv") / ".env"
        dotenv.touch()
        command = f"{command.removesuffix('.env')}{dotenv}"
    done = subprocess.run(
        ["sh", "-c", command],  # noqa: S607 - any POSIX shell
        cwd=ROOT,
        env=pipeline.environment | {"TARGET_DUCKDB_PATH": str(duckdb_file)},
        capture_output=True,
        check=False,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def prepared(database: Database) -> Database:
    """A database whose tables are there."""
    database.reset()
    Warehouse(database).run("init")
    return database


@pytest.mark.parametrize(
    "block",
    [block for block in Page(README).blocks if block.language == "sql"],
    ids=lambda block: f"line {block.line}",
)
def test_the_queries_of_the_readme_work(block: Block, prepared: Database) -> None:
    prepared.execute(block.text)


@pytest.mark.parametrize("command", commands(ROOT / "tap-ft42/README.md"))
def test_the_commands_of_the_taps_readme_work(command: str, pipeline: Pipeline) -> None:
    done = subprocess.run(
        [BIN / shlex.split(command)[0], *shlex.split(command)[1:]],
        env=pipeline.environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def demo_environment(tmp_path: Path, postgres_folder: Path) -> Iterator[dict[str, str]]:
    """Ports and folders of the demo's own, so that one that runs is left alone."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(_OUR_SETTINGS)
    }
    environment = inherited | {
        "FT42_SANDBOX_PORT": str(free_port()),
        "FT42_SANDBOX_RUN_DIR": str(tmp_path / "sandbox"),
        "FT42_POSTGRES_DIRECTORY": str(postgres_folder / "demo"),
        "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/meltano.db",
        "TARGET_POSTGRES_PORT": str(free_port()),
    }
    yield environment
    subprocess.run(["make", "down"], cwd=ROOT, env=environment, check=True)  # noqa: S607 - make is required


@pytest.mark.slow
def test_the_demo_loads_shows_what_it_did_and_is_incremental_the_second_time(
    demo_environment: dict[str, str],
) -> None:
    shown = []
    for _ in range(2):
        done = subprocess.run(
            ["make", "demo"],  # noqa: S607 - make is required
            cwd=ROOT,
            env=demo_environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        shown.append(
            {
                stream: (int(rows.replace(",", "")), int(requests.replace(",", "")))
                for stream, rows, requests in re.findall(
                    r"^(\w+) +([\d,]+) +([\d,]+) +[\d.]+$", done.stdout, re.MULTILINE
                )
            }
        )
        table, next_steps = done.stdout.split("What next")
        assert "psql -h 127.0.0.1" in table.splitlines()[-2]
        assert "meltano run nightly" in next_steps
    first, second = shown
    assert first["users"][0] > 1000
    assert first["projects_users"][0] > 10_000
    assert second["users"] < first["users"]
    assert second["projects_users"] < first["projects_users"]
