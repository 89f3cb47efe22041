"""A moment tells the day in UTC and in Paris, and a state holds the moments of many rows."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tap_ft42.census.days import Days, bounds, day_of, moment_at, moment_of, number_of
from tap_ft42.declared.instants import write_instant

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


def test_who_says_no_instant_is_of_no_day() -> None:
    days = Days()
    for number, record in enumerate(({}, {"created_at": None}, {"created_at": "soon"}, []), 1):
        assert days.put(number, moment_of(record), is_new=True)
    assert not days.rows("UTC")


@pytest.mark.parametrize("is_small", [True, False])
def test_a_state_holds_them(*, is_small: bool) -> None:
    days = Days()
    for number, instant in enumerate(INSTANTS[::7], 1000):
        days.put(number, moment_of({"created_at": write_instant(instant)}), is_new=True)
    before = [days.rows("UTC"), days.rows("Europe/Paris")]
    written = json.loads(json.dumps(days.as_state(is_small=is_small)))
    ids = range(1000, 1000 + len(INSTANTS[::7]))
    again = Days.restored(written, ids if is_small else (), is_exact=is_small)
    assert [again.rows("UTC"), again.rows("Europe/Paris")] == before
    assert sum(map(len, again.ids("UTC").values())) == (len(ids) if is_small else 0)
    assert len(json.dumps(written)) < 20_000
    # Of other ids than were written down, nobody knows the days.
    if is_small:
        assert not Days.restored(written, ids[1:], is_exact=True).rows("UTC")
