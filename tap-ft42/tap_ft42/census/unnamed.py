"""Finds gone rows of which only the day is known, as the list has too many rows for ids.

People leave every night, and take all their rows along: hundreds of days lack some. So the
rows of somebody all of whose rows lack are subtracted first. On days that lack more, all ids
between the lowest and the highest one are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from math import inf, log

from typing_extensions import override

from tap_ft42.census.accounts import Account
from tap_ft42.census.comparing import Span
from tap_ft42.census.counting import Proof
from tap_ft42.census.days import by_day
from tap_ft42.census.packing import unpacked_ids
from tap_ft42.census.settling import Settling
from tap_ft42.declared.listing import ID
from tap_ft42.reading.regions import Region
from tap_ft42.run.people import Departures

LEAVERS = "leavers"
"""Note of the people who have left since the days were last compared."""

_SURE = 100
"""Of so many nights, one asks for somebody's rows who is there."""

_MOST = 100
"""Requests a night for days that lack rows: after an outage, this takes several nights."""


class Unnamed(Settling):
    """Also settles the days of unnamed rows."""

    @override
    def _read_unnamed(self) -> Iterator[Proof]:
        self._take_along()
        yield from self._read_each(sorted(self._lacking()))
        if self._comparison.parts[-1].has_all:
            self._account.forget(LEAVERS)

    def _lacking(self) -> dict[Span, int]:
        """Return how many rows each day lacks."""
        differences = self._comparison.differences(self._comparison.parts[-1])
        return {span: -rows for span, rows in differences.items() if rows < 0}

    def _take_along(self) -> None:
        """Subtract the rows of people who have none any more."""
        account, comparison, (_, filters) = (
            self._account, self._comparison, self._account.parts[-1],
        )  # fmt: skip
        self._let_go(self._fitting(leavers(account, self._run.people.departures)))
        asked = set[int]()
        while days := {day for day, _ in self._lacking()}:
            # Others have left, too, whose rows were created on too many days for an accident.
            luck = log(comparison.days / len(days))
            least = log(_SURE * account.total) / luck if luck > 0 else inf
            others = account.owners.only_on(days, comparison.zone) - asked
            fitting = self._fitting(others, least)
            if not (gone := self._without_rows(fitting, filters)):
                return
            self._let_go({person: fitting[person] for person in gone})
            asked |= fitting.keys()

    def _fitting(self, people: Collection[int], least: float = 0) -> dict[int, Counter[int]]:
        """Return the rows of people who have rows of so many days, if all of them lack."""
        zone, fitting = self._comparison.zone, dict[int, Counter[int]]()
        lacking = Counter({day: rows for (day, _), rows in self._lacking().items()})
        # The more rows somebody has, the less likely they all lack for another reason.
        found = self._account.owners.of(people).items()
        for person, moments in sorted(found, key=lambda one: -one[1].total()):
            rows = by_day(moments, zone)
            if len(rows) >= least and rows <= lacking:
                lacking.subtract(rows)
                fitting[person] = moments
        return fitting

    def _let_go(self, owned: Mapping[int, Counter[int]]) -> None:
        """Subtract the rows of some people."""
        for person, moments in owned.items():
            self._account.let_go(person, moments)
            self._findings.along += moments.total()

    def _read_each(self, wanted: Iterable[Span]) -> Iterator[Proof]:
        """Read as many spans of days as there are requests for."""
        budget, zone, account = self._run.budget, self._comparison.zone, self._account
        end = budget.spent + _MOST
        for span in wanted:
            if self.has_read(span):
                continue
            pages = self._comparison.pages(span, self._page_size) + 1
            if pages > min(self._most, end - budget.spent):
                return
            days = range(span[0], span[1] + 1)
            before = account.rows_on(days, zone, named=False)
            crowds = account.crowds_of(days, zone)
            low, high = min(one.low for one in crowds), max(one.high for one in crowds)
            # With the named rows, which lie near, these are all rows of the days.
            near = range(2 * low - high, 2 * high - low + 1)
            ids = [low, high, *(one for one in account.ids_on(days, zone) if one in near)]
            region = Region({ID: (min(ids), max(ids))})
            yield from self._read_between(span, region, pages)
            left = account.rows_on(days, zone, named=False)
            self._findings.gone += max(before - left, 0)

    def _read_between(self, span: Span, region: Region, pages: int) -> Iterator[Proof]:
        """Read the interval of ids that holds the rows of some days."""
        if (read := self._read_all(region, pages)) is None:
            return
        rows, proof = read
        yield from self._judged(proof)
        account, zone, crowd = self._account, self._comparison.zone, self._comparison.parts[-1]
        days = range(span[0], span[1] + 1)
        shown = sum(not account.names(row) for row in self._of(days, rows).values())
        held = account.ids_on(days, zone)
        is_complete = shown == crowd.api.get(span, 0)
        if is_complete and all(proof.lower <= number <= proof.upper for number in held):
            yield from self._taken_in(rows, proof, days, is_judged=True)
        else:  # some rows of the days have other ids
            yield from self._read_days(span, is_judged=True)


def leavers(account: Account, departures: Departures) -> set[int]:
    """Return who has left since the days of a list were last compared."""
    kept = account.notes.get(LEAVERS)
    return departures.gone.union(unpacked_ids(kept) if kept else ())
