"""`--help` of every command shows how it is called."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from ft42_sandbox.cli import main as sandbox
from ft42_warehouse.cli import main as warehouse
from ft42_warehouse.embedded import main as postgres
from ft42_warehouse.starting import main as starting
from tap_ft42.cli import command as tap

from tests.known_files import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROGRAMS: dict[str, click.Group] = {
    "ft42": starting,
    "ft42-postgres": postgres,
    "ft42-sandbox": sandbox,
    "tap-ft42": tap(),
    "warehouse": warehouse,
}
_FILES = ("report.json", "settings.json", "state.json")
"""What an example may name."""


def calls() -> Iterator[object]:
    """Yield each program, and each with each of its commands."""
    for program, group in _PROGRAMS.items():
        yield pytest.param(program, [], id=program)
        for name in group.list_commands(click.Context(group)):
            yield pytest.param(program, [name], id=f"{program} {name}")


def test_every_program_of_the_packages_is_looked_at() -> None:
    scripts = set()
    for package in ("tap-ft42", "target-config", "sandbox"):
        about = tomllib.loads((ROOT / package / "pyproject.toml").read_text(encoding="utf-8"))
        scripts |= set(about["project"]["scripts"])
    assert scripts == set(_PROGRAMS)


@pytest.mark.parametrize(("program", "words"), list(calls()))
def test_help_has_an_example_that_the_command_would_take(
    program: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _FILES:
        (tmp_path / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    group = _PROGRAMS[program]
    shown = CliRunner().invoke(group, [*words, "--help"]).output
    examples = re.findall(
        rf"^ *(?:Examples?: *)?(?:[A-Z0-9_]+=\S+ )*{program} (.+)$", shown, re.MULTILINE
    )
    assert examples, shown
    for example in examples:
        given = shlex.split(example.partition("|")[0], comments=True)
        with group.make_context(program, given) as context:
            # Where click keeps the name of the command.
            rest = [*context._protected_args, *context.args]  # noqa: SLF001
            if not rest:
                assert not words, example
                continue
            called, command, options = group.resolve_command(context, rest)
            assert words in ([], [called]), example
            assert command is not None
            with command.make_context(called, options, context):
                pass
