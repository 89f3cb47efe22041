"""Most of a list is believed to be gone once 42 says so again half a day later."""

from __future__ import annotations

from typing import Any

import pytest
from tap_ft42.declared.instants import DAY, from_milliseconds
from tap_ft42.planning.collapse import COLLAPSED, refuse_collapse
from tap_ft42.reading.asking import IncompleteReadError

NOW = 20_000 * DAY


def is_believed(notes: dict[str, Any], rows: int, known: int = 100, began: int = NOW) -> bool:
    try:
        refuse_collapse(notes, known=known, rows=rows, began=began)
    except IncompleteReadError:
        return False
    return True


@pytest.mark.parametrize(
    ("known", "rows", "expected"),
    [
        (100, 45, True),  # half of them, and ten that a short list may lose
        (100, 44, False),
        (100, 0, False),
        (10, 0, False),
        (10, 1, True),
        (0, 0, True),
        (100, 101, True),
    ],
)
def test_less_than_half_of_a_list_is_doubted_the_first_time(
    known: int, rows: int, *, expected: bool
) -> None:
    notes: dict[str, Any] = {}
    assert is_believed(notes, rows, known) is expected
    assert notes == ({} if expected else {COLLAPSED: from_milliseconds(NOW)})


def test_it_is_believed_half_a_day_later_and_not_a_moment_before() -> None:
    notes: dict[str, Any] = {}
    assert not is_believed(notes, 7)
    assert not is_believed(notes, 7, began=NOW + DAY // 2 - 1)
    assert is_believed(notes, 7, began=NOW + DAY // 2)


def test_a_list_that_was_well_in_between_is_doubted_anew() -> None:
    notes: dict[str, Any] = {}
    assert not is_believed(notes, 7)
    assert is_believed(notes, 100, began=NOW + DAY // 4)
    assert not is_believed(notes, 7, began=NOW + DAY)
