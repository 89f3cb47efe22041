"""A tap as the SDK's documentation teaches to write one, with the stock target."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from typing_extensions import override

from tools.benchmarks.ft42 import TARGET
from tools.benchmarks.job import Job, Tool
from tools.benchmarks.singer import piped, select

if TYPE_CHECKING:
    from tools.benchmarks.measure import Command

TAP = [sys.executable, "-m", "tools.benchmarks.plain_sdk_tap"]


class PlainSdk(Tool):
    """One request at a time, records checked by the target, as both do by default."""

    name = "plain SDK tap"
    idea = "a plain singer-sdk tap and target-postgres with its default settings, in a pipe"

    @override
    def missing(self) -> str | None:
        return None if TARGET.exists() else "make install"

    @override
    def prepare(self, job: Job) -> Command:
        catalog = job.directory / "catalog.json"
        command = piped(job, [*TAP, "--catalog", catalog], {}, TARGET, {})
        found = subprocess.run(
            [*TAP, "--config", job.directory / "tap.json", "--discover"],
            capture_output=True,
            check=True,
            env=job.environment,
            cwd=job.directory,
        )
        catalog.write_text(json.dumps(select(json.loads(found.stdout), job.streams)))
        return command
