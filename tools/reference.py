"""Write what the reference says of settings, tables and commands: ``make docs``.

Each page of ``docs/reference`` has a part that is written here, from what the code
itself says, between two comments; a test checks that it is current.
"""

from __future__ import annotations

import inspect
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click
import yaml
from ft42_warehouse.cli import main as warehouse
from ft42_warehouse.embedded import main as embedded
from ft42_warehouse.starting import main as starting
from tap_ft42.cli import command as tap
from tap_ft42.tap import TapFT42

from tools.hub import OF_THE_SDK
from tools.tables import ROOT, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFERENCE = ROOT / "docs/reference"
BEGIN = "<!-- written by tools/reference.py -->\n"
END = "<!-- /written -->\n"


def settings_of_the_tap() -> dict[str, Any]:
    """The tap's own settings: the SDK adds its own to them once a tap has been made."""
    added: dict[str, Any] = {"properties": {}}
    TapFT42.append_builtin_config(added)
    return {
        name: setting
        for name, setting in TapFT42.config_jsonschema["properties"].items()
        if name not in added["properties"]
    }


def settings() -> str:
    """Describe the settings of tap, warehouse, and stock target."""
    ours = settings_of_the_tap()
    plugins = _plugins()
    of_the_sdk = (
        f"`{setting['name']}`"
        for setting in (*plugins["tap-ft42"]["settings"], *OF_THE_SDK)
        if setting["name"] not in ours
    )
    return "\n".join(
        (
            "## The tap\n",
            _grid(("variable", "default", "meaning"), _of_the_tap(ours)),
            f"The [Meltano SDK](https://sdk.meltano.com) adds {', '.join(of_the_sdk)}.\n",
            "## `warehouse`\n",
            _grid(("variable", "default", "meaning"), _of_the_warehouse(plugins["warehouse"])),
            "## The server, and how to load\n",
            *_of_the_target(plugins["target-postgres"]),
        )
    )


def commands() -> str:
    """Say what each command is for, and name its options, which its help explains."""
    return "\n".join(
        section
        for root, program in (
            (tap(), "tap-ft42"),
            (warehouse, "warehouse"),
            (starting, "ft42"),
            (embedded, "ft42-postgres"),
        )
        for section in _sections(root, program)
    )


PARTS: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "tables.md": tables,
    "commands.md": commands,
}
"""Which function writes which page."""


def with_part(page: str, part: str) -> str:
    """Return a page with the part between the two comments brought up to date."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def _of_the_tap(properties: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    required = set(TapFT42.config_jsonschema["required"])
    for name, setting in properties.items():
        default = "required" if name in required else _default(name, setting.get("default"))
        meaning = setting["description"]
        if default:
            meaning = meaning.partition(" If not given, ")[0]
        if below := setting.get("properties"):
            hours = ", ".join(
                f"`{key}` {value['description'].split()[0]}" for key, value in below.items()
            )
            meaning += f' As in `{{"coalitions": 12}}`. If not given: {hours}.'
        yield f"`TAP_FT42_{name.upper()}`", default, meaning


def _default(name: str, value: object) -> str:
    if name == "quota_store":
        return "`~/.local/state/tap-ft42/quota.sqlite`"
    if name == "spool":
        return "`.meltano/run/tap-ft42/spool`; without Meltano `~/.local/state/tap-ft42/spool`"
    if value is None:
        return ""
    text = str(value).replace(f"/{version('tap-ft42')}", "/…")
    return f"`{text}`"


def _of_the_warehouse(plugin: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    labels = {setting["name"]: setting["label"] for setting in plugin["settings"]}
    told = set()
    for option in _options_of_the_warehouse():
        (name, *_) = names = _variables(option)
        if name in told or not name.startswith("WAREHOUSE_"):  # of several commands, or shared
            continue
        told |= {*names}
        has_default = option.show_default and option.default is not None
        yield (
            f"`{name}`",
            f"`{option.default}`" if has_default else "",
            option.help or f"{labels[str(option.name)]}.",
        )
    yield "`WAREHOUSE_PUBLISHER_PASSWORD`", "", "Its password."
    yield "`WAREHOUSE_ALERT_URL`", "", f"{labels['alert_url']}."


def _options_of_the_warehouse() -> Iterator[click.Option]:
    for _, command in _with_subcommands(warehouse, ""):
        for option in command.params:
            if isinstance(option, click.Option) and option.envvar:
                yield option


def _variables(option: click.Option) -> list[str]:
    named = option.envvar or []
    return [named] if isinstance(named, str) else list(named)


def _of_the_target(plugin: dict[str, Any]) -> Iterator[str]:
    """Describe what is set here; name the rest."""
    shared = {name for option in _options_of_the_warehouse() for name in _variables(option)}
    shared |= {"TARGET_POSTGRES_PASSWORD", "TARGET_POSTGRES_SQLALCHEMY_URL"}
    rows: list[tuple[str, ...]] = []
    rest: dict[bool, list[str]] = {True: [], False: []}
    for setting in plugin["settings"]:
        value = plugin["config"].get(setting["name"], setting.get("value"))
        variable = f"TARGET_POSTGRES_{re.sub(r'[^a-z]', '_', setting['name']).upper()}"
        if value is None:
            rest[variable in shared].append(f"`{variable}`")
        else:
            rows.append((f"`{variable}`", f"`{str(value).lower()}`", setting["label"]))
    yield _grid(("variable", "set here to", "meaning"), iter(rows))
    yield f"`warehouse` reads these, too: {', '.join(rest[True])}.\n"
    yield f"For the loader only: {', '.join(rest[False])}.\n"


def _plugins() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in ("meltano.yml", "target-config/target-postgres.meltano.yml"):
        declared = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["plugins"]
        for kind in declared.values():
            found |= {plugin["name"]: plugin for plugin in kind}
    return found


def _grid(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _with_subcommands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in sorted(command.list_commands(context)):
            subcommand = command.get_command(context, word)
            assert subcommand is not None, word
            yield f"{name} {word}", subcommand


def _sections(root: click.Command, program: str) -> Iterator[str]:
    """Yield what each command of a program is for, and the names of its options."""
    for name, command in _with_subcommands(root, program):
        arguments = [one.make_metavar(click.Context(command)) for one in command.params
                     if isinstance(one, click.Argument)]  # fmt: skip
        options = [
            f"`{one.opts[0]}`" for one in command.params if isinstance(one, click.Option)
        ]
        purpose, *_ = inspect.cleandoc(command.help or "").split("\n\n")
        paragraphs = [f"## {' '.join((name, *arguments))}", " ".join(purpose.split())]
        # What the program is told stands before its commands, and has variables.
        if options and command is not warehouse:
            paragraphs.append(f"Options: {', '.join(options)}.")
        yield "\n\n".join(paragraphs) + "\n"


def main() -> None:
    """Bring all pages up to date."""
    for name, part in PARTS.items():
        file = REFERENCE / name
        file.write_text(with_part(file.read_text(encoding="utf-8"), part()), encoding="utf-8")


if __name__ == "__main__":
    main()
