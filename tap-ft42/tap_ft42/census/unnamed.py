"""Rows that are gone and of which only the days are known, as there are too many for ids.

Of a day that lacks some, the ids between its lowest and its highest one are read. If people
have gone with all that is theirs, too many days lack rows to be read. Then the rows are taken
to have gone with their people, as far as that is plausible, and are deleted with these. A row
that went by itself in the same night would hide among them: so these days are read one after
the other, as many each night as there is room for. As long as 42 does not count by the day,
who went is remembered.
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
    from tap_ft42.census.terms import Departures

DEPARTED = "departed"
"""Note of how many people have gone since the days were last compared."""

BELIEVED = "believed"
"""Note of the days whose rows are believed to have gone with their people."""

_COLUMNS = ("days", "low", "high")

_MOST = 100
"""Requests of a night for days that lack rows: what an outage left takes several nights."""

_MOST_BELIEVED = 20
"""Requests of a night for days that agree by now."""

_FEW = 20
"""Rows by which more may lack than people have on the average."""


class Unnamed(Settling):
    """Settles also the days of rows whose ids are not held."""

    def __init__(self, read: Read, comparison: Comparison, findings: Findings) -> None:
        """Prepare it; nothing is asked yet; as `Settling`."""
        super().__init__(read, comparison, findings)
        kept: dict[str, str] = self._account.notes.get(BELIEVED) or {}
        days, low, high = (stepped(kept.get(name, steps(()))) for name in _COLUMNS)
        self.believed = dict(zip(days, zip(low, high, strict=True), strict=True))
        """Between which ids the rows of days lie that are believed to have gone with their
        people. None of these days has been read yet."""

    @override
    def _read_unnamed(self) -> Iterator[Proof]:
        lacking = {
            span: -rows
            for span, rows in self._comparison.differences(self._comparison.parts[-1]).items()
            if rows < 0
        }
        if have_gone_along(sum(lacking.values()), self._account, self._terms.departures):
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
        """Account for rows that went with their people."""
        for span, rows in lacking.items():
            # Where no row is left, nobody would know where they lay.
            day = span[0]
            self.believed[day] = self._ids_of(day)
            self._findings.along += self._account.lessen(day, self._comparison.zone, rows)

    def _read_each(self, wanted: Iterable[Span], most: int) -> Iterator[Proof]:
        """Read the rows of days, as many as there is room for."""
        budget, zone, account = self._terms.budget, self._comparison.zone, self._account
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
        """Return between which ids the rows of a day lie, or have lain."""
        crowds = self._account.crowds_of(day, self._comparison.zone)
        ranges = [(each.low, each.high) for each in crowds]
        if day in self.believed:
            ranges.append(self.believed[day])
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    def _read_between(self, span: Span, region: Region, pages: int) -> Iterator[Proof]:
        """Read the ids among which those of a day lie."""
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
            yield from self._taken_in(rows, proof, days)
        else:  # ids of the day lie elsewhere, too
            yield from self._read_days(span)


def have_gone_along(lacking: int, account: Account, departures: Departures) -> bool:
    """Tell whether rows that are lacking may have gone with people: in this run or before."""
    gone: int = departures.gone + account.notes.get(DEPARTED, 0)
    known = sum(account.rows("UTC", named=False).values())
    likely = gone * known / max(departures.people, 1)
    # Graduates leave their rows behind.
    return gone > 0 and likely / 4 <= lacking <= 2 * likely + _FEW
