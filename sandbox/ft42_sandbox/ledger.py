"""Makes every change of the data, and notes it, so that tests can ask what changed."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from ft42_sandbox.instants import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ft42_sandbox.store import Store

Change = dict[str, Any]
# Older changes are forgotten, so that a sandbox that runs for weeks stays small.
CHANGES_KEPT = 300_000


class Ledger:
    """Changes rows, and notes the changes.

    A change is a dict: `seq` (1, 2, …), `at` (its instant), `table`, `id`, `op` (insert,
    update, delete), `columns` that changed, `silent` (whether `updated_at` stayed) and `event`
    (why).
    """

    def __init__(self, store: Store) -> None:
        """Change this store."""
        self._store = store
        self._changes: deque[Change] = deque(maxlen=CHANGES_KEPT)
        self._seq = 0

    @property
    def seq(self) -> int:
        """The number of the latest change."""
        return self._seq

    def insert(self, table: str, values: Mapping[str, Any], at: int, event: str) -> int:
        """Add a row. Its dates are `at`; its id is the next one if none is given.

        Returns:
            The row's id.

        Raises:
            ValueError: for a column that does not exist or an id that does.
        """
        target = self._store[table]
        dates: dict[str, Any] = {
            c: at for c in ("created_at", "updated_at") if c in target.columns
        }
        row = {"id": target.next_id(), **dates, **values}
        target.insert(row)
        self._note(table, int(row["id"]), "insert", row, at, event)
        return int(row["id"])

    def update(  # noqa: PLR0913 - what a change is
        self,
        table: str,
        position: int,
        values: Mapping[str, Any],
        at: int,
        event: str,
        *,
        silent: bool = False,
    ) -> None:
        """Change a row; `updated_at` becomes `at` unless the change is silent.

        Raises:
            ValueError: for a column that does not exist.
        """
        target = self._store[table]
        silent = silent or "updated_at" not in target.columns
        written = dict(values) if silent else {"updated_at": at, **values}
        target.update(position, written)
        self._note(
            table, target.value(position, "id"), "update", written, at, event, silent=silent
        )

    def delete(self, table: str, position: int, at: int, event: str) -> None:
        """Remove a row; the API does not show that."""
        target = self._store[table]
        row_id = target.value(position, "id")
        target.delete(position)
        self._note(table, row_id, "delete", (), at, event, silent=True)

    def since(self, seq: int = 0, at: int | None = None) -> list[Change]:
        """The changes after a number, or at an instant and later, oldest first."""
        earliest = "" if at is None else to_text(at)
        later = list(islice(reversed(self._changes), max(0, self._seq - seq)))
        return [change for change in reversed(later) if change["at"] >= earliest]

    def _note(  # noqa: PLR0913, PLR0917 - what a change is
        self,
        table: str,
        row_id: int,
        op: str,
        columns: Iterable[str],
        at: int,
        event: str,
        *,
        silent: bool = False,
    ) -> None:
        self._seq += 1
        self._changes.append(
            {
                "seq": self._seq,
                "at": to_text(at),
                "table": table,
                "id": row_id,
                "op": op,
                "columns": sorted(columns),
                "silent": silent,
                "event": event,
            }
        )
