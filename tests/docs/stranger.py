"""Somebody who follows a page word for word, in a copy of the project."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT
from tests.known_files import copy_known_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.pages import Block, Page

PASSWORD = "of-the-docs"  # noqa: S105 - of accounts that live for a test
_MARK = "--- block at line "
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*")
_MEASURED = re.compile(r"\d+\.\d+(?= s\b|$)")
_DASHES = re.compile(r"-{3,}")
_PLUGINS = ("extractors", "loaders", "utilities")
_LONGEST = 600


def copy_of_the_project(folder: Path) -> Path:
    """Copy the files that git knows; share what is installed.

    Args:
        folder: is made.
    """
    copy_known_files(folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for below, names in ((".meltano", _PLUGINS), (".local", ("uv", "constraints"))):
        (folder / below).mkdir()
        for name in names:
            if (ROOT / below / name).exists():
                (folder / below / name).symlink_to(ROOT / below / name)
    for stamp in ("installed", "installed-dev", "installed-others"):
        (folder / ".local" / stamp).touch()
    return folder


@dataclass
class Stranger:
    """A shell in a copy of the project.

    Attributes:
        project: the copy.
        environment: variables of the shell.
        instead: texts of the pages for which others stand here, such as ports.
    """

    project: Path
    environment: dict[str, str]
    instead: dict[str, str] = field(default_factory=dict)

    def follow(self, page: Page) -> None:
        """Run all blocks of a page, one after the other in one shell.

        Raises:
            AssertionError: A command fails, or shows something else than the page says.
        """
        # A copy that installs would change what it shares with the repository.
        assert self.shell("make --question .local/installed").returncode == 0
        rest = list(page.to_run)
        while rest:
            # Settings are read when a program starts, so they are written in between.
            settings = [rest.pop(0) for _ in rest[:1] if rest[0].language == "dotenv"]
            for block in settings:
                self._set(block)
            script = []
            while rest and rest[0].language != "dotenv":
                script.append(rest.pop(0))
            if script:
                self._run(page, script)

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script; stdout and stderr come together."""
        return subprocess.run(
            ["sh", "-e", "-c", script],  # noqa: S607 - any POSIX shell
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_LONGEST,
        )

    def _run(self, page: Page, blocks: list[Block]) -> None:
        script = "".join(
            f"echo; echo '{_MARK}{block.line}'\n{self._words(block)}\n" for block in blocks
        )
        done = self.shell(script)
        shown = {
            int(part.partition("\n")[0]): part.partition("\n")[2]
            for part in done.stdout.split(_MARK)[1:]
        }
        for block in blocks:
            where = f"{page.name}:{block.line}"
            assert block.line in shown, f"{where} was not reached:\n{done.stdout[-3000:]}"
            if block.output is not None:
                missing = unseen_lines(self._here(block.output), shown[block.line])
                assert not missing, f"{where} does not show {missing}:\n{shown[block.line]}"
        assert done.returncode == 0, f"{page.name}:\n{done.stdout[-3000:]}"

    def _set(self, block: Block) -> None:
        file = self.project / ".env"
        known = dict(
            line.split("=", 1) for line in file.read_text().splitlines() if "=" in line
        ) if file.exists() else {}  # fmt: skip
        for line in block.text.splitlines():
            name, _, value = self._here(line).partition("=")
            known[name] = PASSWORD if value == "…" else value
            self.environment.pop(name, None)
        file.write_text("".join(f"{name}={value}\n" for name, value in known.items()))

    def _words(self, block: Block) -> str:
        text = self._here(block.text)
        if block.language == "sql":
            return f"psql --set ON_ERROR_STOP=1 <<'END_OF_SQL'\n{text}END_OF_SQL"
        return text

    def _here(self, text: str) -> str:
        for there, here in self.instead.items():
            text = text.replace(there, here)
        return text


def unseen_lines(expected: str, shown: str) -> list[str]:
    """Return the lines of an expected output that what was shown does not have, in order.

    Instants, and seconds that a line ends with or calls so, may be others; ``…`` stands
    for anything.
    """
    lines = iter([_alike(line) for line in shown.splitlines()])
    return [
        line
        for line in expected.splitlines()
        if line.strip() and not any(_pattern(line).search(candidate) for candidate in lines)
    ]


def _alike(line: str) -> str:
    timeless = _MEASURED.sub("0.0", _INSTANT.sub("then", line.strip()))
    return " ".join(_DASHES.sub("---", timeless).split())


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(re.escape(_alike(line)).replace("…", ".*"))


def variables() -> dict[str, str]:
    """Return the variables of this process that a shell needs."""
    return {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
