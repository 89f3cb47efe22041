"""What it costs to stay up to date: simulated days and nights, counted in requests.

    make bench-cost                                   both scales, some 25 minutes
    make bench-cost ARGS="--scale campus"             one campus, some 12 minutes
    make bench-cost ARGS="--days 3 --every 60"        less of it

A sandbox lives by a clock of its own, as busily as was counted at 42. The tap runs as it
does in the jobs `incremental` and `nightly`, at the hours of their schedules, and believes
the sandbox's time. After each night all that it has brought is compared with the sandbox's
own account. The tables are printed and written to ``.local/bench-cost``.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.benchmarks import report
from tools.benchmarks.report import Table
from tools.benchmarks.simulation import PER_HOUR, Scale, simulation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.benchmarks.replica import Drift, Said
    from tools.benchmarks.report import Value
    from tools.benchmarks.simulation import Simulation

ROOT = Path(__file__).resolve().parents[2]
BEGINS = datetime(2026, 12, 1, 2, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
SCALES = {
    "campus": Scale("campus", {"users": 1500, "enrolments": 28_000}, campus_ids=(29,)),
    "network": Scale("network", {"users": 50_000, "enrolments": 1_300_000}),
}


@dataclass
class Course:
    """What happened in a simulation.

    Attributes:
        first: the first load.
        quarters: each run of the job `incremental`.
        nights: each run of the job `nightly` but the first load.
        drifts: after each night, how far each table was from the truth.
        seconds: how long it took to simulate.
    """

    first: Said
    quarters: list[Said] = field(default_factory=list)
    nights: list[Said] = field(default_factory=list)
    drifts: list[dict[str, Drift]] = field(default_factory=list)
    seconds: float = 0.0


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--scale", "names", type=click.Choice(list(SCALES)), multiple=True)
@click.option("--days", default=30, show_default=True, help="Nights to simulate.")
@click.option(
    "--every",
    type=click.IntRange(15, 1440),
    default=240,
    show_default=True,
    help="Minutes between two runs of `incremental` after the first day, which has all.",
)
@click.option("--seed", default=1, show_default=True, help="What the world is drawn from.")
@click.option(
    "--census-requests",
    type=click.IntRange(min=1),
    help="The tap's setting: how much of the hour the census may use.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, resolve_path=True),
    default=ROOT / ".local/bench-cost",
    help="Where the report goes.",
)
def main(  # noqa: PLR0913 - each is an option
    *,
    names: Sequence[str],
    days: int,
    every: int,
    seed: int,
    census_requests: int | None,
    directory: Path,
) -> None:
    """Simulate and report; exit code 1 if a row was missing or stale after a night."""
    chosen = [SCALES[name] for name in names or SCALES]
    tables: list[Table] = []
    is_right = True
    for scale in chosen:
        with simulation(
            scale, begins=BEGINS, seed=seed, census_requests=census_requests
        ) as world:
            course = _live(world, days, timedelta(minutes=every))
            tables += _tables(world, course)
        is_right &= not any(
            drift.missing or drift.stale for night in course.drifts for drift in night.values()
        )
        header = f"# Cost\n{days} days, seed {seed}, `incremental` every {every} minutes"
        report.write(directory, header, {"machine": report.machine()}, tables)
    click.echo(f"\n{(directory / 'report.md').read_text()}")
    if not is_right:
        sys.exit(1)


def _live(world: Simulation, days: int, every: timedelta) -> Course:
    began = time.monotonic()
    course = Course(world.nightly())
    _tell(world, f"first load, {course.first.requests.total():,} requests")
    for day in range(days):
        night = world.now + DAY
        pause = every if day else QUARTER
        while world.now + pause < night:
            world.wait(pause)
            course.quarters.append(world.incremental())
        world.wait(night - world.now)
        course.nights.append(world.nightly())
        course.drifts.append(world.drift())
        off = " ".join(
            f"{stream}: {len(drift.missing)} missing, {len(drift.stale)} stale, "
            f"{len(drift.gone)} gone"
            for stream, drift in course.drifts[-1].items()
            if drift.missing or drift.stale or drift.gone
        )
        requests = course.nights[-1].requests.total()
        _tell(world, f"night {day + 1}, {requests:,} requests. {off or 'All tables are right'}")
    course.seconds = time.monotonic() - began
    return course


def _tables(world: Simulation, course: Course) -> list[Table]:
    name, students = world.scale.name, len(world.replica.published("users"))
    enrolments = len(world.replica.published("projects_users"))
    size = f"{name}: {students:,} students, {enrolments:,} enrolments"
    parents, full = world.requests_by_parent(), world.requests_in_full()
    first_day = course.quarters[: DAY // QUARTER - 1]
    quiet = [run for run in first_day if run.changed <= max(students // 1000, 1)]
    return [
        Table(
            f"Runs of {size}",
            "Requests of a run, without those for tokens. The lower bound is what the tap's "
            "ledger says that a reader would have needed who knew what had changed. Quiet "
            "is a quarter of an hour in which a thousandth of the students at most did "
            f"something. First load: {course.first.requests.total():,} requests.",
            [
                _runs("quiet quarter-hour", quiet, parents[0], full),
                _runs("quarter-hour of a day", first_day, parents[0], full),
                _runs("night", course.nights, parents[1], full),
            ],
        ),
        Table(
            f"Nights of {name}, by stream",
            "Requests a night: the median, the most, and the median of the lower bound.",
            _by_stream(course.nights),
        ),
        Table(
            f"After each night of {name}",
            "Rows that differ from the sandbox's own account: the most after any night, "
            "and the longest that a row stayed after it had disappeared.",
            _by_table(course.drifts),
        ),
    ]


def _runs(what: str, runs: Sequence[Said], by_parent: int, full: int) -> dict[str, Value]:
    requests = [run.requests.total() for run in runs] or [0]
    bounds = [run.lower_bound.total() for run in runs] or [0]
    ratios = [a / b for a, b in zip(requests, bounds, strict=True) if b] or [0.0]
    return {
        "run": what,
        "runs": len(runs),
        "median": round(statistics.median(requests)),
        "most": max(requests),
        "lower bound": round(statistics.median(bounds)),
        "times": round(statistics.median(ratios), 2),
        "% of the hour": 100 * max(requests) / PER_HOUR,
        "request a parent": by_parent,
        "full scan": full,
    }


def _by_stream(nights: Sequence[Said]) -> list[dict[str, Value]]:
    streams = Counter[str]()
    for night in nights:
        streams.update(night.requests)
    return [
        {
            "stream": stream,
            "median": round(statistics.median(night.requests[stream] for night in nights)),
            "most": max(night.requests[stream] for night in nights),
            "lower bound": round(
                statistics.median(night.lower_bound[stream] for night in nights)
            ),
        }
        for stream, _ in streams.most_common()
    ]


def _by_table(drifts: Sequence[dict[str, Drift]]) -> list[dict[str, Value]]:
    rows: list[dict[str, Value]] = []
    for stream in drifts[0] if drifts else ():
        nights = defaultdict[int, int](int)
        for night in drifts:
            for row_id in night[stream].gone:
                nights[row_id] += 1
        rows.append(
            {
                "table": stream,
                "missing": max(len(night[stream].missing) for night in drifts),
                "stale": max(len(night[stream].stale) for night in drifts),
                "gone": max(len(night[stream].gone) for night in drifts),
                "nights after it disappeared": max(nights.values(), default=0),
            }
        )
    return rows


def _tell(world: Simulation, line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {world.scale.name}: {line}", err=True)


if __name__ == "__main__":
    main()
