"""What the pages of a list say together: whether it has more rows, and which are doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_ft42.declared.listing import LOST
from tap_ft42.reading.paging import PagesRead, is_all, tells_order

from tests.tap.pages import page

if TYPE_CHECKING:
    from tap_ft42.api.page import Page


def seen(*pages: Page) -> PagesRead:
    account = PagesRead()
    for one in pages:
        account.add(one)
    return account


def test_pages_are_told_by_the_first_total() -> None:
    assert [seen(page([1], total)).pages_told for total in (None, 0, 10, 11)] == [0, 0, 1, 2]
    assert seen(page(range(10), 11), page([10], 25)).pages_told == 2


def test_a_page_is_new_by_its_ids_or_by_rows_without_any() -> None:
    account = PagesRead()
    assert account.add(page([1, 2], 3))
    assert account.add(page([2, 3], 3))
    assert not account.add(page([1, 3], 3))
    assert account.shown == 4
    assert account.repeats_rows


def test_rows_are_counted_if_they_lie_between_the_first_and_the_last_total() -> None:
    for last, is_counted in ((1, True), (2, True), (3, False)):
        assert seen(page([1], 3), page([2], last)).is_counted is is_counted
    assert not seen(page([1, 2], 1)).is_counted
    assert not seen(page([1], None)).is_counted
    assert not seen(page([1], 1), page([2], None)).is_counted


def test_a_later_total_may_be_less_by_the_rows_that_left() -> None:
    account = seen(page(range(20), 20, size=20))
    assert [account.is_what_counts(page([], one)) for one in (None, 0, 9, 20, 21)] == [
        False, True, True, True, False,
    ]  # fmt: skip


def test_of_rows_that_were_not_all_counted_only_a_few_can_have_left() -> None:
    account = seen(page(range(20), 19, size=20))
    totals = (20 - LOST - 1, 20 - LOST, 20, 21)
    assert [account.is_what_counts(page([], one)) for one in totals] == [
        False, True, True, False,
    ]  # fmt: skip


def test_all_are_there_if_as_many_as_the_first_total_were_shown() -> None:
    assert seen(page([1, 2], 2)).has_all
    assert not seen(page([1, 2], 3)).has_all
    assert seen(page([1, 2], 3), page([3], 3)).has_all
    assert not seen(page([1, 2], 3), page([2], 3)).has_all
    assert seen(page([], None)).has_all
    assert not seen(page([1], None)).has_all


def test_a_full_page_that_comes_again_is_the_only_one_that_42_shows() -> None:
    full, rest = page(range(10), 25), page([7, 8], 25)
    assert seen(full, full).is_one_page_again
    assert not seen(full).is_one_page_again
    assert not seen(rest, rest).is_one_page_again
    assert not seen(full, page(range(10, 20), 25), full).is_one_page_again
    oversized = page(range(11), 25)
    assert not seen(oversized, oversized).is_one_page_again
    assert not seen(full, full).has_all
    assert not seen(full, full).is_counted
    assert seen(full, full).is_cut_off


def test_a_list_is_steady_if_its_total_stays_and_all_are_there() -> None:
    assert seen(page([1], 2), page([2], 2)).is_steady
    assert not seen(page([1], 2), page([2], 1)).is_steady
    assert not seen(page([1], 3), page([2], 3)).is_steady
    assert seen(page([1], None), page([2], None)).is_steady


def test_a_list_is_cut_off_where_it_shows_fewer_rows_than_it_counts() -> None:
    ten = range(10)
    assert not seen(page(ten, 10 + LOST)).is_cut_off
    assert seen(page(ten, 10 + LOST + 1)).is_cut_off
    assert not seen(page(ten, 21), page([10], 21)).is_cut_off  # some are only counted
    assert seen(page([], 1)).is_cut_off
    assert not seen(page([], 0)).is_cut_off
    assert seen(page([1], 3), page([2], 3), page([1], 3)).is_cut_off
    assert not seen(page([1], None), page([1], None)).is_cut_off


def test_pages_that_repeat_rows_while_others_are_missing_are_shuffled() -> None:
    assert seen(page([1, 2], 4), page([2, 3], 4)).is_shuffled
    assert not seen(page([1, 2], 3), page([2, 3], 3)).is_shuffled
    assert not seen(page([1, 2], 4), page([3], 4)).is_shuffled


def test_another_look_is_worth_it_where_totals_prove_nothing() -> None:
    def is_worth(*pages: Page, is_over: bool = True) -> bool:
        account = seen(*pages)
        account.is_over = is_over
        return account.is_worth_another_look

    ten = range(10)
    assert not is_worth(page([1], 2), is_over=False)
    assert is_worth(page([1], 2))
    assert not is_worth(page(ten, 11))
    assert is_worth(page(ten, 10))
    assert is_worth(page([1], None), page([2], None))
    assert is_worth(page([1], 1), page([2], 1))
    assert not is_worth(page([1], 2), page([2], 2))
    assert not is_worth(page([1], 3), page([2], 3), page([1], 3))


def test_rows_from_a_gap_count_and_tell_the_total_if_none_was_shown() -> None:
    account = seen(page([1], 3))
    assert account.add_from_gap(page([1, 2], 9))
    assert not account.add_from_gap(page([2], 9))
    assert (account.shown, account.last) == (2, 3)
    empty = seen(page([], 3))
    assert empty.add_from_gap(page([2], 1))
    assert (empty.shown, empty.last) == (1, 1)


def test_ids_fill_a_list_that_counts_as_many() -> None:
    account = seen(page([1], 2), page([2], 2))
    assert account.is_filled_by(account.ids)
    assert not seen(page([1], 3), page([2], 3)).is_filled_by(account.ids)
    assert not seen(page([1], 2), page([2], 1)).is_filled_by(account.ids)


def test_a_page_has_all_if_none_may_follow_and_it_has_room() -> None:
    assert is_all(page(range(9)))
    assert not is_all(page(range(10)))
    assert not is_all(page(range(9), more=True))
    assert [tells_order(page(ids, more=True), "id") for ids in ([], [1], [1, 1], [1, 2])] == [
        True, False, False, True,
    ]  # fmt: skip
    assert tells_order(page([1]), "id")
