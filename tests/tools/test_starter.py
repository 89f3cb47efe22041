"""The folder of `ft42 init` is this project, in the form of who has no checkout."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.known_files import ROOT
from tools import starter


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return loaded


def test_each_file_is_current() -> None:
    written = starter.files()
    current = {path: path.read_text(encoding="utf-8") for path in written if path.exists()}
    assert current == written, "run make docs"


def test_it_has_the_same_plugins_jobs_and_schedules() -> None:
    there = yaml.safe_load(starter.files()[starter.STARTER / "meltano.yml"])
    here, warehouse = read("meltano.yml"), read("target-config/target-postgres.meltano.yml")
    for key in ("jobs", "schedules", "environments", "default_environment", "database_uri"):
        assert there[key] == here[key], key
    expected = here["plugins"] | warehouse["plugins"]
    for kind, plugins in there["plugins"].items():
        for plugin, ours in zip(plugins, expected[kind], strict=True):
            assert {**ours, **plugin} == {**plugin, **_only_here(ours)}, plugin["name"]


def _only_here(plugin: dict[str, Any]) -> dict[str, Any]:
    """Return what the folder's plugin need not have, or has in another form."""
    return {key: value for key, value in plugin.items() if key == "annotations"}


def test_it_names_nothing_of_a_checkout() -> None:
    for path, text in starter.files().items():
        for name in ("./", "target-config", "make ", "include_paths", "OWNER"):
            assert name not in text, f"{path.name} names {name}"


def test_a_form_of_meltano_yml_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing matches"):
        starter._changed("plugins: {}", ((r"--editable=(\S+)", r"\1"),))  # noqa: SLF001
