"""What a census asks a list for, and how it says what that proves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import ceil
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.census.counting import COUNT, Proof, UncountableError
from tap_ft42.declared.contexts import list_of, parent_of
from tap_ft42.reading.asking import (
    IncompleteReadError,
    RangeIgnoredError,
    Source,
    TooLargeError,
)
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
    from tap_ft42.reading.regions import Region
    from tap_ft42.reading.source import ListReader, ListSource

UNREADABLE = (
    FatalAPIError, IncompleteReadError, RangeIgnoredError, TooLargeError, UncountableError,
)  # fmt: skip
"""What makes a census impossible, and no more than the census."""


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
        is_refreshed: Whether all rows have come that tonight has to read again.
    """

    counted: CountedList
    terms: CensusTerms
    contexts: Sequence[Context | None]
    left_out: IdSet
    seen: IdSet
    is_all: bool
    is_refreshed: bool


class Inquiry:
    """Asks for rows of a stream, emits what is new, and says what is gone."""

    def __init__(self, read: Read, account: Account) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            read: What the run has read of the stream.
            account: What is known of the list; changed in place.
        """
        self._list = read.counted
        self._terms = read.terms
        self._contexts = read.contexts
        self._left_out = read.left_out
        self._seen = read.seen
        self._is_all = read.is_all
        self._is_refreshed = read.is_refreshed
        self._account = account
        self._whole = list_of(read.contexts[0])

    @property
    def _most(self) -> int | None:
        """Requests that it may spend now; None for any number."""
        left = self._terms.left
        return None if left is None else ceil(left * self._list.listing.census.share)

    def _tell_impossible(self, error: Exception) -> None:
        """Say that there is no census of the list today."""
        self._list.logger.warning(
            "%s: the rows cannot be counted, so none is found to be gone. %s",
            self._list.listing.name,
            str(error) or error.__doc__,
            extra={"happened": "census_impossible"},
        )

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

    def _with_seen(self, proof: Proof, ids: Sequence[int]) -> list[int]:
        """Return the ids of a range with those that the run itself has just read.

        Such a row may have left since: then the next census finds it.
        """
        return sorted({*ids, *self._seen.between(proof.lower, proof.upper)})

    def told(self, proof: Proof, ids: Sequence[int], known: set[int]) -> Iterator[Proof]:
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
