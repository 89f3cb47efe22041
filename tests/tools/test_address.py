"""The repository's address is declared once, and stands everywhere else by `make docs`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.known_files import copy_known_files, known_files
from tools.address import files, repository

if TYPE_CHECKING:
    from pathlib import Path


def naming(address: str, folder: Path) -> set[str]:
    """Return the files below a folder that name an address."""
    found = set()
    for name in known_files():
        path = folder / name
        if path.is_file() and not path.is_symlink() and name != "uv.lock":
            text = path.read_bytes().decode(errors="ignore")
            if address.rpartition("github.com/")[2] in text:
                found.add(name)
    return found


def test_each_file_is_current() -> None:
    current = {path: path.read_text(encoding="utf-8") for path in files()}
    assert files() == current, "run make docs"


@pytest.mark.slow
def test_another_address_is_written_once_and_no_file_keeps_the_former(tmp_path: Path) -> None:
    copy_known_files(tmp_path)
    declared = tmp_path / "pyproject.toml"
    there = declared.read_text(encoding="utf-8")
    assert there.count(repository()) == 1
    owner, name = repository().split("/")[-2:]
    moved = f"https://github.com/{name}-moved/{owner}"
    declared.write_text(there.replace(repository(), moved), encoding="utf-8")
    before = naming(repository(), tmp_path)
    for module in ("tools.address", "tools.hub"):
        subprocess.run(
            [sys.executable, "-m", module],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, check=True,
        )  # fmt: skip
    assert naming(repository(), tmp_path) == set()
    assert naming(moved, tmp_path) == before | {"pyproject.toml"}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_a_file_that_is_written_names_no_other_repository(path: Path) -> None:
    named = re.findall(r"https://github\.com/[\w.-]+/[\w.-]+", path.read_text("utf-8"))
    assert set(named) == {repository()}
