"""A census of a list whose ids are known: it finds the rows that disappeared.

A census stops once a quarter of the hour's requests has been sent, however many rows
disappeared. The streams take turns, each with its share of requests. Each first reads a
part of its list again, then it counts. A later census finds the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import ceil

from typing_extensions import override

from tap_ft42.census.counting import (
    Differing,
    Interval,
    Proof,
    find_differing,
    read_sector,
    read_whole,
)
from tap_ft42.census.inquiry import UNREADABLE, Inquiry, Read, gone, looked_at
from tap_ft42.census.packing import MOST_IDS
from tap_ft42.census.presence import pieces
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import from_milliseconds, in_milliseconds
from tap_ft42.declared.listing import ID, filtered_key
from tap_ft42.declared.words import some
from tap_ft42.reading.asking import Part
from tap_ft42.reading.reads import read_from_scratch
from tap_ft42.reading.regions import MAX_ID, RangeIgnoredError, Region

_LATER = in_milliseconds("2100-01-01")

_MANY = 3
"""So many contradictory ranges are no coincidence. Rows that move cause fewer of them."""

_KNOWN_SINCE = ("left", "since", "taken")
"""Notes of the instant since which departures are unknown; the first existing one counts."""


class ListCensus(Inquiry):
    """A census of all rows of a stream."""

    def __init__(self, read: Read, *, is_proven: bool = False) -> None:
        """Prepare the census; nothing is asked yet.

        Args:
            read: What the run has read of the stream.
            is_proven: Whether an audit has proven the known rows, so that nothing is counted.
        """
        super().__init__(read)
        self._is_sortable = self._list.listing.is_sortable
        self._is_proven = is_proven
        self._doubts = 0

    @override
    def _found_out(self) -> Iterator[Proof]:
        if self._query is None:
            return
        self._run.budget.plan(ceil(self._account.total / self._page_size))
        try:
            yield from self._census()
        except RangeIgnoredError:
            yield from self._compared_whole()
        finally:
            self._tell_doubts()

    def _tell_doubts(self) -> None:
        if self._doubts >= _MANY:
            self._facts.doubt_totals()
        elif self._doubts:
            Events(self._list.listing.name).warning(
                "in %s of ids the API does not count what it shows. None of their rows "
                "is found to be gone.",
                some(self._doubts, "range"),
                happened="census_doubtful",
                ranges=self._doubts,
            )

    def _census(self) -> Iterator[Proof]:
        if "next_id" in self._account.notes and not self._read_what_is_unknown():
            return
        if not self._account.total:
            return
        if self._is_own_proof:
            yield looked_at(self._run.clock.time())
            yield from self._first_proof()
            return
        counted = self._counted_ahead()
        yield from self._read_again()
        has_changed = False
        proven = self._counted_to_be(self._account.total, self._run.clock.time())
        for proof in proven if self._is_proven else self._compared(counted):
            has_changed |= proof.ids is not None
            yield proof
        if "since" in self._account.notes and not has_changed:
            yield from self._first_proof()

    @property
    def _is_own_proof(self) -> bool:
        """Whether this run has read all known rows itself, by ids from the first one on."""
        is_begun_now = self._account.notes.get("since") == from_milliseconds(self._run.began)
        is_in_order = (
            self._is_sortable and self._facts.sorts_by(ID) and self._facts.narrows_by(ID)
        )
        return is_begun_now and is_in_order and self._read.is_all

    def _read_again(self) -> Iterator[Proof]:
        """Read tonight's part of the list again, so that the nights cover all rows.

        ``owed`` is a number of rows. It shrinks once a sector has been read.
        """
        account, listing, total = self._account, self._list.listing, self._account.total
        nights = self._run.settings["refresh_nights"] * listing.census.refresh_factor
        is_turn = "taken" in account.notes and not self._read.is_refreshed
        # Lists that hardly ever change are read completely now and then.
        if not nights or listing.is_reference or not is_turn or total <= self._page_size:
            return
        room = max(self._page_size - 1, 1)  # a full page needs one request more
        owed = account.notes.get("owed", room - 1) + ceil(total / nights)
        pages = min(owed // room, ceil(total / room), self._most)
        while pages > 0:
            lower, upper = account.sector(account.notes.get("refreshed", 0) + 1, pages * room)
            rows = len(account.between(lower, upper))
            yield from self._taken(self._region(lower, upper), self._pages(lower, upper))
            owed, pages = max(owed - rows, 0), pages - max(ceil(rows / room), 1)
            account.note(refreshed=upper, owed=owed)
        account.note(owed=min(owed, total))

    def _compared_whole(self) -> Iterator[Proof]:
        """Compare the known rows with the whole list, if it is short: no range narrows it."""
        pages = ceil(self._account.total / self._page_size)
        if self._oldest is not None or pages > self._most:
            raise RangeIgnoredError
        yield from self._taken(self._region(1, self._account.greatest), pages, read_whole)

    def _counted_to_be(self, total: int, sent: float) -> Iterator[Proof]:
        """Yield the counted total as a proof, if it is the stream's total."""
        # If the API lists rows that are skipped, its totals tell readers nothing.
        if "is_mixed" not in self._account.notes:
            # A count by age is no total of any ids. It only proves that somebody counted.
            whole = Proof(None, lower=1, upper=self._account.greatest, total=total, sent=sent)
            yield whole if self._tells_who_is_there else replace(whole, upper=0, total=0)

    def _counted_ahead(self) -> Proof | None:
        """Count the rows of a list of several pages, before any of them is found to be gone."""
        if self._is_proven or self._account.total <= self._page_size:
            return None
        proof = self._counted(self._region(1, self._account.greatest))
        self._refuse_collapse(proof.total)
        return proof

    def _compared(self, proof: Proof | None) -> Iterator[Proof]:
        """Find out where the list differs from its known rows, given how many it has."""
        region = self._region(1, self._account.greatest)
        if proof is None:
            yield from self._taken(region, self._pages(1, self._account.greatest))
            return
        yield from self._counted_to_be(proof.total, proof.sent)
        if proof.total != self._account.total:
            yield from self._departed()
        self._note_departed()
        read = partial(
            find_differing,
            whole=Interval(region, self._account.total, proof.total),
            expected=self._account.expectation(self._page_size),
            most=self._most,
        )
        differing, is_cut = list[Interval](), False
        for part in self._asked(read):
            self._doubts += part.is_doubtful
            if isinstance(part, Differing):
                differing += part.intervals
                is_cut |= part.is_cut
        for each in differing:
            yield from self._taken(each.region, each.pages(self._page_size))
        if is_cut:
            self._tell_left_over(proof.total - self._account.total)

    @override
    def _departed(self) -> Iterator[Proof]:
        filters, can = self._list.listing.census.left_filters, self._facts.can
        is_heeded = self._facts.narrows_by(self._column) and filters.keys().isdisjoint(
            can.ignored_filters
        )
        if filters and is_heeded and self._query is not None:
            # If 42 refuses the filter, ranges of ids tell which rows are gone.
            with suppress(*UNREADABLE):
                yield from self._left(filters)
                self._note_departed()

    def _note_departed(self) -> None:
        if self._list.listing.census.left_filters:
            self._account.note(left=from_milliseconds(self._run.times.until))

    def _left(self, filters: Mapping[str, str]) -> Iterator[Proof]:
        """Find the rows that left the list: other filters show them."""
        counted, sent, account = self._list, self._run.clock.time(), self._account
        before = next(account.notes[name] for name in _KNOWN_SINCE if name in account.notes)
        since = in_milliseconds(before) - self._run.times.overlap
        region = Region({}).narrowed(self._column, since, self._run.times.until)
        query = {**counted.query(self._whole), **filters, **region.params()}
        columns = {filtered_key(name): value for name, value in filters.items()}
        name = f"who left {counted.name_of(self._whole)}"
        for record in counted.read_apart([query], name, self._whole):
            number = record.get("id") if isinstance(record, dict) else None
            if type(number) is not int or number in self._seen or number not in account:
                continue
            # 42 may ignore a filter.
            if all(
                str(record.get(one, value)).lower() == value for one, value in columns.items()
            ):
                account.remove(number)
                yield gone(number, sent)

    def _first_proof(self) -> Iterator[Proof]:
        """Yield proofs of a first load, now that the API's total agrees with it."""
        since = in_milliseconds(self._account.notes["since"]) / 1000
        self._account.forget("since")
        # A load by ids misses no row. A load by changes leaves rows to the next window.
        if self._is_sortable and self._tells_who_is_there:
            yield from pieces(1, self._account.greatest, self._account.ids, since)

    def _read_what_is_unknown(self) -> bool:
        """Read the rows that the account lacks, and tell whether all rows are known now."""
        region = self._region(self._account.notes["next_id"], MAX_ID)
        if not self._is_sortable:
            window = (self._oldest or 0, self._run.times.until)
            region = region.narrowed(self._column, *window)
        read = partial(read_from_scratch, region=region)
        for part in self._asked(read):
            if part.page is not None:
                self._take([row for row in part.page.records() if isinstance(row, dict)])
            if part.page is not None and (part.page.total or 0) > MOST_IDS:
                Events(self._list.listing.name).info(
                    "too many rows to read them for a census. It begins with the next load "
                    "from scratch.",
                    happened="census_put_off",
                )
                return False
            if part.reached is not None:
                self._account.note(next_id=part.reached)
        self._account.forget("next_id")
        return True

    # What is asked, and what the answers say

    def _region(self, lower: int, upper: int) -> Region:
        region = Region({"id": (lower, upper)})
        if self._oldest is not None:
            region = region.narrowed(self._column, self._oldest, _LATER)
        return region

    def _taken(
        self, region: Region, pages: int, read: Callable[..., AsyncIterator[Part]] = read_sector
    ) -> Iterator[Proof]:
        """Read an interval of ids, and yield what that proves; see `_read_all`."""
        if (found := self._read_all(region, pages, read)) is None:
            self._doubts += 1
            return
        rows, proof = found
        self._take([*rows.values()])
        yield from self._judged(proof)

    def _pages(self, lower: int, upper: int) -> int:
        """Return how many pages have the known rows of a closed interval of ids."""
        return ceil(len(self._account.between(lower, upper)) / self._page_size)
