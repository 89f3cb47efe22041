"""How the Meltano Hub describes the tap: ``make docs`` writes ``tap-ft42/meltano-hub.yml``.

Settings and capabilities are those that ``meltano.yml`` declares, explained as the tap
explains them.
"""

from __future__ import annotations

import re
import tomllib
from copy import deepcopy
from typing import Any

import yaml
from tap_ft42.tap import TapFT42

from tools.address import repository
from tools.tables import ROOT

FILE = ROOT / "tap-ft42/meltano-hub.yml"
LOGO = ROOT / "tap-ft42/ft42.svg"
"""The Hub wants a copy of it, to be at the definition's ``logo_url``."""

OF_THE_SDK = (
    {"name": "faker_config.seed", "label": "Seed of the fake values of stream_maps"},
    {"name": "faker_config.locale", "label": "Locales of the fake values of stream_maps"},
    {"name": "flattening_enabled", "label": "Whether nested objects become columns"},
    {"name": "flattening_max_depth", "label": "How deep"},
    {"name": "flattening_max_key_length", "label": "Longest name of such a column"},
    {"name": "batch_config.encoding.format", "label": "Format of BATCH files"},
    {"name": "batch_config.encoding.compression", "label": "Compression of BATCH files"},
    {"name": "batch_config.storage.root", "label": "Where BATCH files are kept"},
    {"name": "batch_config.storage.prefix", "label": "Prefix of their names"},
)
"""Settings of the SDK that ``meltano.yml`` does not declare, as each costs every run."""

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
        "logo_url": f"/assets/logos/extractors/{LOGO.name}",
        "docs": f"{repository()}/blob/main/tap-ft42/README.md",
        "repo": repository(),
        "pip_url": "tap-ft42",
        "executable": tap["executable"],
        "domain_url": "https://api.intra.42.fr/apidoc",
        "keywords": ["meltano_sdk"],
        "maintenance_status": "active",
        "quality": "unknown",  # the Hub's own people judge it
        "supported_python_versions": _pythons(),
        "capabilities": tap["capabilities"],
        "settings_group_validation": [TapFT42.config_jsonschema["required"]],
        "commands": tap["commands"],
        "settings": [_setting(setting) for setting in (*tap["settings"], *OF_THE_SDK)],
        "select": tap["select"],
    }
    return _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=96)


def _pythons() -> list[str]:
    """Return the versions of Python that the package names."""
    project = tomllib.loads((ROOT / "tap-ft42/pyproject.toml").read_text(encoding="utf-8"))
    found = (
        re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", classifier)
        for classifier in project["project"]["classifiers"]
    )
    return [match[1] for match in found if match]


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
    # The project's own file says text for all, as the tap reads what is empty as unset.
    setting["kind"] = _kind(described)
    return setting


def _kind(schema: dict[str, Any]) -> str:
    """Return the Hub's word for what a setting is."""
    if schema.get("format") == "date-time":
        return "date_iso8601"
    types = schema.get("type", [])
    # One of several: a list, if it can be one, is the form that holds all.
    if any("array" in each["type"] for each in schema.get("oneOf", ())):
        return "array"
    kinds = ("array", "integer", "object", "boolean")
    return next((kind for kind in kinds if kind in types), "string")


if __name__ == "__main__":
    FILE.write_text(definition(), encoding="utf-8")
