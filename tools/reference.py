"""Write what the reference says of settings, tables and commands: ``make docs``.

Each page of ``docs/reference`` has a part that is written here, from what the code
itself says, between two comments; a test checks that it is current.
"""

from __future__ import annotations

import re
from collections import defaultdict
from copy import copy
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click
import yaml
from ft42_sandbox.cli import main as sandbox
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

_WIDTH = 88
_FEW = 3
"""How many options of another command are named one by one."""


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
    return "\n".join(
        (
            "## The tap\n",
            _grid(("variable", "default", "meaning"), _of_the_tap(ours)),
            "## The tap, from the Meltano SDK\n",
            _grid(
                ("setting in `meltano.yml`", "meaning"),
                (
                    (f"`{setting['name']}`", setting["label"])
                    for setting in (*plugins["tap-ft42"]["settings"], *OF_THE_SDK)
                    if setting["name"] not in ours
                ),
            ),
            "## `warehouse`\n",
            _grid(("variable", "default", "meaning"), _of_the_warehouse(plugins["warehouse"])),
            "## The stock target\n",
            _grid(
                ("variable", "set here to", "meaning"),
                _of_the_target(plugins["target-postgres"]),
            ),
        )
    )


def commands() -> str:
    """Quote what each command says with ``--help``, each option once a program."""
    return "\n".join(
        f"## {name}\n\n{text}"
        for root, program in (
            (tap(), "tap-ft42"),
            (warehouse, "warehouse"),
            (starting, "ft42"),
            (embedded, "ft42-postgres"),
            (sandbox, "ft42-sandbox"),
        )
        for name, text in _helps(root, program)
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
    options = [
        option for _, command in _with_subcommands(warehouse, "") for option in command.params
    ]
    told = set()
    for option in options:
        if not isinstance(option, click.Option) or not option.envvar:
            continue
        names = [option.envvar] if isinstance(option.envvar, str) else option.envvar
        if names[0] in told:  # of several commands
            continue
        told.add(names[0])
        has_default = option.show_default and option.default is not None
        default = f"`{option.default}`" if has_default else ""
        yield (
            ", else ".join(f"`{name}`" for name in names),
            "required" if option.required else default,
            option.help or f"{labels[str(option.name)]}.",
        )
    yield "`TARGET_POSTGRES_PASSWORD`, else `WAREHOUSE_PASSWORD`", "", "Password."
    yield "`WAREHOUSE_PUBLISHER_PASSWORD`", "", "Password of the publisher."
    yield "`WAREHOUSE_ALERT_URL`", "", f"{labels['alert_url']}."


def _of_the_target(plugin: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for setting in plugin["settings"]:
        name = setting["name"]
        value = plugin["config"].get(name, setting.get("value"))
        shown = "" if value is None else f"`{str(value).lower()}`"
        variable = re.sub(r"\W", "_", name).upper()
        yield f"`TARGET_POSTGRES_{variable}`", shown, setting["label"]


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


def _helps(root: click.Command, program: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a program, with its help but for options told before."""
    told: dict[tuple[str, ...], str] = {}
    for name, command in _with_subcommands(root, program):
        options = [one for one in command.params if isinstance(one, click.Option)]
        again = [one for one in options if _meaning(one) in told]
        for one in options:
            told.setdefault(_meaning(one), name)
        shown = copy(command)
        shown.params = [one for one in command.params if one not in again]
        shown.add_help_option = name == program
        text = f"```text\n{_help(shown, name, root)}\n```\n"
        by_command: dict[str, list[click.Option]] = defaultdict(list)
        for one in again:
            by_command[told[_meaning(one)]].append(one)
        text += "".join(f"\n{_also(*pair)}\n" for pair in by_command.items())
        yield name, text


def _meaning(option: click.Option) -> tuple[str, ...]:
    return (*option.opts, option.help or "")


def _also(command: str, options: list[click.Option]) -> str:
    names = ", ".join(f"`{option.opts[0]}`" for option in options)
    if len(options) > _FEW:
        names = f"all from `{options[0].opts[0]}` to `{options[-1].opts[0]}`"
    anchor = command.replace(" ", "-")
    return f"Also {names}: see [{command}](#{anchor})."


def _help(command: click.Command, name: str, root: click.Command) -> str:
    context = click.Context(
        command,
        info_name=name,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        help_option_names=root.context_settings.get("help_option_names"),
    )
    return command.get_help(context)


def main() -> None:
    """Bring all pages up to date."""
    for name, part in PARTS.items():
        file = REFERENCE / name
        file.write_text(with_part(file.read_text(encoding="utf-8"), part()), encoding="utf-8")


if __name__ == "__main__":
    main()
