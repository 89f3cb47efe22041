"""Shell scripts with curl, jq and psql, as campuses run them from cron."""

from __future__ import annotations

import shutil

from typing_extensions import override

from tools.benchmarks.job import ROOT, Job, Tool
from tools.benchmarks.measure import Command

SCRIPT = ROOT / "tools/benchmarks/curl_jq_psql.sh"


class CurlJqPsql(Tool):
    """One request after the other, each table in one COPY."""

    name = "curl + jq + psql"
    idea = "a bash script: pages into files, a pause after each request, COPY and upsert"

    @override
    def missing(self) -> str | None:
        lacking = [program for program in ("curl", "jq") if shutil.which(program) is None]
        return f"apt-get install {' '.join(lacking)}" if lacking else None

    @override
    def prepare(self, job: Job) -> Command:
        job.warehouse.create_tables(job.schema_name)
        pages = job.directory / "pages"
        pages.mkdir()
        environment = {
            **job.environment,
            "PSQL": str(job.warehouse.psql),
            "SCHEMAS": str(ROOT / "schemas"),
        }
        return Command([SCRIPT, pages], environment, job.directory)
