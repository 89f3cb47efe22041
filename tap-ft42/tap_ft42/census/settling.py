"""The days on which the API counts other rows than are known: what is missing or gone.

Either the known rows of a day are looked up, a hundred a request, or its rows are read,
whatever takes fewer requests. Where a day has many, totals of ids tell first which of them
lack some.

**What is called gone.** If a day lacks as many rows as a look-up of its known rows does not
bring, these are gone: all that are gone are among them, and the day lacks no more than are
gone, even if the API heeds only some of the ids. Else the day is read, and what a complete
read lacks is gone. Nothing follows from the graph alone: a row that disappears or appears
between the graph and a read costs a request, and no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil, log2
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.api.page import with_ids
from tap_ft42.census.counting import (
    Differing,
    Interval,
    Proof,
    count_all,
    find_differing,
    read_sector,
)
from tap_ft42.census.days import bounds, day_of, moment_of
from tap_ft42.census.inquiry import DayInquiry, gone
from tap_ft42.declared.instants import milliseconds
from tap_ft42.declared.listing import CREATED_AT, ID
from tap_ft42.planning.scope import id_lists
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_ft42.census.accounts import Account
    from tap_ft42.census.comparing import Comparison, Counted, Span
    from tap_ft42.census.findings import Findings
    from tap_ft42.census.inquiry import Read


@dataclass(frozen=True)
class _Suspects:
    """Known rows some of which are gone or have changed, and how many."""

    ids: Sequence[int]
    lacking: int

    def cost(self, longest: int) -> float:
        """Return how many requests find out which: parts of one where others share it."""
        pages = len(self.ids) / longest
        return min(pages, self._halving(pages))

    def is_crowd(self, longest: int) -> bool:
        """Tell whether it costs less to halve them first."""
        pages = len(self.ids) / longest
        return self._halving(pages) < pages

    def _halving(self, pages: float) -> float:
        # The first halves serve all that are lacking.
        return self.lacking * (log2(max(pages / self.lacking, 1)) + 2) - 1


class Settling(DayInquiry):
    """Looks up or reads the rows of days that differ."""

    def __init__(self, read: Read, comparison: Comparison, findings: Findings) -> None:
        """Prepare to settle what a comparison shows, and to note the findings."""
        super().__init__(read)
        self._comparison = comparison
        self._findings = findings
        self._days_read = set[int]()

    @override
    def proofs(self) -> Iterator[Proof]:
        comparison, (first, *_) = self._comparison, self._comparison.parts
        if first.account.moments is not None:
            yield from self._looked_up(first)
        spans = {
            span
            for one in comparison.parts
            for span, rows in comparison.differences(one).items()
            # Of rows without ids, a read of the day does not tell which ones are gone.
            if rows > 0 or one.account.moments is not None
        }
        for window in comparison.windows(spans, self._page_size):
            yield from self._read_days(window)

    def has_read(self, span: Span) -> bool:
        """Tell whether all rows of some days have been read."""
        return self._days_read.issuperset(_days(span))

    @property
    def _page_size(self) -> int:
        return self._list.reader.page_size

    @property
    def _room(self) -> int:
        """Requests that it may spend now."""
        return 2**31 if self._most is None else self._most

    # Looking up

    def _looked_up(self, one: Counted) -> Iterator[Proof]:
        """Look up the known rows of days that lack some."""
        comparison, size = self._comparison, self._page_size
        differing = comparison.differences(one)
        held = one.account.ids_by_day(comparison.zone)
        suspects = [
            _Suspects(sorted(n for day in _days(span) for n in held.get(day, ())), -rows)
            for span, rows in sorted(differing.items())
            if rows < 0
        ]
        longest = self._longest_list
        if self._split is None:
            look_ups = ceil(sum(each.cost(longest) for each in suspects))
            beside = comparison.cost((s for s, rows in differing.items() if rows > 0), size)
            if comparison.cost(differing, size) <= look_ups + beside:
                return
        asked, parts, room = list[int](), list[_Suspects](), float(self._room)
        # What a day lacks adds up until it is its turn, however many rows it has.
        for each in sorted(suspects, key=lambda one: -one.lacking / (one.cost(longest) or 1)):
            if each.cost(longest) > room:
                continue
            spent, found = self._terms.budget.spent, [each]
            if each.is_crowd(longest):
                found = self._narrowed(one.account, each, room)
            room -= self._terms.budget.spent - spent + sum(len(e.ids) / longest for e in found)
            parts += found
        asked = [number for each in parts for number in each.ids]
        sent, rows_found = self._terms.now(), self._found(asked)
        lacking = -sum(rows for rows in differing.values() if rows < 0)
        if comparison.others is not None and len(asked) - len(rows_found) > lacking:
            return  # more than can be gone: not all ids count
        settled = list[dict[str, Any]]()
        for each in parts:
            missing = [number for number in each.ids if number not in rows_found]
            shown = map(rows_found.get, each.ids)
            changed = [row for row in shown if row is not None and self._is_settled(row)]
            if len(missing) + len(changed) != each.lacking:
                continue  # it is read
            settled += changed
            for number in missing:
                yield self._gone(one.account, number, sent)
        self._close(settled)

    def _narrowed(self, account: Account, crowd: _Suspects, room: float) -> list[_Suspects]:
        """Find out by totals which of the ids of a day lack some."""
        lower, upper = crowd.ids[0], crowd.ids[-1]
        region, rows = Region({ID: (lower, upper)}), len(account.between(lower, upper))
        filters = self._split.filters[1] if self._split is not None else {}
        total = rows - crowd.lacking
        if self._comparison.others is not None or rows != len(crowd.ids):
            counted = self._asked(partial(count_all, region=region), filters)
            (total,) = (part.total for part in counted if isinstance(part, Proof))
        read = partial(
            find_differing,
            whole=Interval(region, rows, total),
            expected=account.expectation(self._longest_list),
            most=int(min(room, self._room)),
        )
        return [
            _Suspects(account.between(*each.region.interval(ID)), each.expected - each.total)
            for part in self._asked(read, filters)
            if isinstance(part, Differing)
            for each in part.intervals
            if each.expected > each.total
        ]

    def _found(self, ids: Collection[int]) -> dict[int, dict[str, Any]]:
        """Look up rows by their ids."""
        name = f"{self._list.name_of(self._whole)} that may be gone"
        found: dict[int, dict[str, Any]] = {}
        for batch in id_lists(ids, self._longest_list):
            query = {**(self._query or {}), "filter[id]": batch}
            rows = self._list.read_apart(query, name, self._whole, is_proof=True)
            found |= {row[ID]: row for row in with_ids(rows)}
        return found

    def _gone(self, account: Account, number: int, sent: float) -> Proof:
        account.remove(number)
        self._findings.gone += 1
        return gone(number, sent)

    def _is_settled(self, record: Mapping[str, Any] | None) -> bool:
        """Tell whether an open row is settled by now."""
        return self._split is not None and bool(record) and self._split.is_settled(record or {})

    def _has_settled(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row is known to be open, and is settled by now."""
        still_open = self._split.open if self._split is not None else ()
        return record[ID] in still_open and self._is_settled(record)

    def _is_in_flight(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row has changed since the windows were read."""
        return (milliseconds(record.get(self._column)) or 0) > self._terms.times.until

    def _close(self, records: Sequence[dict[str, Any]]) -> None:
        """Account for open rows that are settled by now.

        Args:
            records: All of them, as their parents are asked for together.
        """
        if self._split is None:
            return
        closed = list[dict[str, Any]]()
        for record in records:
            if self._is_in_flight(record):  # it is open until the next windows bring it
                still_open, settled = self._comparison.parts
                day = day_of(moment_of(record), self._comparison.zone)
                still_open.in_flight[day] -= 1
                settled.in_flight[day] += 1
            else:
                closed.append(record)
                self._split.open.remove(record[ID])
        self._emit(closed)
        for record in closed:
            self._split.account.add(record[ID], moment=moment_of(record))

    # Reading

    def _read_days(self, span: Span) -> Iterator[Proof]:
        """Read all rows of some days, if there is room for it."""
        pages = self._comparison.pages(span, self._page_size)
        if pages > self._room:
            return
        sent = self._terms.now()
        region = Region({CREATED_AT: bounds(*span, self._comparison.zone)})
        if read := self._read_all(region, pages):
            days = _days(span)
            rows = self._of(days, read[0])
            # The next windows bring what has changed since.
            shown = [row for row in rows.values() if not self._is_for_later(row)]
            settled = [row for row in shown if self._has_settled(row)]
            self._close(settled)
            # Which rows without ids are known, nobody can tell, and each one's parent is asked.
            if not self._is_crowd or len(rows) > self._known(days):
                self._emit([row for row in shown if row not in settled])
            yield from self._taken_in(rows, days, sent)

    def _read_all(
        self, region: Region, pages: int
    ) -> tuple[dict[int, dict[str, Any]], Proof] | None:
        """Return the rows of a region, and the proof; None if they may not be all.

        Args:
            region: An interval of ids or of instants.
            pages: How many pages it should have.
        """
        rows: dict[int, dict[str, Any]] = {}
        (key,) = region.bounds
        read = partial(
            read_sector,
            region=region,
            is_sortable=self._list.listing.is_sortable,
            pages=pages,
            key=key,
        )
        proof = None
        for part in self._asked(read):
            if part.page is not None:
                rows |= {row[ID]: row for row in with_ids(part.page.records())}
            if isinstance(part, Proof):
                proof = part
        return None if proof is None else (rows, proof)

    def _of(self, days: range, rows: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return those rows that were created on some days."""
        zone = self._comparison.zone
        return {
            number: row
            for number, row in rows.items()
            if (moment := moment_of(row)) and day_of(moment, zone) in days
        }

    def _taken_in(
        self, read: Mapping[int, dict[str, Any]], days: range, sent: float
    ) -> Iterator[Proof]:
        """Account for all rows of some days, and yield which of those with ids are gone."""
        rows, before, zone = self._of(days, read), self._known(days), self._comparison.zone
        account = self._account if self._split is None else self._split.open
        held = account.ids_by_day(zone)
        lost = [number for day in days for number in held.get(day, ()) if number not in rows]
        for number in lost:
            yield self._gone(account, number, sent)
        for number, row in rows.items():
            self._account_for(number, row)
        if self._is_crowd:
            still_open = self._split.open if self._split else ()
            unnamed = (each for each in rows.items() if each[0] not in still_open)
            moments = ((number, moment_of(row)) for number, row in unnamed)
            self._account.replace_days(days, zone, moments)
        self._findings.missing += max(self._known(days) - before + len(lost), 0)
        self._days_read.update(days)

    @property
    def _is_crowd(self) -> bool:
        """Whether there are rows whose ids are not held."""
        return self._account.moments is None

    def _known(self, days: range) -> int:
        zone, parts = self._comparison.zone, self._comparison.parts
        return sum(one.account.rows(zone)[day] for one in parts for day in days)

    def _is_for_later(self, row: Mapping[str, Any]) -> bool:
        return self._split is not None and self._is_in_flight(row)

    @override
    def _knows(self, row_id: object) -> bool:
        if self._split is not None and type(row_id) is int and row_id in self._split.open:
            return True
        return super()._knows(row_id)

    def _account_for(self, number: int, row: dict[str, Any]) -> None:
        """Account for a row that was read, but not for how many are settled."""
        if self._split is None:
            if not self._is_crowd:
                self._account.add(number, moment=moment_of(row))
        elif not self._is_in_flight(row):
            if self._split.is_settled(row):
                self._split.open.remove(number)
            else:
                self._split.opens(row)


def _days(span: Span) -> range:
    """Return the days of a span."""
    return range(span[0], span[1] + 1)
