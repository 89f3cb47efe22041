"""A plan says what a run would ask for, at a request a stream, and is about right."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.tap.running import installed, written
from tests.tap.scripted import Reply, always

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

LINE = re.compile(
    r"(\w+) +(full|first load|changes|not due) +(\d{4}-\S+Z)? +([\d,]+|\?) +([\d,]+)"
)
SCOPES = (None, [1, 29])


class Cost(NamedTuple):
    """A line of a plan."""

    mode: str
    begins: str | None
    rows: int | None
    requests: int


def number(text: str) -> int | None:
    return None if text == "?" else int(text.replace(",", ""))


def plan(tap: Tap, *words: str, **settings: object) -> tuple[dict[str, Cost], str]:
    """The lines of a plan by stream, and all of it."""
    run = tap.call("plan", *words, **settings)
    assert run.exit_code == 0, run.log[-2000:]
    lines = {
        stream: Cost(mode, begins or None, number(rows), number(requests) or 0)
        for stream, mode, begins, rows, requests in LINE.findall(run.output)
    }
    return lines, run.output


def spent(run: Run) -> Counter[str]:
    """What a run asked for, by stream."""
    counts: Counter[str] = Counter()
    for row in run.records("sync_requests"):
        counts[row["stream"]] += row["requests"]
    return counts


@pytest.mark.few(1)
@pytest.mark.parametrize("campus_ids", SCOPES)
def test_a_plan_of_a_first_load_is_about_right(
    tap: Tap, sandbox: RunningSandbox, campus_ids: list[int] | None
) -> None:
    here = tap.pointed_at(sandbox, campus_ids=campus_ids, page_size=40)
    costs, _ = plan(here)
    run = here.run()
    real = spent(run)
    # Who studies where is looked up for the enrolments.
    real["projects_users"] += real.pop("campus_users", 0)
    assert set(costs) == set(real)
    total = sum(cost.requests for cost in costs.values())
    assert total == pytest.approx(real.total(), rel=0.1, abs=6)
    for stream, cost in costs.items():
        assert cost.mode in {"full", "first load"}
        assert cost.requests == pytest.approx(real[stream], rel=0.25, abs=6), stream
        rows = len(set(run.ids(stream)))
        if campus_ids and stream == "coalitions":  # told from the first of their blocs
            assert cost.rows == pytest.approx(rows, rel=0.5)
        elif campus_ids and stream == "cursus_users":  # the filter drops some of them
            assert cost.rows is not None
            assert cost.rows <= rows
        elif stream not in {"projects_users", "coalitions_users"} and cost.rows is not None:
            assert cost.rows == rows, stream


@pytest.mark.few(1)
@pytest.mark.parametrize("campus_ids", SCOPES)
def test_a_plan_of_a_later_run_is_about_right(
    tap: Tap, mutable: RunningSandbox, tmp_path: Path, campus_ids: list[int] | None
) -> None:
    here = tap.pointed_at(mutable, campus_ids=campus_ids, settle_seconds=0)
    first = here.run()
    mutable.live(seconds=3600, seed=4, within=0.5)
    costs, _ = plan(here, "--state", written(tmp_path / "state.json", first.state))
    real = spent(here.run(state=first.state))
    total = sum(cost.requests for cost in costs.values())
    assert total == pytest.approx(real.total(), rel=0.1, abs=4)
    assert {costs[stream].mode for stream in ("cursus", "blocs")} == {"not due"}
    for stream in ("users", "projects_users", "achievements", "projects"):
        assert costs[stream].mode == "changes"
        assert costs[stream].begins is not None


def test_a_plan_costs_a_request_a_stream(tap: Tap, sandbox: RunningSandbox) -> None:
    costs, _ = plan(tap.pointed_at(sandbox))
    routes = sandbox.requests()["routes"]
    assert sandbox.requests()["total"] == len(costs) == 11
    assert max(traffic["count"] for traffic in routes.values()) == 1
    assert all("page[size]=1" in e["target"] for e in sandbox.log() if e["route"] != "token")


def test_a_list_that_42_refuses_leaves_the_plan_of_the_others(
    tap: Tap, api: ScriptedApi
) -> None:
    one = Reply([{"id": 21}], headers={"X-Total": "2100"})
    api.script["/v2/cursus/21/users"] = always(one)
    here = tap.pointed_at(api)
    costs, _ = plan(here)
    assert costs["users"].rows == 2100
    assert costs["achievements"].rows is None
    told = "achievements: how much there is to read is not known. 42 answered 404"
    assert told in here.call("plan").log


@pytest.mark.slow
def test_what_is_not_due_is_not_asked_for(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    here = tap.pointed_at(sandbox)
    state = written(tmp_path / "state.json", here.run().state)
    sandbox.reset_requests()
    costs, _ = plan(here, "--state", state)
    assert costs["blocs"] == Cost("not due", None, 0, 0)
    assert "GET /v2/blocs" not in sandbox.requests()["routes"]


@pytest.mark.slow
def test_a_plan_counts_what_is_asked_again_once_a_month(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    here = tap.pointed_at(sandbox)
    state = here.run().state
    fresh, _ = plan(here, "--state", written(tmp_path / "state.json", state))
    for bookmark in state["bookmarks"].values():
        for route in bookmark.get("capabilities", {}).values():
            for seen in route.values():
                day = date.fromisoformat(seen["on"]) - timedelta(days=31)
                seen["on"] = day.isoformat()
    later, _ = plan(here, "--state", written(tmp_path / "state.json", state))
    more = {name: later[name].requests - cost.requests for name, cost in fresh.items()}
    assert {name: one for name, one in more.items() if one} == {
        "projects_users": 4,
        "coalitions_users": 2,
    }


def test_a_plan_emits_no_message(tap: Tap, sandbox: RunningSandbox) -> None:
    _, text = plan(tap.pointed_at(sandbox))
    assert not [line for line in text.splitlines() if line.startswith("{")]


def test_a_plan_is_summed_up_against_the_quota(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.pointed_at(sandbox, requests_per_second=20, requests_per_hour=1000)
    costs, text = plan(here, max_requests=50)
    total = sum(cost.requests for cost in costs.values())
    assert f"About {total:,} requests" in text
    assert f"{total / 980:.0%} of the 980 that an hour allows" in text
    assert "At 20 a second" in text
    assert f"{-(-total // 50)} runs" in text


@pytest.mark.slow
def test_the_word_may_come_last_and_the_state_from_meltano(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    here = tap.pointed_at(sandbox)
    state = written(tmp_path / "state.json", {"singer_state": here.run("users").state})
    folder_settings = {**here.settings, "quota_store": str(tmp_path / "quota.sqlite")}
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(folder_settings), encoding="utf-8")
    run = installed("--config", str(settings), "--state", state, "plan", HOME=str(tmp_path))
    assert run.exit_code == 0, run.log
    modes = {stream: mode for stream, mode, *_ in LINE.findall(run.output)}
    assert (modes["users"], modes["projects_users"]) == ("changes", "first load")


def test_a_budget_that_does_not_reach_for_a_plan_is_told(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox, max_requests=3).call("plan")
    assert run.exit_code == 1
    assert "Unset max_requests and max_minutes." in run.last_word
    assert "Traceback" not in run.log


def test_a_plan_names_what_42_allows_and_what_the_settings_allow(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    sandbox.configure(requests_per_second=50, requests_per_hour=3600)
    settings = {"requests_per_second": None, "requests_per_hour": 600}
    _, told = plan(tap.pointed_at(sandbox, **settings))
    assert "42 allows 50 requests a second and 3,600 an hour" in told
    assert "The settings allow as many and 600, so the run sends at most 50 and 600." in told


def test_a_plan_says_whether_it_is_of_a_first_load(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    here = tap.pointed_at(sandbox)
    said = "This is a first load: no bookmarks were given"
    assert said in plan(here)[1]
    state = written(tmp_path / "state.json", here.run("users").state)
    assert said not in plan(here, "--state", state)[1]
