"""A moment tells the day in UTC and in Paris."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tap_ft42.census.days import bounds, day_of, moment_at, number_of

ZONES = ("UTC", "Europe/Paris")
INSTANTS = [
    datetime(2012, 1, 1, tzinfo=UTC) + timedelta(minutes=197 * n) for n in range(50_000)
]


def in_milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


@pytest.mark.parametrize("zone", ZONES)
def test_days_are_those_of_the_database_of_time_zones(zone: str) -> None:
    for instant in INSTANTS:
        day = day_of(moment_at(in_milliseconds(instant)), zone)  # type: ignore[arg-type]
        assert day == number_of(instant.astimezone(ZoneInfo(zone)).date()), instant


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_ends_where_the_next_one_begins(zone: str) -> None:
    for name in ("2020-02-29", "2026-03-28", "2026-03-29", "2026-10-25", "2026-12-31"):
        day = number_of(date.fromisoformat(name))
        begins, ends = bounds(day, day, zone)  # type: ignore[arg-type]
        found = [day_of(moment_at(at), zone) for at in (begins - 1, begins, ends - 1, ends)]  # type: ignore[arg-type]
        assert found == [day - 1, day, day, day + 1]
