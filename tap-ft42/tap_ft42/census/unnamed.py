"""Rows that are gone and of which only the days are known, as there are too many for ids.

Of a day that lacks some, the ids between its lowest and its highest one are read. If people
have gone with all that is theirs, so many days lack rows that nobody could read them. The rows
are taken to have gone with their people then, as far as that is plausible, and what is
published of these people is deleted with them. A row that went by itself in the same night
would hide among them: so these days are read one after the other, as many each night as there
is room for, those first that have waited longest.

As far as 42 has not counted by the day for some nights, who went meanwhile is remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.census.days import day_of, moment_of, stepped, steps
from tap_ft42.declared.listing import ID
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_ft42.census.accounts import Account
    from tap_ft42.census.counting import Proof
    from tap_ft42.census.days import Days
    from tap_ft42.census.findings import Findings
    from tap_ft42.census.settled import Split
    from tap_ft42.census.settling import Settling
    from tap_ft42.census.terms import CensusTerms, Departures

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


class Unnamed:
    """Settles the days of rows whose ids are not held."""

    def __init__(
        self,
        settling: Settling,
        account: Account,
        split: Split | None,
        findings: Findings,
        terms: CensusTerms,
    ) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            settling: Reads days.
            account: The account of these rows; changed in place.
            split: What else is known of the list, if these are not all of its rows.
            findings: What is found; changed in place.
            terms: By what the census goes.
        """
        self._settling = settling
        self._comparison = settling.comparison
        self._account = account
        self._split = split
        self._findings = findings
        self._terms = terms
        kept: dict[str, str] = account.notes.get(BELIEVED) or {}
        days, low, high = (stepped(kept.get(name, steps(()))) for name in _COLUMNS)
        self.believed = dict(zip(days, zip(low, high, strict=True), strict=True))
        """Between which ids the rows of days lie that are believed to have gone with their
        people. None of these days has been read yet."""

    def proofs(self, days: Days) -> Iterator[Proof]:
        """Find out what is gone.

        Args:
            days: When the rows were created.

        Yields:
            Which ids there are in an interval, or which are gone.
        """
        lacking = {
            day: -rows
            for day, rows in self._comparison.differences(self._comparison.parts[-1]).items()
            if rows < 0 and day not in self._settling.days_read
        }
        if have_gone_along(sum(lacking.values()), self._account, self._terms.departures):
            self._take_along(lacking, days)
        else:
            yield from self._read(sorted(lacking), days, _MOST)
        yield from self._read([*self.believed], days, _MOST_BELIEVED)
        for day in self._settling.days_read & self.believed.keys():
            del self.believed[day]
        low, high = zip(*self.believed.values(), strict=True) if self.believed else ((), ())
        written = map(steps, (self.believed, low, high))
        self._account.note(**{BELIEVED: dict(zip(_COLUMNS, written, strict=True)), DEPARTED: 0})

    def _take_along(self, lacking: Mapping[int, int], days: Days) -> None:
        """Account for rows that went with their people."""
        for day, rows in lacking.items():
            # Where no row is left, nobody would know where they lay.
            self.believed[day] = self._ids_of(day, days) or self.believed.get(day, (0, 0))
            self._findings.along += days.lessen(day, self._comparison.zone, rows)
        self._account.has_changed = True

    def _read(self, wanted: Iterable[int], days: Days, most: int) -> Iterator[Proof]:
        """Read the rows of days, as many as there is room for."""
        budget, zone = self._terms.budget, self._comparison.zone
        end = budget.spent + most
        for day in wanted:
            if day in self._settling.days_read:
                continue
            page_size = self._settling.page_size
            pages = self._comparison.pages(day, day, page_size=page_size) + 1
            if pages > min(self._settling.room, end - budget.spent):
                return
            before = days.rows(zone)[day]
            if ids := self._ids_of(day, days):
                yield from self._read_day(day, Region({ID: ids}), pages)
            else:
                yield from self._settling.read_days(day, day)
            self._findings.gone += max(before - days.rows(zone)[day], 0)

    def _ids_of(self, day: int, days: Days) -> tuple[int, int] | None:
        """Return between which ids the rows of a day lie, or have lain."""
        crowds = days.crowds_of(day, self._comparison.zone)
        ranges = [(each.low, each.high) for each in crowds if each.high]
        ranges += [ids for ids in [self.believed.get(day, (0, 0))] if ids[1]]
        if not ranges:
            return None
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    def _read_day(self, day: int, region: Region, pages: int) -> Iterator[Proof]:
        """Read the ids among which those of a day lie."""
        if (read := self._settling.read(region, pages)) is None:
            return
        rows, proof = read
        yield from self._of_ids(rows, proof)
        zone, parts = self._comparison.zone, self._comparison.parts
        shown = [row for row in rows.values() if day_of(moment_of(row), zone) == day]
        if self._split is not None and len(parts) == 1:
            shown = [row for row in shown if self._split.is_settled(row)]
        if len(shown) == sum(each.api.get(day, 0) for each in parts):
            yield from self._settling.taken_in(rows, range(day, day + 1), proof.sent)
        else:  # ids of the day lie elsewhere, too
            yield from self._settling.read_days(day, day)

    def _of_ids(self, rows: Mapping[int, Any], proof: Proof) -> Iterator[Proof]:
        """Say of which rows an interval of ids consists."""
        known = set[int]()
        if self._split is not None:
            known.update(self._split.open.tally.between(proof.lower, proof.upper))
            for number in known.difference(rows):
                self._split.open.remove(number)
        yield from self._settling.told(proof, sorted(rows), known)


def have_gone_along(lacking: int, account: Account, departures: Departures) -> bool:
    """Tell whether so many rows may have gone with the people who are gone.

    Args:
        lacking: How many the API has less than are known.
        account: What is known of them.
        departures: Who has gone in this run; the account says who had before.
    """
    gone: int = departures.gone + account.notes.get(DEPARTED, 0)
    known = sum(account.days.rows("UTC").values()) if account.days else 0
    likely = gone * known / max(departures.people, 1)
    # Graduates leave their rows behind.
    return gone > 0 and likely / 4 <= lacking <= 2 * likely + _FEW
