"""Rows that the API should have filtered out, and did not."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ft42.run.partitions import Partitions

_MANY = 3
"""Rows that a filter lets through, though it should not, that are no coincidence."""


class Strangers:
    """The rows of a list that its requests do not ask for."""

    def __init__(self, partitions: Partitions) -> None:
        self._list = partitions
        self._met: dict[str, int] = {}

    @cached_property
    def _filters(self) -> list[tuple[str, str, str]]:
        """The filters of every request whose columns the rows show."""
        columns = (
            (name, name.removeprefix("filter[").rstrip("?]"), value)
            for name, value in self._list.listing.filters.items()
        )
        return [each for each in columns if each[0].startswith("filter[")]

    def include(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row is not what the filters ask for."""
        for name, column, value in self._filters:
            if row.get(column) is not None and str(row[column]).lower() != value:
                self._note(name)
                return True
        return False

    def _note(self, name: str) -> None:
        met = self._met[name] = self._met.get(name, 0) + 1
        if met == _MANY:
            fit = self._list.fit
            fit.learn(
                f"42 does not narrow it by {name}. The tap does",
                ignored_filters=(*fit.can.ignored_filters, name),
            )
