"""Each package works alone, in an empty environment, for a user with an empty home."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.known_files import ROOT
from tests.packages.conftest import checkout, uv

if TYPE_CHECKING:
    from pathlib import Path

    Built = dict[str, tuple[Path, Path]]


pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Environment:
    """An environment with what was installed into it, and a home for its user.

    Attributes:
        folder: where both lie, and nothing else.
    """

    folder: Path

    def install(self, what: str | Path, group: str) -> None:
        """Install a wheel, an sdist or an address, with what it depends on.

        Args:
            what: the package.
            group: of the versions in uv.lock that it may have.
        """
        constraints = self.folder / "constraints.txt"
        uv(
            "export", "--project", ROOT, "--frozen", "--no-default-groups", "--no-emit-local",
            "--only-group", group, "--output-file", constraints,
        )  # fmt: skip
        uv("venv", "--no-project", self.folder / "venv")
        uv(
            "pip", "install", "--python", self.folder / "venv/bin/python",
            "--constraint", constraints, what,
        )  # fmt: skip

    def run(self, program: str, *arguments: str) -> str:
        """Run an installed program without any setting, and return what it prints."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [self.folder / "venv/bin" / program, *arguments],
            cwd=home, env={"HOME": str(home)}, capture_output=True, check=False, text=True,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert list(home.iterdir()) == [], "asking about a program leaves nothing behind"
        return done.stdout


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


@pytest.mark.parametrize("kind", ["wheel", "sdist", "git subdirectory"])
def test_the_tap_works_alone(kind: str, built: Built, environment: Environment) -> None:
    if kind == "git subdirectory":
        copy = checkout(environment.folder / "repository")
        copy.commit("A release")
        copy.git("tag", "v1.2.3")
        environment.install(
            f"tap-ft42 @ git+file://{copy.folder}#subdirectory=tap-ft42", "tap-ft42"
        )
    else:
        wheel, sdist = built["tap-ft42"]
        environment.install(wheel if kind == "wheel" else sdist, "tap-ft42")

    assert "tap-ft42 v1.2.3" in environment.run("tap-ft42", "--version")
    described = json.loads(environment.run("tap-ft42", "--about", "--format=json"))
    assert "client_secret" in described["settings"]["properties"]
    streams = json.loads(environment.run("tap-ft42", "--discover"))["streams"]
    schemas = {file.stem for file in (ROOT / "schemas").iterdir()}
    assert {stream["stream"] for stream in streams} == schemas
    # The test of a typed package is what a type checker would look for.
    found = environment.run(
        "python", "-c",
        "import importlib.resources as r; print((r.files('tap_ft42') / 'py.typed').is_file())",
    )  # fmt: skip
    assert found == "True\n"


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_warehouse_works_alone(kind: str, built: Built, environment: Environment) -> None:
    wheel, sdist = built["target-config"]
    environment.install(wheel if kind == "wheel" else sdist, "warehouse")

    commands = environment.run("warehouse", "--help")
    assert all(name in commands for name in ("init", "publish", "check", "status"))
    assert "start" in environment.run("ft42-postgres", "--help")
    found = environment.run(
        "python", "-c",
        "from ft42_warehouse.tables import published_tables as t; print(len(t()))\n"
        "import importlib.resources as r; p = r.files('ft42_warehouse')\n"
        "print((p / 'templates/report.html').is_file(), (p / 'sql/init/stamp.sql').is_file())",
    )  # fmt: skip
    assert found == "13\nTrue True\n"


def test_the_sandbox_works_alone(built: Built, environment: Environment) -> None:
    wheel, _ = built["sandbox"]
    environment.install(wheel, "sandbox")

    assert "1.2.3" in environment.run("ft42-sandbox", "--version")
    counted = environment.run(
        "python", "-c",
        "from ft42_sandbox.testing import running_sandbox\n"
        "with running_sandbox(users=60, enrolments=100) as sandbox:\n"
        "    print(len(sandbox.truth('users')))",
    )  # fmt: skip
    assert counted == "60\n"
