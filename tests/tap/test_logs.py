"""The log: a line for each thing that happened, with its figures in fields."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.tap.running import ROOT
from tests.tap.scripted import TOKEN_PATH, Reply, always, in_turn, paged

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

OWN = ("rejected_records", "census", "sync_requests", "sync_runs")
READ = ("cursus", "blocs", "users")
DAY = 86_400


@pytest.fixture
def said(tap: Tap, sandbox: RunningSandbox) -> Run:
    """A run of some streams with a structured log at the level of every day."""
    here = tap.with_json_logs("INFO").pointed_at(sandbox, census_hour=-1)
    return here.run(*READ, *OWN)


def test_a_run_begins_and_ends_with_a_line(said: Run) -> None:
    (row,) = said.records("sync_runs")
    (begins,), (ends,) = said.happened("run_begins"), said.happened("run_ends")
    assert sorted(begins["streams"]) == sorted(READ)
    assert said.log_lines[-1]["extra"]["happened"] == "run_ends"
    for name in ("outcome", "reason", "requests", "rows", "rows_emitted", "lower_bound"):
        assert ends[name] == row[name], name


def test_each_stream_ends_with_a_line_that_agrees_with_the_ledger(said: Run) -> None:
    rows = {row["stream"]: row for row in said.records("sync_requests")}
    ends = {line["stream_name"]: line for line in said.happened("stream_ends")}
    assert ends.keys() == set(READ)
    for stream, line in ends.items():
        assert line["rows_emitted"] == rows[stream]["rows_emitted"]
        assert line["window_ends_at"] == rows[stream]["window_ends_at"]
        assert line["requests"] == rows[stream]["requests"]
        assert line["seconds"] > 0


def test_a_second_run_tells_the_window_that_it_read(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.with_json_logs("INFO").pointed_at(sandbox)
    again = here.run("users", "sync_requests", state=here.run("users").state)
    (line,) = again.happened("stream_ends")
    (row,) = again.records("sync_requests")
    assert line["window_begins_at"] == row["window_begins_at"] is not None
    assert line["window_begins_at"][:10] in line["message"]


def test_every_line_names_the_run(said: Run) -> None:
    (row,) = said.records("sync_runs")
    assert {line["extra"]["run_id"] for line in said.log_lines} == {row["run_id"]}


def test_a_day_like_any_other_has_nothing_but_what_happened(said: Run) -> None:
    assert {line["level"] for line in said.log_lines} <= {"info", "warning"}
    assert all("happened" in line["extra"] for line in said.log_lines)
    assert "METRIC" not in said.log


def test_nothing_is_said_twice(said: Run) -> None:
    messages = [line["message"] for line in said.log_lines]
    assert len(messages) == len(set(messages))


def test_a_connection_that_works_is_tried_out_without_a_word(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox).call("--test")
    assert run.exit_code == 0
    assert run.log == ""


def test_debug_tells_of_each_request_once(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.with_json_logs().pointed_at(sandbox, page_size=20).run("cursus", "sync_runs")
    (row,) = run.records("sync_runs")
    told = run.happened("request")
    assert len(told) == row["requests"]
    assert sum(line["rows"] for line in told) == row["rows"]
    assert {line["level"] for line in told} == {"debug"}
    mentions = [line for line in run.log_lines if "/v2/cursus" in line["message"]]
    assert len(mentions) == len(told)


def test_the_plain_log_has_the_same_sentences(tap: Tap, sandbox: RunningSandbox) -> None:
    log = tap.pointed_at(sandbox).run("cursus", "sync_runs").log
    assert re.search(r"cursus: 76 rows in \d requests? and \d+\.\d s\.$", log, re.MULTILINE)
    assert re.search(r"The run is complete: 76 rows in ", log)


def test_the_documented_configuration_structures_the_log(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    readme = (ROOT / "tap-ft42/README.md").read_text(encoding="utf-8")
    config = tmp_path / "logs.yml"
    config.write_text(readme.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    here = tap.within(SINGER_SDK_LOG_CONFIG=str(config))
    run = here.pointed_at(sandbox).run("cursus", "sync_runs")
    (ends,) = run.happened("run_ends")
    assert ends["rows"] == len(sandbox.truth("cursus"))


def test_a_stream_whose_turn_does_not_come_is_not_said_to_be_up_to_date(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.with_json_logs("INFO").pointed_at(sandbox, page_size=10)
    run = here.run("users", "blocs", "cursus", max_requests=2)
    ends = [line for line in run.happened("stream_ends") if not line["requests"]]
    assert ends
    assert all("turn did not come" in line["message"] for line in ends)


@pytest.mark.parametrize(("failures", "level"), [(1, "info"), (3, "warning")])
def test_a_failure_that_lasts_is_a_warning_and_one_that_passes_is_none(
    tap: Tap, api: ScriptedApi, failures: int, level: str
) -> None:
    broken = always(Reply({}, 500, {"Retry-After": "0"}))
    api.script["/v2/cursus"] = in_turn(*[broken] * failures, paged([]))
    told = tap.with_json_logs().pointed_at(api).run("cursus").happened("retry")
    assert [line["tries"] for line in told] == list(range(1, failures + 1))
    assert told[-1]["level"] == level


def test_a_refusal_is_no_warning(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("429", route="/v2/cursus", count=1)
    run = tap.with_json_logs().pointed_at(sandbox).run("cursus")
    (told,) = run.happened("refusal")
    assert told["level"] == "info"
    assert told["stream_name"] == "cursus"


def test_rejected_records_are_counted_with_their_reasons_and_without_their_values(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    sandbox.fault("wrong_type", route="/v2/cursus/:id/users", column="login", row=2)
    run = tap.with_json_logs().pointed_at(sandbox).run("users", "rejected_records")
    (told,) = run.happened("rejected_records")
    (row,) = run.records("rejected_records")
    assert told["level"] == "warning"
    assert told["reasons"] == {row["reason"]: told["rejected"]} == {row["reason"]: 1}
    assert str(row["body"]["login"]) not in told["message"]


def test_the_census_says_what_it_found(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.with_json_logs().pointed_at(sandbox, census_hour=0).run("blocs", "census")
    (told,) = run.happened("census")
    assert told["stream_name"] == "blocs"
    assert told["rows_listed"] == (rows := len(sandbox.truth("blocs")))
    assert (
        told["message"] == f"blocs: the census listed the ids of {rows} rows, for 0 requests."
    )


def test_a_run_that_its_budget_ends_says_so_once(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.with_json_logs().pointed_at(sandbox, page_size=10)
    run = here.run("users", "sync_runs", max_requests=2)
    (told,), (ends,) = run.happened("budget_ends"), run.happened("run_ends")
    assert ends["outcome"] == "early"
    assert told["reason"] == ends["reason"] == run.records("sync_runs")[0]["reason"]


def test_a_run_that_fails_says_what_it_had_asked_for_and_then_why(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script["/v2/cursus"] = paged([])
    api.script["/v2/blocs"] = always(Reply({}, 403))
    run = tap.with_json_logs("INFO").pointed_at(api).fail("cursus", "blocs")
    *_, ends, last = run.log_lines
    assert ends["extra"]["outcome"] == "failed"
    assert ends["extra"]["requests"] == 2
    assert last["level"] == "error"
    # One line says which part failed, and the last one that the run is not complete.
    assert [line["level"] for line in run.log_lines].count("error") == 2


# The secret's end


def test_a_secret_that_expires_within_a_week_is_a_warning(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    told = {}
    for days in (6, 8):
        until = int(time.time()) + days * DAY
        uid = f"expires-in-{days}"
        sandbox.control("POST", "applications", {"client_id": uid, "client_secret": "old"})
        secret = {"client_id": uid, "secret": "new", "valid_until": until}
        sandbox.control("POST", "secret", secret)
        here = tap.with_json_logs().pointed_at(sandbox, client_id=uid, client_secret="new")
        run = here.run("blocs", "sync_runs")
        told[days] = run.happened("secret_expires")
        (row,) = run.records("sync_runs")
        instant = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(until))
        assert row["secret_valid_until"] == instant
    (warning,) = told[6]
    assert warning["level"] == "warning"
    assert "client_secret" in warning["message"]
    assert told[8] == []


@pytest.mark.few(1)
@pytest.mark.parametrize("answer", [None, "2026", 1e300, -1e300])
def test_a_date_that_the_api_does_not_tell_is_no_failure(
    tap: Tap, api: ScriptedApi, answer: object
) -> None:
    token = {"access_token": "f" * 64, "expires_in": 7200, "secret_valid_until": answer}
    api.script[TOKEN_PATH] = always(Reply(token))
    api.script["/v2/cursus"] = paged([])
    run = tap.with_json_logs().pointed_at(api).run("cursus", "sync_runs")
    assert run.records("sync_runs")[0]["secret_valid_until"] is None
    assert run.happened("secret_expires") == []


def test_newer_answers_tell_no_date(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.configure(newer_token_answer=True)
    run = tap.pointed_at(sandbox).run("blocs", "sync_runs")
    assert run.records("sync_runs")[0]["secret_valid_until"] is None
