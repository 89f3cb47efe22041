"""What a sorted read says that it has reached lacks no row, whichever answer comes when."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.reading.in_order import read_in_order
from tap_ft42.reading.regions import Region
from typing_extensions import override

from tests.tap.pages import PretendedList, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_ft42.api.page import Page
    from tap_ft42.reading.asking import Part
    from tap_ft42.reading.regions import Key

SIZE = 3
Request = tuple[tuple[int, int], int]


@dataclass
class Answers(PretendedList):
    """A list that answers as a script says.

    Attributes:
        answer: what it answers to an interval of the key and a page number.
        key: the key.
        asked: what it was asked.
    """

    answer: Callable[[tuple[int, int], int], Page]
    key: Key = "id"
    asked: list[Request] = field(default_factory=list)

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        self.asked.append((region.interval(self.key), number))
        return self.answer(region.interval(self.key), number)


def read(there: Answers, lower: int, upper: int) -> list[Part]:
    async def parts() -> list[Part]:
        region = Region({there.key: (lower, upper)})
        return [part async for part in read_in_order(there, region, there.key)]

    return asyncio.run(parts())


def reached(parts: Iterable[Part]) -> list[int]:
    return [part.reached for part in parts if part.reached is not None]


def ids(parts: Iterable[Part]) -> list[int]:
    return [number for part in parts if part.page is not None for number in part.page.ids]


def one_moment(rows: Iterable[int]) -> Answers:
    """A list whose rows stand still, and whose pages are all on their way at once."""

    def answer(interval: tuple[int, int], number: int) -> Page:
        found = [row for row in rows if interval[0] <= row <= interval[1]]
        shown = found[(number - 1) * SIZE :][:SIZE]
        sent = 0 if shown else 2
        more = number * SIZE < len(found)
        return page(shown, len(found), size=SIZE, more=more, sent=sent, answered=sent + 1)

    return Answers(answer)


def test_a_read_has_reached_the_first_border_that_nothing_proves() -> None:
    parts = read(there := one_moment(range(1, 9)), 1, 20)
    assert ids(parts) == [*range(1, 9)]
    assert reached(parts) == [3, 3, 3, 20]
    assert [number for _, number in there.asked] == [1, 2, 3, 4]
    assert not any(part.is_doubtful for part in parts)


def test_a_last_page_with_room_proves_all_if_the_first_answer_came_before() -> None:
    def answer(interval: tuple[int, int], number: int) -> Page:
        del interval
        rows = range(1, 9)[(number - 1) * SIZE :][:SIZE]
        return page(rows, 8, size=SIZE, more=number < 3, sent=number, answered=number)

    parts = read(there := Answers(answer), 1, 20)
    assert [number for _, number in there.asked] == [1, 2, 3]
    assert reached(parts)[-1] == 20


def test_a_page_that_is_full_is_followed_by_another_request() -> None:
    parts = read(there := one_moment(range(1, 7)), 1, 20)
    assert ids(parts) == [*range(1, 7)]
    assert [number for _, number in there.asked] == [1, 2, 3]


def test_what_slipped_between_two_pages_is_read_between_their_keys() -> None:
    """Row 2 leaves after the first page, so that row 4 slips to where nobody looks."""
    rows = [1, 2, 3, 4, 8, 9, 12]

    def answer(interval: tuple[int, int], number: int) -> Page:
        there = [row for row in rows if interval[0] <= row <= interval[1]]
        shown = there[(number - 1) * SIZE :][:SIZE]
        answered = page(
            shown, len(there), size=SIZE, more=number * SIZE < len(there),
            sent=len(asked), answered=len(asked),
        )  # fmt: skip
        asked.append(number)
        if 2 in rows:
            rows.remove(2)
        return answered

    asked: list[int] = []
    parts = read(there := Answers(answer), 1, 20)
    assert set(ids(parts)) == {1, 2, 3, 4, 8, 9, 12}
    assert ((4, 7), 1) in there.asked
    assert reached(parts)[-1] == 20


def test_rows_from_gaps_count_where_one_loss_opened_several() -> None:
    """Rows 1 to 3 leave after the odd pages were answered, and before the even ones were."""

    def answer(interval: tuple[int, int], number: int) -> Page:
        is_late = number % 2 == 0 or len(there.asked) > 5
        rows = [
            row for row in range(4 if is_late else 1, 16) if interval[0] <= row <= interval[1]
        ]
        shown = rows[(number - 1) * SIZE :][:SIZE]
        sent = 3 if len(there.asked) > 5 else 0
        more = number * SIZE < len(rows)
        return page(
            shown, len(rows), size=SIZE, more=more, sent=sent, answered=sent + 1 + is_late
        )

    parts = read(there := Answers(answer), 1, 20)
    assert set(ids(parts)) == set(range(1, 16))
    assert not any(part.is_doubtful for part in parts)


def test_without_totals_each_page_begins_behind_the_last_id() -> None:
    rows = range(1, 8)

    def answer(interval: tuple[int, int], number: int) -> Page:
        found = [row for row in rows if interval[0] <= row <= interval[1]]
        return page(found[(number - 1) * SIZE :][:SIZE], size=SIZE, more=len(found) > SIZE)

    parts = read(there := Answers(answer), 1, 20)
    assert ids(parts) == [*rows]
    assert there.asked == [((1, 20), 1), ((4, 20), 1), ((7, 20), 1), ((8, 20), 1)]
    assert reached(parts) == [3, 4, 7, 8, 20]


def test_without_totals_a_page_at_the_upper_bound_is_the_last_one() -> None:
    def answer(interval: tuple[int, int], number: int) -> Page:
        del number
        found = [row for row in range(1, 7) if interval[0] <= row <= interval[1]]
        return page(found[:SIZE], size=SIZE, more=len(found) > SIZE)

    there = Answers(answer)
    assert ids(read(there, 1, 6)) == [*range(1, 7)]
    assert there.asked == [((1, 6), 1), ((4, 6), 1)]


def test_rows_without_their_key_cannot_be_read_by_it() -> None:
    there = Answers(lambda _interval, _number: page([1, 2], size=2), key="begin_at")
    with pytest.raises(IncompleteReadError, match="no begin_at"):
        read(there, 1, 20)


def test_a_list_that_ignores_page_numbers_is_read_by_keys() -> None:
    def answer(interval: tuple[int, int], number: int) -> Page:
        del number
        found = [row for row in range(1, 9) if interval[0] <= row <= interval[1]]
        return page(found[:SIZE], len(found), size=SIZE, more=len(found) > SIZE)

    parts = read(there := Answers(answer), 1, 20)
    assert set(ids(parts)) == {*range(1, 9)}
    assert ((4, 20), 1) in there.asked
    assert parts[-1].is_doubtful
