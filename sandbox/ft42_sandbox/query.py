"""Parses query strings: `filter`, `range`, `sort` and `page`, and refuses wrong ones.

The API parses them with the gem rice_cooker, and this module behaves in the same way: each
route allows certain names; an unknown name is refused with 400; an empty filter value is
ignored; a kind of parameter that the route does not declare is ignored completely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class QueryError(Exception):
    """A query that the API refuses with 400; the body has the message.

    Attributes:
        error: the other text of the body.
    """

    error = "Bad Request"


class FilterError(QueryError):
    """A filter that the route does not declare, or a value that it does not know."""

    error = "Filter Error"


class RangeError(QueryError):
    """A range that the route does not declare, or other than two bounds."""

    error = "Range Error"


class SortError(QueryError):
    """A field that one cannot sort by."""

    error = "Sort Error"


class TooManyValuesError(Exception):
    """A filter with so many values that the real server fails; the answer is 502."""

    def __init__(self) -> None:
        """Set the message, for a sandbox that answers 400 instead of 502."""
        super().__init__("a filter has more values than the server survives")


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
        FilterError: for a name that is not allowed, even with an empty value.
        TooManyValuesError: for a list longer than the limit.
    """
    unknown = [name for name in query.filters if name not in allowed]
    if unknown:
        raise FilterError(_not_allowed(unknown, allowed, "filter"))
    values = {
        name: [part for part in text.split(",") if part] for name, text in query.filters.items()
    }
    if limit and any(len(parts) > limit for parts in values.values()):
        raise TooManyValuesError
    return {name: parts for name, parts in values.items() if parts}


def range_bounds(query: Query, allowed: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Both bounds of each range.

    Raises:
        RangeError: for a name that is not allowed, or other than two bounds.
    """
    bounds = {}
    for name, text in query.ranges.items():
        parts = [part for part in text.split(",") if part]
        if len(parts) > 2:
            msg = f"Invalid range format for {text}. Too many arguments for filter ({parts})."
            raise RangeError(msg)
        if len(parts) < 2:
            reason = "Begin and end must be separated by a comma (,)."
            msg = f"Invalid range format for {text}. {reason}"
            raise RangeError(msg)
        bounds[name] = (parts[0], parts[1])
    unknown = [name for name in bounds if name not in allowed]
    if unknown:
        raise RangeError(_not_allowed(unknown, allowed, "range"))
    return bounds


def sort_order(query: Query, allowed: Sequence[str]) -> list[tuple[str, bool]]:
    """The fields to sort by and whether each descends; empty if the query names none.

    Raises:
        SortError: for a field that is not allowed.
    """
    order: dict[str, bool] = {}
    for part in query.sort.split(","):
        name = part.strip()
        if not name:
            continue
        descends = name.startswith("-")
        name = name.removeprefix("-")
        if name not in allowed:
            msg = f"The {name} field is not sortable"
            raise SortError(msg)
        order[name] = descends
    return list(order.items())


def check_words(name: str, values: Iterable[str], allowed: Sequence[str]) -> None:
    """Check that a filter with fixed values, such as `true` and `false`, has one of them.

    Raises:
        FilterError: for any other value.
    """
    wrong = [value for value in values if value not in allowed]
    if wrong:
        known = sentence(allowed)
        msg = f"Value {sentence(wrong)} is not allowed for filter {name}, can be {known}"
        raise FilterError(msg)


def sentence(words: Sequence[str]) -> str:
    """A list of words in the form of Rails: `a, b, and c`."""
    if len(words) <= 2:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


_ABLE = {"filter": "filterables", "range": "rangeables"}


def _not_allowed(unknown: Sequence[str], allowed: Sequence[str], kind: str) -> str:
    return (
        f"Attributes {sentence(unknown)} doesn't exists or aren't {_ABLE[kind]}. "
        f"Available {kind}s are: {sentence(allowed)}"
    )
