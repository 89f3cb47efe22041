"""The settled rows of a large list, where the API does not count them by the day.

One request says how many there are. If there are fewer or more than are known, the days are
halved, down to those that differ, and these are settled as an audit settles them.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from tap_ft42.census.comparing import Comparison, Counted
from tap_ft42.census.counting import UncountableError
from tap_ft42.census.days import bounds
from tap_ft42.census.findings import Findings
from tap_ft42.census.inquiry import UNREADABLE, Inquiry, looked_at
from tap_ft42.census.settling import Settling
from tap_ft42.census.unnamed import DEPARTED, Unnamed, have_gone_along
from tap_ft42.declared.contexts import cursus_of
from tap_ft42.declared.listing import CREATED_AT
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_ft42.census.counting import Proof
    from tap_ft42.census.days import Days
    from tap_ft42.census.inquiry import Read
    from tap_ft42.census.settled import Split

_MOST = 60
"""Totals that a night asks for; a later one goes on."""


class SettledCensus(Inquiry):
    """A census of the settled rows, by totals of days."""

    def __init__(self, read: Read, split: Split) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            read: What the run has read of the stream.
            split: The accounts; changed in place.
        """
        super().__init__(read, split.account)
        self._read = read
        self._split = split

    def proofs(self) -> Iterator[Proof]:
        """Take it.

        Yields:
            What is proven to exist, or to be gone.

        Raises:
            RunEnds: The run has to end.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        days, departures = self._account.days, self._terms.departures
        if days is None or self._query is None or self._list.has_wrong_totals:
            return
        departed = self._account.notes.get(DEPARTED, 0) + departures.gone
        try:
            total = self._total(0, self._terms.times.until)
            lacking = sum(days.rows("UTC").values()) - total
            if have_gone_along(lacking, self._account, departures):
                self._account.note(**{DEPARTED: departed})  # until the days are known
            else:
                yield from self._settled(days, total)
        except UNREADABLE as error:
            self._tell_impossible(error)
        yield looked_at(self._terms.now())

    def _settled(self, days: Days, total: int) -> Iterator[Proof]:
        counts = {**days.rows("UTC"), **self._differing(days, total)}
        comparison = Comparison(
            [Counted(self._account, days, counts)],
            None,
            until=self._terms.times.until,
            with_today=True,
        )
        found = Findings(self._list.listing.name, cursus_of(self._whole))
        settling = Settling(self._read, self._account, self._split, comparison, found)
        yield from settling.proofs()
        unnamed = Unnamed(settling, self._account, self._split, found, self._terms)
        yield from unnamed.proofs(days)

    def _differing(self, days: Days, total: int) -> dict[int, int]:
        """Return how many rows the API counts of the days that differ."""
        own, found = days.rows("UTC"), dict[int, int]()
        known = sorted(own)
        before = list(accumulate((own[day] for day in known), initial=0))
        todo = [(0, len(known), total)]
        most = _MOST if self._most is None else min(_MOST, self._most)
        while todo and most:
            begin, end, rows = todo.pop()
            if rows == before[end] - before[begin]:
                continue
            if end - begin <= 1:
                found |= dict.fromkeys(known[begin:end], rows)
                continue
            middle, most = (begin + end) // 2, most - 1
            lower = bounds(known[begin], known[begin], "UTC")[0] if begin else 0
            half = self._total(lower, bounds(known[middle], known[middle], "UTC")[0] - 1)
            todo += [(begin, middle, half), (middle, end, rows - half)]
        return found

    def _total(self, lower: int, upper: int) -> int:
        """Ask how many rows were created between two instants."""
        reader, region = self._list.reader, Region({CREATED_AT: (lower, upper)})
        query = {**(self._query or {}), **self._split.filters[0], **region.params()}
        page = reader.one_of(
            reader.ask_one(self._list.whole_path or "", query, context=self._whole)
        )
        if page.total is None:
            raise UncountableError
        return page.total
