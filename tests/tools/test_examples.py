"""`--help` of the sandbox and of the embedded PostgreSQL shows how each command is called."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from ft42_sandbox.cli import main as sandbox
from ft42_warehouse.embedded import main as postgres

if TYPE_CHECKING:
    from pathlib import Path

_GROUPS = {"ft42-sandbox": sandbox, "ft42-postgres": postgres}


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (program, words)
        for program, group in _GROUPS.items()
        for words in ([], *([name] for name in group.commands))
    ],
)
def test_help_ends_with_an_example_that_the_command_would_take(
    program: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").touch()  # an example may name it
    monkeypatch.chdir(tmp_path)
    group = _GROUPS[program]
    shown = CliRunner().invoke(group, [*words, "--help"]).output
    *_, example = re.findall(
        rf"(?<!Usage: )\b{program} ([a-z]+ .*|[a-z]+)$", shown, re.MULTILINE
    )
    name, *options = shlex.split(example)
    assert words in ([], [name])
    command: click.Command = group.commands[name]
    # Without the group, the command would remember another form of its own help.
    command.make_context(name, options, click.Context(group, **group.context_settings))
