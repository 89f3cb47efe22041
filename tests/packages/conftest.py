"""The packages as they would be published, built from a copy of the repository."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.known_files import ROOT, copy_known_files

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = {
    "tap-ft42": "tap_ft42",
    "target-config": "ft42_warehouse",
    "sandbox": "ft42_sandbox",
}
"""Folder and module of each package."""


def uv(*arguments: str | Path, **environment: str) -> str:
    """Run uv without the network, and return what it says.

    All that it needs is in its cache since the project was installed.

    Args:
        arguments: its command line.
        environment: variables besides those of the tests.
    """
    done = subprocess.run(
        [ROOT / ".local/uv/bin/uv", *arguments, "--offline", "--quiet"],
        env=os.environ | environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Checkout:
    """A copy of what git knows of the packages.

    Attributes:
        folder: where it lies; not under version control until `commit` or `tag`.
    """

    folder: Path

    def commit(self, what: str) -> None:
        """Commit all there is, in a repository of the copy's own."""
        if not (self.folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        author = ("-c", "user.name=Nobody", "-c", "user.email=nobody@sandbox.example")
        self.git(*author, "commit", "--quiet", "--allow-empty", "--message", what)

    def git(self, *arguments: str) -> None:
        """Run git in the copy."""
        subprocess.run(["git", *arguments], cwd=self.folder, check=True)  # noqa: S607 - git is required

    def build(self, package: str, *kinds: str) -> list[Path]:
        """Build a package and return the files.

        Args:
            package: its folder.
            kinds: ``--wheel`` or ``--sdist``; the wheel from the sdist, and both, if none.
        """
        out = self.folder.parent / f"{self.folder.name}-{package}-{len(kinds)}"
        uv("build", *kinds, "--out-dir", out, self.folder / package)
        return sorted(file for file in out.iterdir() if not file.name.startswith("."))


def checkout(folder: Path) -> Checkout:
    """Copy what git knows of the packages.

    Args:
        folder: is made.
    """
    copy_known_files(folder, ".gitignore", "schemas", *PACKAGES)
    return Checkout(folder)


class Built(dict[str, tuple["Path", "Path"]]):
    """Each package's wheel, and the sdist that it was built from, when it is first wanted."""

    def __init__(self, copy: Checkout) -> None:
        self._copy = copy

    def __missing__(self, package: str) -> tuple[Path, Path]:
        """Build the package."""
        wheel, sdist = self._copy.build(package)
        self[package] = wheel, sdist
        return wheel, sdist


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The packages, at the tag v1.2.3."""
    copy = checkout(tmp_path_factory.mktemp("packages") / "copy")
    copy.commit("A release")
    copy.git("tag", "v1.2.3")
    return Built(copy)
