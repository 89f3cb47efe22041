"""Break the code on purpose, a small thing at a time, and see whether the tests notice.

    \b
    make mutants                              a sample of all rooms
    make mutants ARGS="--room publish"        of one room only
    make mutants ARGS="--number 20 --seed 7"  another, smaller one

Each mutant is made in a copy of the project, where the tests that reach the line run until
one fails. What is caught, and what nobody noticed, is printed and written to a page. Its
figure is a lower bound: of all tests, only those of the tap or the warehouse have been asked,
and not the long ones.
"""  # noqa: D301 - click looks for the character itself

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import cache_from_source
from itertools import accumulate, chain, islice
from pathlib import Path
from queue import Empty, Queue
from threading import Lock
from typing import TYPE_CHECKING

import click

from tools.breaking import ROOMS, ROOT, Mutant, bodies_of, files_of, mutants_of, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE = ROOT / "tools/mutants.md"

_NOTES, _NOTED = "tools.reached", ".git/reached"
"""What notes in a copy what is reached, and where."""

_FUTURE = "from __future__ import annotations"
"""What stands first in each file of code."""

_GIT = shutil.which("git") or "git"

_INSTALLED = (".venv", ".local", ".meltano")
"""What is installed. Copies share it with the project, but for the first."""

_TIME, _START = "the time", "the start"
"""What fails if no test does: they take too long, or do not even begin."""

_PATIENCE, _PAUSE = 4, 30
"""The tests may take so many times as long as without a mutant, and so many seconds more."""

_QUICK = 0.1
"""A test of so few seconds starts no program. Those that come to the line are asked first."""

_LONGEST = 120
"""After so many seconds of tests that have passed, no other begins."""


@dataclass(frozen=True)
class Tried:
    """What came of a mutant.

    Attributes:
        mutant: Which.
        caught_by: The test that failed; empty if none did.
    """

    mutant: Mutant
    caught_by: str


@dataclass
class Reach:
    """What the tests do without a mutant.

    Attributes:
        seconds: What each test takes.
        places: What comes to a statement, by its file and line: tests, or files of tests if it
            is done for several of their tests.
        failing: Tests that fail; they are not asked.
    """

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    places: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    failing: set[str] = field(default_factory=set)

    def read(self, log: Path) -> None:
        """Take in what has been noted in a copy."""
        test, began, shared = "", 0.0, 0
        for line in log.read_text(encoding="utf-8").splitlines():
            at, kind, what = line.split(" ", 2)
            match kind:
                case "begins":
                    test, began, shared = what, float(at), 0
                case "shares":
                    shared += 1
                case "shared":
                    shared -= 1
                case "fails":
                    self.failing.add(what)
                case "ends":
                    self.seconds[what] += float(at) - began
                case _:
                    self.places[what].add(_file_of(test) if shared else test)

    def tests_for(self, mutant: Mutant) -> list[str]:
        """Return tests that can notice: quick ones first, then those named after the file."""
        place, statements = mutant.place, mutant.reached_at
        reaching = set[str]().union(*(self.places[one] for one in statements))
        if not statements:
            reaching.update(files_of(ROOMS[place.room].tests))
        seconds = {
            test: took
            for test, took in self.seconds.items()
            if reaching & {test, _file_of(test)} and test not in self.failing
        }
        files = defaultdict[str, float](float)
        for test, took in seconds.items():
            files[_file_of(test)] += took
        own = f"/test_{place.file.stem}.py"
        order = sorted(
            seconds,
            key=lambda test: (
                test not in reaching or seconds[test] > _QUICK,
                own not in test,
                files[_file_of(test)],
                _file_of(test),
                seconds[test],
            ),
        )
        ends = accumulate(seconds[test] for test in order)
        return [
            test
            for test, end in zip(order, ends, strict=True)
            if end - seconds[test] < _LONGEST
        ]

    def limit_of(self, tests: Iterable[str]) -> float:
        """Return the seconds after which tests have failed."""
        return _PATIENCE * sum(self.seconds[test] for test in tests) + _PAUSE


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--room", "names", type=click.Choice(list(ROOMS)), multiple=True)
@click.option("--number", default=100, show_default=True, help="How many to try at most.")
@click.option("--minutes", default=25.0, show_default=True, help="When to begin no other.")
@click.option("--seed", default=42, show_default=True, help="Which sample.")
@click.option("--workers", default=2 * (os.cpu_count() or 1), show_default=True)
@click.option("--marks", default="not long", show_default=True, help="Which tests to ask.")
def main(  # noqa: PLR0913 - all that can be chosen
    *, names: tuple[str, ...], number: int, minutes: float, seed: int, workers: int, marks: str
) -> None:
    """Try a sample of mutants."""
    os.environ["PYTEST_ADDOPTS"] = f"-m '{marks}'"
    wanted, ends = names or tuple(ROOMS), time.monotonic() + minutes * 60
    places = list(places_of(wanted, seed))
    queue: Queue[Mutant] = Queue()
    for mutant in islice(mutants_of(places), number):
        queue.put(mutant)
    click.echo(f"Some {len(places):,} mutants can be made; {queue.qsize()} of them are next")
    tests = files_of(chain.from_iterable(ROOMS[name].tests for name in wanted))
    with tempfile.TemporaryDirectory(prefix="ft42-mutants-") as folder:
        copies = [_copy(Path(folder) / str(number)) for number in range(workers)]
        shares = [tests[number::workers] for number in range(workers)]
        reach = Reach()
        with ThreadPoolExecutor(workers) as pool:
            for log in pool.map(_reached, copies, shares):
                reach.read(log)
            rows = list(chain(*pool.map(lambda copy: _try(queue, copy, reach, ends), copies)))
    page = _page(rows, seed, len(places), reach, marks)
    click.echo(page)
    if not names:
        PAGE.write_text(page, encoding="utf-8")


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
    for name in _INSTALLED[1:]:
        (folder / name).symlink_to(ROOT / name)
    _install(folder)
    return folder


def _install(copy: Path) -> None:
    """Give a copy an environment whose programs import the copy's code, however started."""
    environment = ROOT / ".venv"
    for file in chain(*map(environment.glob, ("*.cfg", "bin/*", "lib/*/site-packages/*"))):
        own = copy / file.relative_to(ROOT)
        own.parent.mkdir(parents=True, exist_ok=True)
        if file.is_symlink():
            shutil.copy2(file, own, follow_symlinks=False)
            continue
        content = file.read_bytes() if file.is_file() else b""
        if bytes(ROOT) in content:
            own.write_bytes(content.replace(bytes(ROOT), bytes(copy)))
            own.chmod(file.stat().st_mode)
        else:
            own.symlink_to(file)
    (packages,) = copy.glob(".venv/lib/*/site-packages")
    (packages / "copy.pth").write_text(f"{copy}\n", encoding="utf-8")


def _reached(copy: Path, tests: Sequence[str]) -> Path:
    """Let tests run where each statement says that it is reached; return what is noted."""
    files = [
        copy / name
        for room in ROOMS.values()
        for name in files_of(room.code)
        if name.endswith(".py")
    ]
    sources = [file.read_text(encoding="utf-8") for file in files]
    for file, source in zip(files, sources, strict=True):
        tree = ast.parse(source)
        for body in bodies_of(tree):
            body[:] = chain(
                *(
                    (_saying(f"{file.relative_to(copy)}:{one.lineno}", copy), one)
                    for one in body
                )
            )
        said = f"from {_NOTES} import at as _at"
        _write(file, ast.unparse(tree).replace(_FUTURE, f"{_FUTURE}\n{said}", 1))
    _failed(tests, copy, None)
    for file, source in zip(files, sources, strict=True):
        _write(file, source)
    return copy / _NOTED


def _saying(place: str, copy: Path) -> ast.stmt:
    # Some tests copy the copy: the notes of both belong together.
    return ast.parse(f"_at({place!r}, {str(copy / _NOTED)!r})").body[0]


def _failed(tests: Iterable[str], copy: Path, seconds: float | None) -> str:
    """Return the first of some tests that fails in a copy; empty if none does.

    Without a number of seconds, all of them run.
    """
    process = subprocess.Popen(
        [
            copy / ".venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider",
            "-p", _NOTES, *(["-x"] if seconds else []), *tests,
        ],
        cwd=copy,
        env={
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "",
            # One pytest removes what another one leaves, and both fail if it is the same.
            "PYTEST_DEBUG_TEMPROOT": tempfile.mkdtemp(dir=copy.parent),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        text=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return _TIME
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode == 0:
        return ""
    named = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    return named[1].partition("[")[0] if named else _START


_printing = Lock()


def _try(queue: Queue[Mutant], copy: Path, reach: Reach, ends: float) -> list[Tried]:
    """Try one mutant after the other in a copy, until all have been or the time is over."""
    rows = []
    with suppress(Empty):
        while time.monotonic() < ends:
            mutant = queue.get_nowait()
            place, file = mutant.place, copy / mutant.place.file
            _write(file, mutant.text)
            caught_by = _caught_by(reach.tests_for(mutant), copy, reach)
            _write(file, mutant.source)
            rows.append(Tried(mutant, caught_by))
            with _printing:
                click.echo(f"{place.file}:{place.line}: {mutant.change[1]}")
                click.echo(f"    {caught_by or 'SURVIVED'}")
    return rows


def _caught_by(tests: Sequence[str], copy: Path, reach: Reach) -> str:
    """Return the first test that fails, and does so again: chance notices nothing."""
    while tests and (failed := _failed(tests, copy, reach.limit_of(tests))) != _START:
        if failed in {"", _TIME} or _failed([failed], copy, reach.limit_of(tests)):
            return failed
        tests = [one for one in tests if failed not in {one, _file_of(one)}]
    return ""


def _write(file: Path, text: str) -> None:
    """Write a file of code, and remove what was compiled of it."""
    file.write_text(text, encoding="utf-8")
    Path(cache_from_source(str(file))).unlink(missing_ok=True)


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def _page(rows: Sequence[Tried], seed: int, places: int, reach: Reach, marks: str) -> str:
    """Return what came of a sample, as a page."""
    lines = [
        "# Mutants: what the tests notice",
        "",
        (
            "This page says how many of the small faults that `make mutants` puts into the "
            "code the tests notice. Only tests of the tap or the warehouse were asked that "
            f"reach the line and are {marks}, {_LONGEST} seconds of them: so the figures are "
            "lower bounds."
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
    # A busy machine has these as well.
    late = sum(row.caught_by == _TIME for row in rows)
    lines += ["", f"Of what was caught, {late} only took too long."] if late else []
    survivors = [row for row in rows if not row.caught_by]
    if survivors:
        lines += ["", "## What nobody noticed", ""]
        for mutant in sorted(
            (row.mutant for row in survivors), key=lambda one: (one.place.file, one.place.line)
        ):
            (old, new), place = mutant.change, mutant.place
            why = "" if reach.tests_for(mutant) else "; no test comes there"
            lines += [f"- `{place.file}`, line {place.line}: `{old}` became `{new}`{why}"]
    if reach.failing:
        lines += ["", f"Failed without a mutant, not asked: {', '.join(sorted(reach.failing))}"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
