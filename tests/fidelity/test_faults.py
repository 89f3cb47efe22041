"""Faults strike where, when and as often as their settings say."""

from __future__ import annotations

import http.client
import json
import urllib.error
from typing import TYPE_CHECKING

import pytest
from ft42_sandbox.testing import ControlError

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

BROKEN = (http.client.HTTPException, urllib.error.URLError, ConnectionError)


@pytest.mark.parametrize("kind", ["500", "502", "503", "504"])
def test_the_proxies_errors_are_html(sandbox: RunningSandbox, kind: str) -> None:
    sandbox.fault(kind)
    reply = sandbox.get("/v2/cursus")
    assert reply.status == int(kind)
    assert reply.headers["Content-Type"].startswith("text/html")


def test_an_error_may_carry_the_database_s_text(sandbox: RunningSandbox) -> None:
    sandbox.fault("500_sql")
    assert "PG::" in sandbox.get("/v2/cursus").json()["error"]


def test_html_may_come_with_status_200(sandbox: RunningSandbox) -> None:
    sandbox.fault("html")
    reply = sandbox.get("/v2/cursus")
    assert reply.status == 200
    assert reply.body.startswith(b"<html>")


@pytest.mark.slow
def test_cloudflare_may_ask_for_javascript(sandbox: RunningSandbox) -> None:
    sandbox.fault("cloudflare")
    reply = sandbox.get("/v2/cursus")
    assert reply.status == 403
    assert b"Just a moment..." in reply.body


@pytest.mark.parametrize("kind", ["cut", "drop"])
def test_a_connection_breaks_before_or_within_the_body(
    sandbox: RunningSandbox, kind: str
) -> None:
    sandbox.fault(kind, count=1)
    with pytest.raises(BROKEN):
        sandbox.get("/v2/cursus?page[size]=100")
    assert sandbox.get("/v2/cursus").status == 200


def test_a_body_may_be_cut_in_half_and_look_complete(sandbox: RunningSandbox) -> None:
    whole = sandbox.get("/v2/cursus").body
    sandbox.fault("cut_clean", count=1)
    reply = sandbox.get("/v2/cursus")
    assert reply.body == whole[: len(whole) // 2]
    with pytest.raises(json.JSONDecodeError):
        reply.json()


def test_a_request_may_never_be_answered(sandbox: RunningSandbox) -> None:
    sandbox.fault("timeout", count=1, seconds=0.2)
    with pytest.raises(BROKEN):
        sandbox.get("/v2/cursus")


def test_a_slow_answer_is_whole_in_the_end(sandbox: RunningSandbox) -> None:
    whole = sandbox.get("/v2/cursus").body
    sandbox.fault("drip", seconds=0.2)
    assert sandbox.get("/v2/cursus").body == whole


def test_a_total_may_be_missing(sandbox: RunningSandbox) -> None:
    sandbox.fault("no_total", route="/v2/cursus")
    assert sandbox.get("/v2/cursus").headers["X-Total"] is None


@pytest.mark.parametrize("lose", [False, True])
def test_a_row_may_come_on_two_pages(sandbox: RunningSandbox, *, lose: bool) -> None:
    first, second = (
        sandbox.get(f"/v2/users?page[size]=20&page[number]={n}").ids for n in (1, 2)
    )
    sandbox.fault("duplicate_row", query="page[number]=2", lose=lose)
    again = sandbox.get("/v2/users?page[size]=20&page[number]=2").ids
    assert again == [first[-1], *(second[:-1] if lose else second)]
    assert sandbox.get("/v2/users?page[size]=20&page[number]=1").ids == first


def test_records_may_have_a_field_too_many_too_few_or_of_another_type(
    sandbox: RunningSandbox,
) -> None:
    usual = sandbox.get("/v2/cursus").json()
    sandbox.fault("extra_field", column="colour")
    sandbox.fault("missing_field", column="slug", row=1)
    sandbox.fault("wrong_type", row=2)
    rows = sandbox.get("/v2/cursus").json()
    assert set(rows[0]) - set(usual[0]) == {"colour"}
    assert set(usual[1]) - set(rows[1]) == {"slug"}
    assert rows[2]["id"] == str(usual[2]["id"])
    assert rows[3:] == usual[3:]


def test_a_token_may_expire_in_the_middle_of_a_read(sandbox: RunningSandbox) -> None:
    sandbox.fault("expire_token", after=2, count=1)
    statuses = [sandbox.get(f"/v2/cursus?page={n}").status for n in (1, 2, 3)]
    assert statuses == [200, 200, 401]


def test_the_hour_s_quota_may_be_gone(sandbox: RunningSandbox) -> None:
    sandbox.configure(requests_per_hour=1200)
    sandbox.fault("use_up_hour", after=1)
    assert [sandbox.get("/v2/cursus").status for _ in range(3)] == [200, 429, 429]


def test_a_fault_strikes_its_route_only(sandbox: RunningSandbox) -> None:
    sandbox.fault("502", route="/v2/cursus/:id/users")
    assert sandbox.get("/v2/cursus/21/users").status == 502
    assert sandbox.get("/v2/users").status == 200
    sandbox.fault("503", route="/v2/campus*")
    assert sandbox.get("/v2/campus").status == 503
    assert sandbox.get("/v2/campus/1").status == 503


def test_a_fault_strikes_as_often_as_it_is_told(sandbox: RunningSandbox) -> None:
    sandbox.fault("500", after=1, every=2, count=2)
    statuses = [sandbox.get("/v2/cursus/21").status for _ in range(7)]
    assert statuses == [200, 500, 200, 500, 200, 200, 200]


def test_a_fault_strikes_with_its_probability(sandbox: RunningSandbox) -> None:
    def statuses() -> list[int]:
        sandbox.clear_faults()
        sandbox.fault("500", probability=0.5)
        return [sandbox.get("/v2/cursus/21").status for _ in range(60)]

    first = statuses()
    assert 20 < first.count(500) < 40
    assert statuses() == first


def test_a_fault_waits_for_its_time(sandbox: RunningSandbox) -> None:
    sandbox.fault("500", start=3600.0)
    sandbox.fault("502", period=3600.0, open=0.0)
    assert sandbox.get("/v2/cursus").status == 200
    sandbox.fault("503", period=3600.0, open=3600.0)
    assert sandbox.get("/v2/cursus").status == 503


def test_the_token_endpoint_fails_too(sandbox: RunningSandbox) -> None:
    sandbox.token()
    sandbox.fault("503", route="token")
    form = {"grant_type": "client_credentials"}
    assert sandbox.send("POST", "/oauth/token", form=form).status == 503
    assert sandbox.get("/v2/cursus").status == 200


def test_faults_are_told_and_taken_away_one_by_one(sandbox: RunningSandbox) -> None:
    first, second = (
        sandbox.fault("500", route="/v2/blocs"),
        sandbox.fault("502", route="/v2/me"),
    )
    assert sandbox.get("/v2/blocs").status == 500
    told = sandbox.control("GET", "faults")
    assert [(f["kind"], f["seen"], f["struck"]) for f in told] == [("500", 1, 1), ("502", 0, 0)]
    left = sandbox.control("DELETE", f"faults?number={first['number']}")
    assert [f["number"] for f in left] == [second["number"]]


@pytest.mark.parametrize("rule", [{"kind": "flood"}, {"kind": "500", "often": 1}])
def test_an_unknown_fault_is_refused_with_a_reason(
    sandbox: RunningSandbox, rule: dict[str, object]
) -> None:
    with pytest.raises(ControlError, match=r"there is no fault flood|has no often"):
        sandbox.control("POST", "faults", rule)
