"""A census by totals, for a large list that 42 does not count by the day.

One request tells the total of the list. If it differs from the number of known rows, the days
are halved until those that differ are found. They are settled as in an audit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from functools import partial

from typing_extensions import override

from tap_ft42.census.accounts import Account
from tap_ft42.census.comparing import Comparison, Counted, Span
from tap_ft42.census.counting import (
    Differing,
    Expectation,
    Interval,
    Proof,
    UncountableError,
    find_differing,
)
from tap_ft42.census.days import bounds, day_of, moment_at
from tap_ft42.census.findings import Findings
from tap_ft42.census.inquiry import DayInquiry, looked_at
from tap_ft42.census.packing import packed_ids
from tap_ft42.census.settling import LEAVERS, Settling, leavers
from tap_ft42.declared.contexts import cursus_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import CREATED_AT
from tap_ft42.declared.words import some
from tap_ft42.run.people import Departures

_MOST = 100
"""Requests a night to find the days that differ among unnamed rows, and to read them."""

_FEW = 20
"""Rows that may lack beyond twice what these people have on average."""


class TotalsCensus(DayInquiry):
    """A census of a list too large for ids, by totals of days."""

    @override
    def _found_out(self) -> Iterator[Proof]:
        if not self._is_whole:
            return
        if not (own := self._account.rows("UTC", named=False)):
            message = "They do not say when they were created, and are too many for their ids"
            raise UncountableError(message)
        parts, totals, have_gone = list[Counted](), list[int](), False
        for is_named, filters in self._account.parts:
            total = self._counted(self._all_days, filters).total
            if not is_named:
                self._refuse_collapse(total, sum(own.values()))
                have_gone = self._have_gone_along(total, filters)
            spans = {} if have_gone else self._differing(filters, total, is_named=is_named)
            parts.append(Counted(self._account, is_named, spans, has_all=False))
            totals.append(total)
        comparison = Comparison(parts, until=self._run.times.until)
        found = Findings(self._list.listing.name, cursus_of(self._whole))
        if self._account.owners:  # else rows are taken to have gone along
            self.findings = found
        yield from Settling(self._read, comparison, found).proofs()
        for one, total in zip(parts, totals, strict=True):
            more = total - sum(one.rows("UTC").values())
            if more and not (have_gone and not one.is_named):
                self._tell_left_over(more)
                found.unsettled += abs(more)  # at most so many days differ
        yield looked_at(self._run.clock.time())

    def _have_gone_along(self, total: int, filters: Mapping[str, str]) -> bool:
        """Tell whether unnamed rows that lack seem to have left with people.

        If it is known whose the rows are, those of people who left are subtracted instead.
        """
        account, departures = self._account, self._run.people.departures
        left, have_gone = leavers(account, departures), False
        if account.owners:
            owned = account.owners.of(left)
            gone = self._without_rows(owned, filters)
            for person in gone or ():
                account.let_go(person, owned[person])
            is_known = gone is not None
        else:
            lacking = sum(account.rows("UTC", named=False).values()) - total
            have_gone = have_gone_along(lacking, account, departures)
            is_known = not have_gone
        if is_known:
            account.forget(LEAVERS)
        else:  # once the days are known, they tell
            account.note(**{LEAVERS: packed_ids(left)})
        return have_gone

    @override
    def _tell_left_over(self, more: int) -> None:
        if more > 0 or self._run.people.departures.people:
            super()._tell_left_over(more)
            return
        # This is so every night: a warning would teach to ignore warnings.
        Events(self._list.listing.name).info(
            "42 counts %s than are known. People who left have taken theirs along, but who "
            "left is read by another run.",
            some(-more, "fewer row"),
            happened="census_left_over",
            rows=more,
        )

    def _differing(
        self, filters: Mapping[str, str], total: int, *, is_named: bool
    ) -> dict[Span, int]:
        """Return the API's totals of the days that differ."""
        own = self._account.rows("UTC", named=is_named)
        days = sorted(own)
        most = self._most if is_named else min(self._most, _MOST)
        if not is_named and len(days) > 2 ** (most // 2):  # it would end before it finds a day
            return {}
        # A range of instants reaches a millisecond further than it is asked for.
        firsts = [bounds(day, day, "UTC")[0] - 1 for day in days]
        # Named rows are looked up next, others are read.
        size = self._at_once if is_named else self._page_size
        read = partial(
            find_differing,
            whole=Interval(self._all_days, sum(own.values()), total),
            expected=Expectation(firsts, [own[day] for day in days], size),
            key=CREATED_AT,
            most=most,
        )
        found = dict[Span, int]()
        today = day_of(moment_at(self._run.times.until), "UTC")
        for part in self._asked(read, filters):
            for each in part.intervals if isinstance(part, Differing) else ():
                lower, upper = each.region.interval(CREATED_AT)
                first, end = bisect_left(firsts, lower), bisect_right(firsts, upper)
                last = days[end] - 1 if end < len(days) else today
                # Before the first known day, there may be rows that nobody has seen.
                found[days[first] if lower else 0, last] = each.total
        return found


def have_gone_along(lacking: int, account: Account, departures: Departures) -> bool:
    """Tell whether lacking rows may have left with people, in this run or before."""
    gone = len(leavers(account, departures))
    known = sum(account.rows("UTC", named=False).values())
    likely = gone * known / max(departures.people, 1)
    # The rows of graduates stay.
    return gone > 0 and likely / 4 <= lacking <= 2 * likely + _FEW
