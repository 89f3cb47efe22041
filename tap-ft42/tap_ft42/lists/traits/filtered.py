"""Rows that the API's filters should have kept out, and did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from typing_extensions import override

from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import filtered_key
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.run.list_in_run import ListInRun

_MANY = 3
"""After so many rows that a filter should have kept out, the filter counts as ignored."""


class Filtered(Trait):
    """Checks that rows match the filters of their requests."""

    def __init__(self, of: ListInRun) -> None:
        self._list = of
        self._let_through = Counter[str]()
        self._is_told = False

    @cached_property
    def _filters(self) -> list[tuple[str, str, str]]:
        """The filters of every request: the parameter, its column, its value."""
        columns = (
            (name, filtered_key(name).rstrip("?"), value)
            for name, value in self._list.listing.filters.items()
        )
        return [each for each in columns if each[0].startswith("filter[")]

    @override
    def is_in_scope(self, row: Mapping[str, Any]) -> bool:
        column = self._list.listing.cursus_column
        if column is not None and row["cursus_id"] not in row[column]:
            return not any(row[column]) and self._is_kept(column)
        return not any(self._unheeded(row))

    @override
    def leave_out(self, row: Mapping[str, Any]) -> None:
        column = self._list.listing.cursus_column
        if column and any(row[column]) and row["cursus_id"] not in row[column]:
            self._let_through[column] += 1
        for name in self._unheeded(row):
            self._let_through[name] += 1
            if self._let_through[name] == _MANY:
                self._list.facts.note_filter(name, is_ignored=True, instead="The tap does")

    def _unheeded(self, row: Mapping[str, Any]) -> Iterator[str]:
        """Yield the filters that should have kept a row out."""
        for name, column, value in self._filters:
            if row.get(column) is not None and str(row[column]).lower() != value:
                yield name

    def _is_kept(self, column: str) -> bool:
        """Tell whether a row that names no cursus belongs to the one that was asked for.

        It does unless the API sends rows of other cursus, too.
        """
        ignored = self._list.facts_of_sweeps.can.ignored_filters
        is_filtered = self._list.listing.cursus_filter not in ignored
        is_kept = is_filtered and not self._let_through[column]
        if not is_kept:
            self._list.run.lifecycle.note_failure(
                self._list.listing.name,
                f"rows without {column} came, and are not read, as 42 sends rows of any cursus",
                kind=f"rows without {column}",
                is_of_rows=True,
            )
        elif not self._is_told:
            self._is_told = True
            Events(self._list.listing.name).warning(
                "rows without %s came, and are taken for the cursus that was asked for.",
                column,
                happened="without_cursus",
            )
        return is_kept
