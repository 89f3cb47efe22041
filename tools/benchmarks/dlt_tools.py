"""dlt, as configuration and as code."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec

from typing_extensions import override

from tools.benchmarks.job import Job, Tool
from tools.benchmarks.measure import Command


@dataclass(frozen=True)
class Dlt(Tool):
    """A script of this folder that runs a pipeline of dlt."""

    name: str
    idea: str
    module: str

    @override
    def missing(self) -> str | None:
        return "uv sync --group bench" if find_spec("dlt") is None else None

    @override
    def prepare(self, job: Job) -> Command:
        environment = {**job.environment, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        return Command(
            [sys.executable, "-m", f"tools.benchmarks.{self.module}"],
            environment,
            job.directory,
        )


REST_API = Dlt(
    "dlt rest_api",
    "dlt's declarative source: 20 workers, a limiter, Parquet through ADBC, merge",
    "dlt_rest_api",
)
ARROW = Dlt(
    "dlt + Arrow",
    "dlt by hand: pages in parallel as Arrow tables, a limiter, Parquet through ADBC, merge",
    "dlt_arrow",
)
