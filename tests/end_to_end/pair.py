"""The tap and the stock target in a pipe, without Meltano: quick to start and to kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from ft42_warehouse.embedded import HOST, NAME

from tests.end_to_end.conftest import BIN, ROOT
from tests.warehouse.conftest import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.postgres import Database

TARGET = ROOT / ".meltano/loaders/target-postgres/venv/bin/target-postgres"
PLUGIN = yaml.safe_load(
    (ROOT / "target-config/target-postgres.meltano.yml").read_text(encoding="utf-8")
)["plugins"]["loaders"][0]
"""What Meltano is told of the target."""


@dataclass
class Pair:
    """The tap and the target in a pipe, and the state between their runs.

    Attributes:
        folder: where settings, spool and state lie.
    """

    folder: Path

    def start(self) -> subprocess.Popen[bytes]:
        """Start both in a process group of their own."""
        states = self.folder / "states"
        state = ""
        if states.exists() and (lines := states.read_text().splitlines()):
            # The last line may have been cut.
            complete = [line for line in lines if line.endswith("}")]
            if complete:
                (self.folder / "state.json").write_text(complete[-1])
                state = "--state state.json"
        pipe = (
            f"set -o pipefail; {BIN / 'tap-ft42'} --config tap.json {state} 2>> tap.log"
            f" | {TARGET} --config target.json >> states 2>> target.log"
        )
        return subprocess.Popen(
            ["bash", "-c", pipe],  # noqa: S607 - any bash
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "PGTZ": "UTC",
                "PGCLIENTENCODING": "UTF8",
            },
            start_new_session=True,
        )

    def finish(self) -> float:
        """Run to a good end, and return how many seconds it took."""
        started = time.monotonic()
        process = self.start()
        assert process.wait(120) == 0, (self.folder / "tap.log").read_text()[-2000:]
        return time.monotonic() - started

    def is_killed_after(self, seconds: float) -> bool:
        """Run until every process is killed, and tell whether that was in time."""
        process = self.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        return False


def pair(folder: Path, api: RunningSandbox, database: Database, **settings: object) -> Pair:
    """A pair that has loaded nothing yet, and the tables for it.

    Args:
        folder: what was there is removed.
        api: where the tap reads.
        database: where the target writes; it is emptied.
        settings: more settings of the tap.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    tap: dict[str, Any] = {
        "api_url": api.url,
        "client_id": api.client_id,
        "client_secret": api.client_secret,
        "requests_per_second": 80,
        "requests_per_hour": 0,
        "quota_store": str(folder / "quota.sqlite"),
        "spool": str(folder / "spool"),
        **settings,
    }
    target = {
        "host": HOST, "port": database.port, "user": NAME, "password": NAME, "database": NAME,
        "default_target_schema": "ft42_raw", "use_copy": True, "validate_records": False,
        "activate_version": False,
    }  # fmt: skip
    (folder / "tap.json").write_text(json.dumps(tap))
    (folder / "target.json").write_text(json.dumps(target))
    database.reset()
    Warehouse(database).run("init")
    api.reset_requests()
    return Pair(folder)
