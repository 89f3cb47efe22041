"""A stream of millions of rows of which only some can disappear: the open ones.

Nobody unregisters from a project that is finished, so of 985,000 enrolments some 50,000
may go. With all of them, ids would not fit in a state; those of the open ones do. So
once a stream has grown too large, it is two lists:

- The **open** rows. Each id is known, their pages are read again in the nights of
  ``refresh_nights``, and more of them where the total says that many went. What such a
  page lacks need not be gone: it may have been finished in the meantime. So the ids are
  looked up without the filter, a hundred a request.
- The **settled** rows, counted by slices of ids as any large stream. Where a slice differs,
  it is read with all its rows, open ones too, before any is called gone.

In the state of the stream, under ``census``, stand besides:

``is_split``
    Whether the tally is one of the settled rows only.
``open``
    The account of the open ones, with the ``statuses`` by which they are asked for.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_ft42.census.accounts import Account
from tap_ft42.census.counting import Proof
from tap_ft42.census.days import UNKNOWN, Days, moment_of
from tap_ft42.census.list_census import ListCensus, gone
from tap_ft42.census.tallies import Tally
from tap_ft42.declared.instants import milliseconds
from tap_ft42.planning.scope import id_lists
from tap_ft42.reading.places import NOW

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_ft42.census.list_census import Read
    from tap_ft42.reading.regions import Region

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
                self.account.days.count()

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


class _Half(ListCensus):
    """A census of one of the two lists."""

    _is_open: ClassVar[bool] = False
    _is_half = True

    def __init__(self, read: Read, split: Split) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            read: What the run has read of the stream.
            split: The accounts; changed in place.
        """
        super().__init__(read, split.open if self._is_open else split.account)
        self._split = split

    @property
    @override
    def _filters(self) -> Mapping[str, str]:
        settled, still_open = self._split.filters
        return still_open if self._is_open else settled


class SettledCensus(_Half):
    """A census of the settled rows."""

    @override
    def _judged(self, proof: Proof) -> Iterator[Proof]:
        if proof.ids is None:
            return
        expected = self._account.tally.expectation
        if len(proof.ids) == expected.between(proof.lower, proof.upper):
            return
        if self._most is not None and self._pages(proof) > self._most:
            return  # a later census comes to it
        yield from self._confirmed(self._region(proof.lower, proof.upper))

    def _pages(self, proof: Proof) -> int:
        """Return how many requests read a range with its open rows, of which it may be full."""
        still_open = sum(1 for _ in self._split.open.tally.between(proof.lower, proof.upper))
        # The borders of several pages take one to be proven.
        return ceil((proof.total + still_open) / self._list.reader.page_size) + 1

    def _confirmed(self, region: Region) -> Iterator[Proof]:
        """Read a region with its open rows."""
        settled: set[int] = set()
        for part in self._asked(self._sector(region), self._query or {}, NOW):
            if part.page is not None:
                rows = [row for row in part.page.records() if isinstance(row, dict)]
                self._date(rows)
                settled.update(row["id"] for row in rows if self._split.is_settled(row))
            if isinstance(part, Proof) and part.ids is not None:
                ids = {True: list[int](), False: list[int]()}
                known = set(self._split.open.tally.between(part.lower, part.upper))
                present = self._with_seen(part, part.ids)
                settled.update(self._seen_settled(part, known))
                for number in present:
                    ids[number in settled].append(number)
                self._account.replace(part.lower, part.upper, ids[True], self._moments)
                self._split.open.replace(part.lower, part.upper, ids[False], self._moments)
                yield from self._told(part, present, known)

    def _seen_settled(self, proof: Proof, known: Collection[int]) -> Iterator[int]:
        """Yield which rows that the run has just read and a range lacks are settled."""
        for number in self._seen.between(proof.lower, proof.upper):
            if number not in known and number not in (proof.ids or ()):
                yield number

    @override
    def _first_proof(self) -> Iterator[Proof]:
        """Yield nothing: a tally of settled rows does not tell of all."""
        self._account.forget("since")
        return iter(())


class OpenCensus(_Half):
    """A census of the open rows."""

    _is_open = True

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
