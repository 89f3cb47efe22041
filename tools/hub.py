"""How the Meltano Hub describes the tap: ``make docs`` writes ``tap-ft42/meltano-hub.yml``.

Settings and capabilities are those that ``meltano.yml`` declares, explained as the tap
explains them.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import yaml
from tap_ft42.tap import TapFT42

from tools.tables import ROOT

FILE = ROOT / "tap-ft42/meltano-hub.yml"
REPOSITORY = "https://github.com/OWNER/REPOSITORY"
"""Stands for the repository's address until it has one."""

_HEAD = "# Written by `make docs` from meltano.yml and the tap; changes here are lost.\n"


def definition() -> str:
    """Return the definition of the plugin, as YAML."""
    declared = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (tap,) = (
        plugin for plugin in declared["plugins"]["extractors"] if plugin["name"] == "tap-ft42"
    )
    content = {
        "name": tap["name"],
        "variant": "ft42",
        "namespace": tap["namespace"],
        "label": tap["label"],
        "description": tap["description"],
        "repo": REPOSITORY,
        "pip_url": "tap-ft42",
        "executable": tap["executable"],
        "domain_url": "https://api.intra.42.fr/apidoc",
        "keywords": ["meltano_sdk"],
        "maintenance_status": "active",
        "capabilities": tap["capabilities"],
        "settings_group_validation": [TapFT42.config_jsonschema["required"]],
        "settings": [_setting(setting) for setting in tap["settings"]],
        "select": tap["select"],
    }
    return _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=96)


def _setting(declared: dict[str, Any]) -> dict[str, Any]:
    # The place of a file in a project is that project's own.
    setting = {
        name: value
        for name, value in declared.items()
        if not str(value).startswith("$MELTANO_")
    }
    schema = deepcopy(TapFT42.config_jsonschema)
    TapFT42.append_builtin_config(schema)
    properties = schema["properties"]
    for name in declared["name"].split("."):
        described = properties.get(name, {})
        properties = described.get("properties", {})
    if text := described.get("description"):
        setting["description"] = text
    return setting


if __name__ == "__main__":
    FILE.write_text(definition(), encoding="utf-8")
