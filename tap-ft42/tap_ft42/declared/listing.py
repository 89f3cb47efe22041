"""What a list of the API is, said once: a stream declares it, everything else reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from tap_ft42.declared.instants import from_milliseconds, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ID = "id"
"""The key that every list has."""

CREATED_AT = "created_at"
"""The column that says when a row came into being."""

LARGEST = 100
"""Ids in one filter: the API answers 502 to much longer lists."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The column by which the changes of a list are found.

    Its values are compared as whole numbers, called positions: milliseconds since 1970,
    or ids.
    """

    column: str
    """Its name in a record, and in the API's ``range`` and ``sort``."""
    kind: Literal["instant", "id"] = "instant"
    """What it holds. An instant may lie in a closed window; ids only grow."""
    moves: bool = True
    """Whether it moves when the row changes. Where it does not, only new rows are found by
    it, and changes by the reads of the census (see `Census.refresh_factor`)."""
    looks_back: int = 0
    """Seconds before the bookmark at which a window begins, beyond the setting
    ``overlap_seconds``: as long as rows arrive late, or change after their instant. Of a
    cursor of ids it is so many ids."""

    def position(self, value: object) -> int | None:
        """Return a value of the column, or a bookmark, as a number; None if it is none."""
        if self.kind == "instant":
            return milliseconds(value)
        return value if type(value) is int else None

    def written(self, position: int) -> str | int:
        """Write a position as the column has it, and as bookmarks do."""
        return from_milliseconds(position) if self.kind == "instant" else position


@dataclass(frozen=True, slots=True)
class Carried:
    """Where a list stands within another one, which the API can narrow by campus."""

    path: str
    """The other list."""
    column: str
    """The column of its records that holds a list of this one's."""
    campus_column: str
    """The column that names the campus."""


@dataclass(frozen=True, slots=True)
class Points:
    """Values that change without the cursor, and what betrays that they did."""

    total: str
    """The parent's column that holds their sum."""
    moved_at: str
    """The column that says when they changed; not every API narrows a list by it."""


@dataclass(frozen=True, slots=True)
class Movers:
    """Whose rows may have changed without the cursor, and how these are asked for."""

    people_filter: str
    """The parameter that narrows the list to people."""
    marks: str
    """The list whose new and changed rows say of whom."""
    mark: str
    """The column that such a row has filled."""
    deadline: str
    """The instant near which a row changes, too."""
    days: int = 30
    """How near."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Where the API says how many rows of a list were created on each day."""

    path: str
    """The route of the graph, without field and interval."""
    counts_others: bool = False
    """Whether it counts rows that are none of the list's, too."""

    @property
    def route(self) -> str:
        """The route of the counts by the day of creation."""
        return f"{self.path}/on/{CREATED_AT}/by/day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How rows disappear from a list, and what finding them may cost."""

    share: float = 0.25
    """Which part of the requests that are left for a census the list may use."""
    refresh_factor: int = 4
    """Every row is read again within ``refresh_nights`` times this many nights. 1 where
    columns change without the cursor; 0 for never, where something else sees to it."""
    settled: tuple[str, str] | None = None
    """Column and value of the rows that do not disappear, where that is known; see
    `tap_ft42.census.accounts`."""
    left_filters: Mapping[str, str] = field(default_factory=dict)
    """Instead of the list's filters, what finds rows that have left it, if anything does."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """A list of the API, and how it is read."""

    name: str
    """The stream that it becomes."""
    path: str
    """Its route, with names in braces for what a context tells."""
    all_path: str | None = None
    """The route that lists the rows of all parents; that of ``path`` if it names none."""
    cursor: Cursor | None = None
    """By what its changes are found, so that it has bookmarks; None to read it in full."""
    changes: Cursor | None = None
    """Of a list that is read in full, what asks for its changes in between, though the rows
    do not show it."""

    parent: Listing | None = None
    """The list for each of whose rows this one is asked."""
    parent_id: str = ""
    """What contexts call the id of such a row."""
    added: Sequence[str] = ()
    """Columns that the context fills, as the record does not say them."""
    by_cursus: bool = False
    """Whether it is read cursus by cursus, each with a bookmark of its own."""
    cursus_filter: str | None = None
    """The parameter that names the cursus, where the path does not."""
    cursus_column: str | None = None
    """The column that lists a row's cursus, where the filter may let others through."""

    filters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Query parameters that every request carries."""
    campus_filter: str | None = None
    """The parameter that narrows it to campuses."""
    parent_filter: str | None = None
    """The parameter that narrows it to several parents at once."""
    people_filter: str | None = None
    """The parameter that narrows it to people, where that is the only way to campuses."""
    people_column: str = "user_id"
    """The column that names the person, where it is narrowed to people."""
    carried: Carried | None = None
    """Where it stands within another list, which is read instead if the scope is narrowed to
    campuses, or if the list cannot be read."""
    is_sortable: bool = True
    """Whether the API sorts it by ``id`` and by the cursor."""
    has_ranges: bool = True
    """Whether the API narrows it by ranges of these two."""
    widest_window: int | None = None
    """How far a window of its cursor may reach, in milliseconds, where that is limited."""
    is_newest_first: bool = False
    """Whether the API lists the latest change first, if nobody asks for an order."""
    largest_page: int = 100
    """Rows a page, where the full 100 would take the API too long."""
    largest_sweep: int = 1
    """How many partitions are read together at most; see `tap_ft42.planning.sweeps`."""

    is_selected: bool = True
    """Whether it is read unless somebody says otherwise."""
    refresh_hours: int | None = None
    """Hours for which a full read is good enough, where rows hardly ever change."""
    graph: Graph | None = None
    """Where its rows are counted by the day, if they are."""
    weight: int = 1
    """How much people look at it, where not everything can be read."""
    census: Census = Census()
    """How its rows disappear."""

    is_campus: bool = False
    """Whether its rows are the campuses that a scope names."""
    is_cursus: bool = False
    """Whether its rows are the cursus that a scope names."""
    tells: Literal["people", "campuses of people"] | None = None
    """What of a scope it tells: who is in it, or where they study."""
    campus_by_person: bool = False
    """Whether a row goes to the campus of its person, as it names none."""
    points: Points | None = None
    """What of its rows changes without the cursor."""
    movers: Movers | None = None
    """Whose rows are read again each night; the others in turn within ``refresh_nights``."""
    is_nightly: bool = False
    """Whether it is read once a night, and not in between."""

    @property
    def whole_path(self) -> str | None:
        """Where the rows of all parents are listed; None if the API does not."""
        if self.all_path is not None:
            return self.all_path
        is_of_parent = self.parent is not None and f"{{{self.parent_id}}}" in self.path
        return None if is_of_parent else self.path

    @property
    def is_reference(self) -> bool:
        """Whether it is read in full at intervals."""
        return self.refresh_hours is not None

    @property
    def parent_columns(self) -> list[str]:
        """Those of ``added`` that only a row's parent tells."""
        return [name for name in self.added if name == self.parent_id]

    @property
    def is_filtered_by_parent(self) -> bool:
        """Whether a parent is named by a parameter and not by the path."""
        return self.parent is not None and self.path == self.whole_path
