"""Counts by the day: those of the copy, and those of the API.

**Whose days.** 42 does not say whose midnights cut its days. The copy can count by either, and
the cut is believed by which the counts agree best.

**Others.** A graph may count rows that are not in the list. How many of each day is remembered,
and what is compared is what has changed since.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from tap_ft42.census.days import ZONES, day_of, moment_at, stepped, steps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tap_ft42.census.accounts import Account
    from tap_ft42.census.days import Days
    from tap_ft42.declared.capabilities import Zone


@dataclass
class Counted:
    """Rows that have an account, and that the API counts by the day.

    Attributes:
        account: Their account.
        days: When they were created.
        api: How many the API counts, by day.
        in_flight: How many the API has more, by day, as the next windows bring them.
    """

    account: Account
    days: Days
    api: Mapping[int, int]
    in_flight: Counter[int] = field(default_factory=Counter)


class Others:
    """How many rows a graph counts that are not in the list, by their days."""

    def __init__(self, account: Account) -> None:
        """Take up what the account says of them."""
        self._account = account
        kept = account.notes.get("others")
        self.zone: Zone | None = kept and kept["zone"]
        """Whose midnights cut the days; None if none have been counted yet."""
        self.upto: int | None = kept and kept["upto"]
        """The first day of which none have been counted."""
        self.rows: dict[int, int] = (
            dict(zip(stepped(kept["days"]), stepped(kept["rows"]), strict=True)) if kept else {}
        )

    def remember(self, one: Counted, zone: Zone, upto: int, left: Collection[int]) -> None:
        """Count them anew, but for some days."""
        own, before = one.days.rows(zone), self.rows
        days = sorted(day for day in {*one.api, *own, *before} if day < upto)
        rows = [
            before.get(day, 0) if day in left else one.api.get(day, 0) - own.get(day, 0)
            for day in days
        ]
        self._account.note(
            others={"zone": zone, "upto": upto, "days": steps(days), "rows": steps(rows)}
        )


class Comparison:
    """What is known of a list, or of the two parts of one, held against the API's counts."""

    def __init__(
        self, parts: Sequence[Counted], others: Others | None, *, until: int, with_today: bool
    ) -> None:
        """Compare nothing yet.

        Args:
            parts: The rows, those whose ids are known first.
            others: What else the API counts; None if nothing.
            until: The instant up to which rows are known.
            with_today: Whether the API counts none that is later.
        """
        self.parts = parts
        self.others = others
        self.zone: Zone = ZONES[0]
        self._until = until
        self._with_today = with_today
        self._sums: tuple[list[int], list[int]] | None = None

    def believe(self, known: Zone) -> None:
        """Find out whose midnights cut the days.

        Args:
            known: Whose they were found to be before.
        """
        if self.others is not None and self.others.zone is not None:
            self.zone = self.others.zone
            return
        costs = {zone: self._distance(zone) for zone in ZONES}
        self.zone = min(ZONES, key=lambda zone: (costs[zone], zone != known))
        self._sums = None

    def _distance(self, zone: Zone) -> int:
        found = [each for one in self.parts for each in self._more(one, zone).values()]
        # Where others are counted, only what is lacking can be wrong.
        return sum(abs(each) if self.others is None else max(-each, 0) for each in found)

    # Days that differ

    @property
    def upto(self) -> int:
        """The first day that is not compared."""
        return self._upto(self.zone)

    def _upto(self, zone: Zone) -> int:
        return day_of(moment_at(self._until), zone) + self._with_today

    def _days(self, parts: Iterable[Counted], zone: Zone) -> set[int]:
        upto = self._upto(zone)
        if self.others is not None and self.others.upto is not None:
            upto = min(upto, self.others.upto)
        days = {day for one in parts for day in (*one.api, *one.days.rows(zone))}
        return {day for day in days if day < upto}

    @property
    def days(self) -> int:
        """How many days are compared."""
        return len(self._days(self.parts, self.zone))

    def differences(self, one: Counted) -> dict[int, int]:
        """Return how many rows the API has more than are known, by days that differ."""
        return self._more(one, self.zone)

    def _more(self, one: Counted, zone: Zone) -> dict[int, int]:
        own, others = one.days.rows(zone), {} if self.others is None else self.others.rows
        more = {
            day: one.api.get(day, 0) - own.get(day, 0) - others.get(day, 0) - one.in_flight[day]
            for day in self._days([one], zone)
        }
        return {day: rows for day, rows in more.items() if rows}

    @property
    def differing(self) -> set[int]:
        """The days that differ."""
        return {day for one in self.parts for day in self.differences(one)}

    @property
    def proven(self) -> Mapping[int, int]:
        """How many rows the API counts of the days that agree."""
        counts, differing, days = (
            Counter[int](),
            self.differing,
            self._days(self.parts, self.zone),
        )
        for one in self.parts:
            counts.update(one.api)
        return {day: counts[day] for day in days - differing}

    @property
    def more_and_less(self) -> tuple[int, int]:
        """How many rows the API has more on some days, and less on others."""
        rows = [each for one in self.parts for each in self.differences(one).values()]
        return sum(each for each in rows if each > 0), -sum(each for each in rows if each < 0)

    @property
    def known(self) -> int:
        """Rows that are known, and when they were created."""
        return sum(sum(one.days.rows(self.zone).values()) for one in self.parts)

    @property
    def counted(self) -> int:
        """Rows that the API counts."""
        return sum(sum(one.api.values()) for one in self.parts)

    # What it costs to read them

    def windows(self, days: Iterable[int], page_size: int) -> list[tuple[int, int]]:
        """Put days together whose rows fit in a page, with those between them."""
        windows: list[tuple[int, int]] = []
        for day in sorted(days):
            if windows and self._rows_between(windows[-1][0], day) < page_size:
                windows[-1] = (windows[-1][0], day)
            else:
                windows.append((day, day))
        return windows

    def cost(self, days: Iterable[int], page_size: int) -> int:
        """Return how many requests read some days."""
        return sum(
            self.pages(*window, page_size=page_size) for window in self.windows(days, page_size)
        )

    def pages(self, begin: int, end: int, *, page_size: int) -> int:
        """Return how many requests read the days from one to another."""
        # Behind a full page is asked, too.
        return self._rows_between(begin, end) // page_size + 1

    def _rows_between(self, begin: int, end: int) -> int:
        """Return how many rows some days may have."""
        if self._sums is None:
            rows = Counter[int]()
            for one in self.parts:
                own = one.days.rows(self.zone)
                counted = one.api if self.others is None else own
                rows.update(
                    {day: max(own[day], counted.get(day, 0)) for day in {*own, *counted}}
                )
            days = sorted(rows)
            self._sums = days, list(accumulate((rows[day] for day in days), initial=0))
        days, before = self._sums
        return before[bisect_right(days, end)] - before[bisect_left(days, begin)]
