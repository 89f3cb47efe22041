"""Compares the copy's counts by day with the API's, where a list has a graph.

One request tells how many rows of a list were created on each day, up to the end of the
changes that the run has read. Days that agree are proven. Days that differ are looked up or
read (`tap_ft42.census.settling`). In a list with too many rows for
ids, the named rows have a graph of their own (`tap_ft42.census.accounts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import ceil

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError, may_be_of_parameters
from tap_ft42.api.retries import RETRIED
from tap_ft42.census.comparing import Comparison, Counted, Others, Span
from tap_ft42.census.counting import Proof
from tap_ft42.census.days import UNKNOWN, number_of, written
from tap_ft42.census.findings import Findings
from tap_ft42.census.inquiry import Inquiry, Read, looked_at
from tap_ft42.census.settling import Settling
from tap_ft42.declared.contexts import cursus_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import Graph
from tap_ft42.declared.words import some
from tap_ft42.reading.graph import counts_by_day
from tap_ft42.reading.refused import asked_again_if_refused
from tap_ft42.reading.regions import Region

_FEW = 20
"""Counts may differ by so many rows without a further check."""

_SHORT = 20
"""A list of up to so many pages is halved if its graph counts others: as cheap."""

_PART = 20
"""Counts may also differ by this part of the rows: a twentieth."""


class Audit(Inquiry):
    """A comparison of all days of a list."""

    def __init__(self, read: Read, graph: Graph) -> None:
        """Prepare to ask for the list's graph; nothing is asked yet."""
        super().__init__(read)
        self._graph = graph
        self._fit_of_graph = self._list.reader.route(graph.route).facts
        self._others = Others(self._account) if graph.counts_others else None
        self._found = Findings(self._list.listing.name, cursus_of(self._whole))
        # Nobody knows how many of today's rows are not in the list.
        self._is_bounded = not graph.counts_others

    @property
    def is_possible(self) -> bool:
        """Whether there is something to compare the graph with."""
        pages = ceil(self._account.total / self._list.reader.page_size)
        if self._others is not None and pages <= _SHORT:
            return False
        is_served = (
            self._fit_of_graph.can.is_allowed and self._fit_of_graph.can.totals != "wrong"
        )
        is_whole = self._is_whole and not self._list.has_wrong_totals
        return is_served and is_whole and self._read.is_all

    @property
    def is_proof(self) -> bool:
        """Whether the audit has proven that no row is missing, and none is gone."""
        has_all = UNKNOWN not in self._account.named.values()
        is_settled = self.findings is not None and not self.findings.unsettled
        return is_settled and has_all and self._others is None

    @override
    def _found_out(self) -> Iterator[Proof]:
        spent = self._run.budget.spent
        try:
            if (comparison := self._ask()) is not None and self._makes_sense(comparison):
                self.findings = self._found
                yield from self._settled(comparison)
        finally:
            self._found.requests = self._run.budget.spent - spent

    @override
    def _tell_impossible(self, why: str | None) -> None:
        self.findings = None  # the API's counts are of no use
        Events(self._list.listing.name).warning(
            "what 42 counts by the day is of no use this time. Its rows are counted in "
            "another way. %s",
            why,
            happened="audit_impossible",
        )

    def _tell_unsettled(self) -> None:
        Events(self._list.listing.name).warning(
            "42 counts other rows than are known on %s, and this hour has too few "
            "requests left to read them. The next night goes on; `census_requests` allows "
            "more.",
            some(self._found.unsettled, "day"),
            happened="audit_unsettled",
            days=self._found.unsettled,
        )

    # What is asked

    def _ask(self) -> Comparison | None:
        """Ask for the graphs; None if the API does not answer."""
        try:
            counted = [
                Counted(
                    self._account,
                    is_named,
                    self._counts(filters),
                    count=partial(self._counts, filters),
                )
                for is_named, filters in self._account.parts
            ]
        except FatalAPIError as refusal:
            self._fit_of_graph.learn(
                "42 does not count it by the day. Its rows are counted by their ids. "
                f"{refusal}",
                is_allowed=False,
            )
            return None
        except RETRIED as failure:
            self._tell_impossible(str(failure))
            return None
        until = self._run.times.until
        comparison = Comparison(counted, self._others, until=until, with_today=self._is_bounded)
        self._believe_zone(comparison)
        return comparison

    def _counts(
        self, filters: Mapping[str, str], more: Mapping[str, str] | None = None
    ) -> dict[Span, int]:
        query = {**(self._query or {}), **filters, **(more or {})}
        bounds = self._all_days.params() if self._is_bounded else {}
        try:
            counts = asked_again_if_refused(
                partial(counts_by_day, self._list.reader, self._graph.route, query | bounds)
            )
        except FatalAPIError as refusal:
            if not (self._is_bounded and may_be_of_parameters(refusal)):
                raise
            self._is_bounded = False
            return self._counts(filters, more)
        return {(number_of(day),) * 2: rows for day, rows in counts.items()}

    # What the answers say

    def _believe_zone(self, comparison: Comparison) -> None:
        known = self._fit_of_graph.can.day_zone
        comparison.believe(known)
        is_news = self._others is None or self._others.zone is None
        if is_news and comparison.zone != known:
            self._fit_of_graph.learn(
                f"42 cuts its days by {comparison.zone}", day_zone=comparison.zone
            )

    def _makes_sense(self, comparison: Comparison) -> bool:
        """Tell whether the API counts the list's rows."""
        more, less = comparison.more_and_less
        bearable = max(_FEW, comparison.known // _PART)
        if self._others is not None:
            is_known = self._others.zone is not None and more + less <= bearable
            if not is_known:  # the others are counted again
                self._others.remember(comparison)
            return is_known
        if more + less <= bearable:
            self._refuse_collapse(self._account.total)
            return True
        total = self._counted(Region()).total
        self._refuse_collapse(total)
        if abs(total - comparison.counted) <= bearable // 2 and min(more, less) <= bearable:
            return True
        self._fit_of_graph.learn(
            "42 counts something else by the day than its rows. They are counted by their ids",
            totals="wrong",
        )
        return False

    # Days that differ

    def _settled(self, comparison: Comparison) -> Iterator[Proof]:
        """Find missing and gone rows, and whether that settles all days."""
        found = self._found
        found.zone, found.days = comparison.zone, comparison.days
        found.differed = len(comparison.differing)
        settling = Settling(self._read, comparison, found)
        yield from settling.proofs()
        if not self._account.is_exact:
            yield looked_at(self._run.clock.time())
        # The reads may have shown when more rows were created.
        self._believe_zone(comparison)
        left = comparison.differing
        read = {span for span in left if settling.has_read(span)}
        found.unsettled += len(left - read)
        if found.unsettled:
            self._tell_unsettled()
        if self._others is not None:
            self._others.remember(comparison, left - read)
            return
        found.until = from_milliseconds(self._run.times.until)
        found.counts = {written(day): rows for day, rows in comparison.proven.items()}
        if len(read) > max(_FEW, found.differed // 2):
            self.findings = None
            self._fit_of_graph.learn(
                "its days have other rows than 42 counts. Its rows are counted by their ids",
                totals="wrong",
            )
        elif comparison.is_behind(read):
            self._tell_impossible("It counts fewer rows than it shows: its counts are old")
