"""Imitates the API of a report of `tap-ft42 doctor`.

A report says how each route differs from the documentation. A route that it does not name
behaves like the reported route of the same table, except for the right to read it.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from ft42_sandbox import answer as answers
from ft42_sandbox.conditions import read_instant, read_int
from ft42_sandbox.instants import SECOND, to_text
from ft42_sandbox.paging import MAX_SIZE, Page, wanted_page
from ft42_sandbox.query import FilterError, Query, RangeError, SortError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ft42_sandbox.answer import Answer
    from ft42_sandbox.endpoint import Listing

FORMAT = 1
DAY = 24 * 3600
DENIED, NOT_THERE = 403, 404
TITLES = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    504: "Gateway Time-out",
}
_PLACEHOLDER = re.compile(r"\{\w+\}")
_MILLISECOND = SECOND // 1000


class ReportError(ValueError):
    """A file is no report of `tap-ft42 doctor`."""


@dataclass(frozen=True)
class Differences:
    """How one list differs from the documentation.

    Attributes:
        status: the status of every answer; 200 for rows.
        page_size: rows on a page, at most; the headers repeat the size that was asked for.
        beyond_page: the status if a larger page is asked for; None to cut the page instead.
        is_paged: whether it comes in pages; otherwise each answer holds all rows.
        numbers_pages: whether it heeds the number of a page; otherwise it sends the first.
        most_pages: pages that it shows, though the headers promise more.
        beyond_pages: the status of later pages, 400 or 404; None for a page without rows.
        sorts_by_several: whether it heeds a second field of `sort`.
        bounds: which of its two bounds a range includes: `both`, `lower`, `upper` or `none`.
        cuts_instants: whether the bounds of a range are cut to whole seconds.
        widest_range: the width beyond which a range is refused, in ids or milliseconds; None
            for no limit.
        cuts_ranges: whether a wider range is cut silently instead.
        longest_list: how many values of a filter it heeds.
        beyond_list: the status for more values; None to ignore the further ones.
        totals: whether `X-Total` is `exact`, `wrong` or `none`.
        total_at_most: the total at which it stops counting, if it does.
        refused: parameters that it answers with 400, such as `sort=id` and `range[id]`.
        ignored: parameters that have no effect.
        seconds: how long a page takes, if that was measured.
    """

    status: int = 200
    page_size: int = MAX_SIZE
    beyond_page: int | None = None
    is_paged: bool = True
    numbers_pages: bool = True
    most_pages: int | None = None
    beyond_pages: int | None = None
    sorts_by_several: bool = True
    bounds: str = "both"
    cuts_instants: bool = False
    widest_range: int | None = None
    cuts_ranges: bool = False
    longest_list: int | None = None
    beyond_list: int | None = None
    totals: str = "exact"
    total_at_most: int | None = None
    refused: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    seconds: float | None = None

    def refusal(self, query: Query) -> Answer | None:
        """The refusal of a request; None if it gets rows."""
        if self.status == DENIED:
            return answers.access_denied()
        if self.status == NOT_THERE:
            return answers.not_found()
        if self.status != 200:
            return _error(self.status)
        if self.beyond_page and wanted_page(query).size > self.page_size:
            return _error(self.beyond_page)
        if self.beyond_list and any(map(self._is_long, query.filters.values())):
            return _error(self.beyond_list)
        return self._refusal_of_page(query)

    def _refusal_of_page(self, query: Query) -> Answer | None:
        if not self.beyond_pages or not self._is_far(wanted_page(query)):
            return None
        if self.beyond_pages == NOT_THERE:
            return answers.not_found()
        return answers.bad_request("Page Error", "There is no such page")

    def understood(self, query: Query) -> Query:
        """The query as this list understands it.

        Raises:
            QueryError: for a parameter that it refuses.
        """
        sort = query.sort.split(",") if query.sort else []
        named = [part.strip().removeprefix("-") for part in sort]
        if not self.sorts_by_several:
            sort, named = sort[:1], named[:1]
        for name in named:
            if f"sort={name}" in self.refused:
                msg = f"The {name} field is not sortable"
                raise SortError(msg)
        for name in query.ranges:
            if f"range[{name}]" in self.refused:
                msg = f"Attributes {name} doesn't exists or aren't rangeables."
                raise RangeError(msg)
        for name in query.filters:
            if f"filter[{name}]" in self.refused:
                msg = f"Attributes {name} doesn't exists or aren't filterables."
                raise FilterError(msg)
        return replace(
            query,
            sort=",".join(
                part
                for part, name in zip(sort, named, strict=True)
                if f"sort={name}" not in self.ignored
            ),
            ranges={
                name: self._bounds(text)
                for name, text in query.ranges.items()
                if f"range[{name}]" not in self.ignored
            },
            filters={
                name: self._values(text)
                for name, text in query.filters.items()
                if f"filter[{name}]" not in self.ignored
            },
        )

    def page(self, query: Query, rows: int) -> Page:
        """Which of so many rows are sent."""
        if not self.is_paged:
            return Page(1, max(1, rows))
        wanted = wanted_page(query)
        if self._is_far(wanted):
            return Page(rows + 1, wanted.size)
        number = wanted.number if self.numbers_pages else 1
        return Page(number, min(wanted.size, self.page_size))

    def total(self, rows: int) -> int | None:
        """The total that the list sends for a number of rows."""
        if self.totals == "none":
            return None
        if self.total_at_most is not None:
            return min(rows, self.total_at_most)
        return rows + (self.totals != "exact")

    def _is_far(self, wanted: Page) -> bool:
        return self.most_pages is not None and wanted.number > self.most_pages

    def _is_long(self, values: str) -> bool:
        return self.longest_list is not None and values.count(",") >= self.longest_list

    def _values(self, text: str) -> str:
        return ",".join(text.split(",")[: self.longest_list]) if self._is_long(text) else text

    def _bounds(self, text: str) -> str:
        bounds = [_position(part) for part in text.split(",")]
        if len(bounds) != 2:
            return text
        (low, step), (high, _) = bounds
        if self.widest_range is not None and high - low > self.widest_range * step:
            if not self.cuts_ranges:
                msg = f"Invalid range format for {text}. The range is too wide."
                raise RangeError(msg)
            high = low + self.widest_range * step
            text = f"{_written(low, step)},{_written(high, step)}"
        is_cut = self.cuts_instants and step == _MILLISECOND
        if self.bounds == "both" and not is_cut:
            return text
        if is_cut:
            low, high = low // SECOND * SECOND, high // SECOND * SECOND
        low += step * (self.bounds in {"upper", "none"})
        high -= step * (self.bounds in {"lower", "none"})
        return f"{_written(low, step)},{_written(high, step)}"


@dataclass(frozen=True)
class Likeness:
    """The API of a report; without a report, that of the documentation.

    Attributes:
        roles: the value of `X-Application-Roles`.
        per_second: the application's limit in a second, if the report has it.
        per_hour: the application's limit in an hour, if the report has it.
        secret_days: the days until its secret ends; None if that is not known.
        seconds_ahead: by how much the API's clock is ahead of this machine's.
        routes: how each route differs from the documentation, by its pattern.
    """

    roles: str = "None"
    per_second: int | None = None
    per_hour: int | None = None
    secret_days: int | None = None
    seconds_ahead: float = 0.0
    routes: Mapping[str, Differences] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def secret_valid_until(self) -> int:
        """When the application's secret ends, as Unix time; 0 if that is not known."""
        if self.secret_days is None:
            return 0
        return int(time.time()) + max(1, self.secret_days) * DAY

    @property
    def seconds(self) -> dict[str, float]:
        """How long routes take, if that was measured."""
        return {route: one.seconds for route, one in self.routes.items() if one.seconds}

    def differences(self, listing: Listing, others: Sequence[Listing]) -> Differences:
        """How a list differs from the documentation.

        Args:
            listing: the list.
            others: all lists. The report may name another one of the same table.
        """
        if listing.path in self.routes:
            return self.routes[listing.path]
        of_the_rows = (
            self.routes[other.path]
            for other in others
            if other.model.table == listing.model.table and other.path in self.routes
        )
        known = next(of_the_rows, None)
        return Differences() if known is None else replace(known, status=200, seconds=None)


def read(file: Path) -> Likeness:
    """Read a report.

    Raises:
        ReportError: if it is none.
    """
    try:
        report = orjson.loads(file.read_bytes())
        if report["format"] != FORMAT:
            msg = f"{file} is a report of another version"
            raise ReportError(msg)
        return _likeness(report)
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as error:
        msg = f"{file} is no report of `tap-ft42 doctor`: {error}"
        raise ReportError(msg) from None


def _likeness(report: dict[str, Any]) -> Likeness:
    application = report.get("application", {})
    return Likeness(
        roles=str(application.get("roles") or "None"),
        per_second=application.get("requests_per_second"),
        per_hour=application.get("requests_per_hour"),
        secret_days=application.get("secret_days"),
        seconds_ahead=-float(report.get("clock", {}).get("seconds_ahead") or 0),
        routes={
            _PLACEHOLDER.sub(":id", route): _differences(found)
            for route, found in report["routes"].items()
        },
    )


def _differences(found: dict[str, Any]) -> Differences:
    differs = dict(found.get("differs", {}))
    unknown = set(differs) - {item.name for item in fields(Differences)}
    if unknown:
        msg = f"nothing is known of {', '.join(sorted(unknown))}"
        raise TypeError(msg)
    for name in ("refused", "ignored"):
        differs[name] = frozenset(differs.get(name, ()))
    return Differences(
        **{**differs, "status": found.get("status") or 200, "seconds": found.get("seconds")}
    )


def _position(text: str) -> tuple[int, int]:
    """A bound as a number, and the distance to the next one."""
    instant = None if text.strip().lstrip("+-").isdecimal() else read_instant(text, 0)
    return (read_int(text), 1) if instant is None else (instant, _MILLISECOND)


def _written(position: int, step: int) -> str:
    return str(position) if step == 1 else to_text(position)


def _error(status: int) -> Answer:
    return answers.html_error(status, TITLES.get(status, "Error"))
