"""A stream of millions of rows of which only some can disappear: the open ones.

Nobody unregisters from a project that is finished, so of 985,000 enrolments some 50,000
may go. With all of them, ids would not fit in a state; those of the open ones do. So
once a stream has grown too large, it is two lists:

- The **open** rows. Each id is known, their pages are read again in the nights of
  ``refresh_nights``, and more of them where the total says that many went. What such a
  page lacks need not be gone: it may have been finished in the meantime. So the ids are
  looked up without the filter, a hundred a request.
- The **settled** rows, of which is known how many were created on each day. If the API does
  not count them by the day, it is asked for totals of days, and those that differ are halved.

In the state of the stream, under ``census``, stand besides:

``is_split``
    Whether the tally is one of the settled rows only.
``open``
    The account of the open ones, with the ``statuses`` by which they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.census.accounts import Account
from tap_ft42.census.days import UNKNOWN, Days, moment_of
from tap_ft42.census.inquiry import gone
from tap_ft42.census.list_census import ListCensus
from tap_ft42.census.tallies import Tally
from tap_ft42.declared.instants import milliseconds
from tap_ft42.planning.scope import id_lists

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_ft42.census.counting import Proof
    from tap_ft42.census.inquiry import Read

OPEN = "open"
"""Key of the account of open rows."""

_NOTES = ("taken", "refreshed", "owed", "statuses")


class Split:
    """The accounts of a list's settled and open rows, or of all and of the open ones."""

    def __init__(
        self,
        settled: tuple[str, str],
        account: Account,
        kept: Mapping[str, Any] | None,
        *,
        page_size: int,
        is_dated: bool,
    ) -> None:
        """Take up the accounts.

        Args:
            settled: Column and value of the settled rows.
            account: The account of all rows, or of the settled ones.
            kept: The account of the open ones as the state holds it, or None.
            page_size: Rows of a slice.
            is_dated: Whether somebody wants to know when the rows were created.

        Raises:
            ValueError: The state is damaged.
            KeyError: It is none.
        """
        self._column, self._value = settled
        self.account = account
        """The account of all rows, or of the settled ones once the split is made."""
        self.open = (
            Account(Tally(page_size=page_size), {"statuses": []}, Days() if is_dated else None)
            if kept is None
            else Account.restored(kept, _NOTES, page_size=page_size, is_dated=is_dated)
        )
        """The account of the open ones."""

    @property
    def is_made(self) -> bool:
        """Whether they are two lists."""
        return "is_split" in self.account.notes

    @property
    def is_of_use(self) -> bool:
        """Whether the open rows are few enough."""
        return self.open.tally.is_small

    @property
    def filters(self) -> tuple[dict[str, str], dict[str, str]]:
        """The parameters that ask for the settled rows, and for the open ones."""
        name = f"filter[{self._column}]"
        return {name: self._value}, {name: ",".join(self.open.notes["statuses"])}

    def note(self, records: Sequence[Any], since: int | None) -> None:
        """Account for rows that are emitted next.

        Args:
            records: What the API sent.
            since: Up to when changes had been read before, in milliseconds since 1970; None if
                nothing had.
        """
        for record in records:
            if not isinstance(record, dict) or type(record.get("id")) is not int:
                continue
            number, moment = record["id"], moment_of(record)
            is_new = since is None or (milliseconds(record.get("created_at")) or 0) > since
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
        is_known = record["id"] in self.open.tally
        self.open.add(record["id"], moment=moment_of(record))
        return not is_known

    def make(self) -> None:
        """Make two lists of one that has grown too large."""
        if not self.is_made and not self.account.tally.is_small:
            self.account.note(is_split=True)
            for number in self.open.tally.ids:
                self.account.remove(number, moment=self._moment_of(number))
            if self.account.days is not None:
                self.account.days.moments = None

    def undo(self) -> None:
        """Make one list of them again."""
        if self.is_made:
            self.account.forget("is_split")
            for number in self.open.tally.ids:
                self.account.add(number, moment=self._moment_of(number))

    def _moment_of(self, number: int) -> int:
        """Return when an open row was created."""
        held = None if self.open.days is None else self.open.days.moments
        return (held or {}).get(number, UNKNOWN)


class OpenCensus(ListCensus):
    """A census of the open rows, where the API does not count them by the day."""

    _is_half = True

    def __init__(self, read: Read, split: Split) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            read: What the run has read of the stream.
            split: The accounts; changed in place.
        """
        super().__init__(read, split.open)
        self._split = split

    @property
    @override
    def _filters(self) -> Mapping[str, str]:
        return self._split.filters[1]

    @property
    @override
    def _nights(self) -> int:
        return int(self._terms.nights)

    @override
    def _emit(self, records: Sequence[dict[str, Any]]) -> None:
        # What has changed since the windows were read comes with the next ones.
        until = self._terms.times.until
        known = [row for row in records if (milliseconds(row.get(self._column)) or 0) <= until]
        super()._emit(known)
        for record in known:
            if type(record.get("id")) is int:
                self._account.add(record["id"], moment=moment_of(record))

    @override
    def _judged(self, proof: Proof) -> Iterator[Proof]:
        if proof.ids is not None:
            known = set(self._account.tally.between(proof.lower, proof.upper))
            yield from self._looked_up(known.difference(self._with_seen(proof, proof.ids)))

    def _looked_up(self, missing: Collection[int]) -> Iterator[Proof]:
        """Look up rows that are not among the open ones any more."""
        for batch in id_lists(missing):
            sent = self._terms.now()
            query = {**(self._query or {}), "filter[id]": batch}
            name = f"{self._list.name_of(self._whole)} that may be gone"
            rows = self._list.read_apart(query, name, self._whole, is_proof=True)
            found = {row.get("id") for row in rows if isinstance(row, dict)}
            for number in map(int, batch.split(",")):
                if number not in found:
                    self._account.remove(number)
                    yield gone(number, sent)
