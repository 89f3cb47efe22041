"""Compares the copy's counts by day with the API's.

The API's counts come from its graph, day by day, or from totals of spans of days.

**Time zone.** 42 does not say in which zone its days begin: in UTC or in Paris. The copy can
count in either zone, and believes the one in which the counts agree best.

**Others.** A graph may count rows that are not in the list. Their number on each day is
remembered, and only changes since then are compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tap_ft42.census.accounts import Account
from tap_ft42.census.counting import Expectation
from tap_ft42.census.days import ZONES, day_of, moment_at
from tap_ft42.census.packing import stepped, steps
from tap_ft42.declared.capabilities import Zone

Span: TypeAlias = tuple[int, int]
"""The first and the last day of a span."""


@dataclass
class Counted:
    """Rows of an account, and the API's counts of them.

    Attributes:
        account: Their account.
        is_named: Whether they are its named rows, or the others.
        api: The API's counts, by span of days.
        has_all: Whether days without a count have no row; else these are not compared.
        count: Asks the API for such counts of rows that filters select; None if it has none.
    """

    account: Account
    is_named: bool
    api: Mapping[Span, int]
    has_all: bool = True
    count: Callable[[Mapping[str, str]], Mapping[Span, int]] | None = None

    def rows(self, zone: Zone) -> Counter[int]:
        """Return how many rows are known, by day."""
        return self.account.rows(zone, named=self.is_named)


class Others:
    """How many rows outside the list a graph counts, by day."""

    def __init__(self, account: Account) -> None:
        """Restore them from the account's notes."""
        self._account = account
        kept = account.notes.get("others")
        self.zone: Zone | None = kept and kept["zone"]
        """The time zone of the days; None if no others have been counted yet."""
        self.upto: int | None = kept and kept["upto"]
        """The first day that has not been counted."""
        self.rows: dict[int, int] = (
            dict(zip(stepped(kept["days"]), stepped(kept["rows"]), strict=True)) if kept else {}
        )

    def remember(self, comparison: Comparison, left: Collection[Span] = ()) -> None:
        """Count them again, except on the days in `left`."""
        (one,), zone, before = comparison.parts, comparison.zone, self.rows
        upto, own = comparison.upto(zone), one.rows(zone)
        known = {*own, *before, *(day for day, _ in one.api)}
        days = sorted(day for day in known if day < upto)
        rows = [
            before.get(day, 0)
            if (day, day) in left
            else one.api.get((day, day), 0) - own.get(day, 0)
            for day in days
        ]
        self._account.note(
            others={"zone": zone, "upto": upto, "days": steps(days), "rows": steps(rows)}
        )


class Comparison:
    """Compares the known rows of a list, or of its two parts, with the API's counts."""

    def __init__(
        self,
        parts: Sequence[Counted],
        others: Others | None = None,
        *,
        until: int,
        with_today: bool = True,
    ) -> None:
        """Compare rows that are known up to an instant, the named ones first.

        Args:
            parts: The rows.
            others: Other rows that the API counts; None if there are none.
            until: The instant.
            with_today: Whether the API counts no rows after the instant.
        """
        self.parts = parts
        self.others = others
        self.zone: Zone = ZONES[0]
        self._until = until
        self._with_today = with_today
        self._expected: Expectation | None = None

    def believe(self, known: Zone) -> None:
        """Find out the time zone of the days; it is `known` if the counts do not tell."""
        if self.others is not None and self.others.zone is not None:
            self.zone = self.others.zone
            return
        costs = {zone: self._distance(zone) for zone in ZONES}
        self.zone = min(ZONES, key=lambda zone: (costs[zone], zone != known))
        self._expected = None

    def _distance(self, zone: Zone) -> int:
        found = [each for one in self.parts for each in self.differences(one, zone).values()]
        # Where others are counted, only lacking rows can be wrong.
        return sum(abs(each) if self.others is None else max(-each, 0) for each in found)

    # Days that differ

    def upto(self, zone: Zone) -> int:
        """Return the first day that is not compared."""
        return day_of(moment_at(self._until), zone) + self._with_today

    def _spans(self, parts: Iterable[Counted], zone: Zone) -> set[Span]:
        upto = self.upto(zone)
        if self.others is not None and self.others.upto is not None:
            upto = min(upto, self.others.upto)
        spans = {span for one in parts for span in one.api}
        spans |= {(d, d) for one in parts if one.has_all for d in one.rows(zone)}
        return {span for span in spans if span[0] < upto}

    @property
    def days(self) -> int:
        """How many days are compared."""
        return len(self._spans(self.parts, self.zone))

    def differences(self, one: Counted, zone: Zone | None = None) -> dict[Span, int]:
        """Return how many more rows the API has than are known, by span that differs."""
        zone = zone or self.zone
        own, others = one.rows(zone), self.others.rows if self.others else {}
        more = {
            span: one.api.get(span, 0)
            - sum(own[day] + others.get(day, 0) for day in range(span[0], span[1] + 1))
            for span in self._spans([one], zone)
        }
        return {span: rows for span, rows in more.items() if rows}

    @property
    def differing(self) -> set[Span]:
        """The days that differ."""
        return {span for one in self.parts for span in self.differences(one)}

    def is_behind(self, read: Collection[Span]) -> bool:
        """Tell whether the API counts fewer rows of past days than it has just shown.

        No row of a past day is new, so its counts are older than its rows.

        Args:
            read: The days that were read completely.
        """
        more, today = Counter[Span](), day_of(moment_at(self._until), self.zone)
        for one in self.parts:
            more.update(self.differences(one))
        return any(more[span] < 0 and span[1] < today for span in read)

    @property
    def proven(self) -> Mapping[int, int]:
        """The API's counts of the days that agree."""
        agreeing = self._spans(self.parts, self.zone) - self.differing
        return {
            span[0]: sum(one.api.get(span, 0) for one in self.parts)
            for span in sorted(agreeing)
        }

    @property
    def more_and_less(self) -> tuple[int, int]:
        """How many rows the API has more on some days, and fewer on others."""
        rows = [each for one in self.parts for each in self.differences(one).values()]
        return sum(each for each in rows if each > 0), -sum(each for each in rows if each < 0)

    @property
    def known(self) -> int:
        """How many known rows have a known day."""
        return sum(sum(one.rows(self.zone).values()) for one in self.parts)

    @property
    def counted(self) -> int:
        """How many rows the API counts."""
        return sum(sum(one.api.values()) for one in self.parts)

    # What it costs to read them

    def windows(self, spans: Iterable[Span], page_size: int) -> list[Span]:
        """Join days if their rows, and those of the days between, fit in a page."""
        windows: list[Span] = []
        for begin, end in sorted(spans):
            if windows and self._rows_between(windows[-1][0], end) < page_size:
                windows[-1] = (windows[-1][0], max(windows[-1][1], end))
            else:
                windows.append((begin, end))
        return windows

    def pages(self, span: Span, page_size: int) -> int:
        """Return how many requests read some days."""
        # A full page needs one request more.
        return self._rows_between(*span) // page_size + 1

    def _rows_between(self, begin: int, end: int) -> int:
        """Return how many rows some days may have."""
        if self._expected is None:
            rows = Counter[int]()
            for one in self.parts:
                rows.update(one.rows(self.zone))
                if self.others is None:
                    more = self.differences(one).items()
                    rows.update({span[0]: each for span, each in more if each > 0})
            self._expected = Expectation(days := sorted(rows), [rows[day] for day in days])
        return self._expected.between(begin, end)
