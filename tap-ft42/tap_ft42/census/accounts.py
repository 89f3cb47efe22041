"""What a state holds of a list: which of its rows are known, and how far it was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.census.tallies import Tally

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class Account:
    """A tally, and notes on how it came about."""

    def __init__(self, tally: Tally, notes: Mapping[str, Any]) -> None:
        """Begin an account, or take one up.

        Args:
            tally: The rows that are known.
            notes: What else the state holds of the list.
        """
        self.tally = tally
        self.notes: dict[str, Any] = dict(notes)
        self.has_changed = True
        """Whether the state does not hold it yet."""

    @classmethod
    def restored(
        cls, kept: Mapping[str, Any], names: Collection[str], *, page_size: int
    ) -> Account:
        """Take up what was written down.

        Args:
            kept: What `as_state` returned.
            names: Names of the notes.
            page_size: Rows of a slice.

        Returns:
            The account.

        Raises:
            ValueError: The state is damaged.
            KeyError: It is none.
        """
        notes = {name: kept[name] for name in names if name in kept}
        return cls(Tally.restored(kept, page_size=page_size), notes)

    def as_state(self) -> dict[str, Any]:
        """Write it down."""
        return {**self.notes, **self.tally.as_state()}

    def note(self, **notes: object) -> None:
        """Take notes."""
        self.notes.update(notes)
        self.has_changed = True

    def forget(self, name: str) -> None:
        """Take a note back."""
        del self.notes[name]
        self.has_changed = True

    def add(self, number: int, *, is_new: bool = True) -> bool:
        """Account for a row that was read; as `Tally.add`."""
        is_changed = self.tally.add(number, is_new=is_new)
        self.has_changed |= is_changed
        return is_changed

    def remove(self, number: int) -> bool:
        """Account for a row that has left the list; as `Tally.remove`."""
        is_changed = self.tally.remove(number)
        self.has_changed |= is_changed
        return is_changed

    def replace(self, lower: int, upper: int, ids: Sequence[int]) -> None:
        """Let these be all rows of a closed interval; as `Tally.replace`."""
        self.tally.replace(lower, upper, ids)
        self.has_changed = True
