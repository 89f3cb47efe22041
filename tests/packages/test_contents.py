"""What is built has all that the package needs, says what it is, and has nothing else."""

from __future__ import annotations

import re
import tarfile
import zipfile
from email.parser import HeaderParser
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.known_files import ROOT, known_files
from tests.packages.conftest import PACKAGES

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

    from tests.packages.conftest import Built

each_package = pytest.mark.parametrize("package", PACKAGES)


def schemas_of(package: str) -> list[Path]:
    """Return the schemas that a package brings along: all or none."""
    there = (ROOT / package / PACKAGES[package] / "schemas").exists()
    return list((ROOT / "schemas").iterdir()) if there else []


def needed(package: str) -> set[str]:
    """Return the files of the module that git knows, with the schemas that a link names."""
    module = PACKAGES[package]
    listed = [name.removeprefix(f"{package}/") for name in known_files(f"{package}/{module}")]
    schemas = {f"{module}/schemas/{file.name}" for file in schemas_of(package)}
    return ({name for name in listed if (ROOT / package / name).is_file()}) | schemas


def about(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        return HeaderParser().parsestr(archive.read(name).decode())


@pytest.mark.few(1)
@each_package
def test_the_wheel_has_all_files_of_the_module_and_nothing_else(
    package: str, built: Built
) -> None:
    with zipfile.ZipFile(built[package][0]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        schemas = {
            name.rpartition("/")[2]: archive.read(name) for name in names if "/schemas/" in name
        }
    assert names == needed(package)
    assert f"{PACKAGES[package]}/py.typed" in names
    assert schemas == {file.name: file.read_bytes() for file in schemas_of(package)}


@pytest.mark.few(1)
@each_package
def test_the_sdist_has_the_same_as_files(package: str, built: Built) -> None:
    with tarfile.open(built[package][1]) as archive:
        files = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    beside = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert set(files) == needed(package) | beside
    assert all(member.isfile() for member in files.values())  # the repository has a link there


@pytest.mark.few(1)
@each_package
def test_the_wheel_says_what_it_is(package: str, built: Built) -> None:
    said = about(built[package][0])
    assert said["Name"] in {package, "ft42-warehouse", "ft42-sandbox"}
    assert said["Version"] == "1.2.3"
    assert said["License-Expression"] == "MIT"
    assert said["Requires-Python"] == ">=3.11"
    assert said["Description-Content-Type"] == "text/markdown"
    assert said["Author"]
    assert said["Keywords"]
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert {line.partition(",")[0] for line in said.get_all("Project-URL", [])} == {
        "Repository", "Documentation", "Changelog", "Issues",
    }  # fmt: skip
    # A file or a branch cannot be depended on from the index.
    assert not any("@" in needed for needed in said.get_all("Requires-Dist", []))


@each_package
def test_each_python_that_a_package_names_is_one_that_ci_runs(package: str) -> None:
    text = (ROOT / package / "pyproject.toml").read_text(encoding="utf-8")
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    run = [
        version
        for job in workflow["jobs"].values()
        for version in job["strategy"]["matrix"]["python"]
    ]
    assert re.findall(r"Python :: (3\.\d+)", text) == sorted(run)


def test_the_dbt_package_has_what_the_hub_of_dbt_asks_of_one() -> None:
    folder = ROOT / "target-config/dbt"
    project = yaml.safe_load((folder / "dbt_project.yml").read_text(encoding="utf-8"))
    assert re.fullmatch(r"[a-z][a-z0-9_]*", project["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    lowest, highest = project["require-dbt-version"]
    assert (lowest[:2], highest[:1]) == (">=", "<")
    # Where the sources lie is a variable of the package.
    assert "ft42_landing_schema" in project["vars"][project["name"]]
    licence = (folder / "LICENSE").read_text(encoding="utf-8")
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "packages.yml" in readme
    assert "DuckDB" in readme


@pytest.mark.few(1)
@each_package
def test_the_readme_leads_nowhere_that_a_reader_of_the_index_cannot_follow(
    package: str, built: Built
) -> None:
    text = str(about(built[package][0]).get_payload())
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
