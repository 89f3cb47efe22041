"""How a census asks for rows, and turns the answers into proofs."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import ceil
from typing import Any

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.api.page import with_ids
from tap_ft42.census.accounts import Account
from tap_ft42.census.allowance import requests_left
from tap_ft42.census.counting import Proof, UncountableError, count_all, read_sector
from tap_ft42.census.findings import Findings
from tap_ft42.declared.contexts import Context, list_of, parent_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import BY_PERSON, CREATED_AT, ID, Cursor
from tap_ft42.declared.words import some
from tap_ft42.planning.collapse import refuse_collapse
from tap_ft42.reading.asking import Ask, IncompleteReadError, Part
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.id_lists import id_lists
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.regions import RangeIgnoredError, Region
from tap_ft42.reading.source import Source, TooLargeError
from tap_ft42.run.list_in_run import ListInRun
from tap_ft42.run.people import person_of

UNREADABLE = (
    FatalAPIError, IncompleteReadError, RangeIgnoredError, TooLargeError, UncountableError,
)  # fmt: skip
"""Errors that make a census impossible, but nothing else."""


@dataclass(frozen=True)
class Read:
    """What a run has read of a stream, and knows about it.

    Attributes:
        counted: The list.
        contexts: Contexts of the partitions that were read completely.
        left_out: Ids of rows that the API lists but the stream skips.
        seen: Ids of the rows that were read.
        is_all: Whether all partitions that were begun were read completely.
        is_refreshed: Whether all rows that are due again tonight were read.
        account: The known rows of the list; changed in place.
        end: How many requests the run may have spent when the census ends.
    """

    counted: ListInRun
    contexts: Sequence[Context | None]
    left_out: IdSet
    seen: IdSet
    is_all: bool
    is_refreshed: bool
    account: Account
    end: int


class Inquiry:
    """Asks for rows of a stream, emits new rows, and tells which are gone."""

    findings: Findings | None = None
    """What it has found, if that proves something."""

    def __init__(self, read: Read) -> None:
        """Prepare the inquiry; nothing is asked yet."""
        self._read = read
        self._list = read.counted
        self._run = read.counted.run
        self._contexts = read.contexts
        self._seen = read.seen
        self._account = read.account
        self._whole = list_of(read.contexts[0])
        self._are_strangers_told = False

    def proofs(self) -> Iterator[Proof]:
        """Ask, as far as the API can be read.

        Yields:
            Proofs of which rows exist, or are gone.

        Raises:
            RunEnds: The run has to end.
            CredentialsError: The application may not ask any more.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        try:
            if self._list.has_wrong_totals:
                message = "Its totals contradict each other, or the rows"
                raise UncountableError(message)
            yield from self._found_out()
        except UNREADABLE as error:
            self._tell_impossible(str(error) or error.__doc__)
            yield from self._departed()

    def _departed(self) -> Iterator[Proof]:
        """Yield proofs of rows that left the list, as far as no count is needed for them."""
        return iter(())

    def _found_out(self) -> Iterator[Proof]:
        """Yield the proofs; `proofs` logs errors of `UNREADABLE`."""
        raise NotImplementedError

    @property
    def _most(self) -> int:
        """Requests that the census may still spend."""
        spent = self._run.budget.spent
        return max(min(self._read.end - spent, requests_left(self._run)), 0)

    def _tell_impossible(self, why: str | None) -> None:
        """Say that there is no census of the list today."""
        Events(self._list.listing.name).warning(
            "the rows cannot be counted, so none is found to be gone. %s",
            why,
            happened="census_impossible",
        )

    def _tell_left_over(self, more: int) -> None:
        """Log that the census ended before it found all rows that differ.

        Args:
            more: How many more rows 42 counts than are known; negative if they are fewer.
        """
        Events(self._list.listing.name).warning(
            "42 counts %s than are known, and this hour has too few requests left to find "
            "which. A later census looks again; `census_requests` allows more.",
            some(abs(more), f"{'more' if more > 0 else 'fewer'} row"),
            happened="census_left_over",
            rows=more,
        )

    def _asked(
        self,
        read: Callable[[Ask], AsyncIterator[Part]],
        filters: Mapping[str, str] | None = None,
    ) -> Iterator[Part]:
        """Yield the parts of a read; filters narrow it to some of the rows."""
        pipeline, place = self._list.reader.pipeline, self._run.next_place()
        source = self._source({**(self._query or {}), **(filters or {})})
        # Counts of several lists of parents cannot be compared with the count of all.
        reading = pipeline.read(place, replace(source, is_divided=False), read)
        for part, _ in pipeline.parts(reading):
            self._list.tell_unshown(() if part.page is None else part.page.unshown)
            yield part
            self._run.write_state_if_due()

    def _counted(self, region: Region, filters: Mapping[str, str] | None = None) -> Proof:
        """Ask how many rows there are."""
        read = partial(count_all, region=region)
        (proof,) = (each for each in self._asked(read, filters) if isinstance(each, Proof))
        return proof

    def _read_all(
        self, region: Region, pages: int, read: Callable[..., AsyncIterator[Part]] = read_sector
    ) -> tuple[dict[int, dict[str, Any]], Proof] | None:
        """Return all rows of a region, by id, and the proof; None if rows may be missing.

        Args:
            region: An interval of ids or of instants.
            pages: How many pages it should have.
            read: Reads it.
        """
        rows, proof = dict[int, dict[str, Any]](), None
        for part in self._asked(partial(read, region=region, pages=pages)):
            if part.page is not None:
                rows |= {row[ID]: row for row in with_ids(part.page.records())}
            if isinstance(part, Proof):
                proof = part
        return None if proof is None else (rows, proof)

    @property
    def _all_days(self) -> Region:
        """All rows created up to the end of what the run has read."""
        return Region({CREATED_AT: (0, self._run.times.until)})

    def _source(self, query: Mapping[str, Any]) -> Source:
        """Return the source of a query."""
        return self._list.reader.source(self._whole, query, path=self._path)

    def _take(self, records: Sequence[dict[str, Any]]) -> None:
        """Emit rows, and account for them."""
        self._emit(records)
        for record in with_ids(records):
            self._account.take(record, is_new=False)

    def _emit(self, records: Sequence[dict[str, Any]]) -> None:
        """Emit rows, but for those of which nobody knows the parent."""
        (context, *others), people = self._contexts, self._run.people
        self._tell_strangers(records)
        if not others or not self._list.listing.parent_columns:
            for record in records:
                self._list.output.emit(record, context)
        elif self._list.listing.campus_by_person:
            campuses = {parent_of(context) for context in self._contexts}
            people.learn_campuses(filter(None, map(person_of, records)))
            for record in records:
                if people.campuses_of(person_of(record)) & campuses:
                    self._list.output.emit(record, self._whole)

    def _tell_strangers(self, records: Sequence[dict[str, Any]]) -> None:
        """Log once of which parents rows came, though 42 does not list these parents."""
        listing = self._list.listing
        if listing.parent_filter is None or listing.parent_columns:
            return
        parents = {record.get(listing.parent_id) for record in records}
        parents -= {parent_of(context) for context in self._contexts}
        if parents and not self._are_strangers_told:
            self._are_strangers_told = True
            Events(listing.name).warning(
                "42 has rows of %s %s, which it does not list or does not let this "
                "application read. The nights read them.",
                listing.parent_id,
                ", ".join(sorted(map(str, parents))),
                happened="parents_not_listed",
            )

    @property
    def _column(self) -> str:
        """The column of the cursor; empty if the list has none."""
        cursor = self._list.listing.cursor
        return cursor.column if cursor else ""

    def _judged(self, proof: Proof) -> Iterator[Proof]:
        """Yield which rows exist in an interval of ids, or which known rows are gone.

        A row that the run itself has read counts as existing. If it has left since, the next
        census finds it.
        """
        ids = {*(proof.ids or ()), *self._seen.between(proof.lower, proof.upper)}
        known = self._account.between(proof.lower, proof.upper)
        missing = [row for row in known if row not in ids]
        if 2 * len(known) > self._account.total:
            self._refuse_collapse(self._account.total - len(missing))
        for number in missing:
            self._account.remove(number)
        if self._tells_who_is_there:
            own = sorted(row for row in ids if row not in self._read.left_out)
            yield replace(proof, ids=own, total=len(own))
        else:
            yield from (gone(number, proof.sent) for number in missing)

    def _refuse_collapse(self, rows: int, known: int | None = None) -> None:
        """Refuse to believe at once that most of the list is gone.

        Args:
            rows: How many rows it seems to have.
            known: How many are known; None for all of the account.

        Raises:
            IncompleteReadError: It seems to have so few rows for the first time.
        """
        notes, known = self._account.notes, self._account.total if known is None else known
        refuse_collapse(notes, known=known, rows=rows, began=self._run.began)

    @property
    def _oldest(self) -> int | None:
        cursor = self._list.listing.cursor
        is_of_ids = cursor is not None and cursor.kind == "id"
        return None if is_of_ids else self._run.times.not_before

    @property
    def _is_whole(self) -> bool:
        """Whether the known rows are all rows that the API counts.

        Of rows before the start date, only some may be known.
        """
        is_known = self._oldest is None and "next_id" not in self._account.notes
        is_divided = all(all(filters.values()) for _, filters in self._account.parts)
        return is_known and is_divided and self._query is not None

    @property
    def _tells_who_is_there(self) -> bool:
        """Whether a proof lists the ids that exist in a range, not those that are gone.

        A range may hold older rows, which were not asked for but came with a backfill. It may
        hold rows of people whom the campus filter drops. And keyed ids have no ranges.
        """
        is_of_people = self._list.listing.movers is not None
        is_partial = is_of_people and bool(self._run.scope.campus_ids)
        hides_ids = self._list.output.personal.hides_ids
        return self._oldest is None and not (is_partial or hides_ids)

    @property
    def _path(self) -> str:
        """The route that lists all rows."""
        return self._list.whole_path or ""

    @property
    def _facts(self) -> RouteFacts:
        """What the route was found to do."""
        return self._list.reader.route(self._path).facts

    @property
    def _page_size(self) -> int:
        return self._list.reader.page_size

    @cached_property
    def _query(self) -> dict[str, Any] | None:
        """The query for all rows of the stream; None if no request has them all."""
        listing = self._list.listing
        query = dict(self._list.query(self._whole))
        if listing.parent_filter is not None:
            is_of_network = not self._run.scope.campus_ids
            route = self._list.reader.route(listing.whole_path or "")
            is_ignored = listing.parent_filter in route.facts.can.ignored_filters
            if is_of_network and (is_ignored or not listing.parent_columns):
                return query  # there may be rows of parents that 42 does not list
            parents = sorted({parent_of(context) for context in self._contexts})
            # The known rows are of all parents, so all parents are counted.
            if self._read.is_all and len(parents) <= self._facts.can.longest_list:
                query[listing.parent_filter] = ",".join(map(str, parents))
            elif not is_of_network:
                return None
        return query


class DayInquiry(Inquiry):
    """Asks for rows by the instant of their creation."""

    @property
    def _at_once(self) -> int:
        """Ids that a request looks up: fewer than a page, so that one page has all rows."""
        return max(min(self._facts.can.longest_list, self._page_size - 1), 1)

    def _without_rows(
        self, owned: Mapping[int, Counter[int]], filters: Mapping[str, str]
    ) -> set[int] | None:
        """Return who of some people has none of their rows any more: graduates keep theirs.

        Args:
            owned: How many rows they had at each moment.
            filters: What narrows the list to such rows.

        Returns:
            Their ids; None if 42 does not tell, or if too few requests are left.
        """
        gone = set[int]()
        for batch in id_lists(owned, self._at_once):
            people = {int(person) for person in batch.split(",")}
            had = sum(owned[person].total() for person in people)
            narrowed = {**filters, BY_PERSON: batch}
            try:
                rows = self._counted(self._all_days, narrowed).total
                # More than they had: 42 ignores the filter.
                if rows > had or ceil(rows / self._page_size) > self._most:
                    return None
                gone |= people - self._owners(narrowed) if rows else people
            except (FatalAPIError, IncompleteReadError):
                return None
        return gone

    def _owners(self, filters: Mapping[str, str]) -> set[int | None]:
        """Return whose some rows are."""
        name = f"{self._list.name_of(self._whole)} of people who left"
        query = {**(self._query or {}), **filters}
        rows = self._list.read_apart([query], name, self._whole, is_proof=True)
        return set(map(person_of, rows))

    @override
    def _source(self, query: Mapping[str, Any]) -> Source:
        source = super()._source(query)
        by_day = replace(source.route.listing, cursor=Cursor(CREATED_AT, moves=False))
        return replace(source, route=replace(source.route, listing=by_day))


def looked_at(sent: float) -> Proof:
    """Return a proof that a list was looked at after a Unix time, and of no row."""
    return Proof(None, lower=1, upper=0, total=0, sent=sent)


def gone(number: int, sent: float) -> Proof:
    """Return a proof that a row is gone, by a request sent after a Unix time."""
    return Proof(None, lower=number, upper=number, total=0, ids=(), sent=sent)
