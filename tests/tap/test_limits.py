"""The account of an application's requests, by a clock that the test moves."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tap_ft42.api.quota import Quota

from tests.tap.moved import Moved

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600
BEGINS = 1_800_000_000.0
NOW = BEGINS + 600
"""The beginning of an hour, and ten minutes after it."""


HEADERS = {"left": "X-Hourly-RateLimit-Remaining", "again": "Retry-After"}


def quota_by(clock: Moved, **settings: Any) -> Quota:  # noqa: ANN401 - what the quota takes
    return Quota(**{"per_second": 0, "per_hour": 0, "clock": clock, **settings})


def learn(
    quota: Quota, clock: Moved, status: int = 200, *, age: float = 0, **told: float
) -> None:
    """Let the account learn from an answer.

    Args:
        quota: the account.
        clock: the clock of 42.
        status: of the answer.
        age: seconds that passed since the answer.
        told: what its headers tell: how many requests are `left`, or when to ask `again`.
    """
    response = requests.Response()
    response.status_code = status
    response.headers["Date"] = formatdate(clock.at - age, usegmt=True)
    for name, value in told.items():
        response.headers[HEADERS[name]] = str(value)
    quota.learn(response)


def test_a_second_and_a_moment_more_has_no_more_requests_than_allowed() -> None:
    quota = quota_by(clock := Moved(NOW), per_second=2)
    assert [quota.take(), quota.take()] == [0, 0]
    assert quota.take() == pytest.approx(1.026)
    clock.at += 1.02
    assert 0 < quota.take() < 0.01
    clock.at += 0.01
    assert [quota.take(), quota.take()] == [0, 0]
    assert quota.take() > 1


def test_an_hour_that_is_used_up_lets_one_request_through_to_see_whether_it_is() -> None:
    quota = quota_by(clock := Moved(NOW), per_hour=3)
    for left in (3000, HOUR):
        assert [quota.take() for _ in range(4)] == [0] * 4
        assert quota.spent == 3
        assert quota.take() == pytest.approx(left, abs=1)
        assert quota.rest_of_the_hour == left
        clock.at += left
        assert quota.spent == 0


def test_without_a_limit_of_the_hour_nothing_is_counted() -> None:
    quota = quota_by(Moved(NOW))
    assert quota.take() == 0
    assert quota.spent == 0


def test_what_others_used_is_charged_and_the_reserve_is_left() -> None:
    quota = quota_by(clock := Moved(NOW), per_hour=101, reserve_percent=10)
    assert quota.take() == 0
    learn(quota, clock, left=50)
    assert quota.spent == 91 - (50 - 10)
    learn(quota, clock, left=60)  # an answer on its way, from before
    assert quota.spent == 51
    learn(quota, clock, left=5)  # less than the reserve
    assert quota.spent == 91
    assert quota.left == 5


@pytest.mark.parametrize(("left", "spent"), [(600, 500), (601, 399)])
def test_an_account_is_emptied_if_requests_on_their_way_cannot_explain_it(
    left: int, spent: int
) -> None:
    quota = quota_by(clock := Moved(NOW), per_hour=1000)
    learn(quota, clock, left=500)
    assert quota.spent == 500
    learn(quota, clock, left=left)
    assert quota.spent == spent


@pytest.mark.parametrize(("age", "is_believed"), [(600, True), (601, False), (-3000, False)])
def test_an_answer_about_another_hour_says_nothing_of_this_one(
    age: float, *, is_believed: bool
) -> None:
    quota = quota_by(clock := Moved(NOW), per_hour=100)
    assert quota.left is None
    learn(quota, clock, age=age, left=40)
    assert (quota.left, quota.spent) == ((40, 60) if is_believed else (None, 0))
    clock.at = BEGINS + HOUR - 1
    assert quota.left == (40 if is_believed else None)
    clock.at += 1
    assert quota.left is None


def pause(quota: Quota) -> int:
    """The seconds for which nothing is sent, without the chance that is added."""
    return int(quota.take())


def test_refusals_are_followed_by_ever_longer_pauses_up_to_a_minute() -> None:
    quota = quota_by(clock := Moved(NOW))
    for _ in range(2):
        pauses = []
        for _ in range(8):
            learn(quota, clock, 429)
            pauses.append(pause(quota))
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
        clock.at += 61
        assert quota.take() == 0
        learn(quota, clock)


@pytest.mark.parametrize(
    ("asked", "wait", "spent"), [(0, 0, 0), (60, 60, 0), (61, 61, 100), (9000, 3000, 100)]
)
def test_a_pause_of_more_than_a_minute_means_that_the_hour_is_used_up(
    asked: int, wait: int, spent: int
) -> None:
    quota = quota_by(clock := Moved(NOW), per_hour=100)
    learn(quota, clock, 429, again=asked)
    assert pause(quota) == wait
    assert quota.spent == spent


@pytest.mark.parametrize(("ahead", "spent"), [(120, 1), (121, 0)])
def test_an_account_with_requests_from_the_future_is_begun_anew(
    tmp_path: Path, ahead: float, spent: int
) -> None:
    store = {"per_hour": 100, "store": str(tmp_path / "quota.sqlite")}
    assert quota_by(Moved(NOW + ahead), **store).take() == 0
    assert quota_by(Moved(NOW), **store).spent == spent


def test_applications_have_accounts_of_their_own(tmp_path: Path) -> None:
    store = {"per_hour": 100, "store": str(tmp_path / "quota.sqlite")}
    one, again, other = (
        quota_by(Moved(NOW), application=name, **store) for name in ("one", "one", "other")
    )
    assert one.take() == 0
    assert (one.spent, again.spent, other.spent) == (1, 1, 0)
