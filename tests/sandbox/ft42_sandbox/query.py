"""Query strings: what `filter`, `range`, `sort` and `page` ask for, and what is refused.

The API parses them with the rice_cooker gem, whose semantics this module follows: each
route allows certain names, an unknown one is refused with 400, an empty filter value is
ignored, and a kind of parameter that a route does not declare is ignored altogether.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


class BadQuery(Exception):  # noqa: N818 - it is the query that is bad, not the program
    """A query that the API refuses with 400."""

    def __init__(self, error: str, message: str) -> None:
        """Refuse with the two texts of the body."""
        super().__init__(message)
        self.error = error
        self.message = message


class TooManyValues(Exception):  # noqa: N818 - see above
    """A filter with more values than the real server survives; it answers 502."""


@dataclass
class Query:
    """A parsed query string, nothing checked yet."""

    filters: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, str] = field(default_factory=dict)
    sort: str = ""
    number: str | None = None
    size: str | None = None
    others: dict[str, str] = field(default_factory=dict)
    pairs: list[tuple[str, str]] = field(default_factory=list)


def parse(query_string: str) -> Query:
    """Read a query string; the last value of a repeated name counts, as in Rails."""
    query = Query(pairs=parse_qsl(query_string, keep_blank_values=True))
    for name, value in query.pairs:
        if name.startswith("filter[") and name.endswith("]"):
            query.filters[name[7:-1]] = value
        elif name.startswith("range[") and name.endswith("]"):
            query.ranges[name[6:-1]] = value
        elif name == "sort":
            query.sort = value
        elif name in {"page[number]", "page"}:
            query.number = value
        elif name in {"page[size]", "per_page"}:
            query.size = value
        else:
            query.others[name] = value
    return query


def filter_values(query: Query, allowed: Sequence[str], limit: int) -> dict[str, list[str]]:
    """The values of each filter that has any.

    Args:
        query: the parsed query.
        allowed: names of filters that the route declares.
        limit: how many values one filter may have; 0 means any number.

    Raises:
        BadQuery: for a name that is not allowed, even with an empty value.
        TooManyValues: for a list longer than the limit.
    """
    unknown = [name for name in query.filters if name not in allowed]
    if unknown:
        raise BadQuery("Filter Error", _not_allowed(unknown, allowed, "filter"))
    values = {
        name: [part for part in text.split(",") if part]
        for name, text in query.filters.items()
    }
    if limit and any(len(parts) > limit for parts in values.values()):
        raise TooManyValues
    return {name: parts for name, parts in values.items() if parts}


def range_bounds(query: Query, allowed: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Both bounds of each range.

    Raises:
        BadQuery: for a name that is not allowed, or other than two bounds.
    """
    bounds = {}
    for name, text in query.ranges.items():
        parts = [part for part in text.split(",") if part]
        if len(parts) > 2:
            msg = f"Invalid range format for {text}. Too many arguments for filter ({parts})."
            raise BadQuery("Range Error", msg)
        if len(parts) < 2:
            msg = (
                f"Invalid range format for {text}. "
                "Begin and end must be separated by a comma (,)."
            )
            raise BadQuery("Range Error", msg)
        bounds[name] = (parts[0], parts[1])
    unknown = [name for name in bounds if name not in allowed]
    if unknown:
        raise BadQuery("Range Error", _not_allowed(unknown, allowed, "range"))
    return bounds


def sort_order(query: Query, allowed: Sequence[str]) -> list[tuple[str, bool]]:
    """The fields to sort by and whether each descends; empty if the query names none.

    Raises:
        BadQuery: for a field that is not allowed.
    """
    order: dict[str, bool] = {}
    for part in query.sort.split(","):
        name = part.strip()
        if not name:
            continue
        descends = name.startswith("-")
        name = name.removeprefix("-")
        if name not in allowed:
            raise BadQuery("Sort Error", f"The {name} field is not sortable")
        order[name] = descends
    return list(order.items())


def check_words(name: str, values: Iterable[str], allowed: Sequence[str]) -> None:
    """Hold a filter with fixed values, such as `true` and `false`, to them.

    Raises:
        BadQuery: for any other value.
    """
    wrong = [value for value in values if value not in allowed]
    if wrong:
        msg = (
            f"Value {sentence(wrong)} is not allowed for filter {name}, "
            f"can be {sentence(allowed)}"
        )
        raise BadQuery("Filter Error", msg)


def sentence(words: Sequence[str]) -> str:
    """Words in a row as Rails joins them: `a, b, and c`."""
    if len(words) <= 2:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


_ABLE = {"filter": "filterables", "range": "rangeables"}


def _not_allowed(unknown: Sequence[str], allowed: Sequence[str], kind: str) -> str:
    return (
        f"Attributes {sentence(unknown)} doesn't exists or aren't {_ABLE[kind]}. "
        f"Available {kind}s are: {sentence(allowed)}"
    )
