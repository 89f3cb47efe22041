"""What is compared: one function a stage, each returning the rows of a table."""

from __future__ import annotations

import re
import shutil
import statistics
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ft42_sandbox.testing import running_sandbox

from tools.benchmarks import truth
from tools.benchmarks.job import Job, Tool, Warehouse
from tools.benchmarks.measure import Outcome, run
from tools.benchmarks.traffic import Traffic, traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tools.benchmarks.report import Value

Row = dict[str, "Value"]
World = Mapping[str, int]

# Nobody reaches it: what is compared is the rate, not who waits for the next hour.
PER_HOUR = 100_000
TIMEOUT = 1800.0
STARTS = 6
# Before every page of a list: each of these moves or removes rows under the reader.
EVENTS = {
    "unregister": 1, "disappear": 1, "give up": 1, "mark": 1, "enrol": 1, "visit": 1,
    "badge": 1, "points": 1, "join": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """Where a run of the benchmarks takes place.

    Attributes:
        tools: those that take part.
        warehouse: where all load.
        directory: where their files go.
        streams: what they load, where a stage does not say otherwise.
        tell: takes a line for each load, as it is done.
    """

    tools: list[Tool]
    warehouse: Warehouse
    directory: Path
    streams: tuple[str, ...]
    tell: Callable[[str], None]

    @contextmanager
    def job(
        self,
        tool: Tool,
        stage: str,
        sandbox: RunningSandbox,
        streams: tuple[str, ...] = (),
        per_second: int = 0,
    ) -> Iterator[Job]:
        """Give a load a folder and a schema, and drop the schema afterwards."""
        # dlt writes runs of underscores as one.
        word = "_".join(re.findall(r"[a-z0-9]+", f"{stage} {tool.name}".lower()))
        directory = self.directory / word
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        job = Job(
            sandbox,
            self.warehouse,
            f"bench_{word}",
            directory,
            per_second,
            streams or self.streams,
        )
        self.warehouse.drop(job.schema_name)
        yield job
        self.warehouse.drop(job.schema_name)

    def at_once(self, measure: Callable[[Tool], Row]) -> list[Row]:
        """Measure all tools at the same time, each with a sandbox of its own."""
        with ThreadPoolExecutor(len(self.tools)) as pool:
            return list(pool.map(measure, self.tools))


def within_quota(  # noqa: PLR0913 - what differs between its two uses
    bench: Bench,
    stage: str,
    world: World,
    latency_factor: float,
    *,
    per_second: int,
    streams: tuple[str, ...] = (),
) -> list[Row]:
    """Load as fast as the quota allows, with the latencies of 42.

    Args:
        bench: The tools.
        stage: Names the files.
        world: The sandbox's sizes.
        latency_factor: What 42's latencies are multiplied by.
        per_second: Requests a second that the sandbox answers.
        streams: What is loaded.
    """

    def measure(tool: Tool) -> Row:
        with (
            _sandbox(
                world,
                latency="real",
                latency_factor=latency_factor,
                requests_per_second=per_second,
                requests_per_hour=PER_HOUR,
            ) as sandbox,
            bench.job(tool, stage, sandbox, streams, per_second) as job,
        ):
            outcome = run(tool.prepare(job), job.directory / "log", timeout=TIMEOUT)
            asked = traffic(sandbox)
            rows = bench.warehouse.rows(job.schema_name)
        bench.tell(f"{stage}: {tool.name} took {outcome.seconds:.0f} s")
        if asked is None or outcome.exit_code:
            return _failed(tool, outcome, asked)
        return {
            "tool": tool.name,
            "requests": asked.answered,
            "429s": asked.refused,
            "least possible s": asked.answered / per_second,
            "s without start-up": asked.seconds,
            "s in all": outcome.seconds,
            "requests/s": asked.answered / asked.seconds,
            "quota used %": 100 * asked.share_of(per_second),
            "rows": rows,
        }

    return bench.at_once(measure)


def without_limits(bench: Bench, world: World, rounds: int, enough_seconds: float) -> list[Row]:
    """Load as fast as the machine allows, one tool after the other, in rounds.

    Args:
        bench: The tools.
        world: The sandbox's sizes.
        rounds: Runs of each tool.
        enough_seconds: A tool that has taken longer than this is not run again.
    """
    runs: dict[str, list[Row]] = {tool.name: [] for tool in bench.tools}
    taken = dict.fromkeys(runs, 0.0)
    with _sandbox(world) as sandbox:
        for _ in range(rounds):
            for tool in bench.tools:
                if taken[tool.name] > enough_seconds:
                    continue
                row, seconds = _as_fast_as_possible(bench, tool, sandbox)
                taken[tool.name] += seconds
                runs[tool.name].append(row)
    return [_median(found) for found in runs.values()]


def _as_fast_as_possible(
    bench: Bench, tool: Tool, sandbox: RunningSandbox
) -> tuple[Row, float]:
    sandbox.reset_requests()
    with bench.job(tool, "speed", sandbox) as job:
        outcome = run(tool.prepare(job), job.directory / "log", timeout=TIMEOUT)
        asked = traffic(sandbox)
        rows = bench.warehouse.rows(job.schema_name)
    bench.tell(f"speed: {tool.name} took {outcome.seconds:.0f} s")
    if asked is None or outcome.exit_code:
        return _failed(tool, outcome, asked), outcome.seconds
    seconds = outcome.ended - asked.first
    largest = max(outcome.peak.processes, key=lambda name: outcome.peak.processes[name])
    row: Row = {
        "tool": tool.name,
        "rows": rows,
        "requests": asked.answered,
        "s without start-up": seconds,
        "s in all": outcome.seconds,
        "rows/s": rows / seconds,
        "CPU µs a row": 1e6 * outcome.cpu_seconds / max(rows, 1),
        "MB in all": outcome.peak.tree / 1e6,
        "MB by process": ", ".join(
            f"{name.rpartition('.')[2]} {size / 1e6:.0f}"
            for name, size in outcome.peak.processes.items()
            if size >= min(10e6, outcome.peak.processes[largest])
        ),
    }
    return row, outcome.seconds


def _median(runs: list[Row]) -> Row:
    """Return a run that failed, else the one in the middle by its speed; of two, the slower."""
    failed = [run for run in runs if "failed" in run]
    if failed:
        return failed[0]
    speeds = [float(run["rows/s"] or 0) for run in runs]
    middle = runs[speeds.index(statistics.median_low(speeds))]
    return {**middle, "runs": len(runs)}


def while_life_goes_on(bench: Bench, world: World, seeds: range) -> list[Row]:
    """Load while rows move and disappear between pages, and count what is lost."""

    def measure(tool: Tool) -> Row:
        lost: dict[str, int] = {}
        steady = failures = 0
        for seed in seeds:
            with (
                _sandbox(world, seed=seed, life="requests") as sandbox,
                bench.job(tool, "drift", sandbox) as job,
            ):
                command = tool.prepare(job)
                sandbox.configure(life_events_per_request=EVENTS)
                before = truth.of(sandbox, bench.streams)
                outcome = run(command, job.directory / "log", timeout=TIMEOUT)
                failures += outcome.exit_code != 0
                for table, ids in truth.steady(sandbox, before).items():
                    missing = ids - bench.warehouse.ids(job.schema_name, table)
                    lost[table] = lost.get(table, 0) + len(missing)
                    steady += len(ids)
        bench.tell(f"drift: {tool.name} lost {sum(lost.values())} rows")
        return {
            "tool": tool.name,
            "runs": len(seeds),
            "runs that failed": failures,
            "rows that stood still": steady,
            "of them lost": sum(lost.values()),
            "from": ", ".join(f"{table} {count}" for table, count in lost.items() if count)
            or None,
        }

    return bench.at_once(measure)


def killed_half_way(bench: Bench, world: World, latency_factor: float) -> list[Row]:
    """Kill a load when half of its requests are done, start it again until it is done."""

    def measure(tool: Tool) -> Row:
        with _sandbox(world, latency="real", latency_factor=latency_factor) as sandbox:
            with bench.job(tool, "undisturbed", sandbox) as job:
                outcome = run(tool.prepare(job), job.directory / "log", timeout=TIMEOUT)
                asked = traffic(sandbox)
            if asked is None or outcome.exit_code:
                return _failed(tool, outcome, asked)
            undisturbed, before = asked.sent, truth.of(sandbox, bench.streams)
            sandbox.reset_requests()
            with bench.job(tool, "killed", sandbox) as job:
                command, log = tool.prepare(job), job.directory / "log"
                run(
                    command,
                    log,
                    timeout=TIMEOUT,
                    kill_when=lambda: sandbox.requests()["total"] >= undisturbed / 2,
                    look_every=0.05,
                )
                at_kill = sandbox.requests()["total"]
                starts = 1
                while starts < STARTS:
                    starts += 1
                    if run(command, log, timeout=TIMEOUT).exit_code == 0:
                        break
                total = sandbox.requests()["total"]
                missing = sum(
                    len(ids - bench.warehouse.ids(job.schema_name, table))
                    for table, ids in before.items()
                )
        bench.tell(f"kill: {tool.name} needed {total} requests instead of {undisturbed}")
        return {
            "tool": tool.name,
            "undisturbed requests": undisturbed,
            "when killed": at_kill,
            "until done": total,
            "times": total / undisturbed,
            "starts": starts,
            "rows missing": missing,
        }

    return bench.at_once(measure)


def _sandbox(world: World, **settings: object) -> AbstractContextManager[RunningSandbox]:
    options: dict[str, Any] = {**world, **settings}
    return running_sandbox(**options)


def _failed(tool: Tool, outcome: Outcome, asked: Traffic | None) -> Row:
    return {
        "tool": tool.name,
        "failed": f"exit code {outcome.exit_code} after {outcome.seconds:.0f} s "
        f"and {asked.sent if asked else 0} requests",
    }
