"""What a list remembers of people whose rows change in silence: how fresh each row is.

The state of a partition holds, below ``movers``:

``read``
    People, by the night in which they were last read.
``near``
    People whose deadline is near, by its day.
``moved``
    People whose mark has changed since they were read.
``basis``
    The scope of the list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_ft42.census.packing import packed_ids, unpacked_ids
from tap_ft42.planning.bookmarks import is_same_scope


@dataclass
class Freshness:
    """When the row of each person was last read, and who should be read again."""

    basis: Mapping[str, Any]
    read: dict[int, int] = field(default_factory=dict)
    """The night in which each person was last read."""
    near: dict[int, int] = field(default_factory=dict)
    """The day of each person's deadline that is near, or soon will be."""
    moved: set[int] = field(default_factory=set)
    """People whose mark has changed since they were read."""
    has_changed: bool = False

    @classmethod
    def restored(cls, kept: object, basis: Mapping[str, Any]) -> Freshness:
        """Restore what `as_state` returned; return an empty memory for anything else."""
        memory = cls(basis)
        if not isinstance(kept, dict) or not is_same_scope(kept.get("basis"), basis):
            return memory
        try:
            memory.read = _taken_apart(kept["read"])
            memory.near = _taken_apart(kept["near"])
            memory.moved = set(unpacked_ids(kept["moved"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls(basis)
        return memory

    def as_state(self) -> dict[str, Any]:
        """Return the memory as state."""
        return {
            "basis": dict(self.basis),
            "read": _put_together(self.read),
            "near": _put_together(self.near),
            "moved": packed_ids(self.moved),
        }

    def note(self, person: int, night: int, near: int | None) -> None:
        """Take note of a row that was read, and of the day of its deadline if that is near."""
        self.read[person] = night
        self.near.pop(person, None)
        if near is not None:
            self.near[person] = near
        self.moved.discard(person)
        self.has_changed = True

    def note_missing(
        self, people: Iterable[int], night: int, *, known: Collection[int]
    ) -> None:
        """Take note of people without a row; those who are not known either are forgotten."""
        for person in people:
            self.near.pop(person, None)
            if person in known:
                self.read[person] = night
            else:
                self.read.pop(person, None)
        self.has_changed = True

    def queue(
        self, everybody: Collection[int], tonight: int, near: Collection[int]
    ) -> tuple[set[int], dict[int, int]]:
        """Return who is due, and how many nights the others wait, the longest wait first.

        Args:
            everybody: Who may be read.
            tonight: The number of this night.
            near: The days of a deadline that make a person due each night.
        """
        read = {one: self.read[one] for one in everybody if one in self.read}
        due = self.moved.union(one for one in everybody if one not in read)
        due.update(
            one for one, day in self.near.items() if day in near and read.get(one) != tonight
        )
        waits = {
            one: tonight - night
            for one, night in read.items()
            if night < tonight and one not in due
        }
        return due, dict(sorted(waits.items(), key=lambda wait: (-wait[1], wait[0])))


def _put_together(days: Mapping[int, int]) -> dict[str, str]:
    """Write numbers as text, by the day that each has."""
    of = defaultdict[int, list[int]](list)
    for number, day in days.items():
        of[day].append(number)
    return {str(day): packed_ids(numbers) for day, numbers in sorted(of.items())}


def _taken_apart(kept: Mapping[str, str]) -> dict[int, int]:
    """Read what `_put_together` has written."""
    return {
        number: int(day) for day, numbers in kept.items() for number in unpacked_ids(numbers)
    }
