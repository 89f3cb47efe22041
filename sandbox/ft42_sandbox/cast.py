"""Draws at random to whom things happen: students, enrolments and rows."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ft42_sandbox.ledger import Ledger
    from ft42_sandbox.store import Positions, Store, Table


def students(store: Store) -> Positions:
    """The positions of all students who have not graduated."""
    users = store["users"]
    kind, alumni = users.columns["kind"], users.array("alumni?")
    return np.flatnonzero(
        (kind.array == kind.find_code("student")) & (alumni == 0) & users.alive
    ).astype(np.int32)


def student_count(store: Store) -> int:
    """The number of these students."""
    return len(students(store))


class NobodyLeftError(Exception):
    """An event needs a student, but there is none left."""


class Cast:
    """Draws students, enrolments and rows."""

    def __init__(self, store: Store, ledger: Ledger, rng: np.random.Generator) -> None:
        """Draw with this generator and write into this ledger."""
        self.store = store
        self.ledger = ledger
        self.rng = rng
        self.students = students(store)
        self._by_status: dict[str, array[int]] = {}
        self.scored: set[int] = set()

    def below(self, limit: int) -> int:
        """A number from 0 up to a limit, without the limit itself."""
        return int(self.rng.integers(limit))

    def student(self) -> int:
        """A student who still exists and has not graduated.

        Raises:
            NobodyLeftError: if there is none.
        """
        users = self.store["users"]
        alive, alumni = users.alive, users.array("alumni?")
        for _ in range(200):
            if not len(self.students):
                break
            position = int(self.students[self.below(len(self.students))])
            if alive[position] and not alumni[position]:
                return position
        raise NobodyLeftError

    def any_row(self, table: Table) -> int | None:
        """Any row that exists."""
        for _ in range(200):
            position = self.below(max(1, len(table.array("id"))))
            if position < len(table.alive) and table.alive[position]:
                return position
        return None

    def enrolments(self, status: str) -> array[int]:
        """Enrolments that had a status when life began, or that got it later."""
        if status not in self._by_status:
            table = self.store["projects_users"]
            column = table.columns["status"]
            wanted = (column.array == column.find_code(status)) & table.alive
            # In a large world a list of a million numbers would cost more than all else.
            found = np.flatnonzero(wanted).astype(np.int32)
            self._by_status[status] = array("i", found.tobytes())
        return self._by_status[status]

    def enrolment(self, status: str) -> int | None:
        """One of these enrolments that still has the status; it is removed from the list."""
        candidates = self.enrolments(status)
        table = self.store["projects_users"]
        while candidates:
            n = self.below(len(candidates))
            candidates[n], candidates[-1] = candidates[-1], candidates[n]
            position = candidates.pop()
            if table.alive[position] and table.value(position, "status") == status:
                return position
        return None

    def rows_of(self, name: str, user_id: int, column: str = "user_id") -> list[int]:
        """The rows of a table that belong to a user."""
        table = self.store[name]
        found: NDArray[np.int64] = np.flatnonzero(
            (table.array(column) == user_id) & table.alive
        )
        rows: list[int] = found.tolist()
        return rows

    def next_team(self) -> int:
        """A team number that is not used yet."""
        store = self.store
        highest = store.derived(
            "highest team",
            (),
            lambda: [
                int(
                    store["projects_users"]
                    .array("current_team_id")
                    .max(
                        initial=0,
                        where=store["projects_users"].array("current_team_id") < 2**31 - 1,
                    )
                )
            ],
        )
        highest[0] += 1
        return highest[0]
