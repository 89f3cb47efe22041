"""What a run means to read: its plan, before anything is asked or begun."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tap_ft42.declared.contexts import Context, cursus_of
from tap_ft42.declared.listing import ID
from tap_ft42.lists.corrected import corrected
from tap_ft42.lists.list_sync import ListSync
from tap_ft42.planning.plan import PlannedRead, planned, sharing
from tap_ft42.planning.steps import Way
from tap_ft42.reading.looks import NIGHTLY
from tap_ft42.reading.regions import MAX_ID, Region


@dataclass(frozen=True)
class Intent:
    """What a run means to read of a list.

    Attributes:
        list_sync: The list.
        whole: The context of the whole list: its cursus, or None.
        reads: The plan of its partitions; empty if its partitions are not known yet.
    """

    list_sync: ListSync
    whole: Context | None
    reads: Sequence[PlannedRead]

    @classmethod
    def of(cls, list_sync: ListSync, whole: Context | None) -> Intent:
        """Plan what is read of a list, but start nothing."""
        due, members = list_sync.due, []
        for state in deepcopy(list_sync.list.states_within(whole)):
            context = {**state.get("context", {}), **(whole or {})} or None
            members.append(due.partition(context, state))
        listing, times = corrected(list_sync.list), list_sync.run.times
        reads = [planned(listing, group, times) for group in sharing(listing, members)]
        return cls(list_sync, whole, reads)

    @property
    def name(self) -> str:
        """The name of the stream, with the cursus if the run reads several."""
        cursus_id, name = cursus_of(self.whole), self.list_sync.listing.name
        return f"{name} ({cursus_id})" if len(self.list_sync.list.wholes) > 1 else name

    @cached_property
    def due(self) -> Sequence[PlannedRead]:
        """The reads that send any request."""
        return [read for read in self.reads if read.steps]

    @property
    def mode(self) -> str:
        """``full``, ``first load``, ``changes``, ``backfill``, ``done`` or ``not due``."""
        listing, is_backfill = self.list_sync.listing, self.list_sync.run.backfill is not None
        is_backfill &= listing.cursor is not None
        steps = [step for read in self.due for step in read.steps]
        if self.reads and not steps:
            return "done" if is_backfill else "not due"
        if is_backfill:
            return "backfill"
        if not self.reads:
            return "full" if listing.cursor is None else "first load"
        begins = any(step.way is Way.LOAD and step.since == "" for step in steps)
        if begins:
            return "first load"
        return "full" if steps[0].way in {Way.LIST, Way.FULL} else "changes"

    @property
    def is_window(self) -> bool:
        """Whether a window of the cursor is read."""
        return self.mode in {"changes", "backfill"}

    @property
    def is_due(self) -> bool:
        """Whether anything is to be read."""
        return self.mode not in {"done", "not due"}

    @property
    def begins(self) -> int | None:
        """Lower bound of its window, in milliseconds since 1970; None if it has none."""
        backfill = self.list_sync.run.backfill
        if not self.is_window:
            start_date = self.list_sync.run.times.not_before
            is_load = self.mode == "first load" and self.list_sync.listing.parent is None
            return start_date if is_load else None
        known = [read.begins for read in self.due if read.begins is not None]
        return min(known, default=None if backfill is None else backfill.begins)

    @property
    def partitions(self) -> int | None:
        """How many partitions are to be read; None if that is not known yet."""
        return sum(len(read.contexts) for read in self.due) or None

    def questions(self, pages: int) -> int:
        """Return how many requests find out again what a list of so many pages can do."""
        contexts = [context for read in self.due for context in read.contexts]
        until, begins = self.list_sync.run.times.until, self.begins
        width = until - begins if self.is_window and begins is not None else NIGHTLY
        loaded = 0 if self.is_window else pages
        return self.list_sync.sweeping.questions(
            contexts, pages=loaded, width=width if pages else 0
        )

    def query(self) -> dict[str, Any]:
        """Return the query parameters that select the rows to read."""
        region = Region()
        if self.is_window and self.begins is not None:
            cursor = self.list_sync.listing.cursor or self.list_sync.listing.changes
            column = cursor.column if cursor else ID
            region = region.narrowed(column, self.begins, self.list_sync.run.times.until)
        elif self.due and self.list_sync.listing.parent is None:
            first, _ = self.due[0].steps[0].region.interval(ID)
            region = region.narrowed(ID, first, MAX_ID) if first else region
        return {**self.list_sync.list.query(self.whole), **region.params()}
