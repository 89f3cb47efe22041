"""Finds out to which campuses rows belong, though neither they nor another list tells it.

The list itself is asked: for the rows by their ids, at half of the campuses, then at half of
these. One request tells which rows belong to other campuses, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.declared.contexts import Context
from tap_ft42.declared.listing import BY_ID
from tap_ft42.reading.asking import IncompleteReadError, TooDearError
from tap_ft42.reading.id_lists import id_lists
from tap_ft42.reading.refused import asked_again_if_refused
from tap_ft42.run.list_in_run import ListInRun


class Whereabouts:
    """The campuses of the rows of one cursus."""

    def __init__(self, of: ListInRun, whole: Context | None) -> None:
        self._list = of
        self._whole = whole
        self._heeded = 1
        """So many ids of one list are known to count."""

    @property
    def is_told(self) -> bool:
        """Whether the API narrows rows of several campuses by their ids."""
        can = self._list.facts_of_sweeps.can
        return can.longest_list > 1 and BY_ID not in can.ignored_filters

    def find(self, ids: set[int], campuses: Sequence[int], found: dict[int, int]) -> None:
        """Find for each row the last campus, in the given order, to which it belongs.

        Args:
            ids: The rows; each belongs to one of the campuses.
            campuses: The campuses, at least one.
            found: Takes the campus of each row, even if the others cannot be found.

        Raises:
            TooDearError: 42 does not tell.
            RunEnds: The run has to end.
        """
        if not ids or len(campuses) == 1:
            found |= dict.fromkeys(ids, campuses[0])
            return
        middle = len(campuses) // 2
        try:
            there = self.rows_at(ids, campuses[middle:])
        except IncompleteReadError as untold:
            raise TooDearError from untold
        self.find(there, campuses[middle:], found)
        self.find(ids - there, campuses[:middle], found)

    def rows_at(self, ids: set[int], campuses: Sequence[int]) -> set[int]:
        """Ask which rows belong to any of some campuses.

        Raises:
            IncompleteReadError: 42 does not tell.
            RunEnds: The run has to end.
        """
        found, query = set[int](), self._list.query(self._whole)
        can, reader = self._list.facts_of_sweeps.can, self._list.reader
        for some in id_lists(campuses, can.longest_list):
            query[self._list.listing.parent_filter or ""] = some
            left = sorted(ids - found)
            while left:
                can = self._list.facts_of_sweeps.can
                at_once = max(1, min(can.longest_list, reader.page_size - 1))
                there = self._shown(query, batch := left[:at_once], ids)
                found.update(there)
                is_cut = at_once > 1 and reader.page_size <= at_once
                if not is_cut and (len(there) == len(batch) or self._heeds(batch)):
                    left = left[at_once:]
        return found

    def _heeds(self, ids: Sequence[int]) -> bool:
        """Tell whether 42 shows the rows of so many ids: it may cut a list in silence."""
        if len(ids) > self._heeded:
            query = self._list.query(self._whole)
            lacking = {*ids} - (there := self._shown(query, ids, {*ids}))
            if lacking and self._shown(query, [max(lacking)], lacking):
                shown = max(1, len(there))
                self._list.facts_of_sweeps.shorten(BY_ID, len(ids), shown)
                return False
            self._heeded = len(ids)
        return True

    def _shown(self, query: Mapping[str, Any], batch: Sequence[int], ids: set[int]) -> set[int]:
        """Ask for rows by their ids, and return the ids of those that come.

        Other rows than those in `ids` must not come.
        """
        reader = self._list.reader
        failure: Exception | None = None
        if self.is_told:
            query = {**query, BY_ID: ",".join(map(str, batch))}
            source = reader.source(self._whole, query, path=self._list.whole_path)
            try:
                pages = asked_again_if_refused(lambda: reader.all_of(reader.ask_first(source)))
                is_cut = reader.page_size < source.size
                if all(
                    ids.issuperset(page.ids) and (is_cut or page.count >= (page.total or 0))
                    for page in pages
                ):
                    return {own for page in pages for own in page.ids}
            except FatalAPIError as refusal:
                failure = refusal
            self._list.facts_of_sweeps.note_filter(
                BY_ID, is_ignored=True, instead="Each campus is asked for by itself"
            )
        message = "42 does not tell which of its people study at other campuses, too"
        raise IncompleteReadError(message) from failure
