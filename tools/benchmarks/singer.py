"""How a tap and a target are joined without Meltano: a pipe and a state file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.benchmarks.measure import Command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.benchmarks.job import Job

_PIPE = r"""
set -o pipefail
touch states
tail -n 1 states > state.json
if [ -s state.json ]; then set -- "$@" --state state.json; fi
"$@" | env ${TARGET_LOG:+"SINGER_SDK_LOG_CONFIG=$TARGET_LOG"} \
    "$TARGET" --config target.json >> states
"""
"""The last line that the target wrote is the state of the next run, as in Meltano."""


def piped(
    job: Job,
    tap: Sequence[str | Path],
    tap_config: Mapping[str, Any],
    target: Path,
    target_config: Mapping[str, Any],
) -> Command:
    """Return the command ``tap | target``.

    Args:
        job: The load.
        tap: Program and arguments of the tap.
        tap_config: Its settings; those of the API are added.
        target: The stock target's program.
        target_config: Its settings; those of the database are added.
    """
    api = {
        "api_url": job.api.url,
        "client_id": job.api.client_id,
        "client_secret": job.api.client_secret,
    }
    database = {
        "host": job.warehouse.environment["PGHOST"],
        "port": job.warehouse.port,
        "user": job.warehouse.environment["PGUSER"],
        "password": job.warehouse.environment["PGPASSWORD"],
        "database": job.warehouse.environment["PGDATABASE"],
        "default_target_schema": job.schema_name,
    }
    _write_private(job.directory / "tap.json", {**api, **tap_config})
    _write_private(job.directory / "target.json", {**database, **target_config})
    return Command(
        ["bash", "-c", _PIPE, "bash", *tap, "--config", "tap.json"],
        {**job.environment, "TARGET": str(target), "PGTZ": "UTC"},
        job.directory,
    )


def select(catalog: dict[str, Any], streams: Sequence[str]) -> dict[str, Any]:
    """Select some streams of a catalog, with all of their columns."""
    for stream in catalog["streams"]:
        is_selected = stream["tap_stream_id"] in streams
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = is_selected
    return catalog


def _write_private(file: Path, content: Mapping[str, Any]) -> None:
    file.touch(mode=0o600)
    file.write_text(json.dumps(content))
