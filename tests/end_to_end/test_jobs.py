"""The jobs of meltano.yml, in the environment prod."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import BIN, ROOT
from tests.warehouse.conftest import Warehouse
from tests.warehouse.hooked import SECRET, listening

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database


@pytest.mark.long
def test_the_quarter_hour_goes_on_where_the_night_stopped(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    pipeline.run("nightly")
    enrolments = {row["id"] for row in database.rows("projects_users")}
    sandbox.reset_requests()

    said = pipeline.run("incremental")

    assert "Running catalog discovery" not in said  # the night has it
    routes = sandbox.requests()["routes"]
    assert {route: seen["count"] for route, seen in routes.items() if route != "token"} == {
        "GET /v2/cursus/:id/users": 1,
        "GET /v2/achievements_users": 1,
        "GET /v2/projects_users": 1,
    }
    assert {row["id"] for row in database.rows("projects_users")} == enrolments


LOOKS = """
import cProfile, pstats, sys
from meltano.cli import main
sys.argv = ["meltano", "--log-level=error", "run", "--dry-run", "incremental"]
profile = cProfile.Profile()
try:
    profile.runcall(main)
except SystemExit:
    pass
print(sum(
    calls for (_, _, name), (calls, *_) in pstats.Stats(profile).stats.items()
    if name == "flatten"
))
"""
"""Counts how often a run looks through what files say of settings."""


@pytest.mark.long
def test_meltano_does_not_go_through_its_files_for_each_setting(pipeline: Pipeline) -> None:
    done = subprocess.run(
        [BIN / "python", "-c", LOOKS],
        cwd=ROOT, env=pipeline.environment, capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert 0 < int(done.stdout.splitlines()[-1]) < 200


@pytest.mark.slow
def test_both_jobs_are_scheduled(pipeline: Pipeline) -> None:
    listed = pipeline.attempt("schedule", "list").stdout
    assert "[0 2 * * *] job nightly" in listed
    assert "[*/15 * * * *] job incremental" in listed


@pytest.mark.long
def test_a_job_whose_loader_fails_is_told_and_that_the_next_one_did_not(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    with listening() as hook:

        def told(change: str) -> list[str]:
            done = pipeline.attempt(
                "invoke", "warehouse", "alert", "--after", "incremental",
                WAREHOUSE_ALERT_URL=hook.url, WAREHOUSE_ALERT_STATE=f"{tmp_path}/alerts.json",
            )  # fmt: skip
            assert done.returncode == 0, done.stdout
            assert SECRET not in done.stdout
            return [cause["key"] for post in hook.taken() for cause in post[change]]

        told("new")
        failed = pipeline.attempt(
            "run",
            "incremental",
            TARGET_POSTGRES_SQLALCHEMY_URL="postgresql+psycopg://127.0.0.1:1/none",
        )
        assert failed.returncode != 0
        assert "job-failed:incremental" in told("new")
        pipeline.run("incremental")
        assert "job-failed:incremental" in told("over")


@pytest.mark.long
def test_tables_that_the_target_made_become_timestamptz(
    pipeline: Pipeline, database: Database
) -> None:
    before = {row["id"]: row["updated_at"] for row in database.rows("users")}
    database.reset()
    pipeline.run("tap-ft42", "target-postgres", TAP_FT42__SELECT='["users.*"]')
    assert type_of_updated_at(database) == "timestamp without time zone"

    pipeline.run("warehouse:init")
    pipeline.run("warehouse:init")

    assert type_of_updated_at(database) == "timestamp with time zone"
    after = {row["id"]: row["updated_at"] for row in database.rows("users")}
    assert before.items() <= after.items()  # who was anonymised has landed again


def type_of_updated_at(database: Database) -> str:
    (column,) = database.query(
        "SELECT data_type FROM information_schema.columns WHERE table_schema = 'ft42_raw' "
        "AND table_name = 'users' AND column_name = 'updated_at'"
    )
    return str(column["data_type"])


def test_a_wrong_secret_ends_in_a_clear_line_and_stays_secret(pipeline: Pipeline) -> None:
    done = pipeline.attempt(
        "run", "tap-ft42", "target-postgres", TAP_FT42_CLIENT_SECRET="hunter2-not-the-secret"
    )
    assert done.returncode != 0
    assert "42 rotates it every 28 days" in done.stdout
    assert "hunter2" not in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_missing_server_stops_the_job_with_a_clear_line(pipeline: Pipeline) -> None:
    done = pipeline.attempt("run", "nightly", TARGET_POSTGRES_PORT="1")
    assert done.returncode != 0
    assert 'server at "127.0.0.1", port 1 failed' in done.stdout
    assert "Check the server and TARGET_POSTGRES_HOST" in done.stdout
    assert "Traceback" not in done.stdout
    assert "Beginning sync" not in done.stdout


def test_a_role_that_may_not_create_schemas_is_told_what_it_lacks(database: Database) -> None:
    done = Warehouse(database).attempt(
        "init", TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA="information_schema"
    )
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "permission denied" in done.output
    # An `init` does not advise itself.
    assert "Run `warehouse init` with an account" not in done.output


@pytest.mark.slow
def test_a_missing_setting_is_named(pipeline: Pipeline) -> None:
    done = pipeline.attempt("run", "tap-ft42", "target-postgres", TAP_FT42_CLIENT_ID="")
    assert done.returncode != 0
    assert "client_id" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_embedded_server_gives_way_to_a_server_of_the_users_own(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [BIN / "ft42-postgres", "start", "--directory", f"{tmp_path}/data"],
        env={"TARGET_POSTGRES_HOST": "db.example.org", "PATH": ""},
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert "nothing is started" in done.stdout
    assert not (ROOT / f"{tmp_path}/data").exists()


REFUSED = ("/v2/blocs", "/v2/achievements_users")


@pytest.mark.long
def test_what_did_not_fail_is_published_and_the_job_fails_all_the_same(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database, tmp_path: Path
) -> None:
    # A first load: the states of the tests above say that much has been read.
    states = f"sqlite:///{tmp_path}/meltano.db"

    def attempted(job: str) -> tuple[int, str, set[str]]:
        done = pipeline.attempt("run", job, MELTANO_DATABASE_URI=states)
        assert "Traceback" not in done.stdout
        seen = pipeline.attempt("invoke", "warehouse", "status", "--json").stdout
        found = json.loads(seen[seen.index("{") :])["findings"]
        return done.returncode, done.stdout, {finding["key"] for finding in found}

    database.reset()
    for route, kind in zip(REFUSED, ("500", "cloudflare"), strict=True):
        sandbox.fault(kind, route=route)
    try:
        for job, refused in (("nightly", REFUSED), ("incremental", REFUSED[1:])):
            code, said, found = attempted(job)
            assert code != 0
            lines = [line for line in said.splitlines() if "did not load everything" in line]
            assert len(lines) == 1, said[-6000:]
            told = lines[0]
            for route, answered in zip(refused, (500, 403)[-len(refused) :], strict=True):
                assert f"{route.removeprefix('/v2/')} (42 answered {answered})" in told
            assert {"run-failed:nightly", "run-failed:incremental"} <= found
            assert "job-failed:nightly" not in found
    finally:
        sandbox.clear_faults()
    for table in ("users", "projects_users", "projects", "coalitions", "campuses"):
        assert database.query(f"SELECT FROM ft42.{table} LIMIT 1"), table
    assert not database.query("SELECT FROM ft42.achievements_users")

    code, said, found = attempted("nightly")
    assert (code, "has loaded everything" in said) == (0, True), said[-3000:]
    assert not {"run-failed:nightly", "run-failed:incremental"} & found
    assert database.query("SELECT FROM ft42.achievements_users LIMIT 1")
