"""Which rows of a list can still disappear, and of which kinds they are.

A row's **kind** is an object that the row holds: of an enrolment, its project. The API can
count the rows of some kinds by the day. So the kinds are dealt out to sixteen shares, and twice
more to sixteen others: a row that lacks is in a share that lacks, of each deal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tap_ft42.census.packing import packed, packed_ids, unpacked, unpacked_ids
from tap_ft42.declared.listing import Census
from tap_ft42.reading.regions import MAX_ID

SHARES = 16
"""Shares of a deal."""

DEALS = 3

KEYS = _IDS, _KINDS = "open_ids", "kinds"
"""Keys of the state: the ids, and the kind of each row."""


class OpenRows:
    """The open rows of a list whose settled rows do not disappear."""

    def __init__(self, census: Census) -> None:
        """Know no row yet."""
        self.settled = census.settled
        self._kind = census.kind and census.kind[0]
        self._kinds: dict[int, int] = {}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Restore what `as_state` has written; ValueError if it is damaged."""
        if _IDS not in kept:
            self.settled = None
            return
        ids, kinds = unpacked_ids(kept[_IDS]), unpacked(kept.get(_KINDS, packed(())))
        if len(kinds) != len(ids):  # an older state does not tell the kind of each row
            kinds = [0] * len(ids)
        self._kinds.update(zip(ids, kinds, strict=True))

    def as_state(self, named: Collection[int]) -> dict[str, Any]:
        """Return those of some rows that are open as state."""
        if self.settled is None:
            return {}
        ids = sorted(self._kinds.keys() & named)
        return {_IDS: packed_ids(ids), _KINDS: packed(self._kinds[one] for one in ids)}

    def clear(self) -> None:
        """Forget that rows can be told apart."""
        self.settled = None
        self._kinds.clear()

    @property
    def ids(self) -> Collection[int]:
        """The ids of the open rows."""
        return self._kinds.keys()

    def __contains__(self, number: int) -> bool:
        """Tell whether a row is known to be open."""
        return number in self._kinds

    def is_open(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row can still disappear, in a list whose settled rows cannot."""
        return self.settled is not None and record.get(self.settled[0]) != self.settled[1]

    def mark(self, record: Mapping[str, Any]) -> bool:
        """Remember whether a row is open, and its kind. Return whether that is news."""
        number = record["id"]
        before = self._kinds.pop(number, None)
        if self.is_open(record):
            found = record.get(self._kind) if self._kind else None
            kind = found.get("id") if isinstance(found, dict) else None
            self._kinds[number] = kind if type(kind) is int and 0 < kind <= MAX_ID else 0
        return before != self._kinds.get(number)

    def kinds_of(self, deal: int) -> dict[int, list[int]]:
        """Return the known kinds of each share of a deal."""
        found: dict[int, list[int]] = {}
        for kind in sorted({*self._kinds.values()} - {0}):
            found.setdefault(_share(kind, deal), []).append(kind)
        return found

    def have_kinds(self, ids: Iterable[int]) -> bool:
        """Tell whether the kinds of some rows are known."""
        return all(self._kinds.get(one) for one in ids)

    def by_share(self, ids: Iterable[int], deal: int) -> dict[int, list[int]]:
        """Return the rows of each share of a deal, if they have kinds."""
        found: dict[int, list[int]] = {}
        for one in ids:
            found.setdefault(_share(self._kinds[one], deal), []).append(one)
        return found


def _share(kind: int, deal: int) -> int:
    high, low = divmod(kind % SHARES**2, SHARES)
    return (low, high, (low + high) % SHARES)[deal]
