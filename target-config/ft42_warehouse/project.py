"""Reads the settings that Meltano would pass to ``warehouse``, if it is called directly.

Meltano takes seconds to start. Its settings for this plugin stand in ``.env`` and in
``meltano.yml``. The order of precedence: a variable of the environment, ``.env``, Meltano's
active environment, the plugin's own values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

_NAME = "warehouse"
_CALLED_BY_MELTANO = "MELTANO_UTILITY_NAME"


def missing_variables(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables that Meltano would add to an environment.

    Args:
        environment: The variables that are set.
        folder: The folder of a Meltano project, or one below it.

    Returns:
        The missing variables; none if there is no project, or if Meltano calls the command.
    """
    root = Path(environment.get("MELTANO_PROJECT_ROOT") or _root(folder) or "")
    if _CALLED_BY_MELTANO in environment or not (root / "meltano.yml").is_file():
        return {}
    # A call by Meltano does not need these slow imports.
    import yaml  # noqa: PLC0415
    from dotenv import dotenv_values  # noqa: PLC0415

    written = dotenv_values(root / ".env")
    known = {name: value for name, value in written.items() if value is not None}
    known |= environment
    project = yaml.safe_load((root / "meltano.yml").read_text(encoding="utf-8"))
    known.setdefault("MELTANO_PROJECT_ROOT", str(root))
    known.setdefault("MELTANO_SYS_DIR_ROOT", str(root / ".meltano"))
    active = known.get("MELTANO_ENVIRONMENT") or project.get("default_environment")
    for setting, value in _settings(project, _included(root, project, yaml.safe_load), active):
        known.setdefault(f"{_NAME}_{setting}".upper(), Template(value).safe_substitute(known))
    if uri := project.get("database_uri"):
        known.setdefault("MELTANO_DATABASE_URI", Template(uri).safe_substitute(known))
    return {name: value for name, value in known.items() if name not in environment}


def _root(folder: Path) -> Path | None:
    return next(
        (one for one in (folder, *folder.parents) if (one / "meltano.yml").is_file()), None
    )


def _included(root: Path, project: dict[str, Any], read: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a parser
    files = [file for path in project.get("include_paths", []) for file in root.glob(path)]
    return [read(file.read_text(encoding="utf-8")) or {} for file in files]


def _settings(
    project: dict[str, Any], included: Iterable[dict[str, Any]], active: str | None
) -> Iterator[tuple[str, str]]:
    """Yield the settings of this plugin and their values, by precedence."""
    for environment in project.get("environments", []):
        if environment["name"] == active:
            for plugin in _named(environment.get("config", {}).get("plugins", {})):
                yield from _texts(plugin.get("config", {}).items())
    for file in (project, *included):
        for plugin in _named(file.get("plugins", {})):
            yield from _texts(plugin.get("config", {}).items())
            yield from _texts(
                (setting["name"], setting.get("value"))
                for setting in plugin.get("settings", [])
            )


def _named(plugins: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    return (plugin for plugin in plugins.get("utilities", []) if plugin["name"] == _NAME)


def _texts(values: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    for name, value in values:
        if value is not None:
            yield name, str(value).lower() if isinstance(value, bool) else str(value)
