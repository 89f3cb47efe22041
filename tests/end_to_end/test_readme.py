"""What the READMEs say is true: their commands run. Those of docs/ have tests of their own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import Page
from tests.end_to_end.conftest import BIN, ROOT
from tests.ports import free_port
from tests.postgres import Database
from tests.warehouse.conftest import Warehouse
from tools.demo import STAGES
from tools.derived import DERIVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docs.pages import Block
    from tests.end_to_end.conftest import Pipeline

README = ROOT / "README.md"
_OUR_SETTINGS = ("FT42_", "MELTANO_", "TAP_FT42_", "TARGET_POSTGRES_", "WAREHOUSE_")


def commands(readme: Path) -> list[str]:
    """Return the shell commands that a README tells its reader to type."""
    blocks = [block.text for block in Page(readme).blocks if block.language == "sh"]
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_the_readme_is_short_and_its_commands_are_tested_below() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= 500
    assert commands(README)[-2:] == ["make demo", "make test"]


def test_the_readme_asks_three_questions_that_can_be_asked(database: Database) -> None:
    database.reset()
    Warehouse(database).run("init")
    assert len(questions()) == 3
    for question in questions():
        database.query(question.text)


@pytest.mark.few(1)
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
def demo_environment(tmp_path: Path, memory: Path) -> Iterator[dict[str, str]]:
    """Ports and folders of the demo's own, so that one that runs is left alone."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(_OUR_SETTINGS)
    }
    environment = inherited | {
        "FT42_SANDBOX_PORT": str(free_port()),
        "FT42_SANDBOX_RUN_DIR": str(tmp_path / "sandbox"),
        "FT42_POSTGRES_DIRECTORY": str(memory / "demo"),
        "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/meltano.db",
        "TARGET_POSTGRES_PORT": str(free_port()),
    }
    yield environment
    subprocess.run(["make", "down"], cwd=ROOT, env=environment, check=True)  # noqa: S607 - make is required


def questions() -> list[Block]:
    """Return what the README asks the demo's database."""
    return [block for block in Page(README).blocks if block.language == "sql"]


def said(question: Block) -> list[list[str]]:
    """Return the rows that the README answers with, as texts."""
    assert question.output
    return [
        [cell.strip() for cell in line.split("|")] for line in question.output.splitlines()[2:]
    ]


def answer(question: Block, database: Database) -> list[list[str]]:
    """Return the rows that a database answers with, as texts."""
    return [[str(value) for value in row.values()] for row in database.query(question.text)]


@pytest.mark.long
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
        stages = [done.stdout.find(stage) for stage in STAGES.values()]
        assert stages == sorted(stages)
        assert stages[0] > 0
        assert f"{DERIVED} lands no rows" in done.stdout
        table, next_steps = done.stdout.split("What next")
        assert "psql -h 127.0.0.1" in table.splitlines()[-2]
        assert "meltano run nightly" in next_steps
        (report,) = re.findall(r"file://(\S+)", next_steps)
        assert "<html" in Path(report).read_text(encoding="utf-8")
        port = int(demo_environment["TARGET_POSTGRES_PORT"])
        for question in questions():
            assert answer(question, Database(port)) == said(question)
    first, second = shown
    assert first["users"][0] > 1000
    assert first["projects_users"][0] > 10_000
    assert second["users"] < first["users"]
    assert second["projects_users"] < first["projects_users"]
