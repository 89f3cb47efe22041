"""Which rows of a stream with bookmarks are known, and how a census finds those that went.

The state of an incremental stream holds under ``census``, beside its bookmarks:

``ids``, or ``slices``, ``rows`` and ``greatest``
    The tally: what was read and not found gone. With `tap_ft42.tallies.LONGEST`
    characters at most it is what bounds the state.
``basis``
    What the stream is narrowed to. A tally says nothing about another scope.
``taken``
    When the last census was complete. The next one is due once ``census_hour`` has
    struck.
``refreshed``
    Highest id of the part that was read or, of a large stream, counted last.
``since``
    While no census has proven the tally: when it was begun.
``is_mixed``
    Whether the API lists rows that are not emitted, as its filter lets them through.
    Totals are no news for a reader then, and are left out of the census.
``next_id``
    While rows are not in the tally that were read before it was begun: the id
    below which all are.

However many rows went, a census ends once a quarter of the hour's requests has been
sent: the streams in their order, each with its share, first the part that is read again
and then the counts. What is left open is found by a later one.

A row is accounted for before the state that passes it is written, so the two agree
whatever becomes of a run. A census that was cut short is due again, and goes on
from what it has proven.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from time import time
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalAPIError
from typing_extensions import override

from tap_ft42.counting import COUNT, Proof, UncountableError, count_rows, read_sector
from tap_ft42.endpoint import Endpoint
from tap_ft42.instants import from_milliseconds, in_milliseconds, milliseconds
from tap_ft42.messages import STATE_INTERVAL
from tap_ft42.presence import STATE, Presence, parent_of, pieces
from tap_ft42.reading import RangeIgnoredError, read_from_scratch
from tap_ft42.regions import MAX_ID, Region
from tap_ft42.sweeps import LARGEST
from tap_ft42.tallies import MOST_IDS, IdSet, Tally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context

    from tap_ft42.client import FT42Stream
    from tap_ft42.pages import Page
    from tap_ft42.reading import Ask, Part
    from tap_ft42.tap import TapFT42

_NOTES = ("taken", "refreshed", "since", "is_mixed", "next_id")
_DAY = timedelta(days=1)
_LATER = in_milliseconds("2100-01-01")


def is_due(taken: datetime | None, now: datetime, hour: int) -> bool:
    """Tell whether a census has to be taken.

    Args:
        taken: When the last one was complete; None for never.
        now: When the run began.
        hour: Hour of the day (UTC) from which on the day's first run takes it; negative
            for never.

    Returns:
        Whether the hour has struck since.
    """
    if hour < 0:
        return False
    struck = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if struck > now:
        struck -= _DAY
    return taken is None or taken < struck


class KnownRows(Presence):
    """The rows of a stream with bookmarks, of all its contexts together."""

    def __init__(self, stream: FT42Stream, tap: TapFT42) -> None:
        self._stream = stream
        self._tap = tap
        self._tally: Tally | None = None
        self._is_open = False
        self._has_changed = False
        self._notes: dict[str, Any] = {}
        self._since: dict[int, int | None] = {}
        self._complete: list[Context | None] = []
        self._left_out = IdSet()

    # While the stream is read

    @override
    def begin(self, context: Context | None) -> None:
        state = self._stream.get_context_state(context)
        if not self._is_open:
            self._is_open = True
            self._open(self._stream.stream_state)
        if self._tally is None:
            return
        is_loaded = state.get("replication_key_value") is not None
        self._since[parent_of(context)] = (
            milliseconds(state.get("read_until")) if is_loaded else None
        )

    def _open(self, state: dict[str, Any]) -> None:
        """Take up the tally of the state, or begin one."""
        kept: dict[str, Any] = state.pop(STATE, None) or {}
        basis = {
            **self._tap.scope.as_state(),
            "start_date": self._tap.config.get("start_date"),
        }
        is_one_list = self._stream.parent_stream_type or self._stream.partitions is None
        if not is_one_list or not (kept or self._stream.is_tallied):
            return
        self._has_changed = True
        if kept.get("basis") == basis:
            self._tally = self._restored(kept)
        if self._tally is not None:
            self._notes = {key: kept[key] for key in _NOTES if key in kept}
        else:
            self._tally = Tally(page_size=self._stream.page_size)
            self._notes = {"since": from_milliseconds(self._tap.initialized_at)}
            if _has_begun(state):
                self._notes["next_id"] = 1
        self._notes["basis"] = basis

    def _restored(self, kept: Mapping[str, Any]) -> Tally | None:
        try:
            return Tally.restored(kept, page_size=self._stream.page_size)
        except (KeyError, ValueError):
            self._stream.logger.warning(
                "%s: what the state says of its rows cannot be read; they are counted anew.",
                self._stream.name,
                extra={"happened": "census_lost"},
            )
            return None

    @override
    def note(self, page: Page, records: Sequence[Any], context: Context | None) -> None:
        if self._tally is None:
            return
        since = self._since.get(parent_of(context))
        if self._tally.is_exact or since is None:
            changed = [self._tally.add(number) for number in page.ids]
        else:
            changed = [
                self._tally.add(record["id"], is_new=_is_later(record, since))
                for record in records
                if isinstance(record, dict) and type(record.get("id")) is int
            ]
        self._has_changed |= any(changed)

    @override
    def complete(self, context: Context | None) -> None:
        if self._tally is not None:
            self._complete.append(context)

    @override
    def leave_out(self, row_id: int) -> None:
        self._left_out.add(row_id)
        if "is_mixed" not in self._notes:
            self._note(is_mixed=True)

    @property
    @override
    def ids(self) -> Iterable[int] | None:
        if self._tally is None or not self._complete or "next_id" in self._notes:
            return None
        return self._tally.ids if self._tally.is_exact else None

    @override
    def save(self) -> None:
        if self._tally is not None and self._has_changed:
            self._stream.stream_state[STATE] = {**self._notes, **self._tally.as_state()}
            self._has_changed = False

    # Afterwards

    @override
    def proofs(self) -> Iterator[tuple[int, Proof]]:
        source = self._source()
        if (
            self._tally is None
            or source is None
            or not self._complete
            or self._tap.lifecycle.ends_early
            or not self._stream.is_counted
            or not self._is_due
        ):
            return
        if self._most == 0:  # a later run takes it
            return
        try:
            for proof in self._census(self._tally, source):
                yield 0, proof
        except (FatalAPIError, RangeIgnoredError, UncountableError) as error:
            self._stream.logger.warning(
                "%s: the rows cannot be counted, so none is found to be gone. %s",
                self._stream.name,
                str(error) or error.__doc__,
                extra={"happened": "census_impossible"},
            )
        self._note(taken=from_milliseconds(self._tap.initialized_at))

    @property
    def _most(self) -> int | None:
        """Requests that the stream may spend now; None for any number."""
        left = self._tap.census.left
        return None if left is None else ceil(left * self._stream.census_share)

    def _census(self, tally: Tally, source: _Countable) -> Iterator[Proof]:
        if "next_id" in self._notes and not self._read_what_is_unknown(tally, source):
            return
        expected, size = tally.expectation, self._stream.page_size
        start, end = self._notes.get("refreshed", 0) + 1, tally.greatest
        if not expected.total:
            return
        if not tally.is_small:
            nights = max(self._tap.config["refresh_nights"], 1)
            lower, end = expected.sector(start, ceil(expected.total / nights))
            self._note(refreshed=end)
            yield from self._counted(tally, source, self._region(lower, end))
            return
        nights = self._stream.refresh_nights
        if nights and "taken" in self._notes and expected.total > size:
            pages = ceil(expected.total / nights / size)
            if (most := self._most) is not None:
                pages = min(pages, most)
            sector = expected.sector(start, pages * size)
            read = partial(
                read_sector,
                region=self._region(*sector),
                is_sortable=self._stream.is_sortable,
            )
            yield from self._taken(source, read)
            self._note(refreshed=sector[1])
            if sector == (1, end):
                return
        yield from self._counted(tally, source, self._region(1, end))

    def _counted(self, tally: Tally, source: _Countable, region: Region) -> Iterator[Proof]:
        """Find out where a region differs from what is known of it."""
        count = partial(count_rows, region=region, is_sortable=self._stream.is_sortable)
        expected, total, has_changed = tally.expectation, None, False
        can_leave = self._stream.left_filters and "taken" in self._notes
        if can_leave and expected.total > self._stream.page_size:
            for proof in self._taken(source, partial(count, expected=expected, most=1)):
                total = proof.total
                yield proof
            if total != expected.total:
                yield from self._left(tally)
        count = partial(count, expected=tally.expectation, most=self._most, total=total)
        for proof in self._taken(source, count):
            has_changed |= proof.ids is not None
            yield proof
        if "since" in self._notes and not has_changed:
            yield from self._first_proof(tally)

    def _left(self, tally: Tally) -> Iterator[Proof]:
        """Find the rows of which another filter tells that they have left the list."""
        stream, sent = self._stream, time()
        taken = in_milliseconds(self._notes["taken"]) - self._tap.times.overlap
        region = Region({}).narrowed("updated_at", taken, self._tap.times.until)
        query = {**stream.query(None), **stream.left_filters, **region.params()}
        for record in stream.read_apart(query, f"who left {stream.name}"):
            number = record.get("id") if isinstance(record, dict) else None
            if type(number) is int and number in tally:
                tally.replace(number, number, ())
                self._has_changed = True
                yield Proof(None, lower=number, upper=number, total=0, ids=(), sent=sent)

    def _first_proof(self, tally: Tally) -> Iterator[Proof]:
        """Say what a first load has read, once the API's total agrees with it."""
        since = in_milliseconds(self._notes.pop("since")) / 1000
        # A load by ids misses nothing; one by changes left rows to the next window.
        if self._stream.is_sortable and self._oldest is None and tally.is_small:
            yield from pieces(1, tally.greatest, list(tally.ids), since)

    def _read_what_is_unknown(self, tally: Tally, source: _Countable) -> bool:
        """Read the rows that the stream had before its tally was begun.

        Returns:
            Whether all are known now.
        """
        region = self._region(self._notes["next_id"], MAX_ID)
        if not self._stream.is_sortable:
            window = (self._oldest or 0, self._tap.times.until)
            region = region.narrowed("updated_at", *window)
        read = partial(read_from_scratch, region=region, is_sortable=self._stream.is_sortable)
        for part in self._parts(source, read):
            if part.page is not None:
                if (part.page.total or 0) > MOST_IDS:
                    self._stream.logger.info(
                        "%s: too many rows to read them for a census. It begins with the "
                        "next load from scratch.",
                        self._stream.name,
                        extra={"happened": "census_put_off"},
                    )
                    return False
                for number in part.page.ids:
                    tally.add(number)
            if part.reached is not None:
                self._note(next_id=part.reached)
        del self._notes["next_id"]
        return True

    def _taken(
        self, source: _Countable, read: Callable[[Ask], AsyncIterator[Part]]
    ) -> Iterator[Proof]:
        """Yield the proofs of a read, and account for what they say."""
        for part in self._parts(source, read):
            if not isinstance(part, Proof):
                continue
            if part.ids is not None and self._tally is not None:
                self._tally.replace(part.lower, part.upper, part.ids)
                self._has_changed = True
                ids = [row for row in part.ids if row not in self._left_out]
                yield replace(part, ids=ids, total=len(ids))
            elif "is_mixed" not in self._notes:
                yield part

    def _parts(
        self, source: _Countable, read: Callable[[Ask], AsyncIterator[Part]]
    ) -> Iterator[Part]:
        """Yield the parts of a read whose rows have been emitted."""
        pipeline, place = self._tap.pipeline, self._tap.next_place()
        reading = pipeline.read(place, source, read, retried=self._stream.request_decorator)
        records: list[dict[str, Any]] = []
        for part, _ in pipeline.parts(reading):
            if part.page is not None:
                records += [row for row in part.page.records() if isinstance(row, dict)]
            if self._is_judged(part):
                if self._brings_news(part):
                    self._emit(records)
                records = []
            yield part
            self._tap.write_state(at_most_every=STATE_INTERVAL)

    def _is_judged(self, part: Part) -> bool:
        """Tell whether the rows up to a part may be emitted, or have to wait for a proof."""
        return self._tally is None or self._tally.is_exact or isinstance(part, Proof)

    def _brings_news(self, part: Part) -> bool:
        """Tell whether rows of a large list are more than expected.

        Which of them are known, nobody can tell; and each costs a look-up of its parent.
        """
        if self._tally is None or self._tally.is_exact or "is_mixed" in self._notes:
            return True
        if not isinstance(part, Proof) or part.ids is None:
            return False
        return len(part.ids) > self._tally.expectation.between(part.lower, part.upper)

    def _emit(self, records: Sequence[dict[str, Any]]) -> None:
        """Emit rows; of those that do not tell their parent, the ones nobody knows."""
        stream, context = self._stream, self._complete[0]
        needs_parent = any(name not in stream.config for name in stream.added_columns)
        if len(self._complete) == 1 or not needs_parent:
            for record in records:
                stream.emit(record, context)
            return
        unknown = [record for record in records if not self._knows(record.get("id"))]
        parents = {parent_of(context) for context in self._complete}
        contexts = stream.contexts_of(unknown, parents) if unknown else {}
        for record in records:
            own = contexts.get(record.get("id", 0))
            stream.emit(record, own or context, is_known=own is None)

    def _knows(self, row_id: object) -> bool:
        return self._tally is not None and type(row_id) is int and row_id in self._tally

    @property
    def _is_due(self) -> bool:
        taken = self._notes.get("taken")
        return is_due(
            datetime.fromisoformat(taken) if taken else None,
            datetime.fromtimestamp(self._tap.initialized_at / 1000, UTC),
            self._tap.config["census_hour"],
        )

    def _note(self, **notes: object) -> None:
        self._notes.update(notes)
        self._has_changed = True

    # What is asked

    @property
    def _oldest(self) -> int | None:
        return self._tap.times.not_before

    def _region(self, lower: int, upper: int) -> Region:
        region = Region({"id": (lower, upper)})
        if self._oldest is not None:
            region = region.narrowed("updated_at", self._oldest, _LATER)
        return region

    def _source(self) -> _Countable | None:
        """Return the list of all the stream's rows, or None if no request asks for it."""
        stream = self._stream
        query = dict(stream.query(None))
        if stream.joined_filter is not None:
            parents = sorted({parent_of(context) for context in self._complete})
            if len(parents) <= LARGEST:
                query[stream.joined_filter] = ",".join(map(str, parents))
            elif self._tap.scope.campus_ids:
                return None
        return _Countable(stream, None, query, plan=None)


class _Countable(Endpoint):
    """The list of all of a stream's rows, which is asked for its totals, too."""

    @override
    def _params(self, region: Region, number: int, sort: str | None) -> dict[str, Any]:
        params = super()._params(region, max(number, 1), sort)
        return params | {"page[size]": 1} if number == COUNT else params

    @property
    @override
    def _url(self) -> str:
        return f"{self.stream.url_base}{self.stream.list_path}"


def _has_begun(state: Mapping[str, Any]) -> bool:
    """Tell whether rows have been read before, of the stream or of a partition."""
    return any(
        part.get("replication_key_value") or part.get("from_scratch")
        for part in (state, *state.get("partitions", ()))
    )


def _is_later(record: Mapping[str, Any], since: int) -> bool:
    return (milliseconds(record.get("created_at")) or 0) > since
