"""The package is complete: what is built from it has the schemas and the types."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from email.parser import HeaderParser
from typing import TYPE_CHECKING

import pytest

from tests.tap.running import ROOT, STREAMS

if TYPE_CHECKING:
    from pathlib import Path

MODULES = sorted(
    str(file.relative_to(ROOT / "tap-ft42"))
    for file in (ROOT / "tap-ft42/tap_ft42").rglob("*.py")
)
NEEDED = {
    "tap_ft42/py.typed",
    *(f"tap_ft42/schemas/{stream}.json" for stream in STREAMS),
    *MODULES,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from that."""
    folder = tmp_path_factory.mktemp("built")
    beside = ROOT / ".local/uv/bin/uv"
    uv = shutil.which("uv") or shutil.which(ROOT / ".venv/bin/uv") or beside
    # What builds it is in uv's cache since the project was installed.
    subprocess.run(
        [uv, "build", "--offline", "--quiet", "--out-dir", folder, ROOT / "tap-ft42"],
        check=True,
        timeout=120,
    )
    return folder


def test_the_wheel_has_schemas_and_types(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        schemas = [archive.read(f"tap_ft42/schemas/{stream}.json") for stream in STREAMS]
    assert names >= NEEDED
    assert schemas == [(ROOT / "schemas" / f"{stream}.json").read_bytes() for stream in STREAMS]


def test_the_wheel_has_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == NEEDED


def test_the_sdist_has_schemas_and_types_as_files(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    assert set(files) >= NEEDED | {"LICENSE", "README.md", "pyproject.toml"}
    assert all(files[name].isfile() for name in NEEDED)  # the repository has a link there


def test_the_wheel_brings_the_command_and_says_what_it_is(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name.rpartition("/")[2]: name for name in archive.namelist()}
        commands = archive.read(names["entry_points.txt"]).decode()
        about = HeaderParser().parsestr(archive.read(names["METADATA"]).decode())
    assert "tap-ft42 = tap_ft42.cli:main" in commands
    assert about["Name"] == "tap-ft42"
    assert about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == ">=3.11"
    assert not any("@" in needed for needed in about.get_all("Requires-Dist", []))


def test_the_wheel_is_the_same_from_a_copy_of_its_folder(built: Path, tmp_path: Path) -> None:
    # As from a git subdirectory, where the schemas are a link out of the package.
    (wheel,) = built.glob("*.whl")
    copy = tmp_path / "repository"
    shutil.copytree(ROOT / "schemas", copy / "schemas")
    shutil.copytree(
        ROOT / "tap-ft42",
        copy / "tap-ft42",
        symlinks=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    beside = ROOT / ".local/uv/bin/uv"
    uv = shutil.which("uv") or shutil.which(ROOT / ".venv/bin/uv") or beside
    subprocess.run(
        [
            uv,
            "build",
            "--offline",
            "--quiet",
            "--wheel",
            "--out-dir",
            tmp_path,
            copy / "tap-ft42",
        ],
        check=True,
        timeout=120,
    )
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(tmp_path / wheel.name) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
