"""Whoever waits for a night is read in time, and no night has more than its share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ft42.declared.instants import DAY, HOUR
from tap_ft42.planning.nights import is_due, share


@given(
    nights=st.integers(1, 9),
    people=st.lists(st.integers(1, 9), max_size=60),
    marked=st.integers(0, 5),
    stay=st.floats(0, 1),
)
def test_nobody_waits_longer_than_the_nights(
    nights: int, people: list[int], marked: int, stay: float
) -> None:
    ages = [min(age, nights) for age in people]
    for _ in range(3 * nights):
        ages.sort()
        ages[:marked] = [0] * len(ages[:marked])  # who was read for another reason
        waiting = [age for age in ages if age]
        read = share(waiting, nights, stay)
        ages = [0] * (len(ages) - len(waiting) + read) + sorted(waiting)[: len(waiting) - read]
        assert max(ages, default=0) < nights
        ages = [age + 1 for age in ages]


def test_who_was_loaded_at_once_is_shared_out_evenly() -> None:
    ages, shares = [1] * 700, []
    for _ in range(7):
        shares.append(share(ages, 7))
        ages = [age + 1 for age in ages[shares[-1] :]]
    assert shares == [100] * 7


def test_nobody_is_read_ahead_who_will_be_read_for_another_reason() -> None:
    ages, shares = [1] * 1_000, []
    for _ in range(7):
        ages = ages[len(ages) // 10 :]  # a tenth has moved
        shares.append(share(ages, 7, 0.9))
        ages = [age + 1 for age in ages[shares[-1] :]]
    assert not ages
    assert set(shares) <= {90, 91, 92}
    assert share([1] * 900, 7) > 120


def test_where_nobody_is_to_be_read_again_nobody_is() -> None:
    assert share([1, 30], 0) == share([], 7) == 0


@pytest.mark.parametrize("hour", [0, 3, 23])
def test_a_night_begins_at_its_hour_and_is_worked_through_once(hour: int) -> None:
    begins = 20_000 * DAY + hour * HOUR
    assert is_due(None, begins, hour)
    assert is_due(begins - 1, begins, hour)
    assert not is_due(begins, begins + DAY - 1, hour)
    assert is_due(begins, begins + DAY, hour)


def test_without_an_hour_a_night_begins_at_midnight() -> None:
    midnight = 20_000 * DAY
    assert is_due(midnight - 1, midnight, -1)
    assert not is_due(midnight, midnight + DAY - 1, -1)
