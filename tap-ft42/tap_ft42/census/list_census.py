"""A census of one list: where it differs from what is known, and what disappeared.

However many rows disappeared, a census ends once a quarter of the hour's requests has
been sent. The streams take their turns in order, each with its share: first the part
that is read again, then the counts. A later census finds the rest.

So many rows may have disappeared that each count would end in a page, and that the
requests do not suffice for all pages. Then the rest of the requests reads pages and
counts nothing: a page names more rows than the counts would.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from tap_ft42.census.counting import (
    Proof,
    UncountableError,
    count_rows,
    read_sector,
    read_whole,
)
from tap_ft42.census.days import moment_of
from tap_ft42.census.inquiry import UNREADABLE, Inquiry, gone, looked_at
from tap_ft42.census.presence import pieces
from tap_ft42.census.tallies import MOST_IDS
from tap_ft42.census.terms import refresh_nights
from tap_ft42.declared.instants import from_milliseconds, in_milliseconds
from tap_ft42.declared.words import some
from tap_ft42.reading.asking import RangeIgnoredError
from tap_ft42.reading.reads import read_from_scratch
from tap_ft42.reading.regions import MAX_ID, Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from tap_ft42.census.accounts import Account
    from tap_ft42.census.inquiry import Read
    from tap_ft42.reading.asking import Ask, Part

_LATER = in_milliseconds("2100-01-01")

_MANY = 3
"""Ranges that contradict themselves that are no coincidence: rows may move while they count."""

_KNOWN_SINCE = ("left", "since", "taken")
"""Notes from when on it is not known who left; the first one that there is counts."""

_DENSE = 4
"""Pages a row that went, below which counts cost as much as to read them all."""


class ListCensus(Inquiry):
    """A census of all rows of a stream."""

    _is_half = False
    """Whether it is of some of the rows only."""

    def __init__(self, read: Read, account: Account, *, is_proven: bool = False) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            read: What the run has read of the stream.
            account: What is known of the list; changed in place.
            is_proven: Whether an audit has proven what is known, so that nothing is counted.
        """
        super().__init__(read, account)
        self._is_proven = is_proven
        self._doubts = 0
        self._moments: dict[int, int] = {}

    def proofs(self) -> Iterator[Proof]:
        """Take it.

        Yields:
            What is proven to exist.

        Raises:
            RunEnds: The run has to end.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        if self._query is None:
            return
        pages = ceil(self._account.tally.expectation.total / self._list.reader.page_size)
        self._terms.budget.plan(pages)
        try:
            self._refuse_wrong_totals()
            try:
                yield from self._census()
            except RangeIgnoredError:
                yield from self._compared()
        except UNREADABLE as error:
            self._tell_impossible(error)
        if self._doubts >= _MANY:
            self._list.reader.fit(self._list.whole_path or "").doubt_totals()
        elif self._doubts:
            self._list.logger.warning(
                "%s: in %s of ids the API does not count what it shows. None of their rows "
                "is found to be gone.",
                self._list.listing.name,
                some(self._doubts, "range"),
                extra={"happened": "census_doubtful", "ranges": self._doubts},
            )

    def _refuse_wrong_totals(self) -> None:
        if self._list.has_wrong_totals:
            message = "Its totals contradict each other, or the rows"
            raise UncountableError(message)

    @property
    def _nights(self) -> int:
        """Censuses in which each row is read again; 0 for never."""
        return refresh_nights(self._list.listing, self._terms)

    def _census(self) -> Iterator[Proof]:
        notes, tally, size = (
            self._account.notes,
            self._account.tally,
            self._list.reader.page_size,
        )
        if "next_id" in notes and not self._read_what_is_unknown():
            return
        expected, start, end = tally.expectation, self._start, tally.greatest
        if not expected.total:
            return
        if not tally.is_small:
            nights = max(self._terms.nights, 1)
            lower, end = expected.sector(start, ceil(expected.total / nights))
            self._account.note(refreshed=end)
            yield from self._counted(self._region(lower, end))
            return
        is_turn = self._nights and "taken" in notes and expected.total > size
        is_turn = is_turn and not self._is_refreshed
        if is_turn and (pages := self._pages_to_read_again(expected.total)):
            sector = expected.sector(start, pages * self._room_of_a_page)
            yield from self._read_again(sector)
            if sector == (1, end):
                return
        if self._is_proven:
            yield from self._known_to_be()
        else:
            yield from self._counted(self._region(1, end))

    @property
    def _room_of_a_page(self) -> int:
        """Rows that an answer may have to be known for all: behind a full page is asked."""
        return max(self._list.reader.page_size - 1, 1)

    def _pages_to_read_again(self, total: int) -> int:
        """Return how many pages are read again, so that all are within the nights."""
        room = self._room_of_a_page
        owed = self._account.notes.get("owed", room - 1) + ceil(total / self._nights)
        most = self._most
        pages = owed // room if most is None else min(owed // room, most)
        self._account.note(owed=min(owed - pages * room, total))
        return int(pages)

    def _compared(self) -> Iterator[Proof]:
        """Read all of a list that no range narrows, and compare it with what is known.

        Raises:
            RangeIgnoredError: That costs too much, or the list has rows that are not read.
        """
        expected, most = self._account.tally.expectation, self._most
        pages = ceil(expected.total / self._list.reader.page_size)
        if self._oldest is not None or self._is_half or (most is not None and pages > most):
            raise RangeIgnoredError
        is_sortable = self._list.listing.is_sortable
        yield from self._taken(partial(read_whole, expected=expected, is_sortable=is_sortable))

    def _known_to_be(self) -> Iterator[Proof]:
        """Say how many rows there are, as an audit has counted them."""
        tally, now = self._account.tally, self._terms.now()
        if tally.is_small:
            total = tally.expectation.total
            counted = Proof(None, lower=1, upper=tally.greatest, total=total, sent=now)
            yield from self._judged(counted)
        else:
            yield looked_at(now)
        if "since" in self._account.notes:
            yield from self._first_proof()

    @property
    def _start(self) -> int:
        """The id at which the part begins that is read again."""
        refreshed: int = self._account.notes.get("refreshed", 0)
        return refreshed + 1

    def _read_again(self, sector: tuple[int, int]) -> Iterator[Proof]:
        """Read a closed interval of ids."""
        yield from self._taken(self._sector(self._region(*sector)))
        self._account.note(refreshed=sector[1])

    def _counted(self, region: Region) -> Iterator[Proof]:
        """Find out where a region differs from what is known of it."""
        tally, size, has_changed, total = (
            self._account.tally,
            self._list.reader.page_size,
            False,
            None,
        )
        bounds = region.interval("id")
        if tally.expectation.between(*bounds) > size:
            for proof in self._proofs(self._count(region, most=1)):
                total = proof.total
                yield from self._judged(proof)
            if self._list.listing.census.left_filters:
                if total != tally.expectation.between(*bounds):
                    yield from self._left()
                self._account.note(left=from_milliseconds(self._terms.times.until))
        expected, most = tally.expectation, self._most
        rows = expected.between(*bounds)
        differing = 0 if total is None else abs(rows - total)
        if (
            most is not None
            and tally.is_small
            and most <= ceil(rows / size) < differing * _DENSE
        ):
            yield from self._read_again(expected.sector(self._start, (most - 1) * size))
            return
        for proof in self._taken(self._count(region, most=most, total=total)):
            has_changed |= proof.ids is not None
            yield proof
        if "since" in self._account.notes and not has_changed:
            yield from self._first_proof()

    def _left(self) -> Iterator[Proof]:
        """Find the rows of which another filter tells that they have left the list."""
        counted, sent, account = self._list, self._terms.now(), self._account
        before = next(account.notes[name] for name in _KNOWN_SINCE if name in account.notes)
        since = in_milliseconds(before) - self._terms.times.overlap
        region = Region({}).narrowed(self._column, since, self._terms.times.until)
        query = {
            **counted.query(self._whole),
            **counted.listing.census.left_filters,
            **region.params(),
        }
        name = f"who left {counted.name_of(self._whole)}"
        for record in counted.read_apart(query, name, self._whole):
            number = record.get("id") if isinstance(record, dict) else None
            if type(number) is not int or number in self._seen:
                continue
            if number in account.tally:
                account.remove(number)
                yield gone(number, sent)

    def _first_proof(self) -> Iterator[Proof]:
        """Say what a first load has read, once the API's total agrees with it."""
        tally = self._account.tally
        since = in_milliseconds(self._account.notes["since"]) / 1000
        self._account.forget("since")
        # A load by ids misses nothing; one by changes left rows to the next window.
        if self._list.listing.is_sortable and self._tells_who_is_there and tally.is_small:
            yield from pieces(1, tally.greatest, list(tally.ids), since)

    def _read_what_is_unknown(self) -> bool:
        """Read the rows that the stream had before its tally was begun.

        Returns:
            Whether all are known now.
        """
        region = self._region(self._account.notes["next_id"], MAX_ID)
        if not self._list.listing.is_sortable:
            window = (self._oldest or 0, self._terms.times.until)
            region = region.narrowed(self._column, *window)
        read = partial(
            read_from_scratch, region=region, is_sortable=self._list.listing.is_sortable
        )
        for part in self._parts(read):
            if part.page is not None:
                if (part.page.total or 0) > MOST_IDS:
                    self._list.logger.info(
                        "%s: too many rows to read them for a census. It begins with the "
                        "next load from scratch.",
                        self._list.listing.name,
                        extra={"happened": "census_put_off"},
                    )
                    return False
                for record in part.page.records():
                    if isinstance(record, dict) and type(record.get("id")) is int:
                        self._account.add(record["id"], moment=moment_of(record))
            if part.reached is not None:
                self._account.note(next_id=part.reached)
        self._account.forget("next_id")
        return True

    # What is asked, and what the answers say

    def _count(
        self, region: Region, *, most: int | None, total: int | None = None
    ) -> Callable[[Ask], AsyncIterator[Part]]:
        return partial(
            count_rows,
            region=region,
            expected=self._account.tally.expectation,
            is_sortable=self._list.listing.is_sortable,
            most=most,
            total=total,
        )

    def _sector(self, region: Region) -> Callable[[Ask], AsyncIterator[Part]]:
        rows = self._account.tally.expectation.between(*region.interval("id"))
        return partial(
            read_sector,
            region=region,
            is_sortable=self._list.listing.is_sortable,
            pages=ceil(rows / self._list.reader.page_size),
        )

    def _taken(self, read: Callable[[Ask], AsyncIterator[Part]]) -> Iterator[Proof]:
        """Yield what a read proves of the stream, and account for it."""
        for proof in self._proofs(read):
            yield from self._judged(proof)

    def _proofs(self, read: Callable[[Ask], AsyncIterator[Part]]) -> Iterator[Proof]:
        """Yield what a read proves of the list."""
        for part in self._parts(read):
            if isinstance(part, Proof):
                yield part

    def _judged(self, proof: Proof) -> Iterator[Proof]:
        """Yield what a proof of the list says of the stream, and account for it."""
        is_all = self._tells_who_is_there
        lower = 1 if self._list.output.personal.hides_ids else proof.lower
        if proof.ids is None:
            if not self._is_mixed:
                # What was counted by age is no total of any ids: that it was, is all it says.
                yield proof if is_all else replace(proof, lower=lower, upper=0, total=0)
            return
        known = set(self._account.tally.between(proof.lower, proof.upper))
        ids = self._with_seen(proof, proof.ids)
        self._account.replace(proof.lower, proof.upper, ids, self._moments)
        yield from self.told(proof, ids, known)

    def _parts(self, read: Callable[[Ask], AsyncIterator[Part]]) -> Iterator[Part]:
        """Yield the parts of a read whose rows have been emitted."""
        records: list[dict[str, Any]] = []
        query = {**(self._query or {}), **self._filters}
        for part in self._asked(read, query, self._terms.next_place()):
            self._doubts += part.is_doubtful
            if part.page is not None:
                records += [row for row in part.page.records() if isinstance(row, dict)]
                self._date(records)
            if self._is_judged(part):
                if self._brings_news(part):
                    self._emit(records)
                records = []
            yield part

    def _date(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take note of when rows were created, if somebody wants to know."""
        if self._account.days is not None:
            self._moments.update((row.get("id", 0), moment_of(row)) for row in records)

    def _is_judged(self, part: Part) -> bool:
        """Tell whether the rows up to a part may be emitted, or have to wait for a proof."""
        return self._account.tally.is_exact or isinstance(part, Proof)

    def _brings_news(self, part: Part) -> bool:
        """Tell whether rows of a large list are more than expected.

        Which of them are known, nobody can tell; and each costs a look-up of its parent.
        """
        tally = self._account.tally
        if tally.is_exact or self._is_mixed:
            return True
        if not isinstance(part, Proof) or part.ids is None:
            return False
        return len(part.ids) > tally.expectation.between(part.lower, part.upper)

    @property
    def _is_mixed(self) -> bool:
        return "is_mixed" in self._account.notes

    def _region(self, lower: int, upper: int) -> Region:
        region = Region({"id": (lower, upper)})
        if self._oldest is not None:
            region = region.narrowed(self._column, self._oldest, _LATER)
        return region

    @property
    def _filters(self) -> Mapping[str, str]:
        """What narrows the stream's rows to those of the list."""
        return {}
