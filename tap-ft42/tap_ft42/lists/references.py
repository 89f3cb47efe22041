"""Tells of rows that a reference list lacks, as far as rows of other lists show it.

42 may list fewer rows than it has, and count only those. Then nothing in the list itself shows
that some are missing. But rows of other lists name their ids, and a carrier of a list (see
`tap_ft42.declared.listing.Carrier`) holds each of its records. So when a run has listed all
rows, it compares them with the ids that it has met. Rows that name a missing row are orphans,
and not published. The run does not fail: 42 may never list what nobody may see any more.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from tap_ft42.api.page import with_ids
from tap_ft42.declared.listing import ID
from tap_ft42.declared.words import first_of
from tap_ft42.lists.existence import known_to_exist
from tap_ft42.planning.refresh import hidden_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_ft42.declared.listing import Listing
    from tap_ft42.run.partitions import Partitions

_SHOWN = 10
"""Ids that a message names; it counts the others."""


class Listed(Protocol):
    """A list of the run."""

    listing: Listing
    partitions: Partitions
    listed_ids: set[object] | None
    """The ids of all its rows, if the run has read it whole; see `refresh_hours`."""


class References:
    """The ids of other lists that the rows of one list name."""

    def __init__(self, partitions: Partitions, lists: Mapping[str, Listed]) -> None:
        """Begin without ids. `lists` holds all lists of the run; it may grow."""
        self._list, self._lists = partitions, lists
        self._named: dict[str, set[object]] = defaultdict(set)
        self._carried: dict[str, set[object]] = defaultdict(set)

    def note(self, row: Mapping[str, object]) -> None:
        """Take note of the ids that a row names."""
        for column, ids in self._columns:
            ids.add(row.get(column))
        for carried, column in self._carries:
            records = row.get(column)
            found = with_ids(records) if isinstance(records, list) else ()
            self._carried[carried].update(record[ID] for record in found)

    @cached_property
    def _columns(self) -> Sequence[tuple[str, set[object]]]:
        """The columns that name rows of reference lists, and the ids that they have named."""
        return [
            (column, self._named[name])
            for column, name in self._list.output.references.items()
            if name in self._lists and self._lists[name].listing.is_reference
        ]

    @cached_property
    def _carries(self) -> Sequence[tuple[str, str]]:
        """The lists whose records it carries, and the columns that hold them."""
        carriers = [(name, one.listing.carrier) for name, one in self._lists.items()]
        path = self._list.listing.path
        return [(name, one.column) for name, one in carriers if one and one.path == path]

    def tell(self) -> None:
        """Tell which of these rows 42 does not list; called when all lists have been read."""
        name = self._list.listing.name
        own = _listed(self._lists[name])
        for other, ids in (*self._named.items(), *self._carried.items()):
            listed = _listed(self._lists[other])
            if listed and (missing := ids - listed - {None}):
                self._warn(other, f"does not list {_shown(missing)}, which rows of {name} name")
        for other, ids in self._carried.items():
            listed = _listed(self._lists[other])
            if own and listed and (missing := listed - ids):
                self._warn(name, f"lists none that holds {other} {_shown(missing)}")

    def _warn(self, of: str, what: str) -> None:
        self._list.logger.warning(
            "%s: 42 %s. It may have rows that it does not list; they are missing here.",
            of,
            what,
            extra={"happened": "not_listed_rows", "of": of},
        )


def _listed(of: Listed) -> set[object] | None:
    """Return the ids of a list that are known to exist; None if it was not read as a whole."""
    partitions = of.partitions
    if of.listed_ids is None or partitions.run.scope.campus_ids:
        return None
    states = [child.output.stream_state for child in partitions.wanted_children]
    hidden = set[int]().union(*map(hidden_ids, states))
    return of.listed_ids | hidden | known_to_exist(partitions.output.stream_state)


def _shown(ids: set[object]) -> str:
    """Write some ids."""
    return first_of(sorted(map(str, ids), key=lambda text: (len(text), text)), _SHOWN)
