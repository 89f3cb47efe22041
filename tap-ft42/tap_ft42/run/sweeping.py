"""What becomes of reads that several parents share.

The API may heed only the first id of a list, or refuse a list because of one of its ids or
because of their number. The first is looked for before any sweep relies on lists; the rest
is told apart by reading the halves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import FatalAPIError, explain
from tap_ft42.api.token import CredentialsError
from tap_ft42.declared.contexts import cursus_of, parent_of
from tap_ft42.reading.asking import IncompleteReadError, TooLargeError
from tap_ft42.reading.heeding import heeds_all
from tap_ft42.run.lifecycle import ALONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.declared.contexts import Context
    from tap_ft42.run.partitions import Partitions

_LOOKED_AT = 10
"""Parents of which it is looked whether a list of them has the rows of all."""


class Halving:
    """What became of the two halves of a sweep that failed."""

    def __init__(self, members: int) -> None:
        """Wait for both.

        Args:
            members: How many parents shared the sweep.
        """
        self.members = members
        self._read: list[int] = []
        self.has_failed = False
        """Whether one of them failed, too, so that its length was not the reason."""

    def succeed(self, members: int) -> int | None:
        """Take note that a half was read, and return how long both were if both were."""
        self._read.append(members)
        return None if self.has_failed or len(self._read) == 1 else max(self._read)


class Sweeping:
    """What a list's sweeps are found to do."""

    def __init__(self, partitions: Partitions) -> None:
        """Look at nothing yet.

        Args:
            partitions: The list.
        """
        self._list = partitions
        self._rows_below: dict[int, Counter[int]] = defaultdict(Counter)

    @property
    def _filter(self) -> str:
        """The parameter that names the parents."""
        return self._list.listing.parent_filter or ""

    def note_rows(self, context: Context | None, rows: int) -> None:
        """Take note of rows that a parent has, which was asked for by itself."""
        if self._filter:
            self._rows_below[cursus_of(context)][parent_of(context)] += rows

    def tell_halved(self, members: int, failure: Exception) -> None:
        """Say that a sweep is read in two, as it may fail because of one of its parents."""
        self._list.logger.info(
            "%s: a list of %d of its parents cannot be read, and is read in two. %s",
            self._list.listing.name,
            members,
            explain(failure),
            extra={"happened": "sweep_halved"},
        )

    def note_half(self, halving: Halving, members: int) -> None:
        """Take note of how many parents the API takes in one list, once both halves tell."""
        if (longest := halving.succeed(members)) is not None:
            self._list.fit_of_sweeps.shorten(self._filter, halving.members, longest)

    def look_at_lists(self) -> None:
        """Look whether the API heeds all ids of a list, before any sweep relies on it."""
        fit = self._list.fit_of_sweeps
        if not self._filter or self._list.listing.largest_sweep == 1 or not fit.is_list_due:
            return
        with suppress(RunEnds, *ALONE):  # the next run looks
            for whole in self._list.lists:
                rows = self._rows_below[cursus_of(whole)]
                largest = sorted(rows, key=lambda own: -rows[own])[:_LOOKED_AT]
                if len(largest) > 1:
                    self._look_at_list(whole, largest)
                    return

    def _look_at_list(self, whole: Context | None, parents: Sequence[int]) -> None:
        fit = self._list.fit_of_sweeps
        if heeds_all(parents, partial(self._first_page, whole)):
            fit.confirm_lists()
        else:
            fit.shorten(self._filter, len(parents), 1)

    def _first_page(self, whole: Context | None, ids: Sequence[int]) -> Page:
        reader, path = self._list.reader, self._list.whole_path or ""
        query = {**self._list.query(whole), self._filter: ",".join(map(str, ids))}
        return reader.one_of(reader.ask_one(path, query, context=whole))


def may_be_of_one(failure: Exception) -> bool:
    """Tell whether a sweep may fail because of one of its members, or because of their number.

    What passes by itself would take as long for each of them.
    """
    if isinstance(failure, CredentialsError):
        return False
    return isinstance(failure, TooLargeError | FatalAPIError | IncompleteReadError)
