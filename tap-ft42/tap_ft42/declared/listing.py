"""What a list of the API is, in one place. A stream declares it; all other code reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from tap_ft42.declared.instants import from_milliseconds, milliseconds

ID = "id"
"""The key of the rows of every list."""

BY_ID = f"filter[{ID}]"
"""The parameter that narrows a list to rows."""

BY_PERSON = "filter[user_id]"
"""The parameter that narrows a list of people's rows to those of some people."""

CREATED_AT = "created_at"
"""The column that says when a row was created."""

LARGEST = 100
"""Ids in one filter, at most: the API answers 502 to much longer lists."""

LOST = 10
"""Rows that even a short list may lose while it is read."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The column by which the changes of a list are found.

    Its values are compared as whole numbers, called positions: milliseconds since 1970,
    or ids.
    """

    column: str
    """Its name in a record, and in the API's ``range`` and ``sort``."""
    kind: Literal["instant", "id"] = "instant"
    """What it holds. Instants are read in closed windows, so a row whose instant is to come is
    read once that has passed; ids only grow."""
    moves: bool = True
    """Whether it moves when the row changes. If not, it finds only new rows, and the reads of
    the census find changes (see `Census.refresh_factor`)."""
    looks_back: int = 0
    """A window begins so many seconds (or ids) before the bookmark, in addition to the setting
    ``overlap_seconds``: as long as rows may arrive late, or change after their instant."""

    def position(self, value: object) -> int | None:
        """Return a value of the column, or a bookmark, as a position; None for other values."""
        if self.kind == "instant":
            return milliseconds(value)
        return value if type(value) is int else None

    def written(self, position: int) -> str | int:
        """Write a position in the form of the column, and of bookmarks."""
        return from_milliseconds(position) if self.kind == "instant" else position


@dataclass(frozen=True, slots=True)
class Carrier:
    """Another list whose records carry the records of a list, and can be narrowed by campus."""

    path: str
    """The route of the other list."""
    column: str
    """The column of its records that holds the carried records."""
    campus_column: str
    """The column of its records that names the campus."""


@dataclass(frozen=True, slots=True)
class Points:
    """Points: they change while the cursor stays, and other columns show that they did."""

    total: str
    """The column of the parent that holds the sum of the points."""
    moved_at: str
    """The column that says when points changed; not every API narrows a list by it."""


@dataclass(frozen=True, slots=True)
class Movers:
    """How to find people whose rows may have changed while the cursor stayed."""

    people_filter: str
    """The parameter that narrows the list to people."""
    marks: str
    """Another list: its new and changed rows name the people."""
    mark: str
    """The column of the other list that such a row must have filled."""
    deadline: str
    """A column of this list with an instant. Near it, a row may change, too."""
    days: int = 30
    """A deadline is near if it is at most so many days away, before or after today."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The API's counts of the rows of a list, by the day of their creation."""

    path: str
    """The route of the graph, without field and interval."""
    counts_others: bool = False
    """Whether it also counts rows that do not belong to the list."""

    @property
    def route(self) -> str:
        """The route of the counts by the day of creation."""
        return f"{self.path}/on/{CREATED_AT}/by/day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How rows disappear from a list, and what it may cost to find them."""

    share: float = 0.25
    """The share of the requests left for a census that the list may use."""
    refresh_factor: int = 4
    """Every row is read again within ``refresh_nights`` times this many nights. 1 if columns
    change while the cursor stays; 0 for never, if rows are read again in another way."""
    settled: tuple[str, str] | None = None
    """Column and value of rows that do not disappear, if known; see
    `tap_ft42.census.accounts`."""
    kind: tuple[str, str] | None = None
    """A column that holds an object, and the parameter that narrows the list to objects: the
    API can count rows that can disappear by these objects, too."""
    left_filters: Mapping[str, str] = field(default_factory=dict)
    """Filters that find rows which have left the list; they replace the list's filters."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """A list of the API, and how it is read."""

    name: str
    """The name of its stream."""
    path: str
    """Its route. The context fills the names in braces."""
    all_path: str | None = None
    """The route that lists the rows of all parents, if it is not ``path``. If the API has none,
    no census counts a list with a cursor: rows that disappear stay in the tables."""
    cursor: Cursor | None = None
    """The column that finds its changes, so it has bookmarks; None to read it in full."""
    changes: Cursor | None = None
    """For a list that is read in full: a column by which the API can be asked for changes in
    between, though the rows do not show it."""

    parent: Listing | None = None
    """The parent list: this list is read once for each of its rows. If the parent is read by
    its changes, as ``users`` is, a later run reads this list for the changed rows only."""
    parent_id: str = ""
    """The name of the parent row's id in contexts."""
    added: Sequence[str] = ()
    """Columns that the context fills, as the record does not have them."""
    by_cursus: bool = False
    """Whether it is read cursus by cursus, each with its own bookmark."""
    cursus_filter: str | None = None
    """The parameter that names the cursus, if the path does not."""
    cursus_column: str | None = None
    """The column that lists a row's cursus, if the filter may let others through."""

    filters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Query parameters that every request carries."""
    campus_filter: str | None = None
    """The parameter that narrows it to campuses."""
    parent_filter: str | None = None
    """The parameter that narrows it to several parents at once."""
    people_filter: str | None = None
    """The parameter that narrows it to people, if no parameter narrows it to campuses."""
    people_column: str = "user_id"
    """The column that names the person, if it is narrowed to people."""
    carrier: Carrier | None = None
    """Another list that carries its records. It is read instead if the scope names campuses,
    or if this list cannot be read."""
    is_sortable: bool = True
    """Whether the API sorts it by ``id`` and by the cursor."""
    has_ranges: bool = True
    """Whether the API narrows it by ranges of ``id`` and of the cursor. If not, each run reads
    the list whole."""
    widest_window: int | None = None
    """The widest possible window of its cursor, in milliseconds, if there is a limit."""
    largest_page: int = 100
    """Rows a page; fewer than 100 if such a page would take the API too long."""
    largest_sweep: int = 1
    """How many partitions one sweep may read; see `tap_ft42.planning.sweeps`."""

    is_selected: bool = True
    """Whether it is read by default."""
    refresh_hours: int | None = None
    """Hours between two full reads, for a list whose rows hardly ever change."""
    graph: Graph | None = None
    """The counts of its rows by the day, if the API has them."""
    weight: int = 1
    """How important it is if the budget does not suffice for all lists."""
    census: Census = Census()
    """How its rows disappear."""

    is_campus: bool = False
    """Whether its rows are the campuses that a scope names."""
    is_cursus: bool = False
    """Whether its rows are the cursus that a scope names."""
    tells: Literal["people", "campuses of people"] | None = None
    """What it tells of a scope: who is in it, or where they study."""
    campus_by_person: bool = False
    """Whether a row goes to the campus of its person, as the row names no campus."""
    points: Points | None = None
    """The points of its rows, if they change while the cursor stays."""
    movers: Movers | None = None
    """Finds people whose rows are read again each night. The rows of all others are read in
    turn within ``refresh_nights``."""
    is_nightly: bool = False
    """Whether it is read once a night, and not in between."""

    @cached_property
    def whole_path(self) -> str | None:
        """The route that lists the rows of all parents; None if the API has none."""
        if self.all_path is not None:
            return self.all_path
        is_of_parent = self.parent is not None and f"{{{self.parent_id}}}" in self.path
        return None if is_of_parent else self.path

    @cached_property
    def key(self) -> str:
        """The column by which it is read: that of its cursor, else the id."""
        return ID if self.cursor is None else self.cursor.column

    @cached_property
    def is_reference(self) -> bool:
        """Whether it is read in full at intervals."""
        return self.refresh_hours is not None

    @cached_property
    def parent_columns(self) -> list[str]:
        """The columns of ``added`` that only a row's parent tells."""
        return [name for name in self.added if name == self.parent_id]

    @cached_property
    def is_filtered_by_parent(self) -> bool:
        """Whether a parent is named by a parameter and not by the path."""
        return self.parent is not None and self.path == self.whole_path


def filtered_key(name: str) -> str:
    """Return the key of the records by which a filter selects, as `alumni?`."""
    return name.removeprefix("filter[").removesuffix("]")
