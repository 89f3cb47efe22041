"""Graphs: one answer counts a list's rows by the day or the month in which they fall."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

ENROLMENTS = "/v2/projects_users"
BY_DAY = "/graph/on/created_at/by/day"
OF_A_CAMPUS = "filter[campus]=1&filter[cursus]=21"


def fallen(
    sandbox: RunningSandbox, path: str, column: str = "created_at", zone: str = "UTC"
) -> list[datetime]:
    """The instants that a list's rows have in a column, as a clock in a zone shows them."""
    rows = sandbox.truth_of(path, columns=f"id,{column}")
    instants = [datetime.fromisoformat(row[column]) for row in rows if row[column]]
    return [instant.astimezone(ZoneInfo(zone)) for instant in instants]


def by_day(instants: list[datetime]) -> dict[str, int]:
    return dict(Counter(f"{instant:%Y-%m-%d}" for instant in instants))


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/v2/users", ("created_at", "updated_at")),
        ("/v2/projects_users", ("created_at", "updated_at", "retriable_at")),
        ("/v2/cursus_users", ("created_at", "updated_at", "begin_at", "end_at")),
        ("/v2/projects/1314/projects_users", ("created_at",)),
    ],
)
def test_each_day_is_counted_as_the_list_has_it(
    sandbox: RunningSandbox, path: str, columns: tuple[str, ...]
) -> None:
    for column in columns:
        reply = sandbox.get(f"{path}/graph/on/{column}/by/day")
        assert reply.status == 200
        assert reply.json() == by_day(fallen(sandbox, path, column)) != {}
        assert list(reply.json()) == sorted(reply.json())


def test_months_are_counted_too(sandbox: RunningSandbox) -> None:
    months = Counter(f"{instant:%Y-%m}" for instant in fallen(sandbox, ENROLMENTS))
    assert sandbox.get(f"{ENROLMENTS}/graph/on/created_at/by/month").json() == months


@pytest.mark.parametrize(
    "query",
    [
        OF_A_CAMPUS,
        "filter[status]=in_progress,searching_a_group",
        "range[created_at]=2024-01-01T00:00:00.000Z,2024-12-31T23:59:59.999Z",
        "range[updated_at]=2025-01-01,now&filter[campus]=1,9",
    ],
)
def test_it_takes_the_filters_and_ranges_of_its_list(
    sandbox: RunningSandbox, query: str
) -> None:
    reply = sandbox.get(f"{ENROLMENTS}{BY_DAY}?{query}")
    assert reply.json() == by_day(fallen(sandbox, f"{ENROLMENTS}?{query}"))
    assert sum(reply.json().values()) == sandbox.get(f"{ENROLMENTS}?{query}").total > 0


def test_it_is_one_answer_and_one_request(sandbox: RunningSandbox) -> None:
    sandbox.reset_requests()
    reply = sandbox.get(f"{ENROLMENTS}{BY_DAY}?page[size]=1&page[number]=2")
    assert sum(reply.json().values()) == reply.total
    assert "Link" not in reply.headers
    assert sandbox.requests()["total"] == 1


def test_a_list_without_rows_has_an_empty_graph(sandbox: RunningSandbox) -> None:
    assert sandbox.get(f"{ENROLMENTS}{BY_DAY}?filter[id]=999999999").json() == {}


@pytest.mark.parametrize(
    ("path", "field", "available"),
    [
        ("/v2/users", "wallet", "created_at and updated_at"),
        ("/v2/projects_users", "marked_at", "created_at, updated_at, and retriable_at"),
    ],
)
def test_a_field_without_a_graph_is_named_with_those_that_have_one(
    sandbox: RunningSandbox, path: str, field: str, available: str
) -> None:
    reply = sandbox.get(f"{path}/graph/on/{field}/by/day")
    assert reply.status == 422
    assert reply.json() == {
        "error": "Graph Error",
        "message": f"Attribute {field} do not exist or isn't graphable. "
        f"Available fields are: {available}",
    }


def test_a_filter_that_the_list_refuses_is_refused(sandbox: RunningSandbox) -> None:
    reply = sandbox.get(f"{ENROLMENTS}{BY_DAY}?filter[campus_id]=1")
    assert (reply.status, reply.json()["error"]) == (400, "Filter Error")


@pytest.mark.parametrize(
    "path",
    [
        "/v2/cursus/21/users",
        "/v2/achievements_users",
        "/v2/coalitions_users",
        "/v2/campus_users",
        "/v2/achievements",
        "/v2/coalitions",
    ],
)
def test_other_lists_have_none(sandbox: RunningSandbox, path: str) -> None:
    assert sandbox.get(f"{path}{BY_DAY}").status == 404


class TestWhatNobodyKnows:
    """Settings for it."""

    def test_days_end_at_midnight_in_paris(self, sandbox: RunningSandbox) -> None:
        in_utc = sandbox.get(f"{ENROLMENTS}{BY_DAY}").json()
        sandbox.configure(graph_zone="Europe/Paris")
        in_paris = sandbox.get(f"{ENROLMENTS}{BY_DAY}").json()
        assert in_paris == by_day(fallen(sandbox, ENROLMENTS, zone="Europe/Paris")) != in_utc
        assert sum(in_paris.values()) == sum(in_utc.values())

    def test_days_without_rows_are_named_up_to_today(self, sandbox: RunningSandbox) -> None:
        path = f"{ENROLMENTS}{BY_DAY}?{OF_A_CAMPUS}&filter[project_id]=1314"
        some = sandbox.get(path).json()
        sandbox.configure(graph_names_empty_days=True)
        every = sandbox.get(path).json()
        assert {day: rows for day, rows in every.items() if rows} == some
        now = datetime.fromisoformat(sandbox.control("GET", "clock")["now"]).astimezone(UTC)
        days = [date.fromisoformat(day) for day in every]
        assert days[0] == date.fromisoformat(min(some))
        assert abs(days[-1] - now.date()) <= timedelta(days=1)
        assert len(days) == (days[-1] - days[0]).days + 1 > len(some)

    @pytest.mark.parametrize(("mode", "status"), [("refused", 403), ("missing", 404)])
    def test_there_may_be_none(self, sandbox: RunningSandbox, mode: str, status: int) -> None:
        sandbox.configure(graphs=mode)
        assert sandbox.get(f"{ENROLMENTS}{BY_DAY}").status == status
        assert sandbox.get(ENROLMENTS).status == 200

    def test_filters_may_change_nothing(self, sandbox: RunningSandbox) -> None:
        everything = sandbox.get(f"{ENROLMENTS}{BY_DAY}").json()
        sandbox.configure(graph_heeds_filters=False)
        assert sandbox.get(f"{ENROLMENTS}{BY_DAY}?{OF_A_CAMPUS}").json() == everything

    def test_many_rows_may_take_long(self, sandbox: RunningSandbox) -> None:
        rows = sandbox.get(f"{ENROLMENTS}{BY_DAY}").total
        sandbox.configure(graph_seconds_per_million=0.4 / rows * 1_000_000)
        began = time.monotonic()
        sandbox.get(f"{ENROLMENTS}{BY_DAY}")
        assert time.monotonic() - began >= 0.4
