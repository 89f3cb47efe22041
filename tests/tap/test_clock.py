"""A machine whose clock is wrong hides nothing, and what it remembered is not believed."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.planning.impossible import forget_the_future

from tests.tap.scripted import Reply, always, in_turn, paged
from tests.waiting import away_from_the_end_of_the_hour

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi

DAY = 24 * 3600
OWN = ("rejected_records", "census", "sync_runs")
CURSUS = {"id": 21, "created_at": None, "name": "42", "slug": "42", "kind": "main"}


@pytest.mark.few(1)
@pytest.mark.parametrize("days", [3, -3])
def test_a_run_under_a_wrong_clock_hides_no_change(
    tap: Tap, mutable: RunningSandbox, days: int
) -> None:
    right = tap.pointed_at(mutable, settle_seconds=0)
    wrong = replace(right, now=time.time() + days * DAY)
    first = wrong.run("users", *OWN)
    assert "This machine's clock is 3 days" in first.log
    (user, *_) = first.ids("users")
    mutable.update("users", user, wallet=4200 + days)
    second = right.run("users", *OWN, state=first.state)
    assert [row["wallet"] for row in second.records("users") if row["id"] == user][-1:] == [
        4200 + days
    ]
    told = {
        row["started_at"][:10] for run in (first, second) for row in run.records("sync_runs")
    }
    today = datetime.now(UTC)
    assert told <= {f"{today:%Y-%m-%d}", f"{today - timedelta(minutes=30):%Y-%m-%d}"}


@pytest.mark.few(1)
@pytest.mark.parametrize("days", [3, -3])
def test_a_server_that_names_an_instant_means_its_own_clock(
    tap: Tap, api: ScriptedApi, days: int
) -> None:
    away_from_the_end_of_the_hour(15)  # no wait goes beyond it

    def refusal(_asked: Asked) -> Reply:
        until = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
        return Reply(b"429 Too Many Requests", 429, {"Retry-After": until})

    api.script["/v2/cursus"] = in_turn(refusal, paged([CURSUS]))
    wrong = replace(tap.pointed_at(api), now=time.time() + days * DAY)
    assert wrong.run("cursus").ids("cursus") == [21]
    first, second = (asked.at for asked in api.asked_for("/v2/cursus"))
    assert 2 <= second - first < 30


def test_a_state_from_the_future_counts_as_unknown(tap: Tap, mutable: RunningSandbox) -> None:
    here = tap.pointed_at(mutable, settle_seconds=0)
    first = here.run("users", "projects_users", *OWN)
    (user, *_) = first.ids("users")
    mutable.update("users", user, wallet=777)
    spoilt: dict[str, Any] = first.state
    later = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M:%S.000Z}"
    users = spoilt["bookmarks"]["users"]
    users["read_until"] = users["served_at"] = later
    users["census"] |= {"taken": later}
    run = here.run("users", *OWN, state=spoilt)
    assert [line for line in run.warnings if "users" in line and "in the future" in line]
    assert 777 in {row["wallet"] for row in run.records("users") if row["id"] == user}
    kept = run.state["bookmarks"]["users"]
    assert max(kept["read_until"], kept["census"]["taken"]) < later


def test_only_what_lies_in_the_future_is_forgotten_of_a_state() -> None:
    now = 20_000 * DAY * 1000
    soon, later = map(from_milliseconds, (now + 300_000, now + 300_001))
    bookmark, never = from_milliseconds(now - 1), from_milliseconds(0)
    state: dict[str, Any] = {
        "replication_key_value": bookmark,
        "read_until": soon,
        "served_at": later,
        "census": {"taken": later, "since": later, "bounds": later, "days": {"a": later}},
        "scores": {"read": soon, "way": "zigzag"},
        "refreshed_at": {"users": later},
    }
    forget_the_future({"bookmarks": {"users": state, "blocs": {"served_at": soon}}}, now)
    assert state == {
        "replication_key_value": bookmark,
        "read_until": soon,
        "census": {
            "taken": bookmark,
            "since": never,
            "bounds": bookmark,
            "days": {"a": bookmark},
        },
        "scores": {"read": soon, "way": "zigzag"},
        "refreshed_at": {"users": bookmark},
    }


@pytest.mark.parametrize("lost", ["replication_key_value", "until"])
def test_where_a_bookmark_lies_in_the_future_all_is_read_again(lost: str) -> None:
    now = 20_000 * DAY * 1000
    past, later = map(from_milliseconds, (now - 1, now + 300_001))
    state: dict[str, Any] = {
        "read_until": past,
        "served_at": past,
        "from_scratch": {"next_id": 7, "until": past},
        "census": {"taken": later},
    }
    (state["from_scratch"] if lost == "until" else state)[lost] = later
    states = {"bookmarks": {"users": {"partitions": [state]}}}
    forget_the_future(states, now)
    assert state == {"served_at": past, "census": {"taken": from_milliseconds(0)}}


def test_a_run_in_which_nothing_came_fails(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus"] = always(Reply({}, 502))
    run = tap.pointed_at(api, max_requests=2).fail("cursus", "sync_runs")
    assert "The run read nothing" in run.last_word
    assert [row["outcome"] for row in run.records("sync_runs")] == ["failed"]


def test_an_account_kept_by_a_wrong_clock_holds_up_nobody(
    tap: Tap, api: ScriptedApi, tmp_path: Path
) -> None:
    api.script["/v2/cursus"] = paged([CURSUS])
    limits = {"requests_per_second": 2, "requests_per_hour": 1200}
    store = tmp_path / "quota.sqlite"
    here = tap.pointed_at(api, **limits, quota_store=str(store))
    here.run("cursus")
    with closing(sqlite3.connect(store)) as database:
        for (table,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall():
            database.execute(f"UPDATE {table} SET item_timestamp = item_timestamp + 259200000")  # noqa: S608
        database.commit()
    assert here.run("cursus", max_minutes=1).ids("cursus") == [21]


def test_a_damaged_account_is_put_aside(tap: Tap, api: ScriptedApi, tmp_path: Path) -> None:
    api.script["/v2/cursus"] = paged([CURSUS])
    store = tmp_path / "quota.sqlite"
    store.write_bytes(b"no database at all" * 500)
    run = tap.pointed_at(
        api, requests_per_second=2, requests_per_hour=1200, quota_store=str(store)
    ).run("cursus")
    assert run.ids("cursus") == [21]
    assert len([line for line in run.warnings if "was damaged" in line]) == 1
    assert (tmp_path / "quota.sqlite.damaged").exists()


def test_a_spool_that_cannot_be_written_costs_no_row(
    tap: Tap, api: ScriptedApi, tmp_path: Path
) -> None:
    api.script["/v2/cursus"] = paged([CURSUS])
    (tmp_path / "file").touch()
    run = tap.pointed_at(api, spool=str(tmp_path / "file" / "spool")).run("cursus")
    assert run.ids("cursus") == [21]
    assert len([line for line in run.warnings if "goes on without it" in line]) == 1


def test_what_others_left_in_the_spool_for_a_day_goes(
    tap: Tap, api: ScriptedApi, tmp_path: Path
) -> None:
    api.script["/v2/cursus"] = paged([CURSUS])
    old, new, foreign = (
        tmp_path / name for name in (f"{'a' * 16}.sqlite", f"{'b' * 16}.sqlite", "mine.txt")
    )
    for file in (old, new, foreign):
        file.touch()
    for file in (old, foreign):
        os.utime(file, (time.time() - 2 * DAY,) * 2)
    run = tap.pointed_at(api, spool=str(tmp_path)).run("cursus")
    assert run.warnings == []
    assert {file.name for file in tmp_path.iterdir()} == {new.name, foreign.name}


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_server_that_does_not_say_what_time_it_is_is_told_of_once(
    tap: Tap, api: ScriptedApi, date: str
) -> None:
    api.script["/v2/cursus"] = paged([CURSUS])
    api.date = date
    run = tap.pointed_at(api).run("cursus")
    assert run.ids("cursus") == [21]
    assert sum("does not say what time it is" in line for line in run.warnings) == 1
