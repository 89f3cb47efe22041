"""Enrolments at campuses of which 42 lists only some, and what runs do with them."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.tap.pretended import LATELY, Pretended, Row, record_of
from tests.tap.scripted import paged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

ENROLMENTS = "/v2/projects_users"
MEMBERSHIPS = "/v2/campus_users"
LISTED, HIDDEN = (1, 9), (4, 42)
NOWHERE = 5_000
"""Behind all ids that are tried."""


def of_march(stream: str, number: int, **known: object) -> Row:
    """A record that was created and changed in March 2025."""
    day = f"2025-03-{1 + number % 28:02}T00:00:00.000Z"
    return record_of(stream, id=number, created_at=day, updated_at=day, **known)


def enrolment(number: int, campus: int) -> Row:
    user = {"id": number, "login": "somebody"}
    return of_march("projects_users", number, cursus_ids=[21], user=user, campus=campus)


def memberships_of(enrolments: Iterable[Row]) -> list[Row]:
    """Who studies where, if each has the campus of their enrolment."""
    return [
        of_march("campus_users", row["id"], user_id=row["id"], campus_id=row["campus"])
        for row in enrolments
    ]


def four_campuses(api: ScriptedApi) -> Pretended:
    """Five enrolments at each of four campuses, two of which are listed."""
    rows = [
        enrolment(10 * campus + one, campus)
        for campus in (*LISTED, *HIDDEN)
        for one in range(5)
    ]
    api.script["/v2/campus"] = paged([record_of("campuses", id=campus) for campus in LISTED])
    api.script[MEMBERSHIPS] = Pretended(memberships_of(rows))
    api.script[ENROLMENTS] = pretended = Pretended(rows)
    return pretended


def campuses(run: Run) -> dict[int, int]:
    return {row["id"]: row["campus_id"] for row in run.records("projects_users")}


def expected(there: Pretended) -> dict[int, int]:
    return {row["id"]: row["campus"] for row in there.rows}


def told(run: Run, what: str) -> list[str]:
    return [line for line in run.warnings if what in line]


def asked_for(there: Pretended) -> list[str | None]:
    return [asked.query.get("filter[campus]") for asked in there.asked]


def days_later(state: Row, days: int) -> Row:
    """The state as it will be when the campuses are due to be listed again."""
    later = copy.deepcopy(state)
    known = later["bookmarks"]["campuses"]["refreshed_at"]
    for reader, at in known.items():
        known[reader] = (datetime.fromisoformat(at) - timedelta(days=days)).isoformat()
    sought = later["bookmarks"]["projects_users"]["hidden"]["sought_on"]
    for cursus, day in sought.items():
        sought[cursus] = (datetime.fromisoformat(day) - timedelta(days=days)).date().isoformat()
    return later


def run_after_a_change(here: Tap, there: Pretended) -> Run:
    """Load all, let a row of a campus that is not listed change, and read that, too."""
    first = here.run("projects_users")
    assert campuses(first) == expected(there)
    there.rows[-1]["updated_at"] = LATELY
    there.asked.clear()
    second = here.run("projects_users", state=first.state)
    assert campuses(second)[there.rows[-1]["id"]] == HIDDEN[-1]
    return second
