"""Who has the packages and no checkout gets a project that loads."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml
from ft42_sandbox.testing import running_sandbox

from tests.known_files import ROOT
from tests.packages.conftest import PACKAGES, uv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.packages.conftest import Built
    from tests.postgres import Database

pytestmark = pytest.mark.long

PLUGINS = ("tap-ft42", "target-postgres", "warehouse")


@dataclass(frozen=True)
class Project:
    """A folder that `ft42 init` wrote, and the programs of who called it.

    Attributes:
        folder: the project.
        programs: the environment with Meltano and `ft42`.
        environment: variables of the calls.
    """

    folder: Path
    programs: Path
    environment: dict[str, str]

    def call(self, program: str, *arguments: str, **changes: str) -> str:
        """Run a program in the folder, and return what it prints; fail if it fails."""
        done = subprocess.run(
            [self.programs / "bin" / program, *arguments],
            cwd=self.folder, env=self.environment | changes,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True,
            timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout


@pytest.fixture(scope="module")
def project(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The folder, with its plugins installed from the wheels and the cache alone."""
    here = tmp_path_factory.mktemp("without a checkout")
    wheels, programs = here / "wheels", here / "venv"
    wheels.mkdir()
    for package in PACKAGES:
        shutil.copy2(built[package][0], wheels)
    uv(
        "sync", "--project", ROOT, "--frozen", "--no-default-groups", "--no-install-local",
        "--only-group", "production", UV_PROJECT_ENVIRONMENT=str(programs),
    )  # fmt: skip
    uv(
        "pip", "install", "--python", programs / "bin/python", "--no-deps",
        built["target-config"][0],
    )  # fmt: skip
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    environment |= {
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(wheels),
        "UV_CONSTRAINT": "constraints.txt",
        "MELTANO_ENVIRONMENT": "prod",
        # Each test of the machine's has an account of its own.
        "TAP_FT42_QUOTA_STORE": str(here / "quota.sqlite"),
    }
    folder = here / "intranet"
    begun = Project(here, programs, environment)
    assert "meltano run nightly" in begun.call("ft42", "init", str(folder))
    project = Project(folder, programs, environment)
    project.call("meltano", "install")
    return project


def test_its_plugins_are_the_packages_in_the_versions_of_the_lock(project: Project) -> None:
    locked = dict(
        re.findall(
            r"^([\w.-]+)==(\S+)", (project.folder / "constraints.txt").read_text(), re.MULTILINE
        )
    )
    for folder in ("extractors/tap-ft42", "loaders/target-postgres", "utilities/warehouse"):
        python = project.folder / ".meltano" / folder / "venv/bin/python"
        frozen = uv("pip", "freeze", "--python", python)
        installed = dict(re.findall(r"^([\w.-]+)==(\S+)$", frozen, re.MULTILINE))
        assert installed
        assert {n: v for n, v in installed.items() if locked.get(n) not in {v, None}} == {}
        assert "1.2.3" in {installed.get("tap-ft42"), installed.get("ft42-warehouse")} or (
            "-1.2.3-" in frozen
        )
        assert str(ROOT) not in frozen


def test_meltano_knows_its_jobs_schedules_and_settings(project: Project) -> None:
    declared = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    listed = project.call("meltano", "job", "list")
    assert all(job["name"] in listed for job in declared["jobs"])
    times = project.call("meltano", "schedule", "list")
    assert all(schedule["interval"] in times for schedule in declared["schedules"])
    assert "TAP_FT42_CLIENT_ID" in project.call(
        "meltano", "config", "list", "--all", "tap-ft42"
    )


def test_it_loads_publishes_and_checks(project: Project, database: Database) -> None:
    database.reset()
    with running_sandbox(
        users=200, enrolments=2000, requests_per_second=0, requests_per_hour=0
    ) as sandbox:
        api = {
            "TAP_FT42_API_URL": sandbox.url,
            "TAP_FT42_CLIENT_ID": sandbox.client_id,
            "TAP_FT42_CLIENT_SECRET": sandbox.client_secret,
        }
        said = project.call("meltano", "run", "nightly", **api, **database.environment)
    assert "All promises hold" in said
    assert database.query("SELECT FROM ft42.users")
    # Its log is set up by the file of the folder.
    assert "INSERT INTO" not in said
    status = project.call("warehouse", "status", **database.environment)
    assert "published" in status
