"""Finds gone rows of which only the day is known, as the list has too many rows for ids.

If a day lacks rows, all ids between its lowest and its highest one are read. When people leave
with all their rows, too many days lack rows to read them all. Then the lacking rows count as
gone with their people, if the number is plausible, and are deleted with them. A row that
disappeared by itself in the same night would hide among them. So these days are read later,
as many each night as there are requests for. As long as 42 does not count by the day, the
number of people who left is remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_ft42.census.packing import stepped, steps
from tap_ft42.census.settling import Settling
from tap_ft42.declared.listing import ID
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_ft42.census.accounts import Account
    from tap_ft42.census.comparing import Comparison, Span
    from tap_ft42.census.counting import Proof
    from tap_ft42.census.findings import Findings
    from tap_ft42.census.inquiry import Read
    from tap_ft42.run.people import Departures

DEPARTED = "departed"
"""Note of how many people have left since the days were last compared."""

BELIEVED = "believed"
"""Note of the days whose lacking rows are believed to have left with their people."""

_COLUMNS = ("days", "low", "high")

_MOST = 100
"""Requests a night for days that lack rows: after an outage, this takes several nights."""

_MOST_BELIEVED = 20
"""Requests a night for believed days: their counts agree by now."""

_FEW = 20
"""Rows that may lack beyond twice what these people have on average."""


class Unnamed(Settling):
    """Also settles the days of unnamed rows."""

    def __init__(self, read: Read, comparison: Comparison, findings: Findings) -> None:
        """Prepare as `Settling` does; nothing is asked yet."""
        super().__init__(read, comparison, findings)
        kept: dict[str, str] = self._account.notes.get(BELIEVED) or {}
        days, low, high = (stepped(kept.get(name, steps(()))) for name in _COLUMNS)
        self.believed = dict(zip(days, zip(low, high, strict=True), strict=True))
        """The lowest and highest id of each believed day: its lacking rows are believed to
        have left with their people, and it has not been read yet."""

    @override
    def _read_unnamed(self) -> Iterator[Proof]:
        lacking = {
            span: -rows
            for span, rows in self._comparison.differences(self._comparison.parts[-1]).items()
            if rows < 0
        }
        if have_gone_along(sum(lacking.values()), self._account, self._run.people.departures):
            self._take_along(lacking)
        else:
            yield from self._read_each(sorted(lacking), _MOST)
        yield from self._read_each([(day, day) for day in self.believed], _MOST_BELIEVED)
        for day in self._days_read & self.believed.keys():
            del self.believed[day]
        low, high = zip(*self.believed.values(), strict=True) if self.believed else ((), ())
        written = map(steps, (self.believed, low, high))
        self._account.note(**{BELIEVED: dict(zip(_COLUMNS, written, strict=True)), DEPARTED: 0})

    def _take_along(self, lacking: Mapping[Span, int]) -> None:
        """Subtract the rows that left with their people."""
        for span, rows in lacking.items():
            # An emptied day would no longer tell its ids.
            day = span[0]
            self.believed[day] = self._ids_of(day)
            self._findings.along += self._account.lessen(day, self._comparison.zone, rows)

    def _read_each(self, wanted: Iterable[Span], most: int) -> Iterator[Proof]:
        """Read the rows of as many days as there are requests for."""
        budget, zone, account = self._run.budget, self._comparison.zone, self._account
        end = budget.spent + most
        for span in wanted:
            if self.has_read(span):
                continue
            pages = self._comparison.pages(span, self._page_size) + 1
            if pages > min(self._most, end - budget.spent):
                return
            day = range(span[0], span[0] + 1)
            before = account.rows_on(day, zone, named=False)
            region = Region({ID: self._ids_of(span[0])})
            yield from self._read_between(span, region, pages)
            left = account.rows_on(day, zone, named=False)
            self._findings.gone += max(before - left, 0)

    def _ids_of(self, day: int) -> tuple[int, int]:
        """Return the lowest and highest id that the rows of a day have, or had."""
        crowds = self._account.crowds_of(day, self._comparison.zone)
        ranges = [(each.low, each.high) for each in crowds]
        if day in self.believed:
            ranges.append(self.believed[day])
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    def _read_between(self, span: Span, region: Region, pages: int) -> Iterator[Proof]:
        """Read the interval of ids that holds a day's rows."""
        if (read := self._read_all(region, pages)) is None:
            return
        rows, proof = read
        yield from self._judged(proof)
        account, zone, crowd = self._account, self._comparison.zone, self._comparison.parts[-1]
        days = range(span[0], span[1] + 1)
        shown = sum(not account.names(row) for row in self._of(days, rows).values())
        known = 0 if crowd.has_all else account.rows_on(days[:1], zone, named=False)
        held = account.ids_on(days, zone)
        is_complete = shown == crowd.api.get(span, known)
        if is_complete and all(proof.lower <= number <= proof.upper for number in held):
            yield from self._taken_in(rows, proof, days, is_judged=True)
        else:  # some rows of the day have other ids
            yield from self._read_days(span, is_judged=True)


def have_gone_along(lacking: int, account: Account, departures: Departures) -> bool:
    """Tell whether lacking rows may have left with people, in this run or before."""
    gone: int = departures.gone + account.notes.get(DEPARTED, 0)
    known = sum(account.rows("UTC", named=False).values())
    likely = gone * known / max(departures.people, 1)
    # The rows of graduates stay.
    return gone > 0 and likely / 4 <= lacking <= 2 * likely + _FEW
