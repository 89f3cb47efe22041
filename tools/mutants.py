# /// script
# requires-python = ">=3.11"
# dependencies = ["click>=8.1", "cosmic-ray==8.7.0"]
# ///
"""Break the code on purpose, a small thing at a time, and see whether the tests notice.

    \b
    make mutants                              a sample of all rooms
    make mutants ARGS="--room publish"        of one room only
    make mutants ARGS="--number 20 --seed 7"  another, smaller one

Cosmic Ray makes the mutants of Python; those of SQL are words put for their opposites. Each
is made in a copy of the project, where the tests of its room run until one fails. What is
caught, and what nobody noticed, is printed and written to a page. Its figure is a lower
bound: of all tests, only the room's have been asked.
"""  # noqa: D301 - click looks for the character itself

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
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import cache_from_source
from itertools import chain, islice, zip_longest
from pathlib import Path
from queue import Empty, Queue
from threading import Lock
from typing import TYPE_CHECKING

import click
import cosmic_ray.plugins
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cosmic_ray.operators.operator import Operator
    from parso.tree import NodeOrLeaf

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "tools/mutants.md"
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

_EQUIVALENT = {
    "self._refusals = -1": "the same program: the first answer, a token's, sets it to 0",
    "span[ 1]: sum(one.api.get(span, 0) for one in self.parts)": (
        "the same program: only spans of one day are asked for it"
    ),
    "self._in_flight = 1": "the same rows, by 23 requests at once instead of 24",
}
"""Why no test can tell some mutants, by the line that they have."""

_GIT = shutil.which("git") or "git"
_INSTALLED = (".venv", ".local", ".meltano")
"""What copies share with the project, as it holds no code of the project's."""

_PATIENCE = 4
"""How many times as long as without a mutant the tests may take before they have failed."""


@dataclass(frozen=True)
class Room:
    """Code of one kind, and the tests that have to notice.

    Attributes:
        code: Patterns of its files.
        tests: The tests, the quick ones first.
    """

    code: tuple[str, ...]
    tests: tuple[str, ...]

    def tests_for(self, file: Path) -> list[str]:
        """Return the tests, those first that are named after the file."""
        own = f"test_{file.stem}.py"
        return sorted(self.tests, key=lambda test: not test.endswith(own))


def _tests(folder: str, names: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}/test_{name}.py" for name in names.split())


ROOMS = {
    "reading": Room(
        (f"{TAP}/reading/*.py",),
        _tests(
            "tap", "ids capabilities regions any_answer living drift spool bounds paging "
            "connections hostile_answers nothing_narrows",
        ),
    ),
    "planning": Room(
        (f"{TAP}/planning/*.py",),
        _tests(
            "tap", "nights scope cursors planning clock backfill bookmarks cursus refreshing "
            "windows first_loads",
        ),
    ),
    "quota": Room(
        (f"{TAP}/api/quota.py", f"{TAP}/api/budget.py"),
        _tests("tap", "clock budget quota progress"),
    ),
    "census": Room(
        (f"{TAP}/census/*.py",),
        _tests("tap", "days accounts counting unnamed audit census known movers"),
    ),
    "publish": Room(
        (
            "target-config/ft42_warehouse/sql/publish/*.sql",
            "target-config/ft42_warehouse/sql/parts/missing.sql",
            "target-config/ft42_warehouse/sql/parts/waiting*.sql",
        ),
        _tests("warehouse", "publish orphans copies disappearance check shards"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Place:
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
class Mutant:
    """A file with one thing broken.

    Attributes:
        place: What.
        source: The text of the file as it was.
        text: And as it became.
    """

    place: Place
    source: str
    text: str

    @property
    def change(self) -> tuple[str, str]:
        """The first line that differs, as it was and as it became."""
        lines = zip(self.source.splitlines(), self.text.splitlines(), strict=False)
        old, new = next((old, new) for old, new in lines if old != new)
        return old.strip(), new.strip()


@dataclass(frozen=True)
class Tried:
    """What came of a mutant.

    Attributes:
        mutant: Which.
        caught_by: The test that failed; empty if none did.
    """

    mutant: Mutant
    caught_by: str


class _Positions(Visitor):  # type: ignore[misc] # it comes without types
    """Finds the lines in which operators of Cosmic Ray can break something."""

    def __init__(self, operators: Sequence[Operator]) -> None:
        self.lines: list[tuple[Operator, list[int]]] = [(one, []) for one in operators]

    def visit(self, node: NodeOrLeaf) -> NodeOrLeaf:
        for operator, lines in self.lines:
            lines += [start[0] for start, _ in operator.mutation_positions(node)]
        return node


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--room", "names", type=click.Choice(list(ROOMS)), multiple=True)
@click.option("--number", default=100, show_default=True, help="How many to try at most.")
@click.option("--minutes", default=25.0, show_default=True, help="When to begin no other.")
@click.option("--seed", default=42, show_default=True, help="Which sample.")
@click.option("--workers", default=os.cpu_count() or 1, show_default=True)
def main(names: tuple[str, ...], number: int, minutes: float, seed: int, workers: int) -> None:
    """Try a sample of mutants."""
    wanted, ends = names or tuple(ROOMS), time.monotonic() + minutes * 60
    places = list(_places(wanted, seed))
    queue: Queue[Mutant] = Queue()
    for mutant in islice(_mutants(places), number):
        queue.put(mutant)
    click.echo(f"Some {len(places):,} mutants can be made; {queue.qsize()} of them are next")
    with tempfile.TemporaryDirectory(prefix="ft42-mutants-") as folder:
        copies = [_copy(Path(folder) / str(number)) for number in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            limits = dict(
                zip(wanted, pool.map(_limit_of, wanted, _in_turn(copies, wanted)), strict=True)
            )
            rows = list(chain(*pool.map(lambda copy: _try(queue, copy, limits, ends), copies)))
    page = _page(rows, seed, len(places))
    click.echo(page)
    if not names:
        PAGE.write_text(page, encoding="utf-8")


def _in_turn(copies: Sequence[Path], names: Sequence[str]) -> Iterator[Path]:
    return (copies[number % len(copies)] for number in range(len(names)))


def _places(names: Iterable[str], seed: int) -> Iterator[Place]:
    """Yield what can be broken in some rooms in a random order, the rooms in turn."""
    rooms = []
    for name in names:
        places = [
            place
            for pattern in ROOMS[name].code
            for file in sorted(ROOT.glob(pattern))
            for place in (_of_sql if file.suffix == ".sql" else _of_python)(name, file)
        ]
        # Whichever other rooms there are, a room's sample is the same.
        random.Random(f"{seed} {name}").shuffle(places)  # noqa: S311 - no secret
        rooms.append(places)
    for row in zip_longest(*rooms):
        yield from filter(None, row)


def _mutants(places: Iterable[Place]) -> Iterator[Mutant]:
    """Break one thing after the other; what becomes no program says nothing of the tests."""
    for place in places:
        source = (ROOT / place.file).read_text(encoding="utf-8")
        text = place.made(source)
        if text and text != source and _is_program(text, place.file):
            yield Mutant(place, source, text)


def _of_python(room: str, file: Path) -> Iterator[Place]:
    source = file.read_text(encoding="utf-8")
    lines = source.splitlines()
    positions = _Positions(
        [
            cosmic_ray.plugins.get_operator(name)()
            for name in cosmic_ray.plugins.operator_names()
            if not any(unused in name for unused in _UNUSED)
        ]
    )
    positions.walk(get_ast(source))
    for operator, found in positions.lines:
        for number, line in enumerate(found):
            if "TYPE_CHECKING" not in lines[line - 1]:
                made = partial(mutate_code, operator=operator, occurrence=number)
                yield Place(room, file.relative_to(ROOT), line, made)


def _of_sql(room: str, file: Path) -> Iterator[Place]:
    source = file.read_text(encoding="utf-8")
    for pattern, opposite in _OPPOSITES:
        for found in re.finditer(pattern, source):
            begin = source.rfind("\n", 0, found.start()) + 1
            before = source[begin : found.start()]
            if "--" not in before and not re.search(r"\bSET\b", before):  # no comparison
                made = partial(_replaced, span=found.span(), text=opposite)
                line = source.count("\n", 0, begin) + 1
                yield Place(room, file.relative_to(ROOT), line, made)


def _replaced(source: str, span: tuple[int, int], text: str) -> str:
    start, end = span
    return source[:start] + text + source[end:]


def _is_program(source: str, file: Path) -> bool:
    try:
        return file.suffix == ".sql" or bool(compile(source, str(file), "exec"))
    except SyntaxError:
        return False


def _copy(folder: Path) -> Path:
    """Copy what is in the repository, as it lies here, with the installed programs."""
    listed = subprocess.run(
        [_GIT, "ls-files", "-z"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = ROOT / name, folder / name
        if source.exists() or source.is_symlink():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
    # Some tests ask which files there are.
    subprocess.run([_GIT, "init", "--quiet"], cwd=folder, check=True)
    (folder / ".git/info/exclude").write_text("\n".join(_INSTALLED), encoding="utf-8")
    for name in _INSTALLED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def _limit_of(room: str, copy: Path) -> float:
    """Return the seconds after which a room's tests hang; they pass without a mutant."""
    began = time.monotonic()
    if failed := _failed(ROOMS[room].tests, copy, None):
        message = f"{failed} fails without any mutant"
        raise click.ClickException(message)
    return _PATIENCE * (time.monotonic() - began)


def _failed(tests: Iterable[str], copy: Path, seconds: float | None) -> str:
    """Return the first of some tests that fails in a copy; empty if none does."""
    paths = [str(copy / name) for name in ("tap-ft42", "target-config", "sandbox")]
    process = subprocess.Popen(
        [
            copy / ".venv/bin/python", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
            *tests,
        ],
        cwd=copy,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
        text=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return "the time"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode == 0:
        return ""
    if seconds is None:
        click.echo(said)
    named = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    return named[1] if named else "the start"


_printing = Lock()


def _try(
    queue: Queue[Mutant], copy: Path, limits: dict[str, float], ends: float
) -> list[Tried]:
    """Try one mutant after the other in a copy, until all have been or the time is over."""
    rows = []
    with suppress(Empty):
        while time.monotonic() < ends:
            mutant = queue.get_nowait()
            place, file = mutant.place, copy / mutant.place.file
            _write(file, mutant.text)
            tests = ROOMS[place.room].tests_for(place.file)
            caught_by = _failed(tests, copy, limits[place.room])
            _write(file, mutant.source)
            rows.append(Tried(mutant, caught_by))
            with _printing:
                click.echo(f"{place.file}:{place.line}: {mutant.change[1]}")
                click.echo(f"    {caught_by or 'SURVIVED'}")
    return rows


def _write(file: Path, text: str) -> None:
    """Write a file of code, and remove what was compiled of it."""
    file.write_text(text, encoding="utf-8")
    Path(cache_from_source(str(file))).unlink(missing_ok=True)


def _page(rows: Sequence[Tried], seed: int, places: int) -> str:
    """Return what came of a sample, as a page."""
    lines = [
        "# Mutants: what the tests notice",
        "",
        (
            "This page says how many of the small faults that `make mutants` puts into the "
            "code the tests notice. Only the short tests that `tools/mutants.py` names for a "
            "room were asked, so the figures are lower bounds."
        ),
        "",
        f"Sample {seed}, {len(rows)} of some {places:,}, {datetime.now(UTC):%Y-%m-%d}:",
        "",
        "| room | mutants | caught | share |",
        "|---|---:|---:|---:|",
    ]
    for name in (*ROOMS, "all"):
        tried = [bool(row.caught_by) for row in rows if name in (row.mutant.place.room, "all")]
        if tried:
            share = 100 * sum(tried) / len(tried)
            lines.append(f"| {name} | {len(tried)} | {sum(tried)} | {share:.0f} % |")
    survivors = [row for row in rows if not row.caught_by]
    if survivors:
        lines += ["", "## What nobody noticed", ""]
        for mutant in sorted(
            (row.mutant for row in survivors), key=lambda one: (one.place.file, one.place.line)
        ):
            (old, new), place = mutant.change, mutant.place
            why = f" ({_EQUIVALENT[new]})" if new in _EQUIVALENT else ""
            lines += [f"- `{place.file}`, line {place.line}: `{old}` became `{new}`{why}"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
