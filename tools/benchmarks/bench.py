"""What ``make bench`` measures: this project's pair beside other ways to do the same.

    make bench                                    some 25 minutes
    make bench ARGS=--quick                       a few minutes, to see that it works
    make bench ARGS="--stage speed --rounds 3 --enough-seconds 0"

All in one run on this machine, against the sandbox, into one PostgreSQL. The tables are
printed and written to ``.local/bench/report.md`` and ``report.json``.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.benchmarks import dlt_tools, measure, report, stages, validators
from tools.benchmarks.curl import CurlJqPsql
from tools.benchmarks.ft42 import ByMeltano, Piped
from tools.benchmarks.job import ROOT, STREAMS, Tool, running_warehouse
from tools.benchmarks.plain_sdk import PlainSdk
from tools.benchmarks.report import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOLS: tuple[Tool, ...] = (
    Piped(), ByMeltano(), PlainSdk(), dlt_tools.REST_API, dlt_tools.ARROW, CurlJqPsql(),
)  # fmt: skip
STAGES = ("quota", "students", "speed", "drift", "kill", "validators")


@dataclass(frozen=True)
class Size:
    """How much is loaded.

    Attributes:
        quota: the world of which all streams are loaded within the quota.
        students: the world of which only students are loaded within the quota.
        latency_factor: what 42's latencies are multiplied by within the quota.
        per_second: requests a second that the quota allows.
        speed: the world that is loaded without limits.
        rounds: runs without limits, of which the median counts.
        enough_seconds: a tool that took longer in all is not run again without limits.
        drift: the world that is loaded while life goes on.
        seeds: how often.
        kill: the world whose load is killed.
        kill_latency_factor: what 42's latencies are multiplied by then.
        streams: what is loaded.
    """

    quota: dict[str, int]
    students: dict[str, int]
    latency_factor: float
    per_second: int
    speed: dict[str, int]
    rounds: int
    enough_seconds: float
    drift: dict[str, int]
    seeds: int
    kill: dict[str, int]
    kill_latency_factor: float
    streams: tuple[str, ...] = STREAMS


def world(users: int, enrolments: int, achievements_per_user: int = 5) -> dict[str, int]:
    """Name the sizes of a sandbox."""
    return {
        "users": users,
        "enrolments": enrolments,
        "achievements_per_user": achievements_per_user,
    }


FULL = Size(
    quota=world(600, 3_000, 4),
    students=world(6_000, 0),
    latency_factor=1.0,
    per_second=2,
    speed=world(16_500, 124_000),
    rounds=3,
    enough_seconds=80,
    drift=world(2_000, 10_000),
    seeds=2,
    kill=world(600, 3_000, 4),
    kill_latency_factor=0.05,
)
QUICK = Size(
    quota=world(50, 50),
    students=world(600, 0),
    latency_factor=0.02,
    per_second=20,
    speed=world(300, 3_000),
    rounds=1,
    enough_seconds=0,
    drift=world(900, 2_000),
    seeds=1,
    kill=world(200, 1_000),
    kill_latency_factor=0.03,
    streams=("cursus", "users", "campuses", "projects_users", "achievements_users"),
)


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Small worlds, one round: a smoke test.")
@click.option("--stage", "chosen", type=click.Choice(STAGES), multiple=True, help="Only these.")
@click.option(
    "--tool",
    "names",
    type=click.Choice([tool.name for tool in TOOLS]),
    multiple=True,
    help="Only these.",
)
@click.option("--rounds", type=int, help="Runs without limits.")
@click.option(
    "--enough-seconds",
    type=float,
    help="Seconds after which a tool is not run again without limits; 0: never.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, resolve_path=True),
    default=ROOT / ".local/bench",
    help="Where the report and the files of the loads go.",
)
def main(  # noqa: PLR0913 - one for each option
    *,
    quick: bool,
    chosen: Sequence[str],
    names: Sequence[str],
    rounds: int | None,
    enough_seconds: float | None,
    directory: Path,
) -> None:
    """Measure and report."""
    # The servers and loads that it has started must not outlive it.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    size = QUICK if quick else FULL
    size = replace(
        size,
        rounds=size.rounds if rounds is None else rounds,
        enough_seconds=(size.enough_seconds if enough_seconds is None else enough_seconds)
        or float("inf"),
    )
    tools, absent = _present([tool for tool in TOOLS if not names or tool.name in names])
    about: dict[str, Any] = {"machine": report.machine(), "quick": quick, "began": time.time()}
    tables: list[Table] = []
    with (
        tempfile.TemporaryDirectory(prefix="ft42-bench-") as data,
        running_warehouse(Path(data) / "postgres" / "data") as warehouse,
    ):
        bench = stages.Bench(tools, warehouse, directory / "loads", size.streams, _tell)
        for stage in STAGES:
            if stage in chosen or not chosen:
                tables.append(_stage(bench, stage, size))
                # After each stage: what is measured is not lost if a later one is.
                about["seconds"] = time.time() - about["began"]
                header = _header(about, tools, absent)
                report.write(directory, header, about, [_summary(tools, tables), *tables])
    click.echo(f"\n{(directory / 'report.md').read_text()}")
    # Beside a tool that failed, the figures of the others say nothing.
    failed = {
        str(row["tool"])
        for table in tables
        for row in table.rows
        if "failed" in row or row.get("runs that failed")
    }
    if failed:
        message = f"Failed: {', '.join(sorted(failed))}. See the logs in {directory}/loads."
        raise click.ClickException(message)


def _header(about: dict[str, Any], tools: list[Tool], absent: list[tuple[Tool, str]]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in about["machine"].items())
    return (
        f"# Benchmarks{' (quick: figures mean little)' if about['quick'] else ''}\n"
        f"{machine}; {about['seconds'] / 60:.0f} minutes in all\n\n"
        + "\n".join(f"- {tool.name}: {tool.idea}" for tool in tools)
        + "".join(f"\n- {tool.name} was left out: {lack}" for tool, lack in absent)
    )


def _end(number: int, _: object) -> None:
    measure.interrupted.set()
    sys.exit(128 + number)


def _present(tools: list[Tool]) -> tuple[list[Tool], list[tuple[Tool, str]]]:
    lacks = [(tool, tool.missing()) for tool in tools]
    absent = [(tool, lack) for tool, lack in lacks if lack is not None]
    for tool, lack in absent:
        _tell(f"{tool.name} is left out. What it needs: {lack}")
    return [tool for tool, lack in lacks if lack is None], absent


def _tell(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)


def _stage(bench: stages.Bench, stage: str, size: Size) -> Table:
    _tell(f"{stage} begins")
    match stage:
        case "quota":
            return Table(
                "Within the quota: all streams",
                f"Latency as measured at 42 (times {size.latency_factor:g}), "
                f"{size.per_second} requests a second, no tool near the hourly limit. All "
                "tools at the same time, each with a sandbox of its own. The time without "
                "start-up goes from the first request to the last answer in the sandbox's "
                "log; the least possible time is that of the answered requests at full rate.",
                stages.within_quota(
                    bench, stage, size.quota, size.latency_factor, per_second=size.per_second
                ),
            )
        case "students":
            return Table(
                "Within the quota: students only",
                "As above, one list of heavy pages.",
                stages.within_quota(
                    bench,
                    stage,
                    size.students,
                    size.latency_factor,
                    per_second=size.per_second,
                    streams=("users",),
                ),
            )
        case "speed":
            return Table(
                "Without limit and latency",
                "One tool after the other, in rounds; the median of its runs. Rows a second "
                "from the first request to the end of the last process; the sandbox and "
                "PostgreSQL share the machine. CPU time is that of the tool's processes, from "
                "their start. Memory is resident, at most, pages that processes share counted "
                "in each.",
                stages.without_limits(bench, size.speed, size.rounds, size.enough_seconds),
            )
        case "drift":
            return Table(
                "Rows lost while life goes on",
                "Before every page of a list, one each of: "
                f"{', '.join(stages.EVENTS)}. Lost is a row that was there before the load "
                "began, of which nothing changed until its end, and that is not in the table.",
                stages.while_life_goes_on(bench, size.drift, range(1, size.seeds + 1)),
            )
        case "kill":
            return Table(
                "Killed half-way",
                "SIGKILL to all processes when half of the requests of an undisturbed load "
                "were answered, then started again until it ends well.",
                stages.killed_half_way(bench, size.kill, size.kill_latency_factor),
            )
    return Table(
        "Validators",
        "An enrolment with two teams against schemas/projects_users.json.",
        validators.measure(),
    )


def _summary(tools: list[Tool], tables: list[Table]) -> Table:
    """Put what matters most of each table side by side."""
    columns = (
        ("Within the quota: all streams", "requests/s", "requests/s"),
        ("Within the quota: all streams", "quota used %", "quota used %"),
        ("Within the quota: students only", "quota used %", "students: quota used %"),
        ("Without limit and latency", "rows/s", "rows/s"),
        ("Without limit and latency", "CPU µs a row", "CPU µs a row"),
        ("Without limit and latency", "MB in all", "MB"),
        ("Rows lost while life goes on", "of them lost", "rows lost"),
        ("Killed half-way", "times", "requests when killed, times"),
    )
    by_title = {table.title: table for table in tables}
    rows: list[stages.Row] = []
    for tool in tools:
        row: stages.Row = {"tool": tool.name}
        for title, column, heading in columns:
            for found in by_title[title].rows if title in by_title else ():
                if found["tool"] == tool.name:
                    row[heading] = "failed" if "failed" in found else found.get(column)
        rows.append(row)
    return Table("Side by side", "The tables below say how each figure was measured.", rows)


if __name__ == "__main__":
    main()
