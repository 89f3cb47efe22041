"""The doctor finds out what an API can do, says what the tap makes of it, and names nobody."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.conftest import SIZE
from tests.tap.running import INSTALLED
from tests.tap.scripted import Reply, always, in_turn, paged
from tests.waiting import until

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

REPORTS = Path(__file__).resolve().parents[1] / "reports"
DENIED = always(Reply({"error": "Access Denied", "message": "Anna may not see this."}, 403))
MOST_REQUESTS = 38
"""With that for the token, on an API that is as assumed."""

USERS, ENROLMENTS = "/v2/cursus/{cursus_id}/users", "/v2/projects_users"


def visit(tap: Tap, *words: str, **settings: object) -> tuple[Run, dict[str, Any]]:
    """What the doctor does, and what it writes as JSON."""
    run = tap.call("doctor", "--json", *words, **settings)
    return run, json.loads(run.output)


def found(report: dict[str, Any], subject: str) -> dict[str, Any]:
    """The line about something."""
    (line,) = [line for line in report["findings"] if line["subject"] == subject]
    return dict(line)


@pytest.fixture
def small(api: ScriptedApi) -> ScriptedApi:
    """An API with a few rows in each list that is read by default."""
    rows = [{"id": number, "updated_at": "2026-01-01T00:00:00.000Z"} for number in (3, 2, 1)]
    for path in (
        "/v2/cursus", "/v2/campus", "/v2/cursus/21/projects", "/v2/achievements",
        "/v2/blocs", "/v2/coalitions", "/v2/cursus/21/users", ENROLMENTS,
        "/v2/achievements_users", "/v2/coalitions_users", "/v2/cursus/21/cursus_users",
    ):  # fmt: skip
        api.script[path] = paged(rows)
    return api


def test_an_api_that_is_as_assumed_is_told_so_for_few_requests(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox).call("doctor")
    assert run.exit_code == 0, run.log
    counts = sandbox.requests()
    assert counts["total"] + counts["token"] <= MOST_REQUESTS
    assert f"{counts['total'] + counts['token']} requests in" in run.output
    assert "All can be read." in run.output
    for route in (USERS, ENROLMENTS, "/v2/coalitions", "/v2/blocs"):
        assert re.search(rf"\w+ {re.escape(route)} +as declared +as declared, ", run.output)
    assert re.search(r"clock +that of 42 +the same", run.output)
    assert re.search(r"secret +valid for 28 days +valid for \d+ more days", run.output)


@pytest.mark.few(1)
@pytest.mark.parametrize("name", ["strict", "stingy", "broken", "official"])
def test_what_an_api_does_otherwise_is_found(tap: Tap, name: str) -> None:
    file = REPORTS / f"{name}.json"
    meant = json.loads(file.read_text())
    size = SIZE | {"enrolments": 2_000, "users": 300}
    with running_sandbox(**size, **{"as": str(file)}) as sandbox:
        run, report = visit(tap.pointed_at(sandbox))
    assert run.exit_code == 0, run.log
    for route, expected in meant["routes"].items():
        seen = report["routes"][route]
        assert seen["status"] == expected["status"], route
        differs = dict(expected.get("differs", {}))
        # Halves are tried, and what is never asked for is not found.
        for halved in ("longest_list", "page_size"):
            if differs.get(halved, 1) > 1:
                assert differs.pop(halved) // 2 < seen["differs"].pop(halved), route
        differs.pop("beyond_list", None)
        seen["differs"].pop("beyond_list", None)
        if differs.get("totals") == "wrong" and seen["differs"].get("totals") == "doubted":
            differs["totals"] = "doubted"  # another day has to confirm it
        assert _asked_for(differs, route) == seen["differs"], route
    assert report["application"]["roles"] == meant["application"]["roles"]
    ahead = meant["clock"]["seconds_ahead"]
    assert report["clock"]["seconds_ahead"] == pytest.approx(ahead, abs=2)


def _asked_for(differs: dict[str, Any], route: str) -> dict[str, Any]:
    """What the doctor can notice of a report."""
    if route == ENROLMENTS and "refused" in differs:
        differs.pop("refused")  # enrolments are never sorted
    return differs


def test_the_report_names_nobody(tap: Tap, sandbox: RunningSandbox, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    run, printed = visit(tap.pointed_at(sandbox), "--report", str(file))
    report = file.read_text(encoding="utf-8")
    assert json.loads(report) == printed
    assert printed["routes"][USERS]["fields"]["login"]["types"] == ["text"]
    words, numbers = set(re.findall(r"[\w.@-]+", report)), set(re.findall(r"\d+", report))
    for person in sandbox.truth("users"):
        assert not words & {person[name] for name in ("login", "email", "first_name")}
        assert person["usual_full_name"] not in report
        if person["id"] > 10_000:  # the smaller ones may be counts
            assert str(person["id"]) not in numbers
    for secret in (sandbox.client_id + '"', sandbox.url):
        assert secret not in report
    assert sandbox.client_secret not in run.log


def test_records_are_told_by_types_and_null_shares(tap: Tap, small: ScriptedApi) -> None:
    small.script["/v2/cursus"] = paged(
        [
            {"id": 1, "owner": {"login": "anyman"}, "by_login": {"anyman": 1}, "name": None},
            {"id": 2, "owner": {"login": "bnyman"}, "by_login": {"bnyman": 1}, "name": "42"},
            {"id": 3, "owner": None, "by_login": {"cnyman": 1}, "at": "2026-01-01"},
        ]
    )
    run, report = visit(tap.pointed_at(small))
    fields = report["routes"]["/v2/cursus"]["fields"]
    assert fields["id"] == {"types": ["integer"], "null": 0, "missing": 0}
    assert fields["name"] == {"types": ["digits"], "null": 0.5, "missing": 0.333}
    assert fields["owner.login"] == {"types": ["text"], "null": 0, "missing": 0}
    assert fields["by_login.(others)"] == {"fields": 3}
    assert "nyman" not in run.output


def test_a_list_that_the_application_may_not_read_has_no_way_unless_it_is_off(
    tap: Tap, small: ScriptedApi
) -> None:
    run, report = visit(tap.pointed_at(small))
    assert run.exit_code == 0, run.log
    assert found(report, "campus_users /v2/campus_users")["found"].startswith("404")
    small.script["/v2/blocs"] = DENIED
    run, report = visit(tap.pointed_at(small))
    assert run.exit_code == 1
    assert report["routes"]["/v2/blocs"]["can"]["is_allowed"] is False
    line = found(report, "blocs /v2/blocs")
    assert line["found"] == "403: not for this application"
    assert line["so"].endswith("deselect the stream")
    assert "Anna" not in run.output
    told = tap.pointed_at(small).call("doctor")
    assert told.exit_code == 1
    assert "Cannot be read: blocs /v2/blocs." in told.output


def test_pages_whose_number_does_not_count_have_no_way(tap: Tap, small: ScriptedApi) -> None:
    rows = [{"id": number, "updated_at": "2026-01-01T00:00:00Z"} for number in range(250)]
    pages = paged(rows[::-1])

    def first_page(asked: Any) -> Reply:  # noqa: ANN401 - what the script is asked
        asked.query["page[number]"] = "1"
        return pages(asked)

    small.script["/v2/coalitions"] = first_page
    run, report = visit(tap.pointed_at(small))
    assert run.exit_code == 1
    assert found(report, "coalitions pages")["found"] == "always the first"


def test_ranges_that_may_not_be_wide_and_pages_without_numbers_are_found(
    tap: Tap, tmp_path: Path
) -> None:
    routes = {
        USERS: {"status": 200, "differs": {"widest_range": 10 * 24 * 3_600_000}},
        "/v2/cursus/{cursus_id}/cursus_users": {"differs": {"numbers_pages": False}},
        "/v2/coalitions_users": {"differs": {"ignored": ["filter[coalition_id]"]}},
        ENROLMENTS: {"differs": {"ignored": ["filter[campus]"]}},
    }
    file = tmp_path / "likeness.json"
    file.write_text(json.dumps({"format": 1, "routes": routes}))
    with running_sandbox(**SIZE | {"users": 300}, **{"as": str(file)}) as sandbox:
        run, report = visit(tap.pointed_at(sandbox))
    assert run.exit_code == 0, run.log
    assert found(report, "users widest range of updated_at")["so"] == "reads it in pieces"
    assert found(report, "cursus_users pages")["so"] == "reads it in pieces"
    assert report["routes"][ENROLMENTS]["differs"] == {"ignored": ["filter[campus]"]}
    points = report["routes"]["/v2/coalitions_users"]["differs"]
    assert points == {"ignored": ["filter[coalition_id]"]}


def test_what_fails_once_is_asked_again_and_what_fails_twice_is_found(
    tap: Tap, small: ScriptedApi
) -> None:
    well, down = small.script["/v2/blocs"], always(Reply(b"<html>", 502))
    small.script["/v2/blocs"] = in_turn(down, well)
    run, _ = visit(tap.pointed_at(small))
    assert run.exit_code == 0, run.log
    small.script["/v2/blocs"] = down
    run, report = visit(tap.pointed_at(small))
    assert run.exit_code == 1
    assert found(report, "blocs /v2/blocs")["found"] == "answers 502"


def test_a_test_that_gets_no_answer_is_told(tap: Tap, small: ScriptedApi) -> None:
    rows = [{"id": number} for number in range(250)]
    pages, down = paged(rows), Reply(b"<html>", 500)
    small.script["/v2/coalitions"] = lambda asked: down if asked.page > 1 else pages(asked)
    run, report = visit(tap.pointed_at(small))
    assert run.exit_code == 0, run.log
    assert found(report, "coalitions /v2/coalitions")["found"].startswith("100 rows in")
    assert found(report, "coalitions tests")["found"] == "answers 500"


def test_credentials_that_are_refused_are_told_and_reported(
    tap: Tap, small: ScriptedApi, tmp_path: Path
) -> None:
    refused = {"error": "invalid_client", "error_description": "unknown client"}
    small.script["/oauth/token"] = always(Reply(refused, 401))
    file = tmp_path / "report.json"
    run = tap.pointed_at(small).call("doctor", "--report", str(file))
    assert run.exit_code == 1
    assert re.search(r"credentials +accepted +refused +reads nothing", run.output)
    assert "| 42 refused the application's credentials" in run.last_word
    assert json.loads(file.read_text())["application"]["is_accepted"] is False


def test_an_hour_that_is_used_up_is_told_at_once(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.configure(requests_per_hour=10)
    run = tap.pointed_at(sandbox, requests_per_hour=10).call("doctor")
    assert run.exit_code == 1
    assert "| The doctor has stopped: the quota is used up. Ask the doctor again" in run.log


@pytest.mark.slow
def test_a_signal_stops_it_with_a_word(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.configure(latency="real", latency_factor=0.3)
    settings = tmp_path / "settings.json"
    here = {"quota_store": str(tmp_path / "quota.sqlite"), "requests_per_second": 2}
    settings.write_text(json.dumps({**tap.pointed_at(sandbox).settings, **here}))
    process = subprocess.Popen(
        [INSTALLED, "--config", str(settings), "doctor"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    until(lambda: sandbox.requests()["total"] > 1)
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The doctor has stopped: it was sent SIGINT." in log
    assert "Traceback" not in log
    assert sandbox.requests()["total"] < 20


def test_limits_that_the_application_has_are_told_beside_the_settings(
    tap: Tap, small: ScriptedApi
) -> None:
    headers = {
        "X-Secondly-RateLimit-Limit": "8",
        "X-Hourly-RateLimit-Limit": "3600",
        "X-Application-Roles": "Official App, Friend of Anna",
    }
    small.script["/v2/cursus"] = always(Reply([{"id": 21}], 200, headers))
    run, report = visit(tap.pointed_at(small), requests_per_second=200, requests_per_hour=1200)
    assert report["application"]["requests_per_hour"] == 3600
    assert report["application"]["roles"] == "Official App, another one"
    assert found(report, "requests a second")["found"] == "8"
    limit = found(report, "requests an hour")
    assert limit["so"] == "sends 1,200 at most, because a setting says so"
    assert "Anna" not in run.output
    _, report = visit(tap.pointed_at(small), requests_per_second=None, requests_per_hour=None)
    assert found(report, "requests an hour") == {
        "subject": "requests an hour",
        "assumed": "1,200",
        "found": "3,600",
        "so": "sends 3,600 at most",
        "has_way": True,
    }
