"""Conditions on rows, to which filters, ranges and scopes are translated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ft42_sandbox.columns import Column, Kind
from ft42_sandbox.instants import DAY, SECOND, from_datetime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ft42_sandbox.store import Store, Table

Mask = NDArray[np.bool_]
FALSE_WORDS = frozenset({"false", "f", "0", "off", "no", ""})
MILLISECOND = 1000


@dataclass(frozen=True)
class Condition:
    """A condition on the rows of a table.

    Attributes:
        label: identifies the condition in the cache of queries.
        depends: other tables on which its result depends.
        mask: for each position of the table, whether the row meets it.
    """

    label: tuple[object, ...]
    mask: Callable[[Store], Mask]
    depends: tuple[str, ...] = ()


def read_int(text: str) -> int:
    """A number as Rails reads it: the leading digits count; any other text is 0."""
    found = re.match(r"\s*[-+]?\d{1,18}", text)
    return int(found.group()) if found else 0


def read_instant(text: str, now: int) -> int | None:
    """An ISO 8601 instant, a date or `now` in microseconds; None if it is none of these."""
    if text.strip() == "now":
        return now
    try:
        instant = datetime.fromisoformat(text.strip().replace(" ", "+", text.count("T")))
    except ValueError:
        return None
    return from_datetime(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def one_of(table: str, column: str, values: Sequence[str]) -> Condition:
    """Rows whose column is one of these texts, each read as the column's kind."""

    def mask(store: Store) -> Mask:
        held = store[table].columns[column]
        if held.kind is Kind.INSTANT:
            return _on_days(held, values)
        if held.kind is Kind.TEXT:
            return np.isin(held.array, np.asarray(list(values), dtype=object))
        return np.isin(held.array, np.asarray(_stored(held, values)))

    return Condition(("in", column, tuple(values)), mask)


def between(table: str, column: str, low: str, high: str, now: int) -> Condition:
    """Rows whose column lies between two bounds, both included; null never does.

    An instant is compared by the millisecond that the API shows, so a bound that was read from
    a row includes that row. `now` means the end of the present second, so the result can be
    cached for that long.
    """
    now = -(-now // SECOND) * SECOND

    def mask(store: Store) -> Mask:
        held = store[table].columns[column]
        array = held.array
        if held.kind is Kind.INSTANT:
            first, last = read_instant(low, now), read_instant(high, now)
            if first is None or last is None:
                return np.zeros(len(array), dtype=bool)
            last = last // MILLISECOND * MILLISECOND + MILLISECOND - 1
            return np.asarray((array >= first // MILLISECOND * MILLISECOND) & (array <= last))
        if held.kind in {Kind.INT, Kind.FLOAT}:
            number = float if held.kind is Kind.FLOAT else read_int
            try:
                bounds = number(low), number(high)
            except ValueError:
                bounds = 0, 0
            inside = (array >= bounds[0]) & (array <= bounds[1])
            return np.asarray(inside & ~held.is_null())
        texts = held.decode_many(array.tolist())
        return np.fromiter(
            (text is not None and low <= str(text) <= high for text in texts), bool, len(array)
        )

    live = ("now", now) if "now" in {low.strip(), high.strip()} else ()
    return Condition(("between", column, low, high, *live), mask)


def is_set(table: str, column: str, *, wanted: bool) -> Condition:
    """Rows whose column is not null, or is."""
    return Condition(
        ("set", column, wanted),
        lambda store: store[table].columns[column].is_null() ^ wanted,
    )


def equals(table: str, column: str, value: int) -> Condition:
    """Rows whose number is exactly this one."""
    return Condition(
        ("equals", column, value), lambda store: np.asarray(store[table].array(column) == value)
    )


def linked(  # noqa: PLR0913, PLR0917 - a link has two ends
    table: str,
    column: str,
    link: str,
    key: str,
    wanted: Condition | None,
    label: tuple[object, ...],
) -> Condition:
    """Rows whose number occurs in another table's column, in rows that meet a condition.

    `linked("users", "id", "cursus_users", "user_id", equals(...))` are the users of a cursus.
    """

    def mask(store: Store) -> Mask:
        other = store[link]
        chosen = other.alive if wanted is None else other.alive & wanted.mask(store)
        return _among(store[table], column, other.array(key)[chosen])

    return Condition(("linked", *label), mask, (link,))


def _among(table: Table, column: str, numbers: NDArray[np.int32]) -> Mask:
    """Whether each row's number is among some; a lookup table tells, as ids are small."""
    values = table.array(column)
    size = int(max(values.max(initial=0, where=values >= 0), numbers.max(initial=0))) + 1
    if size > 20_000_000:
        return np.isin(values, numbers)
    flags = np.zeros(size, dtype=bool)
    flags[numbers] = True
    return np.asarray(flags[values])


def _stored(held: Column, values: Sequence[str]) -> list[int | float]:
    if held.kind is Kind.CHOICE:
        return [held.find_code(value) for value in values]
    if held.kind is Kind.BOOL:
        return [int(value.strip().lower() not in FALSE_WORDS) for value in values]
    if held.kind is Kind.FLOAT:
        return [_read_float(value) for value in values]
    return [read_int(value) for value in values]


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _on_days(held: Column, values: Sequence[str]) -> Mask:
    """Filters on instants compare the day only."""
    days = [day // DAY for v in values if (day := read_instant(v, 0)) is not None]
    return np.isin(held.array // DAY, np.asarray(days, dtype=np.int64)) & ~held.is_null()
