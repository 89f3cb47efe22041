"""The copy's counts by day against the API's, where a list has a graph.

One request says how many rows of a list were created on each day, and the state says how many
are known of each. Days that agree are proven. Of one that differs, either the known rows are
looked up, a hundred a request, or its rows are read; whatever takes fewer requests.

**What is called gone.** If a day lacks as many rows as a look-up of its known rows does not
bring, these are gone: all that are gone are among them, and the day lacks no more than are
gone, even if the API heeds only some of the ids. Else the day is read, and what a complete
read lacks is gone. Nothing follows from the graph alone: a row that disappears or
appears between the graph and a read costs a request, and no row. Rows are counted up to the
instant up to which changes have been read.

**Large lists.** Where there are too many rows for their ids, the open ones are compared with a
graph of their own (see `tap_ft42.census.settled`), and the settled ones with another. Of a
settled row that went nobody knows the id, so the ids between the lowest and the highest one of
its day are read. If people have gone with all that is theirs, so many days lack settled rows
that nobody could read them. The rows are taken to have gone with their people then, as far as
that is plausible.

**Others.** The graph of people counts some who are not in the list. How many of each day is
remembered, and what is compared is what has changed since.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError, blamed_by
from tap_ft42.api.retries import RETRIED
from tap_ft42.api.token import CredentialsError
from tap_ft42.census.counting import Proof, read_sector
from tap_ft42.census.days import (
    UNKNOWN,
    ZONES,
    Crowd,
    bounds,
    day_of,
    moment_at,
    moment_of,
    number_of,
    stepped,
    steps,
)
from tap_ft42.census.findings import Findings
from tap_ft42.census.list_census import UNREADABLE, ListCensus, gone, looked_at
from tap_ft42.declared.contexts import cursus_of
from tap_ft42.declared.instants import milliseconds
from tap_ft42.declared.listing import CREATED_AT, ID, Cursor
from tap_ft42.planning.scope import id_lists
from tap_ft42.reading.graph import counts_by_day
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from tap_ft42.census.accounts import Account
    from tap_ft42.census.list_census import Read
    from tap_ft42.census.settled import Split
    from tap_ft42.declared.capabilities import Zone
    from tap_ft42.declared.listing import Graph
    from tap_ft42.reading.fitting import Fit
    from tap_ft42.reading.source import ListReader

_FEW = 20
"""Rows by which counts may differ in whatever way without a question."""

_SHORT = 20
"""Pages up to which a list whose graph counts others is halved: that costs no more."""

_PART = 20
"""Part of the rows, such as a twentieth, by which they may."""


@dataclass(frozen=True)
class _Compared:
    """Rows that have a graph, and an account."""

    account: Account
    api: Mapping[int, int]
    """What the API counts, by day."""

    def rows(self, zone: Zone) -> Mapping[int, int]:
        """Return what the account counts, by day."""
        return {} if self.account.days is None else self.account.days.rows(zone)


class Audit(ListCensus):
    """A comparison of all days of a list."""

    def __init__(self, read: Read, account: Account, split: Split | None) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            read: What the run has read of the stream.
            account: What is known of the list, or of its settled rows; changed in place.
            split: The accounts of settled and open rows, if they are two lists.
        """
        super().__init__(read, account)
        self._split = split
        self._settled_days = set[int]()
        self._in_flight: dict[int, int] = {}
        self._believed_days = 0
        self.findings = Findings(self._list.listing.name, cursus_of(self._whole))
        # Of those who came today, nobody knows how many are not in the list.
        self._is_bounded = not self._counts_others
        self.is_served = False
        """Whether the API's counts were of use."""

    @property
    def is_possible(self) -> bool:
        """Whether there is a graph, and something to compare it with."""
        if self._graph is None or self._account.days is None or self._query is None:
            return False
        if self._split is not None and not self._split.open.notes["statuses"]:
            return False
        if not self._is_all or self._list.has_wrong_totals:
            return False
        pages = ceil(self._account.tally.expectation.total / self._page_size)
        if self._counts_others and pages <= _SHORT:
            return False
        # What is older than the start date is not asked for, but may be known.
        is_whole = self._oldest is None and "next_id" not in self._account.notes
        return is_whole and self._fit.can.is_allowed and self._fit.can.totals != "wrong"

    @property
    def is_proof(self) -> bool:
        """Whether it has proven that no row is missing, and none is gone."""
        held = self._account.days.moments if self._account.days else None
        has_all = held is None or UNKNOWN not in held.values()
        is_proven = self.is_served and has_all and not self.findings.unsettled
        return is_proven and not self._counts_others

    @override
    def proofs(self) -> Iterator[Proof]:
        spent = self._terms.budget.spent
        try:
            yield from self._audited()
        except UNREADABLE as error:
            if isinstance(error, CredentialsError):
                raise
            self.is_served = False
            self._list.logger.warning(
                "%s: the days on which 42 counts other rows cannot be read. The rows are "
                "counted by their ids. %s",
                self._list.listing.name,
                str(error) or error.__doc__,
                extra={"happened": "audit_impossible"},
            )
        self.findings.requests = self._terms.budget.spent - spent

    def _audited(self) -> Iterator[Proof]:
        compared = self._ask()
        if compared is None:
            return
        zone = self._zone(compared)
        if self._is_nonsense(compared, zone):
            return
        self.is_served = True
        differences = [self._differences(one, zone) for one in compared]
        self.findings.zone = zone
        self.findings.days = len(self._days(compared, zone))
        self.findings.differed = len({day for found in differences for day in found})
        yield from self._settled(compared, zone)
        if self._split is not None:
            yield looked_at(self._terms.now())
        zone = self._zone(compared)
        left = {day for one in compared for day in self._differences(one, zone)}
        read = left & self._settled_days
        self.findings.unsettled = len(left - self._settled_days) + self._believed_days
        if self._counts_others:
            self._remember_others(compared[0], zone, left - self._settled_days)
        elif len(read) > max(_FEW, self.findings.differed // 2):
            self.is_served = False
            self._fit.learn(
                "its days have other rows than 42 counts. Its rows are counted by their ids",
                totals="wrong",
            )

    # What is asked

    @property
    def _graph(self) -> Graph | None:
        return self._list.listing.graph

    @property
    def _counts_others(self) -> bool:
        return self._graph is not None and self._graph.counts_others

    @property
    def _fit(self) -> Fit:
        """What the route of the graph was found to do."""
        return self._list.reader.fit(self._graph.route if self._graph else "")

    def _ask(self) -> list[_Compared] | None:
        """Ask for the graphs; None if the API does not answer."""
        parts: list[tuple[Account, Mapping[str, str]]] = [(self._account, {})]
        if self._split is not None:
            settled, still_open = self._split.filters
            parts = [(self._split.open, still_open), (self._account, settled)]
        try:
            return [_Compared(account, self._counts(filters)) for account, filters in parts]
        except FatalAPIError as refusal:
            if isinstance(refusal, CredentialsError):
                raise
            self._fit.learn(
                "42 does not count it by the day. Its rows are counted by their ids. "
                f"{refusal}",
                is_allowed=False,
            )
        except RETRIED as failure:
            self._list.logger.warning(
                "%s: 42 did not count it by the day this time. Its rows are counted by their "
                "ids. %s",
                self._list.listing.name,
                failure,
                extra={"happened": "audit_unanswered"},
            )
        return None

    def _counts(self, filters: Mapping[str, str]) -> dict[int, int]:
        route, query = self._graph.route if self._graph else "", self._query or {}
        until = Region({CREATED_AT: (0, self._terms.times.until)}).params()
        bounds_of_graph = until if self._is_bounded else {}
        try:
            counts = counts_by_day(
                self._list.reader, route, {**query, **filters, **bounds_of_graph}
            )
        except FatalAPIError as refusal:
            if not self._is_bounded or "range" not in blamed_by(refusal):
                raise
            self._is_bounded = False
            return self._counts(filters)
        return {number_of(day): rows for day, rows in counts.items()}

    @property
    @override
    def _reader(self) -> ListReader:
        # Days are read by when the rows were created.
        reader = self._list.reader
        by_day = replace(reader.listing, cursor=Cursor(CREATED_AT, moves=False))
        return replace(reader, listing=by_day)

    # What the answers say

    def _zone(self, compared: Sequence[_Compared]) -> Zone:
        """Find out whose midnights cut the days, by what is known."""
        if (others := self._account.notes.get("others")) is not None:
            known: Zone = others["zone"]
            return known
        known = self._fit.can.day_zone
        costs = {zone: self._distance(compared, zone) for zone in ZONES}
        best = min(ZONES, key=lambda zone: (costs[zone], zone != known))
        if best != known:
            self._fit.learn(f"42 cuts its days by {best}", day_zone=best)
        return best

    def _distance(self, compared: Sequence[_Compared], zone: Zone) -> int:
        found = [each for one in compared for each in self._differences(one, zone).values()]
        # Where others are counted, only what is lacking can be wrong.
        return sum(max(-each, 0) if self._counts_others else abs(each) for each in found)

    def _limit(self, zone: Zone) -> int:
        """Return the first day that is not compared."""
        today = day_of(moment_at(self._terms.times.until), zone)
        return today + 1 if self._is_bounded else today

    def _days(self, compared: Iterable[_Compared], zone: Zone) -> set[int]:
        """Return the days that are compared."""
        days = {day for one in compared for day in (*one.api, *one.rows(zone))}
        upto = self._limit(zone)
        if self._counts_others:
            upto = min(upto, self._account.notes.get("others", {}).get("upto", upto))
        return {day for day in days if day < upto}

    def _differences(self, one: _Compared, zone: Zone) -> dict[int, int]:
        """Return how many rows the API has more than are known, by days that differ."""
        own, others = one.rows(zone), self._others
        more = {
            day: one.api.get(day, 0) - own.get(day, 0) - others.get(day, 0)
            for day in self._days([one], zone)
        }
        # What is settled by now counts as open until the next windows bring it.
        sign = -1 if one.account is self._account else 1
        for day, rows in self._in_flight.items():
            more[day] = more.get(day, 0) + sign * rows
        return {day: rows for day, rows in more.items() if rows}

    def _is_nonsense(self, compared: Sequence[_Compared], zone: Zone) -> bool:
        """Tell whether the API counts something else than the list's rows."""
        if self._counts_others and "others" not in self._account.notes:
            self._remember_others(compared[0], zone, set())
            return True
        differences = [
            rows for one in compared for rows in self._differences(one, zone).values()
        ]
        more = sum(rows for rows in differences if rows > 0)
        less = -sum(rows for rows in differences if rows < 0)
        known = sum(sum(one.rows(zone).values()) for one in compared)
        bearable = max(_FEW, known // _PART)
        if more + less <= bearable:
            return False
        if self._counts_others:
            self._remember_others(compared[0], zone, set())
            return True
        counted = sum(sum(one.api.values()) for one in compared)
        reader = self._list.reader
        page = reader.one_of(
            reader.ask_one(self._list.whole_path or "", self._query or {}, context=self._whole)
        )
        is_of_list = page.total is not None and abs(page.total - counted) <= bearable // 2
        if is_of_list and min(more, less) <= bearable:
            return False
        self._fit.learn(
            "42 counts something else by the day than its rows. They are counted by their ids",
            totals="wrong",
        )
        return True

    # Those who are counted, and are not in the list

    @cached_property
    def _others(self) -> dict[int, int]:
        others = self._account.notes.get("others")
        if others is None:
            return {}
        return dict(zip(stepped(others["days"]), stepped(others["rows"]), strict=True))

    def _remember_others(self, one: _Compared, zone: Zone, left: Collection[int]) -> None:
        """Take note of how many are counted that are not in the list, but of some days."""
        own, before, upto = one.rows(zone), self._others, self._limit(zone)
        days = sorted(day for day in {*one.api, *own, *before} if day < upto)
        rows = [
            before.get(day, 0) if day in left else one.api.get(day, 0) - own.get(day, 0)
            for day in days
        ]
        self._account.note(
            others={"zone": zone, "upto": upto, "days": steps(days), "rows": steps(rows)}
        )

    # Days that differ

    def _settled(self, compared: Sequence[_Compared], zone: Zone) -> Iterator[Proof]:
        """Find out what is missing and what is gone."""
        first = compared[0]
        if first.account.days is not None and first.account.days.moments is not None:
            yield from self._looked_up(first, zone)
        days = set[int]()
        for one in compared:
            is_exact = one.account.days is not None and one.account.days.moments is not None
            differing = self._differences(one, zone).items()
            days |= {day for day, rows in differing if is_exact or rows > 0}
        for begin, end in self._windows(days, compared, zone):
            yield from self._read_days(begin, end, zone, compared)
        if self._account.days is not None and self._account.days.moments is None:
            yield from self._without_ids(compared, zone)

    def _looked_up(self, one: _Compared, zone: Zone) -> Iterator[Proof]:
        """Look up the known rows of days that lack some."""
        differing = self._differences(one, zone)
        lacking = {day: -rows for day, rows in differing.items() if rows < 0}
        held = one.account.days.ids(zone) if one.account.days else {}
        suspects = {day: held[day] for day in lacking if day in held}
        size, rows = self._longest_list, sum(map(len, suspects.values()))
        more = differing.keys() - suspects.keys()
        windows = self._cost(self._windows(differing.keys(), [one], zone), [one], zone)
        beside = self._cost(self._windows(more, [one], zone), [one], zone)
        if self._split is None and windows <= ceil(rows / size) + beside:
            return
        asked, room = list[int](), size * self._room
        for day in sorted(suspects):
            if len(asked) + len(suspects[day]) > room:
                del suspects[day]
            else:
                asked += suspects[day]
        sent, found = self._terms.now(), self._found(asked)
        if self._counts_others and len(asked) - len(found) > sum(lacking.values()):
            return  # more than can be gone: not all ids count
        for day, ids in suspects.items():
            missing = [number for number in ids if number not in found]
            changed = [found[number] for number in ids if number in found]
            changed = [record for record in changed if self._has_changed(record)]
            if len(missing) + len(changed) != lacking[day]:
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
        self.findings.gone += 1
        return gone(number, sent)

    def _has_changed(self, record: Mapping[str, Any]) -> bool:
        """Tell whether an open row is settled by now."""
        return self._split is not None and self._split.is_settled(record)

    def _is_in_flight(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row has changed since the windows were read."""
        return (milliseconds(record.get(self._column)) or 0) > self._terms.times.until

    def _close(self, record: dict[str, Any], day: int) -> None:
        """Account for an open row that is settled by now."""
        if self._split is None:
            return
        if self._is_in_flight(record):  # the next windows bring it
            self._in_flight[day] = self._in_flight.get(day, 0) + 1
            return
        self._split.open.remove(record[ID])
        self._emit([record])
        self._split.account.add(record[ID], moment=moment_of(record))

    # Reading days

    @property
    def _room(self) -> int:
        """Requests that it may spend now."""
        return 2**31 if self._most is None else self._most

    def _windows(
        self, days: Collection[int], compared: Sequence[_Compared], zone: Zone
    ) -> list[tuple[int, int]]:
        """Put days together whose rows fit in a page, with those between them."""
        windows: list[tuple[int, int]] = []
        for day in sorted(days):
            if windows:
                begin, _ = windows[-1]
                if self._rows_between(begin, day, compared, zone) < self._page_size:
                    windows[-1] = (begin, day)
                    continue
            windows.append((day, day))
        return windows

    def _cost(
        self, windows: Iterable[tuple[int, int]], compared: Sequence[_Compared], zone: Zone
    ) -> int:
        return sum(self._pages(*window, compared, zone) for window in windows)

    def _pages(self, begin: int, end: int, compared: Sequence[_Compared], zone: Zone) -> int:
        # Behind a full page is asked, too.
        return self._rows_between(begin, end, compared, zone) // self._page_size + 1

    def _rows_between(
        self, begin: int, end: int, compared: Sequence[_Compared], zone: Zone
    ) -> int:
        """Return how many rows some days may have."""
        days, before = self._expected(compared, zone)
        return before[bisect_right(days, end)] - before[bisect_left(days, begin)]

    def _expected(
        self, compared: Sequence[_Compared], zone: Zone
    ) -> tuple[list[int], list[int]]:
        key = (zone, len(compared))
        if key not in self._sums:
            rows = dict[int, int]()
            for one in compared:
                own = one.rows(zone)
                for day in {*own, *(() if self._counts_others else one.api)}:
                    most = max(own.get(day, 0), one.api.get(day, 0))
                    most = own.get(day, 0) if self._counts_others else most
                    rows[day] = rows.get(day, 0) + most
            days = sorted(rows)
            self._sums[key] = days, list(accumulate((rows[day] for day in days), initial=0))
        return self._sums[key]

    @cached_property
    def _sums(self) -> dict[tuple[Zone, int], tuple[list[int], list[int]]]:
        return {}

    @property
    def _page_size(self) -> int:
        return self._list.reader.page_size

    def _read_days(
        self, begin: int, end: int, zone: Zone, compared: Sequence[_Compared]
    ) -> Iterator[Proof]:
        """Read all rows of some days."""
        pages = self._pages(begin, end, compared, zone)
        if pages > self._room:
            return
        region = Region({CREATED_AT: bounds(begin, end, zone)})
        sent = self._terms.now()
        read = self._read(region, pages, CREATED_AT)
        if read is None:
            return
        rows, _ = read
        days = range(begin, end + 1)
        self._emit(self._news(rows, days, zone))
        yield from self._taken_in(rows, days, zone, sent, compared)

    def _read(
        self, region: Region, pages: int, key: str
    ) -> tuple[dict[int, dict[str, Any]], Proof] | None:
        """Return the rows of a region by their ids; None if nobody can tell whether all."""
        rows: dict[int, dict[str, Any]] = {}
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

    def _taken_in(
        self,
        read: Mapping[int, dict[str, Any]],
        days: range,
        zone: Zone,
        sent: float,
        compared: Sequence[_Compared],
    ) -> Iterator[Proof]:
        """Make what is known of some days what was read of them."""
        rows = {
            number: row
            for number, row in read.items()
            if (moment := moment_of(row)) and day_of(moment, zone) in days
        }
        before = sum(
            count for one in compared for day, count in one.rows(zone).items() if day in days
        )
        account = self._account if self._split is None else self._split.open
        held = account.days.ids(zone) if account.days else {}
        lost = [
            number
            for day in days
            for number in held.get(day, ())
            if number not in rows and number in account.tally
        ]
        for number in lost:
            yield self._gone(account, number, sent)
        for number, row in rows.items():
            self._account_for(number, row)
        self._count_crowd(rows, days, zone)
        after = sum(
            count for one in compared for day, count in one.rows(zone).items() if day in days
        )
        self.findings.missing += max(after - before + len(lost), 0)
        self._settled_days.update(days)

    def _news(
        self, rows: Mapping[int, dict[str, Any]], days: range, zone: Zone
    ) -> list[dict[str, Any]]:
        """Return the rows of some days, but those that the next windows bring."""
        found = (row for row in rows.values() if day_of(moment_of(row), zone) in days)
        return [row for row in found if self._split is None or not self._is_in_flight(row)]

    @override
    def _knows(self, row_id: object) -> bool:
        if self._split is not None and type(row_id) is int and row_id in self._split.open.tally:
            return True
        return super()._knows(row_id)

    def _account_for(self, number: int, row: dict[str, Any]) -> None:
        """Account for a row that was read, but not for how many have no ids."""
        if self._split is None:
            if self._account.days is not None and self._account.days.moments is not None:
                self._account.add(number, moment=moment_of(row))
        elif not self._is_in_flight(row):
            if self._split.is_settled(row):
                self._split.open.remove(number)
            else:
                self._split.opens(row)

    def _count_crowd(self, rows: Mapping[int, dict[str, Any]], days: range, zone: Zone) -> None:
        """Count the rows of some days whose ids are not held."""
        known = self._account.days
        if known is None or known.moments is not None:
            return
        for day in days:
            for one in known.crowds_of(day, zone):
                one.rows = 0
        for number, row in rows.items():
            if self._split is None or number not in self._split.open.tally:
                known.crowds.setdefault(moment_of(row), Crowd()).add(number)
        self._account.has_changed = True

    # Rows without ids

    def _without_ids(self, compared: Sequence[_Compared], zone: Zone) -> Iterator[Proof]:
        """Find rows that are gone, and of which only the days are known."""
        one = compared[-1]
        lacking = {
            day: -rows
            for day, rows in self._differences(one, zone).items()
            if rows < 0 and day not in self._settled_days
        }
        if self._went_along(sum(lacking.values()), sum(one.rows(zone).values())):
            self._take_along(lacking, zone)
            return
        for day in sorted(lacking):
            crowds = one.account.days.crowds_of(day, zone) if one.account.days else []
            pages = self._pages(day, day, compared, zone) + 1
            if not crowds or pages > self._room:
                continue
            region = Region(
                {ID: (min(each.low for each in crowds), max(each.high for each in crowds))}
            )
            if (read := self._read(region, pages, ID)) is None:
                continue
            rows, proof = read
            before = sum(each.rows for each in crowds)
            yield from self._of_ids(rows, proof)
            shown = sum(day_of(moment_of(row), zone) == day for row in rows.values())
            if shown == sum(each.api.get(day, 0) for each in compared):
                days = range(day, day + 1)
                yield from self._taken_in(rows, days, zone, proof.sent, compared)
            else:  # ids of the day lie elsewhere, too
                yield from self._read_days(day, day, zone, compared)
            self.findings.gone += max(before - sum(each.rows for each in crowds), 0)

    def _of_ids(self, rows: Mapping[int, Any], proof: Proof) -> Iterator[Proof]:
        """Say of which rows a range of ids consists."""
        known = set[int]()
        if self._split is not None:
            known.update(self._split.open.tally.between(proof.lower, proof.upper))
            for number in known.difference(rows):
                self._split.open.remove(number)
        yield from self._told(proof, sorted(rows), known)

    def _went_along(self, lacking: int, known: int) -> bool:
        """Tell whether so many rows may have gone with the people who are gone."""
        gone_people, people = self._terms.departures.gone, self._terms.departures.people
        likely = gone_people * known / max(people, 1)
        # Graduates leave their rows behind.
        return gone_people > 0 and likely / 4 <= lacking <= 2 * likely + _FEW

    def _take_along(self, lacking: Mapping[int, int], zone: Zone) -> None:
        """Account for rows that went with their people."""
        for day, rows in lacking.items():
            crowds = self._account.days.crowds_of(day, zone) if self._account.days else []
            left = rows
            for crowd in sorted(crowds, key=lambda each: -each.rows):
                taken = min(left, crowd.rows)
                crowd.rows, left = crowd.rows - taken, left - taken
            self.findings.along += rows - left
            self._believed_days += 1
        self._account.has_changed = True
