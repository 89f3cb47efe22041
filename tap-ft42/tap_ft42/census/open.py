"""Which rows of a list can still disappear, and of which kinds they are.

A row's **kind** is an object that the row holds: of an enrolment, its project. The API can
count the rows of some kinds by the day. So the kinds are dealt out to sixteen shares, and twice
more to sixteen others: a row that lacks is in a share that lacks, of each deal. Each row has a
number that tells all of its shares, which takes a byte of a state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import repeat
from typing import Any

from tap_ft42.census.packing import packed, packed_ids, unpacked, unpacked_ids

_DEALT, _DEALS = 16, 3

_FIRST = _DEALT + 1
"""The number of the first kind. Older versions knew one deal only: they wrote its share."""

KEYS = _IDS, _SHARES, _KINDS = "open_ids", "shares", "kinds"
"""Keys of the state: the ids, the number of each row's kind, and the kinds."""


class OpenRows:
    """The open rows of a list whose settled rows do not disappear."""

    def __init__(self, settled: tuple[str, str] | None, kind: str | None = None) -> None:
        """Know no row yet.

        Args:
            settled: A column, and its value in rows that can no longer disappear; None if all
                rows can.
            kind: A column that holds an object with an id; None if there is none.
        """
        self.settled = settled
        self._kind = kind
        self._numbers: dict[int, int] = {}
        self._kinds = set[int]()

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Restore what `as_state` has written; ValueError if it is damaged."""
        if _IDS not in kept:
            self.settled = None
            return
        # A state from before kinds holds no shares.
        numbers = unpacked(kept[_SHARES]) if _SHARES in kept else repeat(0)
        self._numbers.update(zip(unpacked_ids(kept[_IDS]), numbers, strict=False))
        self._kinds.update(unpacked_ids(kept[_KINDS]) if _KINDS in kept else ())

    def as_state(self, named: Collection[int]) -> dict[str, Any]:
        """Return those of some rows that are open as state."""
        if self.settled is None:
            return {}
        ids = sorted(self._numbers.keys() & named)
        numbers = packed(self._numbers[one] for one in ids)
        return {_IDS: packed_ids(ids), _SHARES: numbers, _KINDS: packed_ids(self._kinds)}

    def clear(self) -> None:
        """Forget that rows can be told apart."""
        self.settled = None
        self._numbers.clear()

    @property
    def ids(self) -> Collection[int]:
        """The ids of the open rows."""
        return self._numbers.keys()

    def __contains__(self, number: int) -> bool:
        """Tell whether a row is known to be open."""
        return number in self._numbers

    def is_open(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row can still disappear, in a list whose settled rows cannot."""
        return self.settled is not None and record.get(self.settled[0]) != self.settled[1]

    def mark(self, record: Mapping[str, Any]) -> bool:
        """Remember whether a row is open, and its kind. Return whether that is news."""
        number = record["id"]
        before = self._numbers.pop(number, None)
        if self.is_open(record):
            self._numbers[number] = self._number_of(record)
        return before != self._numbers.get(number)

    def _number_of(self, record: Mapping[str, Any]) -> int:
        """Return a number that tells the shares of a row's kind; 0 if the row has none."""
        found = record.get(self._kind) if self._kind else None
        kind = found.get("id") if isinstance(found, dict) else None
        if type(kind) is not int or kind < 1:
            return 0
        self._kinds.add(kind)
        return _number(kind)

    @property
    def deals(self) -> list[dict[int, list[int]]]:
        """The kinds of each share, deal by deal."""
        dealt: list[dict[int, list[int]]] = []
        for deal in range(_DEALS):
            found: dict[int, list[int]] = {}
            for kind in sorted(self._kinds):
                found.setdefault(_share(_number(kind), deal), []).append(kind)
            dealt.append(found)
        return dealt

    def by_share(self, ids: Iterable[int], deal: int) -> dict[int, list[int]]:
        """Return the rows of each share; those of 0 are of unknown kinds."""
        found: dict[int, list[int]] = {}
        for one in ids:
            found.setdefault(_share(self._numbers.get(one, 0), deal), []).append(one)
        return found


def _number(kind: int) -> int:
    return _FIRST + kind % (_DEALT * _DEALT)


def _share(number: int, deal: int) -> int:
    """Return the share of a kind in a deal, from 1 on; 0 if the number does not tell it."""
    if number < _FIRST:
        return 0 if deal else number
    high, low = divmod(number - _FIRST, _DEALT)
    return (low, high, (low + high) % _DEALT)[deal] + 1
