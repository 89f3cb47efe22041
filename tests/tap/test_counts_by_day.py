"""Counts by the day are believed if they are of the list's rows, and done without if not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.tap.pretended import LATELY, Pretended, Row, dated, record_of
from tests.tap.proofs import a_day_later, named
from tests.tap.scripted import Reply, always

if TYPE_CHECKING:
    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

LIST = "/v2/projects_users"
GRAPH = f"{LIST}/graph/on/created_at/by/day"
STREAMS = ("projects_users", "census")
SOMETHING_ELSE = "42 counts something else by the day than its rows"
OTHER_ROWS = "its days have other rows than 42 counts"


def enrolments(number: int) -> list[Row]:
    """Some rows, of days of their own as far as these suffice."""
    known = {"cursus_ids": [21], "user": {"id": 7, "login": "somebody"}, "campus": 1}
    return [dated("projects_users", each, **known) for each in range(1, number + 1)]


def night_in_which(tap: Tap, api: ScriptedApi, rows: int, more: int, fewer: int) -> Run:
    """A night in which 42 counts more rows on the first days, and fewer on the last ones."""
    there = Pretended(enrolments(rows))
    days = sorted(row["created_at"][:10] for row in there.rows)
    api.script |= {"/v2/campus": Pretended([record_of("campuses", id=1)]), LIST: there}
    api.script[GRAPH] = always(Reply(Counter(days)))
    here = tap.pointed_at(api, census_hour=0, refresh_nights=0)
    first = here.run(*STREAMS)
    told = Counter(days) + Counter(days[:more]) - Counter(days[rows - fewer :])
    api.script[GRAPH] = always(Reply(told))
    run = here.run(*STREAMS, state=a_day_later(first.state))
    assert named(run, "projects_users", set(first.ids("projects_users"))) == set()
    return run


@pytest.mark.few(4)
@pytest.mark.parametrize(
    ("rows", "differ", "is_believed"),
    [
        (60, (0, 20), True),
        (60, (0, 21), False),
        (60, (17, 6), False),
        (60, (21, 21), False),
        (60, (16, 6), True),
        (60, (20, 20), True),
        (60, (21, 11), True),
        (620, (31, 0), True),
        (620, (32, 0), False),
    ],
)
def test_counts_are_believed_that_differ_by_few_rows_or_are_as_many_as_the_rows(
    tap: Tap, api: ScriptedApi, rows: int, differ: tuple[int, int], *, is_believed: bool
) -> None:
    run = night_in_which(tap, api, rows, *differ)
    assert (SOMETHING_ELSE not in run.log) is is_believed


@pytest.mark.parametrize(("more", "is_believed"), [(10, True), (11, False)])
def test_counts_are_not_believed_any_more_after_twenty_days_that_were_read_in_vain(
    tap: Tap, api: ScriptedApi, more: int, *, is_believed: bool
) -> None:
    run = night_in_which(tap, api, 60, more, 10)
    assert (OTHER_ROWS not in run.log) is is_believed


def test_counts_that_are_older_than_the_rows_prove_nothing(tap: Tap, api: ScriptedApi) -> None:
    there = Pretended(enrolments(60))
    api.script |= {"/v2/campus": Pretended([record_of("campuses", id=1)]), LIST: there}
    kept = Reply(Counter(row["created_at"][:10] for row in there.rows))
    api.script[GRAPH] = always(kept)
    here = tap.pointed_at(api, census_hour=0, refresh_nights=0)
    first = here.run(*STREAMS)
    new = enrolments(300)[-1] | {"updated_at": LATELY}
    there.rows = [*(row for row in there.rows if row["id"] != 10), new]
    night = here.run(*STREAMS, state=a_day_later(first.state))
    assert "its counts are old" in night.log
    assert named(night, "projects_users", set(first.ids("projects_users"))) == {10}
    there.rows = there.rows[1:]
    again = here.run(*STREAMS, state=a_day_later(night.state))
    assert named(again, "projects_users", set(first.ids("projects_users")) - {10}) == {1}
