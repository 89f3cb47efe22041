"""Looks up rows of a list that the run needs, whether or not it emits them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from tap_ft42.declared.contexts import Context
from tap_ft42.declared.records import BrokenRecordError
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.run.list_in_run import ListInRun


class LookUps:
    """Looks up rows of a list."""

    def __init__(self, of: ListInRun) -> None:
        self._list = of

    @property
    def facts(self) -> RouteFacts:
        """What was observed of the list's route."""
        return self._list.facts

    @cached_property
    def total(self) -> int | None:
        """How many rows in scope the list has; None if 42 does not say.

        Raises:
            RunEnds: The run has to end.
            FatalAPIError: The API refuses the request.
        """
        reader, wholes = self._list.reader, self._list.wholes
        asked = [
            reader.ask_one(self._list.path, self._list.query(whole), context=whole)
            for whole in wholes
        ]
        totals = [reader.one_of(reading).total for reading in asked]
        return None if None in totals else sum(filter(None, totals))

    def all_rows(self) -> Iterator[dict[str, Any]]:
        """Yield all rows of the list that are in scope; raises as `ListInRun.read_apart`."""
        for whole in self._list.wholes:
            yield from self._rows(self._list.query(whole), whole)

    def rows(self, **ids: str) -> Iterator[dict[str, Any]]:
        """Yield the rows whose columns hold some ids; raises as `ListInRun.read_apart`."""
        return self._rows(self._query(ids), None)

    def first_page(self, **ids: str) -> tuple[Sequence[dict[str, Any]], bool]:
        """Return the first page of such rows, and whether more follow.

        Raises:
            RunEnds: The run has to end.
            FatalAPIError: The API refuses the request.
            TooLargeError: The API does not answer for so many ids.
        """
        reader = self._list.reader
        source = reader.source(None, self._query(ids), is_divided=False)
        page = reader.one_of(reader.ask_first(source))
        return [*self._shaped(page.records(), None)], page.more

    def _query(self, ids: Mapping[str, str]) -> dict[str, Any]:
        filters = {f"filter[{column}]": some for column, some in ids.items()}
        return {**self._list.query(None), **filters}

    def _rows(
        self, query: Mapping[str, Any], context: Context | None
    ) -> Iterator[dict[str, Any]]:
        name = f"look-up of {self._list.name_of(context)}"
        return self._shaped(self._list.read_apart([query], name, context), context)

    def _shaped(
        self, records: Iterable[Any], context: Context | None
    ) -> Iterator[dict[str, Any]]:
        output = self._list.output
        for record in records:
            try:
                yield output.row(record, context)
            except BrokenRecordError as broken:
                if not output.selected:  # a selected stream rejects it when it reads it
                    output.reject(record, str(broken))
