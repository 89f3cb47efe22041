"""What every stream of the API shares: address, scope, bookmark, failures, rows."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.exceptions import (
    AbortedSyncFailedException,
    AbortedSyncPausedException,
)
from typing_extensions import override

from tap_ft42.api.budget import RunEnds
from tap_ft42.census.known import KnownRows
from tap_ft42.census.presence import ByCursus, FullReads
from tap_ft42.declared.contexts import cursus_of, key_of
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.records import BrokenRecordError
from tap_ft42.planning.bookmarks import (
    full_read,
    level,
)
from tap_ft42.planning.tolerance import UnusableRecordsError
from tap_ft42.reading.endpoint import Endpoint
from tap_ft42.reading.pipeline import NOW
from tap_ft42.reading.reads import TooDearError
from tap_ft42.reading.spool import FRESH
from tap_ft42.run.lifecycle import ALONE
from tap_ft42.singer.messages import STATE_INTERVAL
from tap_ft42.singer.planned import PlannedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record

    from tap_ft42.api.page import Page
    from tap_ft42.census.presence import Presence
    from tap_ft42.planning.sweeps import Planned
    from tap_ft42.reading.pipeline import Place
    from tap_ft42.reading.reads import Part


class FT42Stream(PlannedStream):
    """A stream of the 42 API.

    A subclass declares its name, path, keys and filters; all behaviour is here
    and in the modules that this one calls.
    """

    _is_read_to_end = False

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        # The SDK calls this once a run, after the last child.
        if self._partitions_read:
            level(self._partitions_read)
        # The SDK asks for the partitions, and so for the scope.
        with suppress(RunEnds, *ALONE):
            super().finalize_state_progress_markers(state)
        self._tap.write_state()
        self._tap.lifecycle.end_stream(self)

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Do nothing: bookmarks move by parts of a read, not by records."""

    @override
    def _write_state_message(self) -> None:
        """Write the state now and then, as it holds the bookmarks of all partitions."""
        self._tap.write_state(at_most_every=STATE_INTERVAL)

    # Reading

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        try:
            self._tap.lifecycle.begin_stream(self)
            # A parent's context names no cursus; those without parent are partitions.
            for own in self.by_cursus(context) if context else [None]:
                yield from super()._sync_records(own, write_messages=write_messages)
        except RunEnds as end:
            # Looking up who belongs to the scope was already more than the budget allows.
            self._tap.lifecycle.end_early(end)
        except (AbortedSyncFailedException, AbortedSyncPausedException):
            raise
        except Exception as failure:
            if not self._tap.lifecycle.fails_alone(self, failure):
                self._tap.lifecycle.fail(failure)
                raise

    @override
    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        self._tap.plan_run(self)
        if key_of(context) not in self._planned:
            self.plan([(each, self._tap.next_place()) for each in self._along_with(context)])
        planned = self._planned.pop(key_of(context))
        if planned is None:  # a sweep has read it
            return
        for member, _ in planned.members:
            self.presence.begin(member)
        try:
            yield from self._records(planned)
        except RunEnds as end:
            self._tap.lifecycle.end_early(end)
            return
        except TooDearError:
            self.plan_apart(planned.members)
            yield from self.request_records(context)
            return
        except ALONE as failure:
            if not self._tap.lifecycle.fails_alone(self, failure):
                raise
            return
        self._is_read_to_end = True
        for member, _ in planned.members:
            self.presence.complete(member)
            if self.replication_key and self.parent_stream_type is not None:
                self._partitions_read.append(self.get_context_state(member))

    def _records(self, planned: Planned) -> Iterator[dict[str, Any]]:
        # Among the members of a sweep, the one that has been read least far.
        context = min((member for member, _ in planned.members), key=self._read_until)
        held: list[Callable[[], None]] = []
        rejected = self.rejections.total
        for step, reading in zip(planned.steps, planned.readings, strict=True):
            reading.tally.cover(step.begins, step.until, tells_changes=step.since is not None)
            self._tally = reading.tally if self.selected else None
            self._since = step.since
            for part, place in self.prepared(self._tap.pipeline.parts(reading), planned):
                if part.page is not None:
                    self._note_turn(planned, part.page)
                    page = self.unpacked(part.page)
                    records = page.records()
                    if part.is_descending:
                        records.reverse()
                    self._plan_children(records, context, place)
                    self.presence.note(page, records, context)
                    yield from records
                held.append(partial(step.advance, part))
                self._pass_by(held, rejected)
                self._write_state_message()
            held.append(step.complete)
            self._pass_by(held, rejected)
        if held and (objection := self.rejections.objection()):
            raise UnusableRecordsError(objection)

    def _pass_by(self, held: list[Callable[[], None]], rejected: int) -> None:
        """Move the bookmarks, unless what was rejected since forbids it.

        Args:
            held: What moves them, from part to part; emptied if that is done.
            rejected: How many records had been rejected before.

        Raises:
            UnusableRecordsError: To read on is of no use.
        """
        objection = self.rejections.objection()
        if objection is None or self.rejections.total == rejected:
            for move in held:
                move()
            held.clear()
        elif self.rejections.is_hopeless:
            raise UnusableRecordsError(objection)

    def unpacked(self, page: Page) -> Page:
        """Return a page with the stream's records, where those of the list carry them."""
        return page

    def prepared(
        self,
        parts: Iterator[tuple[Part, Place]],
        planned: Planned,  # noqa: ARG002 - for subclasses
    ) -> Iterator[tuple[Part, Place]]:
        """Find out what rows need to know that their request does not say.

        Args:
            parts: What a read finds.
            planned: Whom it is read for.

        Yields:
            The same.

        Raises:
            TooDearError: A sweep cannot find out; its members are asked one by one.
        """
        yield from parts

    def _read_until(self, context: Context | None) -> str:
        return str(self.get_context_state(context).get("read_until") or "")

    def _along_with(self, context: Context | None) -> Sequence[Context | None]:
        """Return what is planned together with a context that nobody has planned."""
        if self.parent_stream_type is not None or self._tap.is_dry_run:
            return [context]
        return cast("list[Context | None]", self.partitions) or [context]

    def _note_turn(self, planned: Planned, page: Page) -> None:
        """Note that a request was spent on contexts; see `tap_ft42.planning.priorities`."""
        began = self._tap.began
        if self._tap.budget.is_bounded and page.answered * 1000 >= began:
            self.stream_state["served_at"] = from_milliseconds(began)
            for member, _ in planned.members:
                self.get_context_state(member)["served_at"] = from_milliseconds(began)

    def look_up(
        self, query: Mapping[str, Any], context: Context | None = None
    ) -> Iterator[dict[str, Any]]:
        """Read rows that the run needs to know before it goes on.

        Args:
            query: Parameters that select their records.
            context: The context of their list, if it has one.

        Yields:
            Rows; some perhaps twice.

        Raises:
            As for `read_apart`.
        """
        for record in self.read_apart(query, f"look-up of {self.plan_name(context)}", context):
            try:
                yield self._shape.row(record, self.added_values(record, context))
            except BrokenRecordError as broken:
                if not self.selected:  # else it does so when it is read itself
                    self.reject(record, reason=str(broken))

    def read_apart(
        self,
        query: Mapping[str, Any],
        name: str,
        context: Context | None = None,
        *,
        is_news: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Read records in full that no partition asks for.

        Args:
            query: Parameters that select them.
            name: What to call it in the spool.
            context: The context of their list, if it has one.
            is_news: Whether they are emitted, and all of them are new.

        Yields:
            Records; some perhaps twice.

        Raises:
            RunEnds: The run has to end.
            FatalAPIError: The API refuses the request.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        self._plans[name] = {}
        stops = self._tap.spool.follow(name, {}, self._tap.times.until, longest_age=FRESH)
        step = full_read(
            {}, stops[-1], is_sortable=self.is_sortable, has_ranges=self.has_ranges
        )
        source = Endpoint(self, context, query, name)
        if is_news:
            self._tally = source.tally if self.selected else None
            self._since = ""
        reading = self._tap.pipeline.read(
            NOW, source, step.read, retried=self.request_decorator
        )
        for part, _ in self._tap.pipeline.parts(reading):
            yield from [] if part.page is None else part.page.records()

    @cached_property
    def presence(self) -> Presence:
        """Which rows of the stream are known to exist."""
        if self.replication_key is None:
            return FullReads(self)
        return ByCursus(
            {cursus_of(whole): KnownRows(self, self._tap, whole) for whole in self.lists}
        )

    @property
    def is_counted(self) -> bool:
        """Whether a census tells which of the stream's rows exist."""
        is_census = self.selected and self._tap.census.selected
        return is_census and not self._tap.is_dry_run and self.backfill is None

    @property
    def is_tallied(self) -> bool:
        """Whether the state tells which rows are known, if they are one list."""
        return self.is_counted

    @property
    def refresh_nights(self) -> int:
        """Censuses in which each row is read again; 0 for never."""
        nights: int = self.config["refresh_nights"]
        return nights * self.refresh_factor

    @override
    def leave_out(self, row: Record, context: Context | None) -> None:
        self.presence.leave_out(row["id"], context)

    def needs_all(self, context: Context | None) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether the run reads the whole list, where there are no bookmarks.

        Args:
            context: The context of the partition, or None.
        """
        return True

    def contexts_of(
        self,
        records: Sequence[Mapping[str, Any]],  # noqa: ARG002 - for subclasses
        contexts: Sequence[Context | None],  # noqa: ARG002 - for subclasses
    ) -> Mapping[int, Context | None]:
        """Find out which parents rows belong to that were read of several at once.

        Args:
            records: What the API sent.
            contexts: The contexts of the parents.

        Returns:
            Those of them that the rows have, by the ids of the rows.
        """
        return {}

    @override
    def log_sync_costs(self) -> None:
        super().log_sync_costs()
        self.note_ends()
