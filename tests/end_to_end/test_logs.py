"""What Meltano makes of the tap's log, and what of a run is in the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def night(pipeline: Pipeline) -> str:
    """What somebody reads who runs the nightly job for the first time."""
    return pipeline.run("nightly")


def test_a_night_s_log_is_what_happened_and_nothing_else(night: str) -> None:
    ours = [line for line in night.splitlines() if " tap-ft42-" in line]
    assert sum("A run begins" in line for line in ours) == 2
    assert sum("The run is complete" in line for line in ours) == 2
    warnings = [line for line in ours if "[info" not in line]
    expected = ("secret expires", "42 does not list campus_id")
    assert [line for line in warnings if not any(part in line for part in expected)] == []
    assert len(ours) < 30
    assert "METRIC" not in night
    assert "Beginning sync" not in night
    assert "] target-postgres" not in night


def test_meltano_s_json_has_the_fields_of_each_event(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    done = pipeline.attempt(
        "--log-format=json", "run", "tap-ft42", "target-postgres",
        TAP_FT42__SELECT='["cursus.*", "sync_runs.*"]',
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    told = {line["happened"]: line for line in lines if "happened" in line}
    ends, stream = told["run_ends"], told["stream_ends"]
    (row,) = database.query(
        "SELECT * FROM ft42_raw.sync_runs WHERE run_id = %s", ends["run_id"]
    )
    assert stream["run_id"] == ends["run_id"]
    assert stream["stream_name"] == "cursus"
    assert stream["rows_emitted"] == len(sandbox.truth("cursus"))
    assert ends["requests"] == row["requests"]
    assert ends["level"] == "info"


def test_what_the_loader_has_to_complain_of_is_told(pipeline: Pipeline) -> None:
    done = pipeline.attempt(
        "run", "tap-ft42", "target-postgres", TARGET_POSTGRES_PORT="1",
        TAP_FT42__SELECT='["cursus.*", "sync_runs.*"]',
    )  # fmt: skip
    assert done.returncode != 0
    assert "Connection refused" in done.stdout


@pytest.mark.usefixtures("night")
def test_a_database_of_before_learns_when_the_secret_expires(
    pipeline: Pipeline, database: Database
) -> None:
    database.execute("ALTER TABLE ft42_raw.sync_runs DROP COLUMN secret_valid_until")
    database.execute(
        "UPDATE ft42_warehouse.objects SET digest = 'older' WHERE name LIKE 'version %'"
    )
    pipeline.run("incremental")
    (row,) = database.query(
        "SELECT secret_valid_until FROM ft42_raw.sync_runs ORDER BY ended_at DESC LIMIT 1"
    )
    assert row["secret_valid_until"] is not None
    (column,) = database.query(
        "SELECT data_type FROM information_schema.columns WHERE table_schema = 'ft42_raw' "
        "AND table_name = 'sync_runs' AND column_name = 'secret_valid_until'"
    )
    assert column["data_type"] == "timestamp with time zone"
