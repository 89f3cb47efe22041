"""What publishes, checks and rebuilds take as the network grows.

    make bench-scale                                  100,000 and a million enrolments
    make bench-scale ARGS="--enrolments 10000000"     ten times the network
    make bench-scale ARGS="--setting shared_buffers=2GB --setting work_mem=64MB"

A size is measured on a PostgreSQL of its own that is filled with generated rows, and
removed afterwards. Each figure is written as it comes to ``results.jsonl`` in
``.local/bench-scale``. A size that is complete there is not measured again, so that
what was interrupted can go on; the report is drawn of all that it holds.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import statistics
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psutil
import psycopg
from ft42_warehouse.cli import main as warehouse_command
from ft42_warehouse.embedded import HOST, NAME

from tools.benchmarks import report
from tools.benchmarks.job import ROOT, running_warehouse
from tools.benchmarks.measure import SAMPLE_SECONDS
from tools.benchmarks.population import Population
from tools.benchmarks.report import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tools.benchmarks.job import Warehouse
    from tools.benchmarks.report import Value

BYTES_AN_ENROLMENT = 5_000
"""Of disk, for it and all that hangs on it, twice, with indexes and the server's log."""

_SIZES = """
SELECT
    n.nspname || '.' || c.relname AS name, pg_relation_size(c.oid) AS table_bytes,
    pg_indexes_size(c.oid) AS index_bytes,
    coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) AS toast_bytes
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('ft42_raw', 'ft42')
AND pg_total_relation_size(c.oid) > 1000000
ORDER BY pg_total_relation_size(c.oid) DESC
"""
_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid) AS bytes, idx_scan
FROM pg_stat_user_indexes
WHERE schemaname IN ('ft42_raw', 'ft42') AND pg_relation_size(indexrelid) > 1000000
ORDER BY 2 DESC
"""


@dataclass(frozen=True)
class Measure:
    """What one thing took, once.

    Attributes:
        enrolments: the size of the network.
        what: what was done.
        seconds: how long it took.
        cpu: seconds of processor time of the server, which tell more than the clock where
            others keep the machine busy.
        wal: bytes that the server logged meanwhile.
        memory: the most private memory that its processes had together, in bytes; what
            they share, which is a setting, is not in it.
        load: processes that waited for the machine's processors before, on average.
        settings: of the server, where they differ from PostgreSQL's own.
    """

    enrolments: int
    what: str
    seconds: float
    cpu: float
    wal: int
    memory: int
    load: float
    settings: dict[str, str] = field(default_factory=dict)


@dataclass
class Results:
    """What was measured, in a file to which each line is added as it comes."""

    path: Path

    def add(self, **line: object) -> None:
        """Write a line."""
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """Return all of them."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def begin(self, enrolments: int, settings: dict[str, str]) -> bool:
        """Forget what an interrupted attempt has left; say whether there is more to do."""
        self.path.touch()
        lines = self.lines()
        own = [line for line in lines if _is_of(line, enrolments, settings)]
        if any(line["what"] == "complete" for line in own):
            return False
        self.path.write_text("".join(json.dumps(x) + "\n" for x in lines if x not in own))
        return True


@dataclass(frozen=True)
class Scale:
    """A server with a network of one size."""

    warehouse: Warehouse
    population: Population
    results: Results
    settings: dict[str, str]
    postmaster: psutil.Process

    def measure(self, what: str, action: Callable[[], None]) -> None:
        """Do something, and write down what it took."""
        load, logged = os.getloadavg()[0], self._logged()
        with _watched(self.postmaster) as use:
            began = time.monotonic()
            action()
            seconds = time.monotonic() - began
        measured = Measure(
            self.population.enrolments, what, round(seconds, 3), round(use.cpu, 2),
            self._logged() - logged, use.memory, round(load, 2), self.settings,
        )  # fmt: skip
        self.results.add(**asdict(measured))
        click.echo(
            f"{time.strftime('%H:%M:%S')} {measured.enrolments:>12,} {what:<24}"
            f"{seconds:9.2f} s {measured.cpu:8.2f} s of processors "
            f"{measured.wal / 1e6:9,.1f} MB logged "
            f"{measured.memory / 1e6:7,.0f} MB of memory, load {load:.1f}",
            err=True,
        )

    def command(self, *arguments: str) -> Callable[[], None]:
        """Return what runs the command ``warehouse``; it must succeed."""

        def run() -> None:
            with contextlib.redirect_stdout(io.StringIO()):
                warehouse_command(list(arguments), standalone_mode=False)

        return run

    def vacuum(self) -> None:
        """Do what the server does by itself after so many rows, sooner or later."""
        with self.warehouse.connect() as connection:
            connection.autocommit = True
            connection.execute("VACUUM (ANALYZE)")

    def note_sizes(self, when: str) -> None:
        """Write down what tables and indexes weigh, and which indexes were used."""
        for what, query in (("sizes", _SIZES), ("indexes", _INDEXES)):
            with self.warehouse.connect() as connection:
                rows = connection.cursor(row_factory=psycopg.rows.dict_row).execute(query)
                self.results.add(
                    enrolments=self.population.enrolments, what=f"{what} {when}",
                    rows=rows.fetchall(), settings=self.settings,
                )  # fmt: skip

    def _logged(self) -> int:
        with self.warehouse.connect() as connection:
            (logged,) = connection.execute(
                "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
            ).fetchone() or (0,)
        return int(logged)


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--enrolments", "sizes", multiple=True, type=click.IntRange(10_000),
    default=(100_000, 1_000_000), show_default=True, help="Sizes to measure.",
)  # fmt: skip
@click.option("--rounds", default=5, show_default=True, help="Publishes of each kind.")
@click.option(
    "--setting", "settings", multiple=True, metavar="NAME=VALUE", help="Of the server."
)
@click.option(
    "--minutes", default=90, show_default=True, help="After which it gives up, at the latest."
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, resolve_path=True),
    default=ROOT / ".local/bench-scale",
    help="Where the results go, and the tables meanwhile.",
)
def main(
    sizes: Sequence[int], rounds: int, settings: Sequence[str], minutes: int, directory: Path
) -> None:
    """Measure each size and report."""
    directory.mkdir(parents=True, exist_ok=True)
    results = Results(directory / "results.jsonl")
    chosen = dict(setting.split("=", 1) for setting in settings)
    ends = time.monotonic() + 60 * minutes
    for size in sizes:
        if not results.begin(size, chosen):
            click.echo(f"{size:,} enrolments: measured before, see {results.path}", err=True)
            continue
        _require_disk(directory, size)
        with _scale(directory / "postgres", size, results, chosen, ends) as scale:
            _measure_all(scale, rounds)
            results.add(enrolments=size, what="complete", settings=chosen)
    tables = _tables(results)
    report.write(directory, "# Scale", {"machine": report.machine()}, tables)
    click.echo(f"\n{(directory / 'report.md').read_text()}")


def _require_disk(directory: Path, enrolments: int) -> None:
    needed, free = enrolments * BYTES_AN_ENROLMENT, shutil.disk_usage(directory).free
    if free < needed:
        message = (
            f"{enrolments:,} enrolments need {needed / 1e9:.0f} GB of disk, "
            f"and {free / 1e9:.0f} GB are free"
        )
        raise click.ClickException(message)


def _measure_all(scale: Scale, rounds: int) -> None:
    publish = scale.command("publish")
    scale.measure("landing", lambda: scale.population.land(scale.warehouse))
    scale.measure("first publish", publish)
    scale.measure("vacuum", scale.vacuum)
    scale.note_sizes("after the first publish")
    for _ in range(rounds):
        scale.measure("quiet quarter-hour", publish)
    for number in range(rounds):
        scale.population.live_a_usual_quarter_hour(scale.warehouse, 100 + number)
        scale.measure("usual quarter-hour", publish)
    for number in range(rounds):
        scale.population.live_a_quarter_hour(scale.warehouse, number)
        scale.measure("busy quarter-hour", publish)
    for number in range(rounds):
        scale.population.erase_one(scale.warehouse, number)
        scale.measure("one erased", publish)
    scale.population.live_a_night(scale.warehouse)
    scale.measure("night", publish)
    scale.measure("check", scale.command("check"))
    for _ in range(rounds):
        scale.measure("status", _whatever_it_finds(scale.command("status")))
    scale.measure("status --tables", _whatever_it_finds(scale.command("status", "--tables")))
    scale.measure("rebuild", scale.command("rebuild"))
    scale.measure("vacuum after all", scale.vacuum)
    scale.note_sizes("after all")


def _whatever_it_finds(command: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.suppress(SystemExit):
            command()

    return run


@contextmanager
def _scale(
    directory: Path, size: int, results: Results, settings: dict[str, str], ends: float
) -> Iterator[Scale]:
    """Start a server for one size; it is stopped when time is over, and removed."""
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with running_warehouse(directory, settings) as warehouse:
            os.environ.update(
                {
                    "TARGET_POSTGRES_HOST": HOST,
                    "TARGET_POSTGRES_PORT": str(warehouse.port),
                    "TARGET_POSTGRES_USER": NAME,
                    "TARGET_POSTGRES_PASSWORD": NAME,
                    "TARGET_POSTGRES_DATABASE": NAME,
                }
            )
            lines = (directory / "postmaster.pid").read_text().splitlines()
            server = psutil.Process(int(lines[0]))
            # Whatever statement runs then fails, and with it the benchmark.
            giving_up = threading.Timer(
                max(ends - time.monotonic(), 0), server.send_signal, [signal.SIGINT]
            )
            giving_up.start()
            try:
                yield Scale(warehouse, Population(size), results, settings, server)
            finally:
                giving_up.cancel()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@dataclass
class _Use:
    """What the processes of a server use, sampled.

    Attributes:
        memory: the most private memory of all of them together, in bytes.
    """

    memory: int = 0
    _first: dict[int, float] = field(default_factory=dict)
    _last: dict[int, float] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        """Seconds of processor time, but for what a process did after its last sample."""
        return sum(seconds - self._first.get(pid, 0) for pid, seconds in self._last.items())

    def see(self, processes: list[psutil.Process], *, is_first: bool = False) -> None:
        """Take a sample; the first one tells what does not count."""
        private = 0
        for process in processes:
            with contextlib.suppress(psutil.Error):
                memory, times = process.memory_info(), process.cpu_times()
                private += memory.rss - memory.shared
                self._last[process.pid] = times.user + times.system
        self.memory = max(self.memory, private)
        if is_first:
            self._first = dict(self._last)


@contextmanager
def _watched(postmaster: psutil.Process) -> Iterator[_Use]:
    """Watch the processes of a server."""
    use = _Use()
    use.see(postmaster.children(recursive=True), is_first=True)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            use.see(postmaster.children(recursive=True))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield use
    finally:
        done.set()
        watcher.join()


def _is_of(line: dict[str, Any], enrolments: int, settings: dict[str, str]) -> bool:
    return bool(line["enrolments"] == enrolments and line["settings"] == settings)


def _tables(results: Results) -> list[Table]:
    lines = results.lines()
    tables = []
    for settings in sorted({json.dumps(line["settings"]) for line in lines}):
        own = [line for line in lines if json.dumps(line["settings"]) == settings]
        tables += [_times(own), _weights(own)]
    return tables


def _times(lines: list[dict[str, Any]]) -> Table:
    measured = [line for line in lines if "seconds" in line]
    sizes = sorted({line["enrolments"] for line in measured})
    rows: list[dict[str, Value]] = []
    for what in dict.fromkeys(line["what"] for line in measured):
        row: dict[str, Value] = {"what": what}
        for size in sizes:
            own = [x for x in measured if x["what"] == what and x["enrolments"] == size]
            if own:
                seconds = [line["seconds"] for line in own]
                row[f"{size:,}"] = f"{statistics.median(seconds):.2f} ({min(seconds):.2f})"
                row[f"CPU s, {size:,}"] = statistics.median(x["cpu"] for x in own)
                row[f"MB logged, {size:,}"] = statistics.median(x["wal"] for x in own) / 1e6
                row[f"MB of memory, {size:,}"] = max(x["memory"] for x in own) / 1e6
        rows.append(row)
    return Table(
        f"Times, {_named(lines)}",
        "By enrolments. Seconds: the median, and the least; what the server logged (the "
        "median), and the most private memory that its processes had.",
        rows,
    )


def _weights(lines: list[dict[str, Any]]) -> Table:
    rows: dict[str, dict[str, Value]] = {}
    for line in lines:
        if line["what"] == "sizes after the first publish":
            for row in line["rows"]:
                weight = rows.setdefault(row["name"], {"table": row["name"]})
                for part in ("table", "index", "toast"):
                    weight[f"{part}, {line['enrolments']:,}"] = row[f"{part}_bytes"] / 1e6
    return Table(f"Sizes, {_named(lines)}", "MB after the first publish.", list(rows.values()))


def _named(lines: list[dict[str, Any]]) -> str:
    settings = lines[0]["settings"]
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or "as installed"


if __name__ == "__main__":
    main()
