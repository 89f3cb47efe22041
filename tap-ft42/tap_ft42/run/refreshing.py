"""When a list whose rows hardly ever change is read in full again, in a run.

Its interval, and what the state says of it, are in `tap_ft42.planning.refresh`. Between two
full reads, the lists below it are read for the rows that the last one found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.declared.contexts import parent_of
from tap_ft42.declared.instants import DAY, milliseconds
from tap_ft42.declared.listing import ID
from tap_ft42.planning.priorities import last_served
from tap_ft42.planning.refresh import (
    forget_partitions,
    hidden_ids,
    is_due,
    note_refresh,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_ft42.declared.contexts import Context
    from tap_ft42.run.partitions import Partitions

_DAY = 24
_WEEK = 7 * _DAY
_PAUSE = 3 * DAY

_CENTURY = 100 * 366 * 24
"""Hours."""


class Refreshing:
    """The full reads of a list."""

    def __init__(self, partitions: Partitions) -> None:
        self._list = partitions

    @property
    def interval(self) -> float:
        """Hours for which a full read is good enough."""
        listing, run = self._list.listing, self._list.run
        set_hours: dict[str, float] = run.settings.get("refresh_hours") or {}
        if listing.name in set_hours:
            return set_hours[listing.name]
        if listing.is_campus and run.scope.campus_ids:
            # Where the campuses are named, no other one can join those that are asked.
            return _WEEK if self._list.output.selected else _CENTURY
        hours = listing.refresh_hours or 0
        is_told_less = listing.changes is not None and not self._list.tells_changes
        return min(hours, _DAY) if is_told_less else hours

    def is_due(self, context: Context | None) -> bool:
        """Tell whether a full read is due."""
        run, state = self._list.run, self._list.state(context)
        if run.is_dry_run or self._list.output.emit_activate_version_messages:
            return True  # what a run does not emit after such a message is deleted
        if run.backfill is not None:
            # What there is to read below the rows, a backfill has to know once.
            known = state.get("refreshed_at") or {}
            return any(child.listing.name not in known for child in self._list.wanted_children)
        if self._list.listing.changes is not None and self._is_after_pause(state):
            return True
        return is_due(state, hours=self.interval, **self._terms(context))

    def _is_after_pause(self, state: dict[str, Any]) -> bool:
        """Tell whether changes would be asked for in a window so wide that it may be cut.

        Nothing shows it, as the rows do not tell when they changed.
        """
        read_until = milliseconds(state.get("read_until"))
        return read_until is not None and self._list.run.began - read_until > _PAUSE

    def note(self, context: Context | None, records: Iterable[Any], *, is_whole: bool) -> None:
        """Note that a full read came to its end."""
        note_refresh(self._list.state(context), **self._terms(context))
        for child in self._list.wanted_children if is_whole else ():
            state = child.output.stream_state
            forget_partitions(state, {*records, *hidden_ids(state)})

    def _terms(self, context: Context | None) -> dict[str, Any]:
        readers = [child.listing.name for child in self._list.wanted_children]
        if self._list.output.selected:
            readers.append(self._list.listing.name)
        scope = self._list.scope_of(context)
        return {"now": self._list.run.began, "scope": scope, "readers": readers}

    def remembered(self) -> Iterator[tuple[Partitions, Context]]:
        """Yield what is read below the rows of the last full read, as far as in scope."""
        for child in self._list.wanted_children:
            turns = _turns([child])
            for parent_id in sorted(turns, key=turns.__getitem__):
                for context in self._list.contexts_below({ID: parent_id}):
                    yield child, context

    def sort_by_turn(self, records: list[Any]) -> None:
        """Sort records by the turns of what is read below them: who waits longest is first."""
        turns = _turns(self._list.wanted_children)
        records.sort(
            key=lambda record: (
                turns.get(record.get(ID) or 0, 0) if isinstance(record, dict) else 0
            )
        )


def _turns(children: Iterable[Partitions]) -> dict[int, int]:
    """Return by parent when the part below it that waits longest was last served."""
    turns: dict[int, int] = {}
    for child in children:
        for whole in child.lists:
            for partition in child.states_within(whole):
                parent, turn = parent_of(partition["context"]), last_served(partition)
                turns[parent] = min(turn, turns.get(parent, turn))
    return turns
