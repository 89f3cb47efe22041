"""The sandbox's tables, stored by column.

A scan of a million rows by column takes milliseconds, and the generator makes columns anyway.
SQLite needed seconds to load and sort the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ft42_sandbox.columns import NULL_INT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ft42_sandbox.columns import Column, Value

T = TypeVar("T")
Positions = NDArray[np.int32]
# A user's JSON is 1.4 kB: this many of them stay below 100 MB.
MAX_RENDERED = 65_536


class Table:
    """One table: columns of equal length. A row's place in them is its position.

    A position never changes, and is never used again: a deleted row keeps its place, but is no
    longer alive. `version` grows with every change, so that code which derived something from
    the table knows when it is outdated.
    """

    def __init__(self, name: str, columns: Mapping[str, Column]) -> None:
        """Make a table of columns; the column `id` must ascend."""
        self.name = name
        self.columns = dict(columns)
        self.version = 0
        self.rendered: dict[int, str] = {}
        ids = self.columns["id"].array
        self._sorted_ids = ids.copy()
        self._later: dict[int, int] = {}
        self._alive = np.ones(len(ids), dtype=bool)

    def __len__(self) -> int:
        """How many rows are alive."""
        return int(np.count_nonzero(self.alive))

    @property
    def alive(self) -> NDArray[np.bool_]:
        """For each position, whether its row still exists."""
        return self._alive[: len(self.columns["id"].array)]

    @property
    def positions(self) -> Positions:
        """The positions of all rows that exist."""
        return np.flatnonzero(self.alive).astype(np.int32)

    def array(self, column: str) -> NDArray[Any]:
        """A column's stored values by position, dead rows included."""
        return self.columns[column].array

    def find(self, row_id: int) -> int | None:
        """The position of the row with this id, or None if there is none."""
        position = self._later.get(row_id)
        if position is None:
            if not 0 <= row_id <= NULL_INT:
                return None
            # With a number of another type, numpy would first copy the whole array.
            place = int(self._sorted_ids.searchsorted(self._sorted_ids.dtype.type(row_id)))
            if place == len(self._sorted_ids) or self._sorted_ids[place] != row_id:
                return None
            position = place
        return position if self._alive[position] else None

    def find_many(self, row_ids: NDArray[Any]) -> NDArray[np.int64]:
        """The positions of the rows with these ids; -1 for an id without a row."""
        if not len(self._sorted_ids):
            places = np.full(len(row_ids), -1, dtype=np.int64)
        else:
            wanted = row_ids.astype(self._sorted_ids.dtype)
            places = self._sorted_ids.searchsorted(wanted)
            places = np.minimum(places, len(self._sorted_ids) - 1)
            places[(self._sorted_ids[places] != row_ids) | ~self._alive[places]] = -1
        for n in np.flatnonzero(places < 0).tolist() if self._later else ():
            later = self.find(int(row_ids[n]))
            places[n] = -1 if later is None else later
        return places

    def find_by(self, column: str, value: str) -> int | None:
        """The position of the first living row whose text column has this value."""
        found = np.flatnonzero((self.array(column) == value) & self.alive)
        return int(found[0]) if len(found) else None

    def value(self, position: int, column: str) -> Value:
        """One value as a Python value."""
        held = self.columns[column]
        stored = held.array[position]
        return held.decode(stored.item() if isinstance(stored, np.generic) else stored)

    def values(self, positions: Positions, column: str) -> list[Any]:
        """One column of several rows as Python values."""
        held = self.columns[column]
        return held.decode_many(held.array[positions].tolist())

    def records(
        self, positions: Positions, columns: Iterable[str]
    ) -> Iterable[tuple[Any, ...]]:
        """Several columns of several rows, as a tuple for each row."""
        return zip(*(self.values(positions, column) for column in columns), strict=True)

    def row(self, position: int) -> dict[str, Any]:
        """One row with all columns, also those that the API hides."""
        return {name: self.value(position, name) for name in self.columns}

    def insert(self, values: Mapping[str, Any]) -> int:
        """Add a row and return its position; columns that are not given are null.

        Raises:
            ValueError: if a row with this id exists, or a column is unknown.
        """
        row_id = int(values["id"])
        if self.find(row_id) is not None:
            msg = f"{self.name} has a row {row_id} already"
            raise ValueError(msg)
        self._check(values)
        position = len(self.columns["id"].array)
        if position == len(self._alive):
            grown = np.zeros(max(16, position * 5 // 4), dtype=bool)
            grown[:position] = self._alive
            self._alive = grown
        for name, column in self.columns.items():
            column.append(values.get(name))
        self._alive[position] = True
        self._later[row_id] = position
        self.version += 1
        return position

    def update(self, position: int, values: Mapping[str, Any]) -> None:
        """Replace some values of a row.

        Raises:
            ValueError: if a column is unknown.
        """
        self._check(values)
        for name, value in values.items():
            self.columns[name].put(position, value)
        self.touch([position])

    def delete(self, position: int) -> None:
        """Remove a row."""
        self._alive[position] = False
        self.touch([position])

    def touch(self, positions: Iterable[int]) -> None:
        """Note that rows changed, after their values were written directly."""
        for position in positions:
            self.rendered.pop(position, None)
        self.version += 1

    def keep_rendered(self, position: int, json: str) -> None:
        """Cache a row's JSON until the row changes; a full cache drops the oldest one."""
        if len(self.rendered) >= MAX_RENDERED:
            self.rendered.pop(next(iter(self.rendered)))
        self.rendered[position] = json

    def next_id(self) -> int:
        """An id that no row has or had."""
        return int(self.array("id").max(initial=0)) + 1

    def _check(self, values: Mapping[str, Any]) -> None:
        unknown = sorted(set(values) - set(self.columns))
        if unknown:
            msg = f"{self.name} has no column {', '.join(unknown)}"
            raise ValueError(msg)


class Store:
    """All tables, and the links between them that several modules need."""

    def __init__(self, tables: Iterable[Table], seed: int) -> None:
        """Take generated tables; details of rows are derived from `seed`."""
        self.tables = {table.name: table for table in tables}
        self.seed = seed
        # The teams of enrolments that were retried since the start, oldest first. All
        # other enrolments' team numbers follow from their columns.
        self.retried_teams: dict[int, list[int]] = {}
        self._derived: dict[str, tuple[tuple[int, ...], Any]] = {}

    def __getitem__(self, name: str) -> Table:
        """The table of this name."""
        return self.tables[name]

    def versions(self, names: Iterable[str]) -> tuple[int, ...]:
        """The versions of some tables, to notice when any of them changes."""
        return tuple(self.tables[name].version for name in names)

    def derived(self, key: str, tables: tuple[str, ...], make: Callable[[], T]) -> T:
        """A result that is derived from tables, and made again only after one has changed."""
        versions = self.versions(tables)
        known = self._derived.get(key)
        if known is None or known[0] != versions:
            known = (versions, make())
            self._derived[key] = known
        made: T = known[1]
        return made
