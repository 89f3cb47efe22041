# /// script
# requires-python = ">=3.11"
# dependencies = ["click>=8.1", "cosmic-ray==8.7.0"]
# ///
"""Break the code on purpose, a small thing at a time, and see whether the tests notice.

    make mutants                              a sample that takes some 20 minutes
    make mutants ARGS="--room publish"        of one room only
    make mutants ARGS="--minutes 5 --seed 7"  another, smaller one

Cosmic Ray makes the mutants of Python; those of SQL are words put for their opposites. Each
is made in a copy of the project, where the tests of its room run until one fails. What is
caught, and what nobody noticed, is printed and written to a page. Its figure is a lower
bound: of all tests, only the room's have been asked.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from queue import Queue
from threading import Lock
from typing import TYPE_CHECKING

import click
import cosmic_ray.plugins
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from parso.tree import NodeOrLeaf

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/reference/mutants.md"
TAP = "tap-ft42/tap_ft42"

_UNUSED = ("BitOr", "ExceptionReplacer", "RemoveDecorator", "Variable")
"""Operators whose mutants are the same program (types, ``@override``), that know exceptions
by a single name only, or that need settings."""

_OPPOSITES = (
    (r"\bNOT EXISTS\b", "EXISTS"),
    (r"(?<!NOT )\bEXISTS\b", "NOT EXISTS"),
    (r"\bIS DISTINCT FROM\b", "IS NOT DISTINCT FROM"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bNOT IN\b", "IN"),
    (r"\bAND\b", "OR"),
    (r"\bOR\b", "AND"),
    (r"(?<= )>=(?= )", "<"),
    (r"(?<= )<=(?= )", ">"),
    (r"(?<= )<(?= )", ">="),
    (r"(?<= )=(?= )", "<>"),
)
"""What is put for what in a statement."""

_PATIENCE = 4
"""How many times as long as without a mutant the tests may take before they have failed."""


@dataclass(frozen=True)
class Room:
    """Code of one kind, and the tests that have to notice.

    Attributes:
        code: Patterns of its files.
        tests: The tests, those first that notice soonest.
    """

    code: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS = {
    "reading": Room(
        (f"{TAP}/reading/*.py",),
        tuple(
            f"tests/tap/test_{name}.py"
            for name in (
                "regions", "paging", "any_answer", "spool", "capabilities",
                "hostile_answers", "first_contact", "drift", "living",
            )
        ),
    ),
    "planning": Room(
        (f"{TAP}/planning/*.py",),
        tuple(
            f"tests/tap/test_{name}.py"
            for name in (
                "planning", "bookmarks", "backfill", "cursors", "scope", "budget",
                "refreshing", "cursus", "sweeps",
            )
        ),
    ),
    "quota": Room(
        (f"{TAP}/api/quota.py", f"{TAP}/api/budget.py"),
        tuple(f"tests/tap/test_{name}.py" for name in ("quota", "budget", "clock")),
    ),
    "census": Room(
        (f"{TAP}/census/*.py",),
        tuple(
            f"tests/tap/test_{name}.py"
            for name in ("tallies", "counting", "known", "settled", "census")
        ),
    ),
    "publish": Room(
        (
            "target-config/ft42_warehouse/sql/publish/*.sql",
            "target-config/ft42_warehouse/sql/parts/missing.sql",
            "target-config/ft42_warehouse/sql/parts/waiting*.sql",
        ),
        tuple(
            f"tests/warehouse/test_{name}.py"
            for name in ("publish", "orphans", "copies", "disappearance", "check", "shards")
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One small thing that can be broken.

    Attributes:
        room: The name of its room.
        file: Where.
        line: The line, from 1.
        made: What makes the text of the file with it, from the text.
    """

    room: str
    file: Path
    line: int
    made: Callable[[str], str | None]


@dataclass(frozen=True)
class Tried:
    """What came of a mutant.

    Attributes:
        mutant: Which.
        change: The line as it was, and as it became.
        is_caught: Whether a test failed.
    """

    mutant: Mutant
    change: tuple[str, str]
    is_caught: bool


class _Positions(Visitor):  # type: ignore[misc] # it comes without types
    """Finds the lines in which an operator of Cosmic Ray can break something."""

    def __init__(self, operator: object) -> None:
        self._operator = operator
        self.lines: list[int] = []

    def visit(self, node: NodeOrLeaf) -> NodeOrLeaf:
        positions = self._operator.mutation_positions(node)  # type: ignore[attr-defined]
        self.lines += [start[0] for start, _ in positions]
        return node


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--room", "names", type=click.Choice(list(ROOMS)), multiple=True)
@click.option("--minutes", default=20.0, show_default=True, help="When to stop.")
@click.option("--seed", default=42, show_default=True, help="Which sample.")
@click.option("--workers", default=os.cpu_count() or 1, show_default=True)
def main(names: tuple[str, ...], minutes: float, seed: int, workers: int) -> None:
    """Try a sample of mutants."""
    wanted = names or tuple(ROOMS)
    ends = time.monotonic() + minutes * 60
    queue: Queue[Mutant] = Queue()
    for mutant in _sample(wanted, random.Random(seed)):  # noqa: S311 - a sample, no secret
        queue.put(mutant)
    click.echo(f"{queue.qsize():,} mutants can be made; {minutes:g} minutes for some of them")
    with tempfile.TemporaryDirectory(prefix="ft42-mutants-") as folder:
        copies = [_copy(Path(folder) / str(number)) for number in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            limits = dict(
                zip(wanted, pool.map(_limit_of, wanted, _in_turn(copies, wanted)), strict=True)
            )
            rows = list(chain(*pool.map(lambda copy: _try(queue, copy, limits, ends), copies)))
    page = _page(rows, seed)
    click.echo(page)
    if not names:
        PAGE.write_text(page, encoding="utf-8")


def _in_turn(copies: Sequence[Path], names: Sequence[str]) -> Iterator[Path]:
    return (copies[number % len(copies)] for number in range(len(names)))


def _sample(names: Iterable[str], order: random.Random) -> Iterator[Mutant]:
    """Yield all mutants of some rooms in a random order, the rooms in turn."""
    rooms = []
    for name in names:
        places = [
            place
            for pattern in ROOMS[name].code
            for file in sorted(ROOT.glob(pattern))
            for place in (_of_sql if file.suffix == ".sql" else _of_python)(name, file)
        ]
        order.shuffle(places)
        rooms.append(places)
    for row in zip_longest(*rooms):
        yield from filter(None, row)


def _of_python(room: str, file: Path) -> Iterator[Mutant]:
    source = file.read_text(encoding="utf-8")
    tree, lines = get_ast(source), source.splitlines()
    for name in cosmic_ray.plugins.operator_names():
        if any(unused in name for unused in _UNUSED):
            continue
        operator = cosmic_ray.plugins.get_operator(name)()
        positions = _Positions(operator)
        positions.walk(tree)
        for number, line in enumerate(positions.lines):
            if "TYPE_CHECKING" in lines[line - 1]:
                continue
            made = partial(mutate_code, operator=operator, occurrence=number)
            yield Mutant(room, file.relative_to(ROOT), line, made)


def _of_sql(room: str, file: Path) -> Iterator[Mutant]:
    source = file.read_text(encoding="utf-8")
    for pattern, opposite in _OPPOSITES:
        for found in re.finditer(pattern, source):
            begin = source.rfind("\n", 0, found.start()) + 1
            before = source[begin : found.start()]
            if "--" not in before and not re.search(r"\bSET\b", before):  # no comparison
                made = partial(_replaced, span=found.span(), text=opposite)
                line = source.count("\n", 0, begin) + 1
                yield Mutant(room, file.relative_to(ROOT), line, made)


def _replaced(source: str, span: tuple[int, int], text: str) -> str:
    start, end = span
    return source[:start] + text + source[end:]


def _is_program(source: str, file: Path) -> bool:
    """Tell whether a file can be read at all; what cannot says nothing of the tests."""
    try:
        return file.suffix == ".sql" or bool(compile(source, str(file), "exec"))
    except SyntaxError:
        return False


def _change(source: str, mutated: str) -> tuple[str, str]:
    """Return the first line that differs, as it was and as it became."""
    lines = zip(source.splitlines(), mutated.splitlines(), strict=False)
    old, new = next(((old, new) for old, new in lines if old != new), ("", ""))
    return old.strip(), new.strip()


def _copy(folder: Path) -> Path:
    """Copy what is in the repository, as it lies here, with the installed programs."""
    listed = subprocess.run(
        [shutil.which("git") or "git", "ls-files", "-z"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = ROOT / name, folder / name
        if source.exists() or source.is_symlink():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
    for name in (".venv", ".local", ".meltano"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def _limit_of(room: str, copy: Path) -> float:
    """Return the seconds after which a room's tests hang; they pass without a mutant."""
    began = time.monotonic()
    if not _passes(room, copy, None):
        message = f"The tests of {room} fail without any mutant"
        raise click.ClickException(message)
    return _PATIENCE * (time.monotonic() - began)


def _passes(room: str, copy: Path, seconds: float | None) -> bool:
    """Tell whether the tests of a room pass in a copy, in that time."""
    paths = [str(copy / name) for name in ("tap-ft42", "target-config", "sandbox")]
    process = subprocess.Popen(
        [
            copy / ".venv/bin/python", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
            *ROOMS[room].tests,
        ],
        cwd=copy,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",  # of mutants, that is
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


_printing = Lock()


def _try(
    queue: Queue[Mutant], copy: Path, limits: dict[str, float], ends: float
) -> list[Tried]:
    """Try one mutant after the other in a copy, until the time is over."""
    rows = []
    while time.monotonic() < ends and not queue.empty():
        mutant = queue.get()
        file = copy / mutant.file
        source = file.read_text(encoding="utf-8")
        mutated = mutant.made(source)
        if mutated is None or mutated == source or not _is_program(mutated, file):
            continue
        file.write_text(mutated, encoding="utf-8")
        is_caught = not _passes(mutant.room, copy, limits[mutant.room])
        file.write_text(source, encoding="utf-8")
        row = Tried(mutant, _change(source, mutated), is_caught)
        rows.append(row)
        with _printing:
            said = "caught  " if is_caught else "SURVIVED"
            click.echo(f"{said} {mutant.file}:{mutant.line}: {row.change[1]}")
    return rows


def _page(rows: Sequence[Tried], seed: int) -> str:
    """Return what came of a sample, as a page."""
    lines = [
        "# Mutants: what the tests notice",
        "",
        (
            "This page says how many of the small faults that `make mutants` puts into the "
            "code the tests notice. Only the tests that `tools/mutants.py` names for a room "
            "were asked, so the figures are lower bounds."
        ),
        "",
        f"Sample {seed}, {datetime.now(UTC):%Y-%m-%d}:",
        "",
        "| room | mutants | caught | |",
        "|---|---:|---:|---:|",
    ]
    for name in (*ROOMS, "all"):
        tried = [row.is_caught for row in rows if name in (row.mutant.room, "all")]
        if tried:
            share = 100 * sum(tried) / len(tried)
            lines.append(f"| {name} | {len(tried)} | {sum(tried)} | {share:.0f} % |")
    survivors = [row for row in rows if not row.is_caught]
    if survivors:
        lines += ["", "## What nobody noticed", ""]
        for row in sorted(survivors, key=lambda row: (row.mutant.file, row.mutant.line)):
            old, new = row.change
            lines += [f"- `{row.mutant.file}`, line {row.mutant.line}: `{old}` became `{new}`"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
