"""What is installed has the versions of uv.lock, and a machine that loads has no more."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from meltano.core.venv_service import VirtualEnv
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.known_files import ROOT
from tests.packages.conftest import uv

if TYPE_CHECKING:
    from collections.abc import Iterator

PLUGINS = {
    "extractors/tap-ft42", "loaders/target-postgres", "utilities/warehouse",
    "loaders/target-csv", "loaders/target-duckdb", "loaders/target-jsonl", "utilities/dbt",
}  # fmt: skip
OTHERS = "target-config/others/other-targets"
_DEVELOPERS = {"pytest", "playwright", "mypy", "ruff", "hypothesis", "ft42-sandbox", "duckdb"}


def exported(group: str) -> dict[str, set[str]]:
    """Return the versions that uv.lock has for a group, by package."""
    listed = uv(
        "export", "--project", ROOT, "--frozen", "--no-default-groups", "--no-emit-local",
        "--no-hashes", "--no-header", "--no-annotate", "--only-group", group,
    )  # fmt: skip
    locked: dict[str, set[str]] = {}
    for line in filter(None, listed.splitlines()):
        name, _, version = line.partition(" ;")[0].partition("==")
        locked.setdefault(canonicalize_name(name), set()).add(version.strip())
    return locked


def declared() -> Iterator[dict[str, Any]]:
    """Yield the plugins that are installed from an index or this repository."""
    # Nobody here has run those of the clouds.
    for name in ("meltano", "target-config/target-postgres.meltano", f"{OTHERS}.meltano"):
        file = ROOT / f"{name}.yml"
        for plugins in yaml.safe_load(file.read_text(encoding="utf-8"))["plugins"].values():
            yield from (plugin for plugin in plugins if "pip_url" in plugin)


def test_each_plugin_is_a_group_of_the_lock() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    found = set()
    for plugin in declared():
        if plugin["pip_url"].startswith(("-e .", "--editable=.")):
            assert plugin["name"] in groups
        else:
            wanted = {each for each in groups[plugin["name"]] if isinstance(each, str)}
            wanted -= {"ft42-warehouse"}  # from this repository: its filter of logs
            pip_url = plugin["pip_url"].replace("-e ./target-config", "")
            asked = {str(Requirement(each)) for each in pip_url.split()}
            assert {str(Requirement(each)) for each in wanted} == asked, plugin["name"]
        found.add(plugin["name"])
    assert found == {plugin.partition("/")[2] for plugin in PLUGINS}


@pytest.mark.parametrize("plugin", sorted(PLUGINS))
def test_an_installed_plugin_has_the_versions_of_the_lock(plugin: str) -> None:
    locked = exported(plugin.partition("/")[2])
    python = ROOT / ".meltano" / plugin / "venv/bin/python"
    installed = {
        canonicalize_name(name): version
        for name, version in re.findall(
            r"^([\w.-]+)==(\S+)$", uv("pip", "freeze", "--python", python), re.MULTILINE
        )
    }
    assert installed
    assert {n: v for n, v in installed.items() if v not in locked.get(n, set())} == {}


@pytest.mark.parametrize("plugin", sorted(PLUGINS))
def test_no_run_would_install_a_plugin_anew(plugin: str) -> None:
    # Meltano asks so before a run: with others' versions, and in the middle of other runs.
    (pip_url,) = {
        each["pip_url"] for each in declared() if each["name"] == plugin.partition("/")[2]
    }
    environment = VirtualEnv(ROOT / ".meltano" / plugin / "venv")
    assert not environment.requires_install(shlex.split(pip_url))


def test_a_machine_that_loads_gets_nothing_of_what_developers_need() -> None:
    production = exported("production")
    assert "meltano" in production
    assert not _DEVELOPERS & set(production)
    assert set(exported("dev")) >= _DEVELOPERS - {"ft42-sandbox"}


def test_all_that_is_installed_is_checked_by_its_hash() -> None:
    constraints = sorted((ROOT / ".local/constraints").glob("*.txt"))
    assert len(constraints) == len(PLUGINS)
    for file in [*constraints, ROOT / "tools/uv.txt"]:
        text = file.read_text(encoding="utf-8")
        packages = re.findall(
            r"^[\w.-]+==[^\n]*(?:\n    --hash=sha256:\w{64}[^\n]*)*", text, re.MULTILINE
        )
        assert packages, file
        assert [each for each in packages if "--hash" not in each] == [], file


def test_the_image_is_named_by_what_it_contains() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert images
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)


def test_actions_are_named_by_commit() -> None:
    for file in (ROOT / ".github/workflows").glob("*.yml"):
        used = re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))
        assert used, file
        for action in used:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
