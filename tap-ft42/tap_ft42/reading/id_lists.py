"""Lists of ids as the values of filters, and queries with shorter ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tap_ft42.declared.listing import LARGEST


def id_lists(ids: Iterable[int], longest: int = LARGEST) -> list[str]:
    """Write ids as filter values: lists as long as the API takes, or `longest`."""
    ordered = sorted(ids)
    return [
        ",".join(map(str, ordered[start : start + longest]))
        for start in range(0, len(ordered), longest)
    ]


def longest_list(query: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the filter with the most ids, and these; both are empty if there is none."""
    return max(_lists(query).items(), key=lambda each: len(each[1]), default=("", []))


def cut(query: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """Return a query for some of the rows, as no list has more ids than that."""
    lists = {name: ",".join(ids[:longest]) for name, ids in _lists(query).items()}
    return {**query, **lists}


def pieces(query: Mapping[str, Any], longest: int) -> Iterator[dict[str, Any]]:
    """Yield queries for all of the rows, with at most so many ids of the longest list."""
    name, ids = longest_list(query)
    for first in range(0, len(ids), longest):
        yield {**query, name: ",".join(ids[first : first + longest])}


def _lists(query: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        name: value.split(",")
        for name, value in query.items()
        if isinstance(value, str) and name.startswith("filter[")
    }
