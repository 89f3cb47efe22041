"""The stock loader, as the project sets it, holds few rows at a time."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import HOST, NAME

from tests.end_to_end.conftest import ROOT
from tests.end_to_end.pair import PLUGIN, TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Database

TEAM = {"id": 1, "name": "a team", "status": "finished", "users": [{"id": 1, "login": "x"}]}
SCHEMA = {
    "type": "SCHEMA",
    "stream": "enrolments",
    "key_properties": ["id"],
    "schema": {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "teams": {"type": "array", "items": {"type": "object"}},
        },
    },
}


def peak(folder: Path, database: Database, rows: int) -> float:
    """Return the most memory that a load of so many enrolments takes, in MB."""
    settings = {
        "host": HOST, "port": database.port, "user": NAME, "password": NAME, "database": NAME,
        **PLUGIN["config"],
    }  # fmt: skip
    (folder / "target.json").write_text(json.dumps(settings))
    with (folder / "messages").open("w") as file:
        file.write(f"{json.dumps(SCHEMA)}\n")
        for number in range(rows):
            row = {"id": number, "teams": [TEAM] * 6}
            message = {"type": "RECORD", "stream": "enrolments", "record": row}
            file.write(f"{json.dumps(message)}\n")
    with (folder / "messages").open() as messages:
        process = subprocess.Popen(
            [TARGET, "--config", folder / "target.json"],
            stdin=messages, stdout=subprocess.DEVNULL, cwd=ROOT, env=PLUGIN["env"],
        )  # fmt: skip
        _, process.returncode, used = os.wait4(process.pid, 0)
    assert process.returncode == 0
    assert database.query("SELECT count(*) FROM ft42_raw.enrolments") == [{"count": rows}]
    return used.ru_maxrss / 1024


@pytest.mark.long
def test_a_large_load_takes_no_more_memory_than_a_small_one(
    database: Database, tmp_path: Path
) -> None:
    database.reset()
    few, many = (peak(tmp_path, database, rows) for rows in (3_000, 12_000))
    assert many - few < 20
