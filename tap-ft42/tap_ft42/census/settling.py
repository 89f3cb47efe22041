"""Settles the days on which the API's count differs: finds missing and gone rows.

The known rows of days that lack some are looked up, a hundred a request. Days that have more
are read.

**Which rows are gone.** If a look-up misses exactly as many rows as the day lacks, the missed
rows are gone. All gone rows are among the missed ones, and the day lacks no more rows than are
gone, even if the API heeds only some ids. Otherwise the day is read, and known rows that a
complete read lacks are gone. The graph alone proves nothing: a row that disappears or appears
between the graph and a read costs a request, but no row is lost.

**Rows without ids.** People leave every night, and take all their rows along: hundreds of days
lack some. So the rows of somebody all of whose rows lack are subtracted first. On days that
lack more, all ids between the lowest and the highest one are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log
from typing import Any, TypeAlias

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.api.page import with_ids
from tap_ft42.api.retries import RETRIED
from tap_ft42.census.accounts import Account
from tap_ft42.census.comparing import Comparison, Counted, Span
from tap_ft42.census.counting import Proof
from tap_ft42.census.days import bounds, by_day, day_of, moment_of
from tap_ft42.census.findings import Findings
from tap_ft42.census.inquiry import DayInquiry, Read, gone
from tap_ft42.census.open import DEALS, SHARES
from tap_ft42.census.packing import unpacked_ids
from tap_ft42.declared.listing import BY_ID, CREATED_AT, ID
from tap_ft42.reading.id_lists import id_lists
from tap_ft42.reading.regions import Region
from tap_ft42.run.people import Departures

LEAVERS = "leavers"
"""Note of the people who have left since the days were last compared."""

_SURE = 100
"""Of so many nights, one asks for somebody's rows who is there."""

_MOST = 100
"""Requests a night for days that lack rows: after an outage, this takes several nights."""

_Counts: TypeAlias = Mapping[int, Mapping[Span, int]]
"""The API's counts by span of days, of the rows of each share of a deal."""


@dataclass(frozen=True)
class _Suspects:
    """Known rows, how many of them are gone or changed, and the pages that show all of them."""

    span: Span
    ids: Sequence[int]
    lacking: int
    pages: float

    def part_of(self, shares: int) -> float:
        """Return in which part of so many shares one of the lacking rows is likely to be."""
        return 1 - (1 - 1 / shares) ** self.lacking


class Settling(DayInquiry):
    """Looks up or reads the rows of days that differ."""

    def __init__(self, read: Read, comparison: Comparison, findings: Findings) -> None:
        """Prepare to settle the days of a comparison, and to note the findings."""
        super().__init__(read)
        self._comparison = comparison
        self._findings = findings
        self._days_read = set[int]()

    @override
    def proofs(self) -> Iterator[Proof]:
        comparison, (first, *_) = self._comparison, self._comparison.parts
        if first.is_named:
            yield from self._looked_up(first)
        if not self._account.is_exact:
            yield from self._without_ids()
        spans = {
            span
            for one in comparison.parts
            for span, rows in comparison.differences(one).items()
            # A read of the day cannot tell which rows without ids are gone.
            if rows > 0 or one.is_named
        }
        for window in comparison.windows(spans, self._page_size):
            yield from self._read_days(window)

    def has_read(self, span: Span) -> bool:
        """Tell whether all rows of some days have been read."""
        return self._days_read.issuperset(_days(span))

    # Looking up

    def _suspects(self, span: Span, ids: Sequence[int], lacking: int) -> _Suspects:
        return _Suspects(span, ids, lacking, len(self._unseen(ids)) / self._at_once)

    def _unseen(self, ids: Iterable[int]) -> list[int]:
        """Return which of some rows the run has not read tonight: the others were there."""
        return [number for number in ids if number not in self._seen]

    def _looked_up(self, one: Counted) -> Iterator[Proof]:
        """Look up the known rows of days that lack rows."""
        comparison, differing = self._comparison, self._comparison.differences(one)
        suspects = [
            self._suspects(span, self._account.ids_on(_days(span), comparison.zone), -rows)
            for span, rows in sorted(differing.items())
            if rows < 0
        ]
        if not self._account.is_exact:
            suspects = self._by_kind(one, suspects)
        parts, room = list[_Suspects](), float(self._most)
        # Gaps add up over the nights, so even a day with many rows gets its turn.
        for each in sorted(suspects, key=lambda one: -one.lacking / (one.pages or 1)):
            if each.pages <= room:
                room -= each.pages
                parts.append(each)
        asked = self._unseen(number for each in parts for number in each.ids)
        sent, rows_found = self._run.clock.time(), self._found(asked)
        lacking = -sum(rows for rows in differing.values() if rows < 0)
        if comparison.others is not None and len(asked) - len(rows_found) > lacking:
            return  # more than can be gone: 42 ignores some ids
        settled = list[dict[str, Any]]()
        for each in parts:
            missing = [one for one in self._unseen(each.ids) if one not in rows_found]
            shown = map(rows_found.get, each.ids)
            changed = [row for row in shown if row is not None and not self._account.names(row)]
            if len(missing) + len(changed) != each.lacking:
                continue  # the day is read instead
            settled += changed
            for number in missing:
                yield self._gone(number, sent)
        self._take(settled)

    # By kind

    def _by_kind(self, one: Counted, suspects: list[_Suspects]) -> list[_Suspects]:
        """Find out of which kinds the lacking rows are, on all days at once, if that pays."""
        kind, graph = self._list.listing.census.kind, self._list.listing.graph
        if kind is None or graph is None or one.count is None:
            return suspects
        rows, name = self._account.open, kind[1]
        facts = self._list.reader.route(graph.route).facts
        # Rows that an older version has found, or that hold no object, are of unknown kinds.
        days = {day.span: day for day in suspects if rows.have_kinds(day.ids)}
        found = {span: [day] for span, day in days.items()}
        for deal in range(DEALS):
            kinds = rows.kinds_of(deal)
            pages = {span: sum(each.pages for each in some) for span, some in found.items()}
            likely = sum(days[span].part_of(SHARES) * each for span, each in pages.items())
            is_dear = len(kinds) + likely >= sum(pages.values())
            is_short = all(len(some) <= self._facts.can.longest_list for some in kinds.values())
            if is_dear or not is_short or name in facts.can.ignored_filters:
                break
            lists = {share: ",".join(map(str, some)) for share, some in kinds.items()}
            try:
                counts = {share: one.count({name: some}) for share, some in lists.items()}
            except RETRIED:
                break
            except FatalAPIError:
                counts = {}
            told = {
                span: self._divided(one, day, found[span], rows.by_share(day.ids, deal), counts)
                for span, day in days.items()
            }
            found |= {span: some for span, some in told.items() if some}
            if not any(told.values()):
                facts.note_filter(
                    name, is_ignored=True, instead="Its days are searched one by one"
                )
                break
        return [each for day in suspects for each in found.get(day.span, [day])]

    def _divided(
        self,
        one: Counted,
        day: _Suspects,
        narrowed: Sequence[_Suspects],
        shares: Mapping[int, Sequence[int]],
        counts: _Counts,
    ) -> list[_Suspects]:
        """Return the suspects of a day, as far as they are of shares that lack rows.

        None are returned if the counts of its shares do not add up to its own.

        Args:
            one: The rows that are counted, and the API's counts of them.
            day: All suspects of the day.
            narrowed: Those of them that are left.
            shares: The ids of all of them, by share.
            counts: The API's counts, by share.
        """
        api = {share: rows.get(day.span, 0) for share, rows in counts.items()}
        if sum(api.values()) != one.api.get(day.span, 0):
            return []
        left = {number for each in narrowed for number in each.ids}
        return [
            self._suspects(day.span, [number for number in own if number in left], lacking)
            for share, own in shares.items()
            if (lacking := len(own) - api.get(share, 0)) > 0
        ]

    def _found(self, ids: Collection[int]) -> dict[int, dict[str, Any]]:
        """Look up rows by their ids."""
        name = f"{self._list.name_of(self._whole)} that may be gone"
        found: dict[int, dict[str, Any]] = {}
        for batch in id_lists(ids, self._at_once):
            query = {**(self._query or {}), BY_ID: batch}
            rows = self._list.read_apart([query], name, self._whole, is_proof=True)
            found |= {row[ID]: row for row in with_ids(rows)}
        return found

    def _gone(self, number: int, sent: float) -> Proof:
        self._account.remove(number)
        self._findings.gone += 1
        return gone(number, sent)

    # Rows without ids

    def _without_ids(self) -> Iterator[Proof]:
        """Find gone rows without ids, before their days are read."""
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
            days = _days(span)
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
        days = _days(span)
        shown = sum(not account.names(row) for row in self._of(days, rows).values())
        held = account.ids_on(days, zone)
        is_complete = shown == crowd.api.get(span, 0)
        if is_complete and all(proof.lower <= number <= proof.upper for number in held):
            yield from self._taken_in(rows, proof, days, is_judged=True)
        else:  # some rows of the days have other ids
            yield from self._read_days(span, is_judged=True)

    # Reading

    def _read_days(self, span: Span, *, is_judged: bool = False) -> Iterator[Proof]:
        """Read all rows of some days, if there are requests for it; see `_taken_in`."""
        region = Region({CREATED_AT: bounds(*span, self._comparison.zone)})
        pages = self._comparison.pages(span, self._page_size)
        if pages <= self._most and (read := self._read_all(region, pages)):
            yield from self._taken_in(*read, _days(span), is_judged=is_judged)

    def _of(self, days: range, rows: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return the rows that were created on some days."""
        zone = self._comparison.zone
        return {
            number: row
            for number, row in rows.items()
            if (moment := moment_of(row)) and day_of(moment, zone) in days
        }

    def _taken_in(
        self,
        read: Mapping[int, dict[str, Any]],
        proof: Proof,
        days: range,
        *,
        is_judged: bool = False,
    ) -> Iterator[Proof]:
        """Account for all rows of some days, and yield which named rows are gone.

        Args:
            read: The rows, by id, perhaps with some of other days.
            proof: The proof that these are all rows.
            days: The days.
            is_judged: Whether a proof has told which unnamed rows exist. Without one, days that
                lack some keep their number, so that a later night looks for them.
        """
        account, zone, rows = self._account, self._comparison.zone, self._of(days, read)
        known = account.rows_on(days, zone)
        # Emitting a row asks for its parent, so unnamed rows that may be known are left out.
        is_any_new = account.is_exact or len(rows) > known
        self._emit([row for row in rows.values() if is_any_new or not account.may_hold(row)])
        lost = [number for number in account.ids_on(days, zone) if number not in rows]
        for number in lost:
            yield self._gone(number, proof.sent)
        held = account.rows(zone, named=False)
        shown = Counter(
            day_of(moment_of(row), zone) for row in rows.values() if not account.names(row)
        )
        lacking = {day for day in days if shown[day] < held[day] and not is_judged}
        account.replace_days(days, zone, rows.values(), lacking)
        self._findings.missing += max(account.rows_on(days, zone) - known + len(lost), 0)
        self._days_read.update(set(days) - lacking)


def _days(span: Span) -> range:
    """Return the days of a span."""
    return range(span[0], span[1] + 1)


def leavers(account: Account, departures: Departures) -> set[int]:
    """Return who has left since the days of a list were last compared."""
    kept = account.notes.get(LEAVERS)
    return departures.gone.union(unpacked_ids(kept) if kept else ())
