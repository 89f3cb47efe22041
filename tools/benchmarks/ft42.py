"""This project's pair: tap-ft42 and the stock target, run by Meltano or by a pipe."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml
from typing_extensions import override

from tools.benchmarks.job import ROOT, Job, Tool
from tools.benchmarks.measure import Command
from tools.benchmarks.singer import piped, select

if TYPE_CHECKING:
    from pathlib import Path

TAP = ROOT / ".meltano/extractors/tap-ft42/venv/bin/tap-ft42"
TARGET = ROOT / ".meltano/loaders/target-postgres/venv/bin/target-postgres"
MELTANO = ROOT / ".venv/bin/meltano"
# Above what any run here asks for: what is compared is the rate.
PER_HOUR = 100_000


def tap_settings(job: Job) -> dict[str, Any]:
    """Return what differs from the tap's defaults: the limits, and where files lie.

    The account of the quota is the run's own, as each run has a sandbox of its own.
    Settings that a version of the tap does not know are ignored by the SDK.
    """
    return {
        "requests_per_second": job.per_second,
        "requests_per_hour": PER_HOUR if job.per_second else 0,
        "quota_store": str(job.directory / "quota.sqlite"),
    }


def target_settings() -> dict[str, Any]:
    """Return the settings in ``target-config/``, without those of the server."""
    plugins = yaml.safe_load((ROOT / "target-config/target-postgres.meltano.yml").read_text())
    (loader,) = plugins["plugins"]["loaders"]
    return {name: value for name, value in loader["config"].items() if isinstance(value, int)}


class Piped(Tool):
    """The programs that Meltano has installed, joined by a pipe."""

    name = "tap-ft42"
    idea = "tap-ft42 and target-postgres as Meltano installs and sets them up, in a pipe"

    @override
    def missing(self) -> str | None:
        return None if TAP.exists() and TARGET.exists() else "make install"

    @override
    def prepare(self, job: Job) -> Command:
        job.warehouse.create_tables(job.schema_name)
        catalog = job.directory / "catalog.json"
        command = piped(
            job,
            [TAP, "--catalog", catalog],
            tap_settings(job),
            TARGET,
            {"add_record_metadata": True, **target_settings()},
        )
        _discover(job.directory / "tap.json", catalog, job)
        log = ROOT / "target-config/target-postgres.logging.yml"
        return replace(command, environment={**command.environment, "TARGET_LOG": str(log)})


def _discover(config: Path, catalog: Path, job: Job) -> None:
    found = subprocess.run(
        [TAP, "--config", config, "--discover"],
        capture_output=True,
        check=True,
        env=job.environment,
        cwd=job.directory,
    )
    streams = [*job.streams, "rejected_records"]
    catalog.write_text(json.dumps(select(json.loads(found.stdout), streams)))


class ByMeltano(Tool):
    """What the README tells to run."""

    name = "tap-ft42 by Meltano"
    idea = "meltano run tap-ft42 target-postgres"

    @override
    def missing(self) -> str | None:
        return None if MELTANO.exists() and TAP.exists() else "make install"

    @override
    def prepare(self, job: Job) -> Command:
        job.warehouse.create_tables(job.schema_name)
        settings = {
            f"TAP_FT42_{name.upper()}": value for name, value in tap_settings(job).items()
        }
        chosen = [f"{stream}.*" for stream in (*job.streams, "rejected_records")]
        environment = {
            **{name: value for name, value in job.environment.items() if name != "PYTHONPATH"},
            **{name: str(value) for name, value in settings.items()},
            "TAP_FT42_API_URL": job.api.url,
            "TAP_FT42_CLIENT_ID": job.api.client_id,
            "TAP_FT42_CLIENT_SECRET": job.api.client_secret,
            "TAP_FT42__SELECT": json.dumps(chosen),
            "TARGET_POSTGRES_HOST": job.warehouse.environment["PGHOST"],
            "TARGET_POSTGRES_PORT": str(job.warehouse.port),
            "TARGET_POSTGRES_USER": job.warehouse.environment["PGUSER"],
            "TARGET_POSTGRES_PASSWORD": job.warehouse.environment["PGPASSWORD"],
            "TARGET_POSTGRES_DATABASE": job.warehouse.environment["PGDATABASE"],
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": job.schema_name,
            "MELTANO_DATABASE_URI": f"sqlite:///{job.directory / 'meltano.db'}",
            "MELTANO_ENVIRONMENT": "prod",
        }
        # A run that was killed blocks its state for five minutes unless it is forced.
        # Several runs at once of one project need names of their own for their states.
        words: list[str | Path] = [
            MELTANO, "run", "--force", f"--state-id-suffix={job.schema_name}",
            "tap-ft42", "target-postgres",
        ]  # fmt: skip
        return Command(words, environment, ROOT)
