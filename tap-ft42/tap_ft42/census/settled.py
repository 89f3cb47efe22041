"""A stream of millions of rows of which only some can disappear: the open ones.

Nobody unregisters from a project that is finished, so of 985,000 enrolments some 50,000 may
go. Their ids fit in a state, and not those of all. So once a stream has grown too large, it is
two lists: of the **open** rows each id is known, and of the **settled** ones how many were
created on each day.

In the state of the stream, under ``census``, stand besides:

``is_split``
    Whether the account is one of the settled rows only.
``open``
    The account of the open ones, with the ``statuses`` by which they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.census.accounts import Account
from tap_ft42.census.days import UNKNOWN, moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

OPEN = "open"
"""Key of the account of open rows."""

_NOTES = ("statuses",)


class Split:
    """The accounts of a list's settled and open rows, or of all and of the open ones."""

    def __init__(
        self, settled: tuple[str, str], account: Account, kept: Mapping[str, Any] | None
    ) -> None:
        """Take up the accounts; that of the open rows from a state, if there is one.

        Raises:
            ValueError: The state is damaged.
            KeyError: It is none.
        """
        self._column, self._value = settled
        self.account = account
        """The account of all rows, or of the settled ones once the split is made."""
        self.open = (
            Account({"statuses": []}) if kept is None else Account.restored(kept, _NOTES)
        )
        """The account of the open ones."""

    @property
    def is_made(self) -> bool:
        """Whether they are two lists."""
        return "is_split" in self.account.notes

    @property
    def is_of_use(self) -> bool:
        """Whether the open rows are few enough."""
        return self.open.is_small

    @property
    def filters(self) -> tuple[dict[str, str], dict[str, str]]:
        """The parameters that ask for the settled rows, and for the open ones."""
        name = f"filter[{self._column}]"
        return {name: self._value}, {name: ",".join(self.open.notes["statuses"])}

    def note(self, record: Mapping[str, Any], *, is_new: bool) -> None:
        """Account for a row that is emitted next."""
        number, moment = record["id"], moment_of(record)
        if not self.is_made:
            self.account.add(number, moment=moment)
        if self.is_settled(record):
            was_open = self.open.remove(number)
            if self.is_made:
                self.account.add(number, is_new=is_new or was_open, moment=moment)
        elif self.opens(record) and self.is_made and not is_new:
            self.account.remove(number, moment=moment)

    def is_settled(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row is settled."""
        return bool(record.get(self._column) == self._value)

    def opens(self, record: Mapping[str, Any]) -> bool:
        """Account for an open row, and tell whether it was not open before."""
        status, known = record.get(self._column), self.open.notes["statuses"]
        if isinstance(status, str) and status not in known:
            self.open.note(statuses=sorted([*known, status]))
        is_known = record["id"] in self.open
        self.open.add(record["id"], moment=moment_of(record))
        return not is_known

    def make(self) -> None:
        """Make two lists of one that has grown too large."""
        if not self.is_made and not self.account.is_small:
            self.account.note(is_split=True)
            for number in self.open.ids:
                self.account.remove(number, moment=self._moment_of(number))
            self.account.forget_ids()

    def undo(self) -> None:
        """Make one list of them again."""
        if self.is_made:
            self.account.forget("is_split")
            for number in self.open.ids:
                self.account.add(number, moment=self._moment_of(number))

    def _moment_of(self, number: int) -> int:
        """Return when an open row was created."""
        return (self.open.moments or {}).get(number, UNKNOWN)
