"""The version is the tag's, and there is one wherever a package is built from."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.packages.conftest import PACKAGES, checkout, uv

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

each_package = pytest.mark.parametrize("package", PACKAGES)


def version(file: Path) -> str:
    return file.name.removesuffix(".tar.gz").split("-")[1]


@each_package
def test_commits_behind_a_tag_are_on_the_way_to_the_next_version(
    package: str, tmp_path: Path
) -> None:
    copy = checkout(tmp_path / "copy")
    copy.commit("A release")
    copy.git("tag", "v1.2.3")
    copy.commit("More")
    (wheel,) = copy.build(package, "--wheel")
    assert version(wheel).startswith("1.2.4.dev1+g")


def test_other_tags_are_no_versions(tmp_path: Path) -> None:
    copy = checkout(tmp_path / "copy")
    copy.commit("A release")
    copy.git("tag", "v1.2.3")
    copy.commit("More")
    copy.git("tag", "deployed")
    (wheel,) = copy.build("tap-ft42", "--wheel")
    assert version(wheel).startswith("1.2.4.dev1+g")


@each_package
def test_a_clone_without_tags_has_a_version(package: str, tmp_path: Path) -> None:
    copy = checkout(tmp_path / "copy")
    copy.commit("No release yet")
    (wheel,) = copy.build(package, "--wheel")
    assert version(wheel).startswith("0.1.0.dev1+g")


@each_package
def test_a_copy_without_git_has_a_version(package: str, tmp_path: Path) -> None:
    (wheel,) = checkout(tmp_path / "copy").build(package, "--wheel")
    assert version(wheel) == "0.1.0.dev0"


@each_package
def test_an_sdist_keeps_its_version_within_another_repository(
    package: str, built: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    other = checkout(tmp_path / "other")
    other.commit("Something else")
    other.git("tag", "v9.9.9")
    # Early releases of Python 3.11 know no filter, and later ones ask for one.
    subprocess.run(
        ["tar", "-xzf", built[package][1], "-C", other.folder],  # noqa: S607 - the system's
        check=True,
    )
    (unpacked,) = other.folder.glob("*-1.2.3")
    uv("build", "--wheel", "--out-dir", tmp_path / "out", unpacked)
    (wheel,) = (tmp_path / "out").glob("*.whl")
    assert version(wheel) == "1.2.3"
