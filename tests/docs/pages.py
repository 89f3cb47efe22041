"""The pages of the documentation, cut into what can be checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

SHELLS = ("sh", "bash")

_FENCE = re.compile(r"^ *(```+)(\w*)$")
_EXCUSE = re.compile(r"<!-- not run here: (.+?) -->")
_TESTED_WITH = re.compile(r"<!-- tested with: (.+?) -->")
_HEADING = re.compile(r"^#+ +(.+)$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"(`+)(.+?)\1")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: as named on the fence; empty if it is not.
        text: its lines.
        line: number of its first line.
        excuse: why it cannot be run by the tests, None if it can.
        output: what the reader is told to expect, from the block ``text`` behind it.
    """

    language: str
    text: str
    line: int
    excuse: str | None = None
    output: str | None = None


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """What it says."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tested_with(self) -> str:
        """What a reader has at hand, as a comment of the page says it."""
        found = _TESTED_WITH.search(self.text)
        return found[1] if found else "an application and a server"

    @cached_property
    def blocks(self) -> list[Block]:
        """Its fenced blocks, in order; outputs are with their commands."""
        blocks: list[Block] = []
        for block in self._fenced():
            if block.language == "text" and blocks and blocks[-1].output is None:
                blocks[-1] = Block(
                    blocks[-1].language, blocks[-1].text, blocks[-1].line,
                    blocks[-1].excuse, block.text,
                )  # fmt: skip
            else:
                blocks.append(block)
        return blocks

    @property
    def to_run(self) -> list[Block]:
        """The blocks that a reader types or pastes, and the tests too."""
        return [
            block
            for block in self.blocks
            if block.language in (*SHELLS, "sql", "dotenv") and block.excuse is None
        ]

    @property
    def has_commands(self) -> bool:
        """Whether there is something to run."""
        return any(block.language != "dotenv" for block in self.to_run)

    @cached_property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return "\n".join(line for _, line, is_code in self._lines() if not is_code)

    @cached_property
    def anchors(self) -> set[str]:
        """What its headings are called in links, as GitHub does."""
        return {
            re.sub(r"[^\w\- ]", "", heading[1].strip().lower()).replace(" ", "-")
            for line in self.prose.splitlines()
            if (heading := _HEADING.match(line))
        }

    @cached_property
    def links(self) -> list[str]:
        """Where its links lead."""
        return _LINK.findall(_CODE.sub("", self.prose))

    def rows(self, first: str) -> Iterator[list[str]]:
        """Yield the cells of each row of the tables whose first head is a given word."""
        is_wanted = False
        for line in self.prose.splitlines():
            if not line.startswith("|"):
                is_wanted = False
                continue
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if cells[0] == first:
                is_wanted = True
            elif is_wanted and not set(cells[0]) <= set("-:"):
                yield cells

    def _lines(self) -> Iterator[tuple[int, str, bool]]:
        """Yield number, text, and whether it belongs to a fenced block."""
        fence = None
        for number, line in enumerate(self.text.splitlines(), start=1):
            found = _FENCE.match(line)
            if found and fence is None:
                fence = found[1]
                yield number, line, True
            elif found and found[1] == fence:
                fence = None
                yield number, line, True
            else:
                yield number, line, fence is not None

    def _fenced(self) -> Iterator[Block]:
        before = ""
        begun: tuple[str, int] | None = None
        lines: list[str] = []
        for number, line, is_code in self._lines():
            found = _FENCE.match(line)
            if is_code and found and begun is None:
                begun, lines = (found[2], number + 1), []
            elif is_code and found and begun is not None:
                indent = min(
                    (len(text) - len(text.lstrip()) for text in lines if text.strip()),
                    default=0,
                )
                excuse = _EXCUSE.search(before)
                yield Block(
                    begun[0],
                    "".join(f"{text[indent:]}\n" for text in lines),
                    begun[1],
                    excuse[1] if excuse else None,
                )
                begun, before = None, ""
            elif is_code:
                lines.append(line)
            elif line.strip():
                before = line


def pages() -> list[Page]:
    """Return every page of ``docs/``."""
    return [Page(path) for path in sorted(DOCS.rglob("*.md"))]


def readmes() -> list[Page]:
    """Return the READMEs at the top, of the packages and of what goes with them."""
    folders = (
        "", "tap-ft42", "target-config", "target-config/dbt", "target-config/monitoring",
        "sandbox",
    )  # fmt: skip
    return [Page(ROOT / folder / "README.md") for folder in folders]


def for_contributors() -> list[Page]:
    """Return what those read who change the project, or find a hole in it."""
    return [Page(ROOT / name) for name in ("CONTRIBUTING.md", "SECURITY.md")]
