"""Keeps points up to date: they change, but the cursor does not move.

Two signs show that the points of a membership have moved:

1. The column that says when they did (``this_year_score_updated_at``). If the API narrows the
   list by this column, one window has all such rows, if it begins where the last one ended.
2. The total of the parent. If it differs from the total at the last full read of the
   partition, and no row of the window explains that, the partition is read in full again.

The state of the stream holds, below ``scores``, ``read_until``: the upper bound of the last
window that had rows, but of two days ago at least, as an empty answer may be wrong. The state
of a partition holds ``total_score``, the parent's total before the last full read that is
believed, and, while a full read goes on, ``total_score_seen``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from typing_extensions import override

from tap_ft42.api.errors import REFUSALS, FatalAPIError, status_of
from tap_ft42.api.ledger import Entry
from tap_ft42.declared.contexts import Context, parent_of
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.declared.listing import ID, Points
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.planning.bookmarks import forget_position, has_bookmark
from tap_ft42.planning.collapse import refuse_collapse
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.reading.looks import NIGHTLY
from tap_ft42.reading.regions import Region
from tap_ft42.reading.spool import FRESH
from tap_ft42.run.lifecycle import PARTIAL_FAILURES
from tap_ft42.run.list_in_run import ListInRun

_PROBE = f"{from_milliseconds(0)},{from_milliseconds(1000)}"
"""A window in which no points moved. If rows come, the API ignores the range."""


class PointsOfParents(Trait):
    """Rows with points. Each parent has the sum of its rows' points."""

    def __init__(self, of: ListInRun, points: Points) -> None:
        self._list = of
        self._points = points
        self._totals: dict[int, Any] = {}
        self._had_rows = set[int]()
        """Parents whose rows are read in full again."""
        self._are_emitted = False
        self._until = 0

    @override
    def learn_of_parents(self, records: Iterable[Mapping[str, Any]]) -> None:
        if self._list.run.backfill is None:
            total = self._points.total
            self._totals |= {one[ID]: one[total] for one in records if total in one}

    @override
    def take_up(self, context: Context | None, state: dict[str, Any]) -> None:
        parent = parent_of(context)
        if parent not in self._totals:
            return
        total = self._totals[parent]
        is_known = "total_score" in state and state["total_score"] == total
        if not is_known and parent not in map(self._parent_of, self._moved):
            if has_bookmark(state):
                self._had_rows.add(parent)
            forget_position(state)
        if not has_bookmark(state):
            # A read that begins now sees the points of this total, or newer ones.
            state.setdefault("total_score_seen", total)

    @override
    def first(self) -> Iterator[Any]:
        run = self._list.run
        if self._are_emitted or run.backfill is not None:
            return
        self._are_emitted = True
        moved = self._moved
        self._list.emitted.begin(self._entry, "")
        yield from moved
        self._state["read_until"] = from_milliseconds(self._until)

    @override
    def complete(self, context: Context | None) -> None:
        parent, state = parent_of(context), self._list.state(context)
        if parent not in self._totals or self._list.run.lifecycle.ends_early:
            return
        total = state.pop("total_score_seen", self._totals[parent])
        rows, known = has_bookmark(state), parent in self._had_rows
        with suppress(IncompleteReadError):  # the next night reads it again
            refuse_collapse(state, known=known, rows=rows, began=self._list.run.began)
            state["total_score"] = total

    def _parent_of(self, record: Mapping[str, Any]) -> object:
        return record.get(self._list.listing.parent_id)

    @property
    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._list.output.stream_state.setdefault("scores", {})
        return state

    @cached_property
    def _moved(self) -> list[dict[str, Any]]:
        """The rows of known parents whose points moved since the last window."""
        times = self._list.run.times
        self._until = times.until
        read_until = milliseconds(self._state.get("read_until"))
        if read_until is None or not self._has_range():
            return []
        name = f"scores of {self._list.listing.name}"
        stops = self._list.run.spool.follow(name, {}, times.until, longest_age=FRESH)
        self._until = max(read_until, stops[-1])
        lower = read_until - times.overlap
        self._entry.cover(lower, self._until, tells_changes=True)
        window = Region({self._points.moved_at: (lower, self._until)})
        path = self._list.whole_path
        try:
            records = list(self._list.read_apart([window.params()], name, path=path))
        except PARTIAL_FAILURES as failure:
            if not self._list.run.lifecycle.fails_alone(self._list.listing.name, failure):
                raise
            self._until = read_until
            return []
        if not records:
            self._until = max(read_until, self._until - NIGHTLY)
        known = {parent_of(part["context"]) for part in self._list.states_within(None)}
        return [
            record
            for record in records
            if isinstance(record, dict) and self._parent_of(record) in known
        ]

    @property
    def _entry(self) -> Entry:
        return self._list.route_of_sweeps.entry

    def _has_range(self) -> bool:
        """Tell whether the API narrows the list by the instant when points moved."""
        name, facts = f"range[{self._points.moved_at}]", self._list.facts_of_sweeps
        if facts.is_due("ignored_filters"):
            try:
                is_ignored = self._is_any({name: _PROBE})
                if not (is_ignored or self._is_any({})):
                    return False  # a list that is falsely empty tells nothing
            except FatalAPIError as refusal:
                if status_of(refusal) in REFUSALS:
                    return False  # another run may get an answer
                is_ignored = True
            facts.note_filter(name, is_ignored=is_ignored, instead="Points are found by sums")
        return name not in facts.can.ignored_filters

    def _is_any(self, query: Mapping[str, str]) -> bool:
        reader, path = self._list.reader, self._list.whole_path or ""
        return reader.one_of(reader.ask_one(path, query)).count > 0
