"""The days on which the API counts other rows than are known: what is missing or gone.

Either the known rows of a day are looked up, a hundred a request, or its rows are read,
whatever takes fewer requests.

**What is called gone.** If a day lacks as many rows as a look-up of its known rows does not
bring, these are gone: all that are gone are among them, and the day lacks no more than are
gone, even if the API heeds only some of the ids. Else the day is read, and what a complete
read lacks is gone. Nothing follows from the graph alone: a row that disappears or appears
between the graph and a read costs a request, and no row.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.census.counting import Proof, read_sector
from tap_ft42.census.days import bounds, day_of, moment_of
from tap_ft42.census.inquiry import Inquiry, gone
from tap_ft42.declared.instants import milliseconds
from tap_ft42.declared.listing import CREATED_AT, ID, Cursor
from tap_ft42.planning.scope import id_lists
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tap_ft42.census.accounts import Account
    from tap_ft42.census.comparing import Comparison, Counted
    from tap_ft42.census.days import Days
    from tap_ft42.census.findings import Findings
    from tap_ft42.census.inquiry import Read
    from tap_ft42.census.settled import Split
    from tap_ft42.reading.source import ListReader


class Settling(Inquiry):
    """Looks up or reads the rows of days that differ."""

    def __init__(
        self,
        read: Read,
        account: Account,
        split: Split | None,
        comparison: Comparison,
        findings: Findings,
    ) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            read: What the run has read of the stream.
            account: What is known of the list, or of its settled rows; changed in place.
            split: The accounts of settled and open rows, if they are two lists.
            comparison: What is known, and what the API counts.
            findings: What is found; changed in place.
        """
        super().__init__(read, account)
        self._split = split
        self._findings = findings
        self.comparison = comparison
        self.days_read = set[int]()
        """Days all of whose rows have been read."""

    def proofs(self) -> Iterator[Proof]:
        """Find out what is missing and what is gone.

        Yields:
            What is proven to be gone.
        """
        first, comparison = self.comparison.parts[0], self.comparison
        if first.days.moments is not None:
            yield from self._looked_up(first)
        days = {
            day
            for one in comparison.parts
            for day, rows in comparison.differences(one).items()
            # Of rows without ids, a read of the day does not tell which ones are gone.
            if rows > 0 or one.days.moments is not None
        }
        for begin, end in comparison.windows(days, self.page_size):
            yield from self.read_days(begin, end)

    @property
    def page_size(self) -> int:
        """Rows a page."""
        return self._list.reader.page_size

    @property
    def room(self) -> int:
        """Requests that it may spend now."""
        return 2**31 if self._most is None else self._most

    @property
    @override
    def _reader(self) -> ListReader:
        # Days are read by when the rows were created.
        reader = self._list.reader
        by_day = replace(reader.listing, cursor=Cursor(CREATED_AT, moves=False))
        return replace(reader, listing=by_day)

    # Looking up

    def _looked_up(self, one: Counted) -> Iterator[Proof]:
        """Look up the known rows of days that lack some."""
        comparison, size = self.comparison, self.page_size
        differing = comparison.differences(one)
        held = one.days.ids(comparison.zone)
        suspects = {
            day: held[day] for day, rows in differing.items() if rows < 0 and day in held
        }
        if self._split is None:
            look_ups = ceil(sum(map(len, suspects.values())) / self._longest_list)
            beside = comparison.cost(differing.keys() - suspects.keys(), size)
            if comparison.cost(differing, size) <= look_ups + beside:
                return
        asked, room = list[int](), self._longest_list * self.room
        # What a day lacks adds up until it is its turn, however many rows it has.
        for day in sorted(suspects, key=lambda day: (differing[day] / len(suspects[day]), day)):
            if len(asked) + len(suspects[day]) > room:
                del suspects[day]
            else:
                asked += suspects[day]
        sent, found = self._terms.now(), self._found(asked)
        lacking = -sum(rows for rows in differing.values() if rows < 0)
        if comparison.others is not None and len(asked) - len(found) > lacking:
            return  # more than can be gone: not all ids count
        for day, ids in suspects.items():
            missing = [number for number in ids if number not in found]
            changed = [found[number] for number in ids if self._is_settled(found.get(number))]
            if len(missing) + len(changed) != -differing[day]:
                continue  # it is read
            for record in changed:
                self._close(record, day)
            for number in missing:
                yield self._gone(one.account, number, sent)

    def _found(self, ids: Collection[int]) -> dict[int, dict[str, Any]]:
        """Look up rows by their ids."""
        name = f"{self._list.name_of(self._whole)} that may be gone"
        found: dict[int, dict[str, Any]] = {}
        for batch in id_lists(ids, self._longest_list):
            query = {**(self._query or {}), "filter[id]": batch}
            for row in self._list.read_apart(query, name, self._whole, is_proof=True):
                if isinstance(row, dict) and type(row.get(ID)) is int:
                    found[row[ID]] = row
        return found

    def _gone(self, account: Account, number: int, sent: float) -> Proof:
        account.remove(number)
        self._findings.gone += 1
        return gone(number, sent)

    def _is_settled(self, record: Mapping[str, Any] | None) -> bool:
        """Tell whether an open row is settled by now."""
        return self._split is not None and bool(record) and self._split.is_settled(record or {})

    def _is_in_flight(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row has changed since the windows were read."""
        return (milliseconds(record.get(self._column)) or 0) > self._terms.times.until

    def _close(self, record: dict[str, Any], day: int) -> None:
        """Account for an open row that is settled by now."""
        if self._split is None:
            return
        if self._is_in_flight(record):  # it counts as open until the next windows bring it
            still_open, settled = self.comparison.parts
            still_open.in_flight[day] -= 1
            settled.in_flight[day] += 1
            return
        self._split.open.remove(record[ID])
        self._emit([record])
        self._split.account.add(record[ID], moment=moment_of(record))

    # Reading

    def read_days(self, begin: int, end: int) -> Iterator[Proof]:
        """Read all rows of some days, if there is room for it.

        Args:
            begin: The first of them.
            end: The last of them.
        """
        pages = self.comparison.pages(begin, end, page_size=self.page_size)
        if pages > self.room:
            return
        sent = self._terms.now()
        region = Region({CREATED_AT: bounds(begin, end, self.comparison.zone)})
        if read := self.read(region, pages):
            days = range(begin, end + 1)
            rows = self._of(days, read[0])
            # The next windows bring what has changed since.
            self._emit([row for row in rows.values() if not self._is_for_later(row)])
            yield from self.taken_in(rows, days, sent)

    def read(
        self, region: Region, pages: int
    ) -> tuple[dict[int, dict[str, Any]], Proof] | None:
        """Read a region.

        Args:
            region: An interval of ids or of instants.
            pages: How many pages it should have.

        Returns:
            Its rows by their ids, and the proof; None if nobody can tell whether these are all.
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
        for part in self._asked(read, self._query or {}, self._terms.next_place()):
            if part.page is not None:
                for row in part.page.records():
                    if isinstance(row, dict) and type(row.get(ID)) is int:
                        rows[row[ID]] = row
            if isinstance(part, Proof):
                proof = part
        return None if proof is None else (rows, proof)

    def _of(self, days: range, rows: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return those rows that were created on some days."""
        zone = self.comparison.zone
        return {
            number: row
            for number, row in rows.items()
            if (moment := moment_of(row)) and day_of(moment, zone) in days
        }

    def taken_in(
        self, read: Mapping[int, dict[str, Any]], days: range, sent: float
    ) -> Iterator[Proof]:
        """Make what is known of some days what was read of them.

        Args:
            read: All rows of these days, and perhaps of others.
            days: The days.
            sent: Unix time before they were asked for.

        Yields:
            Which of the rows whose ids are known are gone.
        """
        rows, before = self._of(days, read), self._known(days)
        account = self._account if self._split is None else self._split.open
        held = account.days.ids(self.comparison.zone) if account.days else {}
        lost = [number for day in days for number in held.get(day, ()) if number not in rows]
        for number in lost:
            yield self._gone(account, number, sent)
        for number, row in rows.items():
            self._account_for(number, row)
        if (crowds := self.crowds) is not None:
            still_open = self._split.open.tally if self._split else ()
            unnamed = (each for each in rows.items() if each[0] not in still_open)
            moments = ((number, moment_of(row)) for number, row in unnamed)
            crowds.replace(days, self.comparison.zone, moments)
            self._account.has_changed = True
        self._findings.missing += max(self._known(days) - before + len(lost), 0)
        self.days_read.update(days)

    @property
    def crowds(self) -> Days | None:
        """The days of the rows whose ids are not held; None if all are."""
        days = self._account.days
        return None if days is None or days.moments is not None else days

    def _known(self, days: range) -> int:
        zone, parts = self.comparison.zone, self.comparison.parts
        return sum(one.days.rows(zone)[day] for one in parts for day in days)

    def _is_for_later(self, row: Mapping[str, Any]) -> bool:
        return self._split is not None and self._is_in_flight(row)

    @override
    def _knows(self, row_id: object) -> bool:
        if self._split is not None and type(row_id) is int and row_id in self._split.open.tally:
            return True
        return super()._knows(row_id)

    def _account_for(self, number: int, row: dict[str, Any]) -> None:
        """Account for a row that was read, but not for how many are settled."""
        if self._split is None:
            if self.crowds is None:
                self._account.add(number, moment=moment_of(row))
        elif not self._is_in_flight(row):
            if self._split.is_settled(row):
                self._split.open.remove(number)
            else:
                self._split.opens(row)
