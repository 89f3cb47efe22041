"""Lists of ids in the filters of a query, and queries with shorter ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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
