"""Tells of rows that a reference list lacks, as far as rows of other lists show it.

42 may list fewer rows than it has, and count only those. Then nothing in the list itself shows
that some are missing. But rows of other lists name their ids, and a carrier of a list (see
`tap_ft42.declared.listing.Carrier`) holds each of its records. So when a run has listed all
rows, it compares them with the ids that it has met. Rows that name a missing row are orphans,
and not published. The run does not fail: 42 may never list what nobody may see any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from tap_ft42.api.page import with_ids
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import ID
from tap_ft42.declared.words import first_of
from tap_ft42.lists.existence import known_to_exist
from tap_ft42.planning.hidden import hidden_ids
from tap_ft42.run.list_in_run import ListInRun

_SHOWN = 10
"""Ids that a message names; it counts the others."""


class References:
    """The ids of other lists that the rows of one list name."""

    def __init__(self, of: ListInRun, lists: Callable[[], Mapping[str, ListInRun]]) -> None:
        """Begin without ids. `lists` returns all lists of the run, by name."""
        self._list, self._lists = of, lists
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
        lists = self._lists()
        return [
            (column, self._named[name])
            for column, name in self._list.output.references.items()
            if name in lists and lists[name].listing.is_reference
        ]

    @cached_property
    def _carries(self) -> Sequence[tuple[str, str]]:
        """The lists whose records it carries, and the columns that hold them."""
        carriers = [(name, one.listing.carrier) for name, one in self._lists().items()]
        path = self._list.listing.path
        return [(name, one.column) for name, one in carriers if one and one.path == path]

    def tell(self) -> None:
        """Tell which of these rows 42 does not list; called when all lists have been read."""
        name, lists = self._list.listing.name, self._lists()
        own = _listed(self._list)
        for other, ids in (*self._named.items(), *self._carried.items()):
            listed = _listed(lists[other])
            if listed and (missing := ids - listed - {None}):
                self._warn(other, f"does not list {_shown(missing)}, which rows of {name} name")
        for other, ids in self._carried.items():
            listed = _listed(lists[other])
            if own and listed and (missing := listed - ids):
                self._warn(name, f"lists none that holds {other} {_shown(missing)}")

    def _warn(self, of: str, what: str) -> None:
        Events(of).warning(
            "42 %s. It may have rows that it does not list; they are missing here.",
            what,
            happened="not_listed_rows",
            of=of,
        )


def _listed(of: ListInRun) -> set[object] | None:
    """Return the ids of a list that are known to exist; None if it was not read as a whole."""
    if of.listed_ids is None or of.run.scope.campus_ids:
        return None
    states = [child.output.stream_state for child in of.wanted_children]
    hidden = set[int]().union(*map(hidden_ids, states))
    return of.listed_ids | hidden | known_to_exist(of.output.stream_state)


def _shown(ids: set[object]) -> str:
    """Write some ids."""
    return first_of(sorted(map(str, ids), key=lambda text: (len(text), text)), _SHOWN)
