"""What every stream of the API shares: address, scope, bookmark, failures, rows."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import StreamSchema
from singer_sdk.exceptions import (
    AbortedSyncFailedException,
    AbortedSyncPausedException,
)
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_ft42.bookmarks import (
    Step,
    full_read,
    incremental_reads,
    level,
    note_scope,
)
from tap_ft42.budget import RunEnds
from tap_ft42.endpoint import Endpoint
from tap_ft42.instants import from_milliseconds
from tap_ft42.known import KnownRows
from tap_ft42.messages import STATE_INTERVAL
from tap_ft42.presence import FullReads
from tap_ft42.records import EXTRA, BrokenRecordError, RecordShape
from tap_ft42.spool import FRESH
from tap_ft42.transport import SendingStream

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Hashable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record

    from tap_ft42.bookmarks import Times
    from tap_ft42.ledger import Ledger, Tally
    from tap_ft42.pages import Page
    from tap_ft42.pipeline import Pipeline, Place, Reading
    from tap_ft42.presence import Presence
    from tap_ft42.scope import Scope
    from tap_ft42.spool import Spool
    from tap_ft42.tap import TapFT42

SCHEMAS = SchemaDirectory(files("tap_ft42") / "schemas")
"""One JSON Schema a stream, named like the stream."""


class FT42Stream(SendingStream):
    """A stream of the 42 API.

    A subclass declares its name, path, keys and filters; all behaviour is here
    and in the modules that this one calls.
    """

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SCHEMAS)

    filters: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Query parameters that every request of the stream carries."""

    campus_filter: ClassVar[str | None] = None
    """The parameter that narrows the stream to the setting ``campus_ids``."""

    is_sortable: ClassVar[bool] = True
    """Whether the API sorts the route by ``id`` and ``updated_at``."""

    has_ranges: ClassVar[bool] = True
    """Whether the API narrows the route by ranges of these two."""

    largest_page: ClassVar[int] = 100
    """Rows a page, where the full 100 would take the API too long."""

    joined_filter: ClassVar[str | None] = None
    """The parameter that narrows a child's list to several parents at once."""

    weight: ClassVar[int] = 1
    """How much people look at it, where not everything can be read."""

    extra_requests: ClassVar[int] = 0
    """Requests for changes that ``updated_at`` does not tell."""

    added_columns: ClassVar[Sequence[str]] = ()
    """Columns whose values the request knows: from the parent or the settings."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows fit their schema already

    _is_announced = False
    _tally: Tally | None = None
    _since: str | None = None
    _is_read_to_end = False

    def __init__(self, tap: TapFT42) -> None:
        """Compile the stream's schema.

        Args:
            tap: The tap, which holds what the streams share.
        """
        super().__init__(tap)
        self.primary_keys = self.schema["x-primary-key"]
        self._shape = RecordShape(self.schema)
        self._steps: dict[str, list[Step]] = {}
        self._plans: dict[str, dict[str, Any]] = {}
        self._planned: dict[Hashable, list[Reading]] = {}
        self._partitions_read: list[dict[str, Any]] = []
        self._rejected = 0
        self._undeclared: set[str] = set()

    # Where and what to ask

    @property
    def spool(self) -> Spool:
        """What has been read and no state has covered yet."""
        return self._tap.spool

    @property
    def pipeline(self) -> Pipeline:
        """What reads ahead of the run."""
        return self._tap.pipeline

    @property
    def scope(self) -> Scope:
        """Which part of the network the run reads."""
        return self._tap.scope

    @property
    def times(self) -> Times:
        """The instants between which the run reads."""
        return self._tap.times

    @property
    def page_size(self) -> int:
        """Rows a page."""
        return min(int(self.config["page_size"]), self.largest_page)

    @property
    def list_path(self) -> str | None:
        """Where the rows of all parents are listed; None if the API has no such list."""
        return self.path.format(**self.config)

    @property
    def ledger(self) -> Ledger:
        """What the run asks for."""
        return self._tap.ledger

    def query(self, context: Context | None) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return the query parameters of a run, without those of paging.

        Args:
            context: The parent's context, or None.

        Returns:
            Parameters by name; those that are None are not sent.
        """
        return {**self.filters, **self.scope_params()}

    def scope_params(self) -> dict[str, str]:
        """Return the query parameters that narrow the stream to the run's scope."""
        campus_ids = self._tap.scope.campus_ids
        if self.campus_filter is None or not campus_ids:
            return {}
        return {self.campus_filter: ",".join(map(str, sorted(campus_ids)))}

    # What to read, and how far it has been read

    def plan(self, context: Context | None, place: Place, *, is_urgent: bool = False) -> None:
        """Let the pipeline read what the run will ask this stream for.

        Args:
            context: The parent's context, or None.
            place: Where it stands in the order of the run.
            is_urgent: Whether to find out early how much it is.
        """
        steps = self._steps_of(context)
        source = Endpoint(self, context, self.query(context), self._plan_name(context))
        self._planned[_key(context)] = [
            self._tap.pipeline.read(
                (*place, number),
                source,
                step.read,
                retried=self.request_decorator,
                is_urgent=is_urgent and number == 0,
            )
            for number, step in enumerate(steps)
        ]

    def _plan_name(self, context: Context | None) -> str:
        partition = self._get_state_partition_context(context)
        return " ".join(
            [self.name, *(f"{key}={value}" for key, value in (partition or {}).items())]
        )

    def _steps_of(self, context: Context | None) -> list[Step]:
        """Return what brings a context up to date; contexts may share a bookmark."""
        name = self._plan_name(context)
        if name not in self._steps:
            self._steps[name] = self._new_steps(name, self.get_context_state(context))
        return self._steps[name]

    def _new_steps(self, name: str, state: dict[str, Any]) -> list[Step]:
        """Return what brings a state of the stream up to date."""
        times, follow = self._tap.times, self.spool.follow
        self._plans[name] = state
        if self.replication_key is None:
            stops = follow(name, state, times.until, longest_age=FRESH)
            sortable, ranges = self.is_sortable, self.has_ranges
            return [full_read(state, stops[-1], is_sortable=sortable, has_ranges=ranges)]
        note_scope(state, self._tap.scope.as_state())
        is_shared = self.state_partitioning_keys == ()
        return list(
            incremental_reads(
                state,
                follow(name, state, times.until),
                times,
                is_sortable=self.is_sortable,
                readers=len(self.partitions or ()) or 1 if is_shared else 1,
            )
        )

    @property
    def wanted_children(self) -> list[FT42Stream]:
        """The streams that are read for each of this one's records."""
        return [
            child
            for child in self.child_streams
            if isinstance(child, FT42Stream)
            and (child.selected or child.has_selected_descendents)
        ]

    def _plan_children(self, records: list[Any], context: Context | None, place: Place) -> None:
        """Let the pipeline read what a page of a parent's records leads to."""
        children = self.wanted_children
        if not children or self._tap.is_dry_run:
            return
        for position, record in enumerate(records):
            if not isinstance(record, dict) or "id" not in record:
                continue
            contexts = self.generate_child_contexts(record, context)
            for number, (child_context, child) in enumerate(product(contexts, children)):
                child.plan(child_context, (*place, position, number))

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        # The SDK calls this once a run, after the last child.
        if self._partitions_read:
            level(self._partitions_read)
        with suppress(RunEnds):  # the SDK asks for the partitions, and so for the scope
            super().finalize_state_progress_markers(state)
        self._tap.write_state()

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
            yield from super()._sync_records(context, write_messages=write_messages)
        except RunEnds as end:
            # Looking up who belongs to the scope was already more than the budget allows.
            self._tap.end_early(end)
        except (AbortedSyncFailedException, AbortedSyncPausedException):
            raise
        except Exception as failure:
            self._tap.fail(failure)
            raise

    @override
    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        self._tap.plan_run(self)
        if _key(context) not in self._planned:
            self.plan(context, self._tap.next_place())
        steps = zip(self._steps_of(context), self._planned.pop(_key(context)), strict=True)
        self.presence.begin(context)
        with self.get_http_request_counter() as counter:
            counter.with_context(context)
            try:
                for step, reading in steps:
                    reading.tally.cover(
                        step.begins, step.until, tells_changes=step.since is not None
                    )
                    self._tally = reading.tally if self.selected else None
                    self._since = step.since
                    for part, place in self._tap.pipeline.parts(reading):
                        if part.page is not None:
                            self._note_turn(context, part.page)
                            counter.increment()
                            records = part.page.records()
                            if part.is_descending:
                                records.reverse()
                            self._plan_children(records, context, place)
                            self.presence.note(part.page, records, context)
                            yield from records
                        step.advance(part)
                        self._write_state_message()
                    step.complete()
            except RunEnds as end:
                self._tap.end_early(end)
                return
        self._is_read_to_end = True
        self.presence.complete(context)
        if self.replication_key and self.parent_stream_type is not None:
            self._partitions_read.append(self.get_context_state(context))

    def _note_turn(self, context: Context | None, page: Page) -> None:
        """Note that a request was spent on a context; see `tap_ft42.priorities`."""
        began = self._tap.initialized_at
        if self._tap.budget.is_bounded and page.answered * 1000 >= began:
            self.stream_state["served_at"] = from_milliseconds(began)
            self.get_context_state(context)["served_at"] = from_milliseconds(began)

    def look_up(self, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Read rows that the run needs to know before it goes on.

        Args:
            query: Parameters that select their records.

        Yields:
            Rows; some perhaps twice.

        Raises:
            RunEnds: The run has to end.
            FatalAPIError: The API refuses the request.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        name = f"look-up of {self.name}"
        self._plans[name] = {}
        stops = self._tap.spool.follow(name, {}, self._tap.times.until, longest_age=FRESH)
        step = full_read(
            {}, stops[-1], is_sortable=self.is_sortable, has_ranges=self.has_ranges
        )
        source = Endpoint(self, None, query, name)
        reading = self._tap.pipeline.read(
            (-1,), source, step.read, retried=self.request_decorator
        )
        for part, _ in self._tap.pipeline.parts(reading):
            for record in [] if part.page is None else part.page.records():
                with suppress(BrokenRecordError):  # the stream itself puts it aside
                    yield self._shape.row(record, {})

    @cached_property
    def presence(self) -> Presence:
        """Which rows of the stream are known to exist."""
        if self.replication_key is None:
            return FullReads(self)
        return KnownRows(self, self._tap)

    @property
    def is_counted(self) -> bool:
        """Whether a census tells which of the stream's rows exist."""
        return self.selected and self._tap.census.selected and not self._tap.is_dry_run

    def needs_all(self, state: Mapping[str, Any]) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether the run reads the whole list, where there are no bookmarks.

        Args:
            state: The SDK's state of the stream or partition.
        """
        return True

    def contexts_of(
        self,
        records: Sequence[Mapping[str, Any]],  # noqa: ARG002 - for subclasses
        parents: Collection[int],  # noqa: ARG002 - for subclasses
    ) -> Mapping[int, Context]:
        """Find out which parents rows belong to that were read of several at once.

        Args:
            records: What the API sent.
            parents: Ids of the parents.

        Returns:
            Contexts by the ids of the rows, where a row has one.
        """
        return {}

    def emit(self, record: Record, context: Context | None, *, is_known: bool = False) -> None:
        """Emit a record that was read outside of the stream's own turn.

        Args:
            record: What the API sent.
            context: The parent's context, or None.
            is_known: Whether it is only looked at, as the target has it.
        """
        row = self.post_process(record, context)
        if row is not None and not is_known:
            self._write_record_message(row)

    # From records to rows

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        added = {
            name: (context or {}).get(name, self.config.get(name))
            for name in self.added_columns
        }
        try:
            shaped = self._shape.row(row, added)
        except BrokenRecordError as broken:
            self._rejected += 1
            self._tap.rejected_records.keep(self.name, row, reason=str(broken))
            return None
        self._undeclared.update(shaped.get(EXTRA, ()))
        if not self.is_in_scope(shaped):
            self.presence.leave_out(shaped["id"])
            return None
        if self._tally is not None:
            since = self._since
            self._tally.emit(is_changed=None if since is None else shaped["updated_at"] > since)
        return shaped

    def is_in_scope(self, row: Record) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether a row belongs to the run, where the API's filter may not."""
        return True

    @override
    def _write_schema_message(self) -> None:
        # The SDK announces a child once a parent. Some targets load what they have at
        # every announcement: DuckDB's then takes ten times as long.
        if not self._is_announced:
            super()._write_schema_message()
            self._is_announced = True

    @override
    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        # Going through each record once more for nothing takes a seventh of a run.
        if self._is_sent_as_it_is:
            yield RecordMessage(
                self.name,
                record,
                version=self._stream_version,
                time_extracted=datetime.now(UTC),
            )
        else:
            yield from super()._generate_record_messages(record)

    @cached_property
    def _is_sent_as_it_is(self) -> bool:
        """Whether all columns are selected and no stream map changes anything."""
        (first, *others) = self.stream_maps
        return type(first) is SameRecordTransform and not others and all(self.mask.values())

    @override
    def log_sync_costs(self) -> None:
        # The SDK calls this once all streams have been read, and not if one failed.
        super().log_sync_costs()
        for name, state in self._plans.items():
            if self._tap.ends_early:
                self.spool.pause(name, state)
            else:
                self.spool.end(name, state, is_full=self.replication_key is None)
        if self._plans:
            self.spool.tidy()
        if self._undeclared:
            self.logger.warning(
                "%s: the API sends fields that no column declares: %s. "
                "They are in the column %s.",
                self.name,
                ", ".join(sorted(self._undeclared)),
                EXTRA,
            )
        if self._rejected:
            self.logger.warning(
                "%s: %d records break the schema. They are in the stream %s, with the reasons.",
                self.name,
                self._rejected,
                self._tap.rejected_records.name,
            )


def _key(context: Context | None) -> Hashable:
    return frozenset((context or {}).items())
