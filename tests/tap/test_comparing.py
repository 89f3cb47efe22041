"""Days whose counts differ are found, and what it costs to read them is known before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tap_ft42.census.accounts import Account
from tap_ft42.census.comparing import Comparison, Counted, Others
from tap_ft42.census.days import moment_at, number_of

if TYPE_CHECKING:
    from tap_ft42.census.comparing import Span

DAY = 24 * 3600 * 1000
FIRST = number_of(datetime(2026, 3, 2, tzinfo=UTC).date())
NOON, LATE = DAY // 2, DAY - 1
"""Instants of a day of UTC; the late one is of the next day in Paris."""


def account_of(*rows: int, at: int = NOON) -> Account:
    """An account with so many rows on each day from the first one on."""
    account, number = Account(), 0
    for day, some in enumerate(rows, FIRST):
        for _ in range(some):
            number += 1
            account.add(number, moment=moment_at(day * DAY + at))
    return account


def api(*rows: int) -> dict[Span, int]:
    return {(day, day): some for day, some in enumerate(rows, FIRST) if some}


def comparison(
    account: Account, counts: dict[Span, int], *, others: Others | None = None, days: int = 9
) -> Comparison:
    counted = Counted(account, is_named=True, api=counts)
    return Comparison([counted], others, until=(FIRST + days) * DAY)


def differences(compared: Comparison) -> dict[int, int]:
    (one,) = compared.parts
    return {span[0] - FIRST: rows for span, rows in compared.differences(one).items()}


def test_days_that_have_more_or_fewer_rows_are_told_apart() -> None:
    compared = comparison(account_of(5, 3, 2, 1), api(5, 1, 4, 0, 7))
    assert differences(compared) == {1: -2, 2: 2, 3: -1, 4: 7}
    assert compared.more_and_less == (9, 3)
    assert compared.differing == {(FIRST + day, FIRST + day) for day in (1, 2, 3, 4)}
    assert compared.proven == {FIRST: 5}
    assert (compared.days, compared.known, compared.counted) == (5, 11, 17)


def test_days_after_the_run_has_read_are_not_compared() -> None:
    account, counts = account_of(1, 1, 1), api(2, 2, 2)
    assert differences(comparison(account, counts, days=1)) == {0: 1, 1: 1}
    counted = Counted(account, is_named=True, api=counts)
    until = (FIRST + 1) * DAY
    assert differences(Comparison([counted], until=until, with_today=False)) == {0: 1}


def test_a_span_of_days_is_compared_with_all_of_its_rows() -> None:
    counted = Counted(
        account_of(1, 2, 3, 4), is_named=True, api={(FIRST, FIRST + 2): 7}, has_all=False
    )
    compared = Comparison([counted], until=(FIRST + 9) * DAY)
    assert differences(compared) == {0: 1}
    assert compared.days == 1


@pytest.mark.parametrize("known", ["UTC", "Europe/Paris"])
def test_the_zone_whose_days_differ_least_is_believed(known: str) -> None:
    account = account_of(5, 3, at=LATE)
    for counts, zone in ((api(5, 3), "UTC"), (api(0, 5, 3), "Europe/Paris")):
        compared = comparison(account, counts)
        compared.believe(known)  # type: ignore[arg-type]
        assert compared.zone == zone
        assert not compared.differing
    compared = comparison(account_of(5, 3), api(5, 3))
    compared.believe(known)  # type: ignore[arg-type]
    assert compared.zone == known


def test_rows_outside_of_the_list_are_counted_once_and_subtracted_then() -> None:
    account = account_of(5, 3, 2)
    assert Others(account).zone is None
    compared = comparison(account, api(7, 3, 3), days=1)
    compared.others = Others(account)
    compared.others.remember(compared)
    others = Others(account)
    assert (others.zone, others.upto) == ("UTC", FIRST + 2)
    assert others.rows == {FIRST: 2, FIRST + 1: 0}
    assert differences(comparison(account, api(7, 2, 9), others=others)) == {1: -1}
    again = comparison(account, api(9, 9, 2), others=others)
    others.remember(again, left=[(FIRST, FIRST)])
    assert Others(account).rows == {FIRST: 2, FIRST + 1: 6, FIRST + 2: 0}


def test_days_are_read_together_if_a_page_has_room_for_their_rows() -> None:
    compared = comparison(account_of(4, 0, 5, 1, 0, 9), api(4, 0, 5, 1, 0, 9))
    spans = [(FIRST + day, FIRST + day) for day in (5, 3, 2, 0)]

    def windows(page_size: int) -> list[tuple[int, int]]:
        found = compared.windows(spans, page_size)
        return [(begin - FIRST, end - FIRST) for begin, end in found]

    assert windows(11) == [(0, 3), (5, 5)]
    assert windows(10) == [(0, 2), (3, 3), (5, 5)]
    assert windows(9) == [(0, 0), (2, 3), (5, 5)]
    pages = [compared.pages((FIRST + 5, FIRST + 5), size) for size in (8, 9, 10)]
    assert pages == [2, 2, 1]


def test_rows_that_are_not_known_yet_need_room_as_well() -> None:
    compared = comparison(account_of(4), api(9))
    assert compared.pages((FIRST, FIRST), 9) == 2
    assert compared.pages((FIRST, FIRST), 10) == 1
