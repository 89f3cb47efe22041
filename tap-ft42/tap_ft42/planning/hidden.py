"""What the state of a list holds of its hidden parents: those that 42 does not list.

The state holds, below ``hidden``:

``ids``
    The parents that were found.
``sought_on``
    By cursus, the day of the last search.
``left_over``
    By cursus, how many rows it left over; None if that is unknown.
``trying``
    By cursus, the ids that are still to be tried one by one, while a search is not over. Ids
    that 42 refuses are tried again on another day.
``narrowed``
    True from a load of known parents until a search: rows of others may be missing, even if
    later runs read the rows of all parents.
``all_tried``
    True if 42 has answered for all parents that the last search has tried.
``heeded``
    The longest list of parents of which is known that 42 heeds it, and does not count all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from datetime import date, timedelta
from typing import Any

HIDDEN = "hidden"
"""Key in the state of a list."""

_DAY, _MONTH = timedelta(days=1), timedelta(days=30)


class HiddenNote:
    """What the state of a list holds of its hidden parents."""

    def __init__(self, state: Callable[[], dict[str, Any]], today: date) -> None:
        """Read and write the state that a function returns."""
        self._state = state
        self._today = today

    @property
    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = self._state().setdefault(HIDDEN, {"ids": []})
        return kept

    @property
    def ids(self) -> set[int]:
        """The parents that were found."""
        return hidden_ids(self._state())

    def keep(self, ids: Iterable[int]) -> None:
        """Keep these parents, and no others."""
        self._kept["ids"] = sorted(ids)

    @property
    def were_sought(self) -> Container[str]:
        """The cursus that have been searched."""
        return (self._state().get(HIDDEN) or {}).get("sought_on") or {}

    @property
    def sought_on(self) -> dict[str, str]:
        """By cursus, the day of the last search."""
        days: dict[str, str] = self._kept.setdefault("sought_on", {})
        return days

    @property
    def trying(self) -> dict[str, list[int]]:
        """By cursus, the ids that are still to be tried."""
        trying: dict[str, list[int]] = self._kept.setdefault("trying", {})
        return trying

    @property
    def _left_over(self) -> dict[str, int | None]:
        left = self._kept.get("left_over")
        if not isinstance(left, dict):  # an older version kept a list of cursus
            left = self._kept["left_over"] = dict.fromkeys(left or ())
        return left

    @property
    def is_narrowed(self) -> bool:
        """Whether only known parents were loaded since the last search."""
        return bool(self._kept.get("narrowed"))

    @property
    def is_all_tried(self) -> bool:
        """Whether 42 has answered for all parents that the last search has tried."""
        return bool(self._kept.get("all_tried"))

    @property
    def heeded(self) -> int:
        """The longest list of parents that 42 is known to heed."""
        longest: int = self._kept.get("heeded", 1)
        return longest

    def note(self, **values: int) -> None:
        """Keep values under their names."""
        self._kept.update(values)

    def note_search(self, cursus: str, rest: int | None) -> None:
        """Take note of a search, and of how many rows it has left over, if that is known."""
        self.sought_on[cursus] = self._today.isoformat()
        self._kept.pop("narrowed", None)
        self._left_over.pop(cursus, None)
        self._left_over.update({} if rest == 0 else {cursus: rest})

    def is_due(self, cursus: str) -> bool:
        """Tell whether to count the rows that are left over, and to search if there are any."""
        # Ids that 42 refused are tried again the next day.
        is_unknown = self._left_over.get(cursus, 0) is None and cursus not in self.trying
        return self._was_sought_before(cursus, _MONTH if is_unknown else _DAY)

    def is_in_vain(self, cursus: str, rest: int) -> bool:
        """Tell whether a search of this month has left as many rows over."""
        is_old = cursus in self.trying or self._was_sought_before(cursus, _MONTH)
        return not is_old and rest <= (self._left_over.get(cursus) or 0)

    def _was_sought_before(self, cursus: str, period: timedelta) -> bool:
        """Tell whether the last search is a period ago, or there was none."""
        try:
            return self._today - date.fromisoformat(self.sought_on[cursus]) >= period
        except (KeyError, ValueError):
            return True


def hidden_ids(stream_state: dict[str, Any]) -> set[int]:
    """Return the ids of hidden parents: found, though 42 does not list them."""
    kept = stream_state.get(HIDDEN)
    ids = kept.get("ids") if isinstance(kept, dict) else None
    return {one for one in ids if type(one) is int} if isinstance(ids, list) else set()
