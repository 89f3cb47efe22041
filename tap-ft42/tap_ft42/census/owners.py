"""Whose the unnamed rows of an account are.

Who leaves takes all their rows along. Of unnamed rows, an account only knows how many were
created at each moment. Their owners tell how many of those left with somebody. This takes a
byte a row, 1.6 MB for 1,100,000, and is unpacked only when rows lack: the changes of the runs
between lie beside it.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import chain, islice
from typing import Any

from tap_ft42.census.days import day_of
from tap_ft42.census.packing import packed, packed_ids, stepped, steps, unpacked, unpacked_ids
from tap_ft42.declared.capabilities import Zone
from tap_ft42.reading.regions import MAX_ID

_MOST_CHANGES = 20_000
"""Changes beside the packed rows, before all are packed anew: that takes a second."""


class Owners:
    """Whose the rows of each moment are, as far as known."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        """Restore what `as_state` has written, or know nobody."""
        self._kept = dict(kept or {})
        self._changes = array("I", unpacked(self._kept.pop("changes", packed(()))))
        self._by_moment: dict[int, array[int]] | None = None

    def __bool__(self) -> bool:
        """Tell whether anybody is known."""
        return bool(self._kept or self._changes or self._by_moment)

    def add(self, person: int | None, moment: int) -> None:
        """Note a row; None is an unknown person."""
        self._change(person, moment, is_lost=False)

    def remove(self, person: int | None, moment: int) -> None:
        """Note that a row is gone, or named now."""
        self._change(person, moment, is_lost=True)

    def _change(self, person: int | None, moment: int, *, is_lost: bool) -> None:
        if person is not None and 0 < person <= MAX_ID:
            self._changes.extend((person, 2 * moment + is_lost))

    def clear(self, moments: Iterable[int]) -> None:
        """Forget the rows of some moments."""
        held = self._held()
        for moment in moments:
            held.pop(moment, None)

    def of(self, people: Collection[int]) -> dict[int, Counter[int]]:
        """Return how many rows some people have, by moment."""
        found: dict[int, Counter[int]] = {}
        for moment, owners in self._held().items() if people else ():
            for person in owners:
                if person in people:
                    found.setdefault(person, Counter())[moment] += 1
        return found

    def only_on(self, days: Collection[int], zone: Zone) -> set[int]:
        """Return the people all of whose rows were created on some days."""
        there, elsewhere = set[int](), set[int]()
        for moment, owners in self._held().items():
            (there if day_of(moment, zone) in days else elsewhere).update(owners)
        return there - elsewhere

    def as_state(self) -> dict[str, Any]:
        """Return them as state."""
        if self and (self._by_moment is not None or len(self._changes) > 2 * _MOST_CHANGES):
            self._pack()
        changes = {"changes": packed(self._changes)} if self._changes else {}
        return {**self._kept, **changes}

    def _held(self) -> dict[int, array[int]]:
        """Return the owners of the rows of each moment, after all changes."""
        if self._by_moment is None:
            self._by_moment = self._unpacked()
        changes, self._changes = iter(self._changes), array("I")
        for person, change in zip(changes, changes, strict=True):
            owners = self._by_moment.setdefault(change // 2, array("I"))
            if change % 2 == 0:
                owners.append(person)
            elif person in owners:
                owners.remove(person)
        return self._by_moment

    def _unpacked(self) -> dict[int, array[int]]:
        found: dict[int, array[int]] = {}
        with suppress(KeyError, ValueError):  # a damaged state tells of nobody
            moments = iter(stepped(self._kept["moments"]))
            people = unpacked_ids(self._kept["people"])
            for person, rows in zip(people, unpacked(self._kept["rows"]), strict=True):
                for moment in islice(moments, rows):
                    found.setdefault(moment, array("I")).append(person)
        return found

    def _pack(self) -> None:
        """Write the rows person by person, as that is shortest."""
        by_person: dict[int, list[int]] = {}
        for moment, owners in sorted(self._held().items()):
            for person in owners:
                by_person.setdefault(person, []).append(moment)
        people = sorted(by_person)
        self._kept = {
            "people": packed_ids(people),
            "rows": packed(len(by_person[person]) for person in people),
            "moments": steps(chain.from_iterable(by_person[person] for person in people)),
        }
        self._by_moment = None
