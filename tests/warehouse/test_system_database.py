"""Old runs that Meltano keeps go each night and each third hour, but no state that counts."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.warehouse.conftest import Warehouse

STATE = json.dumps({"singer_state": {"bookmarks": {"users": {}}}})
MADE = (
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, job_name VARCHAR, state VARCHAR(7), "
    "started_at DATETIME, payload VARCHAR, payload_flags INTEGER)"
)
AGES = {1: 400, 2: 31, 3: 29, 4: 2, 5: 0.1, 6: 0, 7: 90}
"""In days, by the id of the run; the last one alone is of another load."""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a system database of Meltano with runs of a year."""
    file = tmp_path / "meltano.db"
    now = datetime.now(UTC).replace(tzinfo=None)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(MADE)
        connection.executemany(
            "INSERT INTO runs VALUES (?, ?, 'SUCCESS', ?, ?, 1)",
            [
                (number, "old" if number == 7 else "live", str(now - timedelta(age)), STATE)
                for number, age in AGES.items()
            ],
        )
    return file


def kept(file: Path) -> dict[int, bool]:
    """Return the runs that are there, and whether each has a state."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT id, payload = ?, payload_flags FROM runs", (STATE,))
        return {number: bool(is_whole and flags) for number, is_whole, flags in rows}


def test_the_night_keeps_runs_for_a_month_and_their_states_for_three_hours(
    warehouse: Warehouse, runs: Path
) -> None:
    uri = f"sqlite:///{runs}"
    warehouse.run("publish", "--job", "nightly", MELTANO_DATABASE_URI=uri)
    assert kept(runs) == {3: False, 4: False, 5: True, 6: True, 7: True}


@pytest.mark.few(2)
@pytest.mark.parametrize(("at", "trims"), [("00:05", True), ("00:20", False), ("01:05", False)])
def test_one_quarter_of_an_hour_in_twelve_trims_too(
    warehouse: Warehouse, runs: Path, at: str, trims: bool
) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(1)
    with time_machine.travel(f"{tomorrow}T{at}:00+00:00", tick=True):
        warehouse.run(
            "publish", "--job", "incremental", MELTANO_DATABASE_URI=f"sqlite:///{runs}"
        )
    assert (4 in kept(runs) and not kept(runs)[4]) == trims


def test_how_long_is_a_setting(warehouse: Warehouse, runs: Path) -> None:
    uri = f"sqlite:///{runs}"
    warehouse.run("publish", "--job", "nightly", "--keep-days", "1", MELTANO_DATABASE_URI=uri)
    assert kept(runs) == {5: True, 6: True, 7: True}


@pytest.mark.slow
def test_a_database_that_cannot_be_trimmed_keeps_nobody_from_publishing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path}/hunter2/none.db"
    done = warehouse.attempt("publish", "--job", "nightly", MELTANO_DATABASE_URI=uri)
    assert done.exit_code == 0
    assert "Meltano's runs were not trimmed (OperationalError)" in done.output
    assert "hunter2" not in done.output
