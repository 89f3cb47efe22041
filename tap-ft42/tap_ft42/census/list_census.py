"""A census of one list: where it differs from what is known, and what disappeared.

However many rows disappeared, a census ends once a quarter of the hour's requests has
been sent. The streams take their turns in order, each with its share: first the part
that is read again, then the counts. A later census finds the rest.

So many rows may have disappeared that each count would end in a page, and that the
requests do not suffice for all pages. Then the rest of the requests reads pages and
counts nothing: a page names more rows than the counts would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import ceil
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.census.counting import (
    COUNT,
    Proof,
    UncountableError,
    count_rows,
    read_sector,
    read_whole,
)
from tap_ft42.census.days import moment_of
from tap_ft42.census.presence import pieces
from tap_ft42.census.tallies import MOST_IDS
from tap_ft42.census.terms import refresh_nights
from tap_ft42.declared.contexts import list_of, parent_of
from tap_ft42.declared.instants import from_milliseconds, in_milliseconds
from tap_ft42.declared.words import some
from tap_ft42.reading.asking import (
    IncompleteReadError,
    RangeIgnoredError,
    Source,
    TooLargeError,
)
from tap_ft42.reading.reads import read_from_scratch
from tap_ft42.reading.regions import MAX_ID, Region
from tap_ft42.reading.source import ONE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from tap_ft42.api.ledger import Entry
    from tap_ft42.api.page import Page
    from tap_ft42.census.accounts import Account
    from tap_ft42.census.terms import CensusTerms, CountedList
    from tap_ft42.declared.contexts import Context
    from tap_ft42.reading.asking import Ask, Part, Remedy
    from tap_ft42.reading.fitting import Fit
    from tap_ft42.reading.ids import IdSet
    from tap_ft42.reading.places import Place
    from tap_ft42.reading.source import ListReader, ListSource

UNREADABLE = (
    FatalAPIError, IncompleteReadError, RangeIgnoredError, TooLargeError, UncountableError,
)  # fmt: skip
"""What makes a census impossible, and no more than the census."""

_LATER = in_milliseconds("2100-01-01")

_MANY = 3
"""Ranges that contradict themselves that are no coincidence: rows may move while they count."""

_KNOWN_SINCE = ("left", "since", "taken")
"""Notes from when on it is not known who left; the first one that there is counts."""

_DENSE = 4
"""Pages a row that went, below which counts cost as much as to read them all."""


@dataclass(frozen=True)
class Read:
    """What a run has read of a stream.

    Attributes:
        counted: The list.
        terms: By what the census goes.
        contexts: Its contexts that were read to their end.
        left_out: Ids of rows that the API lists and the stream does not emit.
        seen: Ids of the rows that came.
        is_all: Whether all of its contexts that were begun were read to their end.
    """

    counted: CountedList
    terms: CensusTerms
    contexts: Sequence[Context | None]
    left_out: IdSet
    seen: IdSet
    is_all: bool


class ListCensus:
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
        self._is_proven = is_proven
        self._list = read.counted
        self._terms = read.terms
        self._contexts = read.contexts
        self._left_out = read.left_out
        self._seen = read.seen
        self._is_all = read.is_all
        self._doubts = 0
        self._account = account
        self._whole = list_of(read.contexts[0])
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
            self._list.logger.warning(
                "%s: the rows cannot be counted, so none is found to be gone. %s",
                self._list.listing.name,
                str(error) or error.__doc__,
                extra={"happened": "census_impossible"},
            )
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

    @property
    def _most(self) -> int | None:
        """Requests that it may spend now; None for any number."""
        left = self._terms.left
        return None if left is None else ceil(left * self._list.listing.census.share)

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
            yield from (
                self._known_to_be()
                if self._is_proven
                else self._counted(self._region(lower, end))
            )
            return
        if self._nights and "taken" in notes and expected.total > size:
            pages = ceil(expected.total / self._nights / size)
            if (most := self._most) is not None:
                pages = min(pages, most)
            sector = expected.sector(start, pages * size)
            yield from self._read_again(sector)
            if sector == (1, end):
                return
        if self._is_proven:
            yield from self._known_to_be()
        else:
            yield from self._counted(self._region(1, end))

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
        yield from self._told(proof, ids, known)

    def _with_seen(self, proof: Proof, ids: Sequence[int]) -> list[int]:
        """Return the ids of a range with those that the run itself has just read.

        Such a row may have left since: then the next census finds it.
        """
        return sorted({*ids, *self._seen.between(proof.lower, proof.upper)})

    def _told(self, proof: Proof, ids: Sequence[int], known: set[int]) -> Iterator[Proof]:
        """Say of which rows a range of ids consists, or of those that were known who is gone.

        Args:
            proof: The proof of the range.
            ids: The ids of its rows.
            known: Ids that were known before.
        """
        if self._tells_who_is_there:
            yield self._without_left_out(proof, ids)
            return
        for number in known.difference(ids):
            yield gone(number, proof.sent)

    def _without_left_out(self, proof: Proof, ids: Sequence[int]) -> Proof:
        """Return a proof of these rows, but of those that the stream does not emit."""
        own = [row for row in ids if row not in self._left_out]
        return replace(proof, ids=own, total=len(own))

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

    def _asked(
        self,
        read: Callable[[Ask], AsyncIterator[Part]],
        query: Mapping[str, Any],
        place: Place,
    ) -> Iterator[Part]:
        """Yield the parts of a read."""
        reader = self._reader
        source = reader.source(self._whole, query, path=self._list.whole_path or "")
        # What several lists of parents count cannot be held against what all have.
        reading = reader.begin(place, _Countable(source), read, is_divided=False)
        for part, _ in reader.parts(reading):
            yield part
            self._terms.write_state()

    @property
    def _reader(self) -> ListReader:
        """What reads the list."""
        return self._list.reader

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

    def _emit(self, records: Sequence[dict[str, Any]]) -> None:
        """Emit rows; of those that do not tell their parent, the ones nobody knows."""
        counted, (context, *others) = self._list, self._contexts
        if not others or not counted.listing.parent_columns:
            for record in records:
                counted.output.emit(record, context, is_known=False)
            return
        unknown = [record for record in records if not self._knows(record.get("id"))]
        contexts = counted.contexts_of(unknown, self._contexts) if unknown else {}
        for record in records:
            own = contexts.get(record.get("id", 0))
            counted.output.emit(record, own or context, is_known=own is None)

    def _knows(self, row_id: object) -> bool:
        return type(row_id) is int and row_id in self._account.tally

    @property
    def _column(self) -> str:
        """The column of the cursor; only lists with one are counted like this."""
        cursor = self._list.listing.cursor
        return cursor.column if cursor else ""

    @property
    def _is_mixed(self) -> bool:
        return "is_mixed" in self._account.notes

    @property
    def _oldest(self) -> int | None:
        cursor = self._list.listing.cursor
        is_of_ids = cursor is not None and cursor.kind == "id"
        return None if is_of_ids else self._terms.times.not_before

    @property
    def _tells_who_is_there(self) -> bool:
        """Whether a range is told by its ids, and not by those that are gone.

        A range may have older rows, which were not asked for and a backfill has brought; or
        rows of people whom the filter of campuses drops. And keyed ids have no ranges.
        """
        is_of_people = self._list.listing.movers is not None
        is_partial = is_of_people and bool(self._terms.scope.campus_ids)
        hides_ids = self._list.output.personal.hides_ids
        return self._oldest is None and not (is_partial or hides_ids)

    def _region(self, lower: int, upper: int) -> Region:
        region = Region({"id": (lower, upper)})
        if self._oldest is not None:
            region = region.narrowed(self._column, self._oldest, _LATER)
        return region

    @property
    def _filters(self) -> Mapping[str, str]:
        """What narrows the stream's rows to those of the list."""
        return {}

    @property
    def _longest_list(self) -> int:
        return self._list.reader.fit(self._list.whole_path or "").can.longest_list

    @cached_property
    def _query(self) -> dict[str, Any] | None:
        """What asks for all rows of the stream, or None if no request does."""
        listing = self._list.listing
        query = dict(self._list.query(self._whole))
        if listing.parent_filter is not None:
            parents = sorted({parent_of(context) for context in self._contexts})
            # What is known is of all parents, and so is what is counted.
            if self._is_all and len(parents) <= self._longest_list:
                query[listing.parent_filter] = ",".join(map(str, parents))
            elif self._terms.scope.campus_ids:
                return None
        return query


@dataclass(frozen=True)
class _Countable(Source):
    """The list of all of a stream's rows, which is asked for its totals, too.

    Attributes:
        source: The list.
    """

    source: ListSource

    @property
    @override
    def entry(self) -> Entry:
        return self.source.entry

    @override
    def recall(self, region: Region, number: int, sort: str | None) -> Page | None:
        return None

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        source = replace(self.source, size=ONE) if number == COUNT else self.source
        return source.fetch(region, max(number, 1), sort)

    @override
    def again(self) -> Source:
        return self  # nothing is recalled

    @property
    @override
    def fit(self) -> Fit:
        return self.source.fit

    @property
    @override
    def example(self) -> int | None:
        return self.source.example

    @override
    def smaller(self) -> Source:
        return _Countable(self.source.smaller())

    @override
    def fitted(self) -> Sequence[Source]:
        sources = self.source.fitted()
        return [self] if sources[0] is self.source else [*map(_Countable, sources)]

    @override
    def remedies(self, *, is_heavy: bool) -> Iterator[Remedy]:
        for remedy in self.source.remedies(is_heavy=is_heavy):
            yield replace(remedy, too_large=partial(self._counted, remedy.too_large))

    def _counted(self, too_large: Callable[[int], TooLargeError], size: int) -> TooLargeError:
        error = too_large(size)
        error.instead = self.fitted()
        return error


def looked_at(sent: float) -> Proof:
    """Say that a list was looked at, and nothing of its rows.

    Args:
        sent: Unix time before that.
    """
    return Proof(None, lower=1, upper=0, total=0, sent=sent)


def gone(number: int, sent: float) -> Proof:
    """Say that a row is gone.

    Args:
        number: Its id.
        sent: Unix time before the request that tells it.
    """
    return Proof(None, lower=number, upper=number, total=0, ids=(), sent=sent)
