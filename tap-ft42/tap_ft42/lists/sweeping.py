"""Checks reads that several parents share.

The API may heed only the first ids of a list: this is tested before a first load relies on
lists, and once a month. Or it may refuse a list because of one of its ids, or because of
their number: reading the halves tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from sys import maxsize

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import FatalAPIError, explain, may_be_of_parameters, status_of
from tap_ft42.api.page import Page
from tap_ft42.api.retries import RETRIED
from tap_ft42.declared.contexts import Context, list_of, parent_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import ID, LARGEST
from tap_ft42.planning.bookmarks import has_bookmark
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.reading.places import NOW
from tap_ft42.reading.regions import MAX_ID, Region
from tap_ft42.reading.source import TooLargeError
from tap_ft42.run.lifecycle import PARTIAL_FAILURES
from tap_ft42.run.list_in_run import ListInRun
from tap_ft42.run.people import NOWHERE

_WORTH_IT = 10
"""A run with so many requests left spends two to test whether it can save others."""

_PART = 100
"""No list gains or loses this part of its rows, a hundredth, between two requests."""


@dataclass
class Halving:
    """A sweep that failed, and is read in two halves."""

    contexts: Sequence[Context | None]
    """Its partitions."""
    is_refused: bool
    """Whether 42 refused it."""
    read: list[int] = field(default_factory=list)
    """How many the halves named that were read."""
    has_failed: bool = False
    """Whether a half failed, too, so that the sweep's length was not the reason."""


class Sweeping:
    """How 42 answers the sweeps of a list."""

    def __init__(self, of: ListInRun) -> None:
        self._list = of
        self._refuses_all: bool | None = None
        self.refusal: Exception | None = None
        """Why 42 answers no list of parents, unless single parents are the reason."""

    @property
    def _filter(self) -> str:
        """The parameter that names the parents."""
        return self._list.listing.parent_filter or ""

    def tell_halved(self, members: int, failure: Exception) -> None:
        """Log that a sweep is read in two halves, as one of its parents may be the reason."""
        Events(self._list.listing.name).info(
            "a list of %d of its parents cannot be read, and is read in two. %s",
            members,
            explain(failure),
            happened="sweep_halved",
        )

    def refuses_all(self, context: Context | None) -> bool:
        """Tell whether 42 refuses the list even without a parent in the request."""
        if self._refuses_all is None:
            self._refuses_all = False
            try:
                self._beginnings(list_of(context), [None], None)
            except FatalAPIError:
                self._refuses_all = True
            except (RunEnds, TooLargeError, *PARTIAL_FAILURES):
                pass  # reading the halves tells, as usual
        return self._refuses_all

    def note_half(self, halving: Halving, members: int) -> None:
        """Take note of how many parents fit in one list, once both halves were read."""
        halving.read.append(members)
        if halving.has_failed or len(halving.read) == 1 or self._has_passed(halving):
            return
        length, longest = len(halving.contexts), max(halving.read)
        self._list.facts_of_sweeps.shorten(self._filter, length, longest)

    def _has_passed(self, halving: Halving) -> bool:
        """Tell whether the refusal of a sweep has passed: then its length is not the reason."""
        contexts = halving.contexts
        ids = [*map(parent_of, contexts)]
        try:
            if halving.is_refused:
                self._beginnings(list_of(contexts[0]), [ids], None)
        except (FatalAPIError, TooLargeError):
            return False
        except (RunEnds, *PARTIAL_FAILURES):
            return True  # nobody knows
        return halving.is_refused

    def are_loads_apart(self, contexts: Sequence[Context | None]) -> bool:
        """Tell whether each first load is read apart.

        They share a read only where the API was seen to heed all ids of a list.
        """
        if self._list.listing.parent_filter is None:
            return False
        self.look(contexts)
        is_swept = self._reads_together(contexts) and not self._list.is_campus_ignored
        return is_swept and self._list.facts_of_sweeps.is_due("longest_list")

    def look(self, contexts: Sequence[Context | None]) -> None:
        """Test how 42 answers lists of parents, as far as such tests are due."""
        self._look_at_filter(contexts)
        if self.refusal is not None or self._list.is_campus_ignored:
            return
        if self._is_look_due(contexts) and self._list.run.budget.reaches_for(_WORTH_IT):
            try:
                self._look_at_list(contexts)
            except FatalAPIError as refusal:
                if self.refuses_all(contexts[0]):
                    self.refusal = refusal
            except RETRIED as failure:
                self.refusal = failure
            except (RunEnds, TooLargeError, IncompleteReadError):
                pass  # the next run tests it

    def _look_at_filter(self, contexts: Sequence[Context | None]) -> None:
        """Test whether the API narrows rows to parents, where rows do not tell theirs."""
        if not self._is_filter_look_due:
            return
        facts, whole = self._list.facts_of_sweeps, list_of(contexts[0])
        with suppress(RunEnds, TooLargeError, *PARTIAL_FAILURES):
            try:
                one, everybody = self._beginnings(whole, [[parent_of(contexts[0])], None], None)
            except FatalAPIError as refusal:
                if not may_be_of_parameters(refusal) or self.refuses_all(contexts[0]):
                    return
                is_ignored = True
            else:
                if not everybody.count:
                    return  # an empty list tells nothing
                # Rows come and go between the two answers, so totals are only alike.
                is_same = (
                    one.ids == everybody.ids
                    if one.total is None
                    else not _differ(one, everybody)
                )
                # If filters add rows, one parent has more rows than all together.
                is_same |= (one.total or 0) > (everybody.total or maxsize)
                # All rows may belong to this parent.
                is_ignored = is_same and self._has_rows_of_nobody(whole)
            facts.note_filter(
                self._filter,
                is_ignored=is_ignored,
                instead="Its rows go to the campuses of their people",
            )

    def _has_rows_of_nobody(self, whole: Context | None) -> bool:
        """Tell whether 42 shows rows for a parent that does not exist."""
        try:
            (nobody,) = self._beginnings(whole, [[NOWHERE]], None)
        except FatalAPIError as refusal:
            if status_of(refusal) not in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
                raise
            return False  # a filter that refuses an unknown id works
        return nobody.count > 0

    def questions(self, contexts: Sequence[Context | None], *, pages: int, width: int) -> int:
        """Return how many requests test again what the list can do.

        Args:
            contexts: The partitions that are read, all of one cursus.
            pages: How many it has, if it is loaded; several are read in slices of ids.
            width: How wide its windows are, in milliseconds.
        """
        listing = self._list.listing
        regions = [Region({listing.key: (0, width)})] if listing.cursor else []
        regions += [Region({ID: (1, MAX_ID)})] if pages > 1 else []
        routes = (self._list.route, self._list.route_of_sweeps)
        looks = max(route.looks.number_due(*regions) for route in routes)
        return looks + 2 * (self._is_filter_look_due + self._is_look_due(contexts))

    @property
    def _is_filter_look_due(self) -> bool:
        """Whether two requests are due that test if 42 narrows rows to parents."""
        is_silent = self._list.listing.campus_by_person
        # If nothing tells the campus of a row, the filter is the only hope.
        is_lost = self._list.is_campus_ignored and not self._list.run.people.tells_campuses
        return is_silent and (is_lost or self._list.facts_of_sweeps.is_due("ignored_filters"))

    def _is_look_due(self, contexts: Sequence[Context | None]) -> bool:
        """Tell whether two requests are due that test if all ids of a list count."""
        facts = self._list.facts_of_sweeps
        is_wanted = "longest_list" in facts.can.observed or any(map(self._is_load, contexts))
        return self._reads_together(contexts) and is_wanted and facts.is_due("longest_list")

    def _reads_together(self, contexts: Sequence[Context | None]) -> bool:
        is_swept = self._filter and self._list.listing.largest_sweep > 1
        return bool(is_swept) and len(contexts) > 1

    def _is_load(self, context: Context | None) -> bool:
        is_live = self._list.run.backfill is None  # a backfill reads a window
        return is_live and not has_bookmark(self._list.state(context))

    def _look_at_list(self, contexts: Sequence[Context | None]) -> None:
        """Test whether the API heeds all ids of the longest list."""
        facts = self._list.facts_of_sweeps
        known = facts.can.longest_list
        facts.assume_lists(LARGEST)
        try:
            self._compare(contexts)
        finally:
            if facts.is_due("longest_list"):
                facts.assume_lists(known)

    def _compare(self, contexts: Sequence[Context | None], tries: int = 2) -> None:
        """Ask for a list of ids in two orders: if all ids count, the answers agree.

        If they do not, ask again: rows may appear or disappear between two requests.
        """
        facts, whole = self._list.facts_of_sweeps, list_of(contexts[0])
        ids = [parent_of(context) for context in contexts[: facts.can.longest_list]]
        sort = ID if facts.is_sortable else None
        try:
            one, other = self._beginnings(whole, (ids, ids[::-1]), sort)
        except TooLargeError:
            facts.shorten(self._filter, len(ids), ceil(len(ids) / 2))
            if facts.can.longest_list > 1:
                self._compare(contexts)
            return
        is_sorted = sort is not None and facts.sorts_by(sort)
        if not (one.count or other.count):
            return  # empty answers tell nothing
        # A row has one parent: if only first ids counted, other rows would have come.
        is_same = (one.total, one.ids) == (other.total, other.ids)
        if not (is_same or is_sorted or one.total is not None):
            return
        if not is_same and tries > 1:
            self._compare(contexts, tries - 1)
        elif not is_same and (
            _differ(one, other)
            or (is_sorted and one.ids != other.ids)
            or (not is_sorted and self._is_of_first(whole, ids, one))
        ):
            facts.shorten(self._filter, len(ids), 1)
        else:
            facts.keep(longest_list=facts.can.longest_list)

    def _is_of_first(self, whole: Context | None, ids: Sequence[int], page: Page) -> bool:
        """Tell whether a list has no more rows than its first parent alone."""
        (alone,) = self._beginnings(whole, [ids[:1]], None)
        return alone.total is None or alone.total >= (page.total or 0)

    def _beginnings(
        self, whole: Context | None, lists: Sequence[Sequence[int] | None], sort: str | None
    ) -> list[Page]:
        """Ask for the first row and the total of several lists of parents' ids.

        Where there is None instead of a list, all rows are asked for.
        """
        reader, path = self._list.reader, self._list.whole_path or ""
        query = {
            name: value
            for name, value in self._list.query(whole).items()
            if name != self._filter
        }
        asked = [
            reader.ask_one(
                path,
                query if ids is None else {**query, self._filter: ",".join(map(str, ids))},
                (*NOW, number),
                whole,
                sort=sort,
                is_divided=False,
            )
            for number, ids in enumerate(lists)
        ]
        return [reader.one_of(reading) for reading in asked]


def _differ(one: Page, other: Page) -> bool:
    """Tell whether two totals differ by more than the changes of a moment."""
    if one.total is None or other.total is None:
        return False
    return abs(one.total - other.total) * _PART > max(one.total, other.total)


def may_come_from_one_member(failure: Exception) -> bool:
    """Tell whether a sweep may fail because of one of its members, or because of their number.

    A failure that passes by itself would take as long for each member alone.
    """
    return isinstance(failure, TooLargeError | FatalAPIError | IncompleteReadError)
