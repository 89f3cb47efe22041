"""The definition for the Meltano Hub is one that Meltano takes, and tells what the tap is."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.known_files import ROOT
from tests.tap.running import Tap
from tools.hub import FILE, LOGO, definition

if TYPE_CHECKING:
    from pathlib import Path

BIN = ROOT / ".venv/bin"
# A setting of the SDK that this tap does not need: no column is nested that deep.
NOT_DECLARED = {"flattening_separator"}


@pytest.fixture
def defined() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def test_it_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == definition(), "run make docs"


def test_it_has_the_settings_and_capabilities_that_the_tap_says_it_has(
    defined: dict[str, Any], tmp_path: Path
) -> None:
    about = json.loads(Tap(tmp_path).call("--about", "--format=json").output)
    told = about["settings"]["properties"]
    settings = {setting["name"]: setting for setting in defined["settings"]}
    assert {name.partition(".")[0] for name in settings} == set(told) - NOT_DECLARED
    for name, setting in settings.items():
        if name not in told:
            continue
        assert setting["label"]
        assert setting["description"] == told[name]["description"]
        assert setting.get("sensitive", False) == told[name].get("secret", False), name
        if "value" in setting:
            assert setting["value"] == told[name]["default"], name
    assert set(defined["capabilities"]) <= set(about["capabilities"])
    assert defined["settings_group_validation"] == [about["settings"]["required"]]


# What the Hub's own schemas of 2026 ask of an extractor's definition.
KEYS = {
    "name", "pip_url", "variant", "namespace", "label", "description", "executable",
    "settings", "docs", "repo", "logo_url", "hidden", "python", "settings_group_validation",
    "commands", "capabilities", "metadata", "schema", "select", "maintenance_status",
    "quality", "domain_url", "keywords", "requires", "definition", "next_steps",
    "settings_preamble", "usage", "prereq", "supported_python_versions", "log_parser",
}  # fmt: skip
REQUIRED = {"name", "namespace", "variant", "quality"}
CAPABILITIES = {
    "properties", "catalog", "discover", "state", "about", "stream-maps", "schema-flattening",
    "activate-version", "batch", "test", "log-based", "structured-logging",
}  # fmt: skip
KINDS = {
    "oauth", "hidden", "password", "date_iso8601", "file", "email", "integer", "options",
    "object", "array", "boolean", "string", "decimal",
}  # fmt: skip
OF_A_SETTING = {
    "name", "kind", "aliases", "label", "value", "placeholder", "description", "tooltip",
    "documentation", "env", "options", "value_processor", "value_post_processor",
    "sensitive", "hidden",
}  # fmt: skip


def test_the_hub_takes_it(defined: dict[str, Any]) -> None:
    assert set(defined) >= REQUIRED
    assert set(defined) <= KEYS
    assert defined["quality"] in {"gold", "silver", "bronze", "unknown"}
    assert defined["maintenance_status"] in {
        "active", "beta", "development", "inactive", "unknown",
    }  # fmt: skip
    assert set(defined["capabilities"]) <= CAPABILITIES
    assert all(isinstance(defined[name], str) for name in ("docs", "logo_url", "repo"))
    assert isinstance(defined["commands"], dict)
    assert all(re.fullmatch(r"3\.\d+", each) for each in defined["supported_python_versions"])
    for setting in defined["settings"]:
        assert "name" in setting
        assert set(setting) <= OF_A_SETTING, setting["name"]
        assert setting.get("kind", "string") in KINDS, setting["name"]


def test_its_logo_is_a_picture_that_asks_nobody_and_runs_nothing(
    defined: dict[str, Any],
) -> None:
    assert defined["logo_url"] == f"/assets/logos/extractors/{LOGO.name}"
    drawn = ET.fromstring(LOGO.read_text(encoding="utf-8"))  # noqa: S314 - our own file
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert drawn.get("viewBox")
    parts = {element.tag.rpartition("}")[2] for element in drawn.iter()}
    assert parts <= {"svg", "title", "rect", "path", "ellipse"}


@pytest.mark.long
def test_meltano_adds_the_tap_from_it(tmp_path: Path) -> None:
    def meltano(*arguments: str) -> str:
        done = subprocess.run(
            [BIN / "meltano", *arguments],
            cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True, check=False, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (tmp_path / "meltano.yml").write_text("send_anonymous_usage_stats: false\n")
    meltano(
        "add", "--no-install", "--from-ref", str(FILE), "--plugin-type=extractor", "tap-ft42"
    )
    project = yaml.safe_load((tmp_path / "meltano.yml").read_text(encoding="utf-8"))
    (added,) = project["plugins"]["extractors"]
    assert (added["name"], added["pip_url"]) == ("tap-ft42", "tap-ft42")
    assert added["settings"] == yaml.safe_load(FILE.read_text(encoding="utf-8"))["settings"]
    listed = meltano("config", "list", "--all", "tap-ft42")
    assert "TAP_FT42_CLIENT_SECRET" in listed
