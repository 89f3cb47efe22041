"""What a run has to read of a list: all rows, only changes, or nothing.

A reference list, whose rows hardly ever change, is read in full at intervals (see
`tap_ft42.planning.refresh`). Between two full reads, its children are read below the rows
that the last full read found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from tap_ft42.declared.contexts import Context
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import DAY, from_milliseconds, milliseconds
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.planning import nights, refresh
from tap_ft42.planning.bookmarks import (
    forget_foreign,
    forget_position,
    is_same_scope,
    note_scope,
)
from tap_ft42.planning.collapse import refuse_collapse
from tap_ft42.planning.hidden import hidden_ids
from tap_ft42.planning.plan import Partition, PlannedRead
from tap_ft42.planning.steps import Step, Way
from tap_ft42.reading.asking import IncompleteReadError, Part
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.places import Place
from tap_ft42.run.list_in_run import ListInRun

_DAY = 24
_WEEK = 7 * _DAY
_CENTURY = 100 * 366 * _DAY
"""Hours."""

_PAUSE = 3 * DAY

_NIGHT = "night"
"""Key in the state of a partition that is read once a night: when its last run began."""

_DOUBTED = "doubted"
"""Key in the state of a partition: when a run began whose load showed fewer rows than 42
counts. The next night loads the partition again, once."""


class DuePartitions:
    """Says what is due of each partition of a list."""

    def __init__(self, of: ListInRun, is_short: Callable[[Context | None], bool]) -> None:
        self.list = of
        self._is_short = is_short

    def needs_all(self, context: Context | None) -> bool:
        """Tell whether all of a partition is due, as far as no bookmark says otherwise."""
        if self.list.listing.is_reference:
            return self._is_refresh_due(context)
        is_live = self.list.run.backfill is None
        return is_live or bool(self.list.wanted_children)

    # A list that is read in full at intervals

    @property
    def interval(self) -> float:
        """Hours after which the list is read in full again."""
        listing, run = self.list.listing, self.list.run
        set_hours: dict[str, float] = run.settings.get("refresh_hours") or {}
        if listing.name in set_hours:
            return set_hours[listing.name]
        if listing.is_campus and run.scope.campus_ids:
            # The settings name the campuses, so a new one cannot join them.
            return _WEEK if self.list.output.selected else _CENTURY
        hours = listing.refresh_hours or 0
        is_told_less = listing.changes is not None and not self.list.facts.tells_changes
        return min(hours, _DAY) if is_told_less else hours

    def _is_refresh_due(self, context: Context | None) -> bool:
        run, state = self.list.run, self.list.state(context)
        if run.is_dry_run or self.list.output.emit_activate_version_messages:
            return True  # after such a message the target deletes rows that do not come
        if run.backfill is not None:
            # A backfill needs the parents of its children, once.
            known, children = state.get("refreshed_at") or {}, self.list.wanted_children
            return any(child.listing.name not in known for child in children)
        if self.list.listing.changes is not None:
            # 42 may cut a wide window of changes. Nothing would show that, as the rows do not
            # say when they changed.
            read_until = milliseconds(state.get("read_until"))
            if read_until is not None and run.began - read_until > _PAUSE:
                return True
        hour = run.settings["census_hour"]
        return refresh.is_due(
            state, hours=self.interval, census_hour=hour, **self._terms(context)
        )

    def refuse_collapse(self, context: Context | None, rows: int) -> None:
        """Refuse a full read that found hardly any rows; see `planning.collapse`."""
        state = self.list.state(context)
        if is_same_scope(state.get("refreshed_for"), self.list.scope_of(context)):
            known, began = state.get("rows", 0), self.list.run.began
            refuse_collapse(state, known=known, rows=rows, began=began)

    def note_refresh(
        self, context: Context | None, records: Collection[Any], *, is_whole: bool
    ) -> None:
        """Note that a full read has ended.

        Args:
            context: The partition.
            records: Ids of the rows that it found.
            is_whole: Whether these are all rows that exist, so parents that are not among
                them can be forgotten.
        """
        state, listing = self.list.state(context), self.list.listing
        is_part = listing.parent or listing.by_cursus or self.list.run.scope.campus_ids
        if not (records or is_part):
            return  # no such list is empty as a whole, so the next run asks again
        refresh.note_refresh(state, **self._terms(context), rows=len(records))
        for child in self.list.wanted_children if is_whole else ():
            state = child.output.stream_state
            refresh.forget_partitions(state, {*records, *hidden_ids(state)})

    def _terms(self, context: Context | None) -> dict[str, Any]:
        wanted = self.list.wanted_children
        wanted += [self.list] if self.list.output.selected else []
        readers = [one.listing.name for one in wanted]
        scope = self.list.scope_of(context)
        return {"now": self.list.run.began, "scope": scope, "readers": readers}

    # A partition

    def partition(
        self,
        context: Context | None,
        state: dict[str, Any],
        place: Place = (),
        traits: Iterable[Trait] = (),
    ) -> Partition:
        """Return a partition with what is due of it; drop the state that no longer counts."""
        listing, backfill = self.list.listing, self.list.run.backfill
        self._forget_doubted(state)
        if listing.cursor is not None and forget_foreign(listing.cursor, state):
            Events(listing.name).warning(
                "the bookmark in the state is no value of %s. All rows are read again.",
                listing.cursor.column,
                happened="foreign_bookmark",
            )
        if listing.cursor is not None or listing.by_cursus:
            note_scope(state, self.list.bookmark_scope(context))
        if listing.cursor is not None and backfill is not None:
            backfill.begin(listing.cursor, state)
        for trait in traits:
            trait.take_up(context, state)
        is_full = self.needs_all(context)
        if is_full and listing.is_reference and listing.cursor is not None:
            forget_position(state)
        return Partition(
            context,
            state,
            is_full=is_full,
            is_due=not listing.is_nightly or self._is_due_tonight(state),
            is_short=listing.parent is None and self._is_short(context),
            place=place,
        )

    def learn_of(self, part: Part, step: Step, read: PlannedRead, *, is_short: bool) -> None:
        """Note what a part shows of the list: its totals and its order.

        `is_short` says whether the step has shown fewer rows than 42 counts.
        """
        facts = self._facts_of(read)
        if part.is_doubtful:
            facts.doubt_totals()
            is_load = step.way in {Way.FULL, Way.LOAD}
            is_first = facts.can.totals == "doubted"
            if is_short and is_load and is_first:
                for member in read.partitions:
                    member.state[_DOUBTED] = from_milliseconds(self.list.run.began)
        if part.is_newest_first is not None:
            facts.note_order(is_newest_first=part.is_newest_first)

    def doubt_again(self, read: PlannedRead, failure: Exception) -> bool:
        """Tell whether a failed read can do without totals, as they were doubted lately."""
        facts = self._facts_of(read)
        return isinstance(failure, IncompleteReadError) and facts.doubt_again()

    def _facts_of(self, read: PlannedRead) -> RouteFacts:
        return self.list.facts_of_sweeps if read.is_sweep else self.list.facts

    def _forget_doubted(self, state: dict[str, Any]) -> None:
        """Forget a load that showed too few rows, once the night has come."""
        run, hour = self.list.run, self.list.run.settings["census_hour"]
        is_doubted = _DOUBTED in state and "from_scratch" not in state
        if not is_doubted or run.backfill is not None or hour < 0:
            return
        if nights.is_due(milliseconds(state[_DOUBTED]), run.began, hour):
            for name in (_DOUBTED, "refreshed_at"):
                state.pop(name, None)
            forget_position(state)

    def _is_due_tonight(self, state: Mapping[str, Any]) -> bool:
        run = self.list.run
        is_loaded = "read_until" in state and "from_scratch" not in state
        if run.backfill is not None or not is_loaded:
            return True
        return nights.is_due(
            milliseconds(state.get(_NIGHT)), run.began, run.settings["census_hour"]
        )

    def note_night(self, context: Context | None) -> None:
        """Note that a partition has been read, if it is read once a night."""
        if self.list.listing.is_nightly:
            state = self.list.state(context)
            state[_NIGHT] = from_milliseconds(self.list.run.began)
