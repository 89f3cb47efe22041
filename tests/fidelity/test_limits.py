"""Rate limits: fixed windows of the second and the hour, their headers and refusals."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
from ft42_sandbox.limits import Windows

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

BODY = b"429 Too Many Requests (Spam Rate Limit Exceeded)"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock as the windows see it, to be set by the test."""
    clock = [1_800_000_000.25]
    monkeypatch.setattr("time.time", lambda: clock[0])
    return clock


def test_windows_are_those_of_the_clock_and_not_of_the_first_request(
    now: list[float],
) -> None:
    windows = Windows()
    now[0] = 1_800_000_000.9
    assert [windows.count("a", 2, 0).allowed for _ in range(3)] == [True, True, False]
    now[0] = 1_800_000_001.0
    assert [windows.count("a", 2, 0).allowed for _ in range(3)] == [True, True, False]


def test_a_refused_second_says_one_and_a_refused_hour_the_rest_of_it(now: list[float]) -> None:
    windows = Windows()
    assert [windows.count("a", 1, 2).wait for _ in range(2)] == [0, 1]
    now[0] += 1
    assert windows.count("a", 1, 2).wait == 0
    now[0] += 1
    refused = windows.count("a", 1, 2)
    assert not refused.allowed
    assert refused.wait == 3600 - int(now[0] % 3600)
    assert refused.headers["X-Hourly-RateLimit-Remaining"] == "0"
    now[0] += refused.wait
    assert windows.count("a", 1, 2).allowed


def test_what_is_left_counts_the_present_request(now: list[float]) -> None:
    assert now
    headers = Windows().count("a", 2, 1200).headers
    assert headers == {
        "X-Secondly-RateLimit-Limit": "2",
        "X-Secondly-RateLimit-Remaining": "1",
        "X-Hourly-RateLimit-Limit": "1200",
        "X-Hourly-RateLimit-Remaining": "1199",
    }


@pytest.mark.parametrize(("counts", "left"), [(False, "9"), (True, "7")])
def test_whether_a_refused_request_uses_up_the_hour_is_a_setting(
    now: list[float], *, counts: bool, left: str
) -> None:
    assert now
    windows = Windows()
    for _ in range(3):
        verdict = windows.count("a", 1, 10, refused_count=counts)
    assert verdict.headers["X-Hourly-RateLimit-Remaining"] == left


def test_applications_have_windows_of_their_own(now: list[float]) -> None:
    assert now
    windows = Windows()
    assert [windows.count(uid, 1, 1).allowed for uid in "aab"] == [True, False, True]


def test_the_refusal_is_plain_text_with_the_time_to_wait(sandbox: RunningSandbox) -> None:
    sandbox.configure(requests_per_hour=3)
    sandbox.control("POST", "quota", {"use_up_hour": True})
    reply = sandbox.get("/v2/cursus")
    assert (reply.status, reply.body) == (429, BODY)
    assert reply.headers["Content-Type"] == "text/plain"
    assert 0 < int(reply.headers["Retry-After"]) <= 3601
    assert reply.headers["X-Hourly-RateLimit-Remaining"] == "0"
    sandbox.configure(retry_after=False)
    assert sandbox.get("/v2/cursus").headers["Retry-After"] is None


def test_the_hour_is_used_up_by_requests_of_every_route(sandbox: RunningSandbox) -> None:
    sandbox.token()
    sandbox.configure(requests_per_hour=4)
    paths = ("/v2/cursus", "/v2/campus?page[size]=1", "/v2/me", "/v2/blocs", "/v2/cursus")
    assert [sandbox.get(path).status for path in paths] == [200, 200, 404, 200, 429]


def test_others_may_have_used_a_part_of_the_hour(sandbox: RunningSandbox) -> None:
    sandbox.configure(requests_per_hour=1200)
    sandbox.use_quota(1_000)
    headers = sandbox.get("/v2/cursus").headers
    assert headers["X-Hourly-RateLimit-Remaining"] == "199"
    sandbox.use_quota(199)
    assert sandbox.get("/v2/cursus").status == 429
    sandbox.reset_quota()
    assert sandbox.get("/v2/cursus").headers["X-Hourly-RateLimit-Remaining"] == "1199"


def test_an_answer_s_date_is_the_second_in_which_it_was_counted(
    sandbox: RunningSandbox,
) -> None:
    sandbox.token()
    sandbox.reset_requests()
    dates = [sandbox.get("/v2/cursus/21").headers["Date"] for _ in range(20)]
    for date, asked in zip(dates, sandbox.log(), strict=True):
        answered = parsedate_to_datetime(date).timestamp()
        assert int(asked["at"]) <= answered <= asked["at"] + asked["seconds"]


def test_a_new_token_does_not_open_the_window_again(sandbox: RunningSandbox) -> None:
    sandbox.configure(requests_per_hour=1)
    sandbox.get("/v2/cursus")
    sandbox.control("POST", "tokens/expire")
    sandbox._token.clear()  # noqa: SLF001 - so that a new one is asked for
    assert sandbox.get("/v2/cursus").status == 429


def test_stray_refusals_come_within_the_limits_too(sandbox: RunningSandbox) -> None:
    sandbox.configure(stray_429=0.5)
    statuses = [sandbox.get("/v2/cursus/21").status for _ in range(40)]
    assert {200, 429} == set(statuses)


def test_an_application_with_a_role_has_limits_of_its_own(sandbox: RunningSandbox) -> None:
    sandbox.control(
        "POST",
        "applications",
        {
            "client_id": "official",
            "client_secret": "s",
            "roles": "Official App",
            "requests_per_second": 8,
            "requests_per_hour": 3600,
        },
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": "official",
        "client_secret": "s",
    }
    token = sandbox.send("POST", "/oauth/token", form=form).json()["access_token"]
    headers = sandbox.get("/v2/cursus", Authorization=f"Bearer {token}").headers
    assert headers["X-Secondly-RateLimit-Limit"] == "8"
    assert headers["X-Hourly-RateLimit-Limit"] == "3600"
    assert headers["X-Application-Roles"] == "Official App"
