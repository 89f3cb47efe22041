"""Each package works alone, in an empty environment, for a user with an empty home."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.known_files import ROOT
from tests.packages.conftest import checkout, uv

if TYPE_CHECKING:
    from importlib.metadata import Distribution
    from pathlib import Path

    from tests.packages.conftest import Built


pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Environment:
    """An environment with what was installed into it, and a home for its user.

    Attributes:
        folder: where both lie, and nothing else.
    """

    folder: Path

    def install(self, what: str | Path, group: str) -> None:
        """Install a wheel, an sdist or an address, with what it says that it depends on.

        From uv.lock, as the project was installed: to look for versions, uv would ask for
        lists that are in no cache where only the lock was installed.

        Args:
            what: the package.
            group: of the versions in uv.lock that it may have; it may name more packages.
        """
        python = self.folder / "venv/bin/python"
        uv(
            "sync", "--project", ROOT, "--frozen", "--no-default-groups", "--no-install-local",
            "--only-group", group, UV_PROJECT_ENVIRONMENT=str(self.folder / "venv"),
        )  # fmt: skip
        others = self._installed()
        uv("pip", "install", "--python", python, "--no-deps", what)
        (package,) = self._installed().keys() - others.keys()
        if more := sorted(others.keys() - self._needed(package)):
            uv("pip", "uninstall", "--python", python, *more)
        uv("pip", "check", "--python", python)

    def _installed(self) -> dict[str, Distribution]:
        (packages,) = (self.folder / "venv/lib").glob("python*/site-packages")
        return {
            canonicalize_name(each.name): each for each in distributions(path=[str(packages)])
        }

    def _needed(self, package: str) -> set[str]:
        """Return what a package depends on, and what that does, with itself."""
        installed = self._installed()
        seen: set[tuple[str, str]] = set()
        rest = [(package, "")]
        while rest:
            name, extra = one = rest.pop()
            if one in seen or name not in installed:  # uv tells what is missing
                continue
            seen.add(one)
            for needed in map(Requirement, installed[name].requires or ()):
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    rest += [(canonicalize_name(needed.name), e) for e in ("", *needed.extras)]
        return {name for name, _ in seen}

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
