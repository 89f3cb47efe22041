"""What a state holds of a list: which of its rows are known, and how far it was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.census.days import UNKNOWN, Days
from tap_ft42.census.tallies import Tally

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class Account:
    """A tally, and notes on how it came about."""

    def __init__(
        self, tally: Tally, notes: Mapping[str, Any], days: Days | None = None
    ) -> None:
        """Begin an account, or take one up.

        Args:
            tally: The rows that are known.
            notes: What else the state holds of the list.
            days: When they were created; None if nobody wants to know.
        """
        self.tally = tally
        self.days = days
        self.notes: dict[str, Any] = dict(notes)
        self.has_changed = True
        """Whether the state does not hold it yet."""

    @classmethod
    def restored(
        cls,
        kept: Mapping[str, Any],
        names: Collection[str],
        *,
        page_size: int,
        is_dated: bool = False,
    ) -> Account:
        """Take up what was written down.

        Args:
            kept: What `as_state` returned.
            names: Names of the notes.
            page_size: Rows of a slice.
            is_dated: Whether somebody wants to know when the rows were created.

        Returns:
            The account.

        Raises:
            ValueError: The state is damaged.
            KeyError: It is none.
        """
        notes = {name: kept[name] for name in names if name in kept}
        tally = Tally.restored(kept, page_size=page_size)
        return cls(tally, notes, _days(kept, tally) if is_dated else None)

    def as_state(self) -> dict[str, Any]:
        """Write it down."""
        written = {**self.notes, **self.tally.as_state()}
        if self.days is not None:
            written["days"] = self.days.as_state(is_small=self.tally.is_small)
        return written

    def note(self, **notes: object) -> None:
        """Take notes."""
        self.notes.update(notes)
        self.has_changed = True

    def forget(self, name: str) -> None:
        """Take a note back."""
        del self.notes[name]
        self.has_changed = True

    def add(self, number: int, *, is_new: bool = True, moment: int = UNKNOWN) -> bool:
        """Account for a row that was read; as `Tally.add`.

        Args:
            number: Its id.
            is_new: Whether it was not there before.
            moment: When it was created; see `tap_ft42.census.days`.
        """
        is_changed = self.tally.add(number, is_new=is_new)
        if self.days is not None and (is_changed or number in self.tally):
            is_changed |= self.days.put(number, moment, is_new=is_changed)
        self.has_changed |= is_changed
        return is_changed

    def remove(self, number: int, *, moment: int = UNKNOWN) -> bool:
        """Account for a row that has left the list; as `Tally.remove`.

        Args:
            number: Its id.
            moment: When it was created, as far as that is known elsewhere.
        """
        is_changed = self.tally.remove(number)
        if self.days is not None and is_changed:
            self.days.drop(number, moment)
        self.has_changed |= is_changed
        return is_changed

    def replace(
        self, lower: int, upper: int, ids: Sequence[int], moments: Mapping[int, int]
    ) -> None:
        """Let these be all rows of a closed interval; as `Tally.replace`.

        Args:
            lower: Its lowest id.
            upper: Its highest id.
            ids: The ids of its rows.
            moments: When they were created, as far as that is known.
        """
        # Of what has gone from a crowd, nobody knows the days: an audit finds them.
        if self.days is not None and self.days.moments is not None:
            for number in set(self.tally.between(lower, upper)).difference(ids):
                self.days.drop(number)
            for number in ids:
                self.days.put(number, moments.get(number, UNKNOWN), is_new=True)
        self.tally.replace(lower, upper, ids)
        self.has_changed = True


def _days(kept: Mapping[str, Any], tally: Tally) -> Days | None:
    """Return when the rows of a tally were created; None if there are too many to find out."""
    if "days" in kept:
        return Days.restored(kept["days"], tally.ids, is_exact=tally.is_exact)
    return Days.of((number, UNKNOWN) for number in tally.ids) if tally.is_exact else None
