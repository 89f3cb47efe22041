"""What is known of a list fits in a bookmark, whatever its ids."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_ft42.census.accounts import Account
from tap_ft42.census.days import moment_of
from tap_ft42.census.packing import MOST_IDS
from tap_ft42.census.presence import pieces
from tap_ft42.declared.instants import write_instant
from tap_ft42.declared.listing import Census
from tap_ft42.reading.regions import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Iterable


IDS = st.sets(st.integers(1, MAX_ID) | st.integers(1, 5000), max_size=300)
EXAMPLES = settings(max_examples=100, deadline=None)


def account_of(ids: Iterable[int]) -> Account:
    account = Account()
    for row in ids:
        account.add(row)
    return account


LONGEST = 550_000
"""Characters that so many ids take at most: four bytes each, in base64."""
SETTLED = Census(settled=("status", "finished"))


def restored(account: Account, census: Census = Census()) -> Account:  # noqa: B008 - it is frozen
    return Account.restored(json.loads(json.dumps(account.as_state())), census)


@EXAMPLES
@given(ids=IDS)
def test_an_account_is_the_same_after_it_was_written_down(ids: set[int]) -> None:
    assert list(restored(account_of(ids)).ids) == sorted(ids)


def test_forty_thousand_students_take_some_thirty_kilobytes() -> None:
    students = Random(1).sample(range(1, 250_000), 40_341)  # noqa: S311 - ids, no secrets
    assert len(json.dumps(account_of(students).as_state())) < 35_000


@pytest.mark.slow
@pytest.mark.parametrize("greatest", [MOST_IDS, 5_000_000, MAX_ID])
def test_an_account_is_bounded_however_ids_are_given_away(greatest: int) -> None:
    luck = Random(greatest)  # noqa: S311 - ids, no secrets
    exact = account_of(luck.sample(range(1, greatest + 1), MOST_IDS))
    assert "ids" in exact.as_state()
    assert len(json.dumps(exact.as_state())) < LONGEST
    account = exact
    for row in luck.sample(range(1, greatest + 200_001), 200_000):
        account.add(row)
    assert "ids" not in account.as_state()
    assert len(json.dumps(account.as_state())) < LONGEST


@EXAMPLES
@given(
    ids=st.sets(st.integers(1, 5000), min_size=1),
    start=st.integers(1, 5000),
    rows=st.integers(1, 99),
)
def test_sectors_one_after_the_other_are_all_of_a_list(
    ids: set[int], start: int, rows: int
) -> None:
    account, seen = account_of(ids), set[int]()
    for _ in range(len(ids) // rows + 2):
        lower, upper = account.sector(start, rows)
        found = set(account.between(lower, upper))
        assert len(found) == rows or upper == max(ids)
        seen |= found
        start = upper + 1
    assert seen == ids


class TestLargeLists:
    """Beyond 100,000 rows no ids are left, and it is counted which rows are new."""

    IDS = range(2, 2 * MOST_IDS + 4, 2)

    def test_a_row_counts_once_if_it_is_new_and_never_if_it_is_not(self) -> None:
        large = restored(account_of(self.IDS))
        assert not large.is_exact
        rows = [(4, False), (5, True), (5, True), *[(self.IDS[-1] + 1, False)] * 2]
        totals = list[int]()
        for number, is_new in rows:
            large.add(number, is_new=is_new)
            totals.append(large.total - len(self.IDS))
        assert totals == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("text", ["", "AAAA", "not base64", "eJwDAAAAAAE"])
def test_a_damaged_account_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Account.restored({"ids": text})


INSTANTS = [datetime(2012, 1, 1, tzinfo=UTC) + timedelta(minutes=1379 * n) for n in range(7143)]


@pytest.mark.parametrize("is_small", [True, False])
def test_a_state_holds_when_rows_were_created(*, is_small: bool) -> None:
    account = Account()
    for number, instant in enumerate(INSTANTS, 1000):
        account.add(number, moment=moment_of({"created_at": write_instant(instant)}))
    if not is_small:
        account.forget_ids()
    before = [account.rows("UTC"), account.rows("Europe/Paris")]
    written = json.loads(json.dumps(account.as_state()))
    again = Account.restored(written)
    assert [again.rows("UTC"), again.rows("Europe/Paris")] == before
    assert len(again.ids_on(range(30_000), "UTC")) == is_small * len(INSTANTS)
    assert len(json.dumps(written["days"])) < 20_000
    # Of other ids than were written down, nobody knows the days.
    if is_small:
        others = account_of(range(1000, 1000 + len(INSTANTS) - 1)).as_state()
        assert not Account.restored({**written, "ids": others["ids"]}).rows("UTC")


def test_a_day_that_was_read_and_has_no_row_is_empty() -> None:
    account = Account()
    for number, instant in enumerate(INSTANTS, 1000):
        account.add(number, moment=moment_of({"created_at": write_instant(instant)}))
    account.forget_ids()
    (day, rows), *_ = account.rows("UTC").items()
    account.replace_days(range(day, day + 1), "UTC", [])
    assert rows > 0
    assert account.rows("UTC")[day] == 0


def test_who_says_no_instant_is_of_no_day() -> None:
    account = Account()
    for number, record in enumerate(({}, {"created_at": None}, {"created_at": "soon"}, []), 1):
        account.add(number, moment=moment_of(record))
    assert not account.rows("UTC")
    assert account.total == 4


def test_a_crowd_has_its_lowest_and_highest_id_and_gives_back_who_is_named() -> None:
    account = Account(census=SETTLED)
    at = {"created_at": "2026-03-02T12:00:00Z"}
    for number in (7, 5, 9):
        account.take({"id": number, "status": "finished", **at})
    account.take({"id": 8, "status": "in_progress", **at})
    account.forget_ids(but=[8])
    (day,) = account.rows("UTC")
    (crowd,) = account.crowds_of([day], "UTC")
    assert (crowd.rows, crowd.low, crowd.high) == (3, 5, 9)
    assert (account.total, account.ids, account.greatest) == (4, [8], 9)
    assert account.parts == [
        (True, {"filter[status]": "in_progress"}), (False, {"filter[status]": "finished"}),
    ]  # fmt: skip
    account.take({"id": 7, "status": "waiting", **at}, is_new=False)
    assert (account.ids, crowd.rows, account.total) == ([7, 8], 2, 4)
    account.take({"id": 8, "status": "finished", **at}, is_new=False)
    assert (account.ids, crowd.rows, account.total) == ([7], 3, 4)
    again = restored(account)
    assert (again.ids, again.total, again.rows("UTC")) == ([7], 4, account.rows("UTC"))


def test_crowds_of_a_day_are_those_of_its_zone() -> None:
    account = Account()
    noon, late = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    for number, instant in enumerate((noon, late, late), 1):
        account.add(number, moment=moment_of({"created_at": write_instant(instant)}))
    account.forget_ids()
    (day,) = account.rows("UTC")
    assert [one.rows for one in account.crowds_of([day], "UTC")] == [1, 2]
    assert [one.rows for one in account.crowds_of([day], "Europe/Paris")] == [1]
    assert [one.rows for one in account.crowds_of([day + 1], "Europe/Paris")] == [2]


def test_who_leaves_takes_the_rows_of_all_days_along() -> None:
    """Whatever came, was open again and finished, and however often the state was written."""
    account, done = Account(census=SETTLED), {"status": "finished"}
    rows = [
        {"id": number, "created_at": write_instant(instant), "user": {"id": number % 7 + 1}}
        for number, instant in enumerate(INSTANTS, 1000)
    ]
    for row in rows:
        account.take({**row, **done})
    account.forget_ids()
    for row in rows[::5]:
        account.take({**row, "status": "waiting"}, is_new=False)
    account = restored(restored(account, SETTLED), SETTLED)
    for row in rows[::10]:
        account.take({**row, **done})
    account = restored(account, SETTLED)
    assert account.total == len(rows)
    gone = account.owners.of({3, 4})
    assert {person: moments.total() for person, moments in gone.items()} == {
        person: sum(
            number % 7 + 1 == person and (place % 5 > 0 or place % 10 == 0)
            for place, number in enumerate(range(1000, 1000 + len(rows)))
        )
        for person in (3, 4)
    }
    for person, moments in gone.items():
        account.let_go(person, moments)
    left = restored(account, SETTLED)
    assert left.total == len(rows) - sum(moments.total() for moments in gone.values())
    assert not left.owners.of({3, 4})
    assert left.owners.of({5})


def test_who_has_no_rows_is_still_nobody_after_a_night_has_asked_for_theirs() -> None:
    account = Account()
    account.add(1, moment=40_000)
    account.forget_ids()
    assert not account.owners.of({7})
    assert not restored(account).owners


def test_the_rows_of_a_day_that_was_read_belong_to_those_whom_the_read_has_shown() -> None:
    account = Account(census=SETTLED)
    row = {"status": "finished", "created_at": "2026-03-02T12:00:00Z"}
    for number, person in ((7, 1), (8, 2)):
        account.take({**row, "id": number, "user": {"id": person}})
    account.forget_ids()
    (day,) = account.rows("UTC")
    account.replace_days(range(day, day + 1), "UTC", [{**row, "id": 9, "user": {"id": 3}}])
    assert list(restored(account).owners.of({1, 2, 3})) == [3]


def test_a_sector_has_its_rows_and_begins_anew_behind_the_last_one() -> None:
    account = account_of([5, 6, 9, 20])
    assert account.sector(1, 2) == (1, 8)
    assert account.sector(6, 1) == (6, 8)
    assert account.sector(7, 2) == (9, 20)
    assert account.sector(21, 2) == (1, 8)
    assert account.sector(1, 0) == (1, 5)
    assert account.between(6, 9) == [6, 9]
    assert account.between(7, 8) == []


@pytest.mark.parametrize(("number", "is_known"), [(0, False), (1, True), (MAX_ID, True)])
def test_only_what_the_apis_database_can_hold_is_a_row(number: int, *, is_known: bool) -> None:
    assert (number in account_of([number])) is is_known
    assert MAX_ID + 1 not in account_of([MAX_ID + 1])


def test_a_proof_of_many_ids_comes_in_pieces_with_the_same_borders_every_time() -> None:
    few = list(pieces(1, 99, [5, 9], 3.0))
    assert [(one.lower, one.upper, one.ids, one.total, one.sent) for one in few] == [
        (1, 99, [5, 9], 2, 3.0)
    ]
    assert [one.ids for one in pieces(1, 99, range(1, 10_001), 0)] == [range(1, 100)]
    many = list(pieces(1, MAX_ID, range(1, 20_002), 0))
    assert [(one.lower, one.upper, one.total) for one in many] == [
        (1, 9_999, 9_999), (10_000, 19_999, 10_000), (20_000, MAX_ID, 2),
    ]  # fmt: skip
    wide = list(pieces(1, MAX_ID, [*range(1, 10_001), 10_000_001], 0))
    assert [(one.lower, one.upper, one.total) for one in wide[:1]] == [(1, 19_999, 10_000)]
    assert len(wide) == 501
