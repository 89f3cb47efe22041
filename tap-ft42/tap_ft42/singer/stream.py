"""The base class of all streams of the API. A stream only declares what it reads."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar

from singer_sdk import StreamSchema, Tap
from singer_sdk.exceptions import AbortedSyncFailedException, AbortedSyncPausedException
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.helpers.types import Context, Record, TapState
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_ft42.api.budget import RunEnds
from tap_ft42.declared.listing import Listing
from tap_ft42.declared.privacy import PersonalData
from tap_ft42.declared.records import BrokenRecordError
from tap_ft42.lists.below import children_of_unread_rows
from tap_ft42.lists.list_sync import ListSync
from tap_ft42.lists.trial import tried_out
from tap_ft42.run.host import Output
from tap_ft42.run.lifecycle import PARTIAL_FAILURES
from tap_ft42.singer.announced import AnnouncedStream
from tap_ft42.singer.messages import BufferedWriter
from tap_ft42.singer.own.rejections import RejectedRecordsStream
from tap_ft42.singer.rows import SCHEMAS, Rows


class FT42Stream(AnnouncedStream, Output):
    """A stream of the 42 API. A subclass declares its listing, and nothing else."""

    listing: ClassVar[Listing]
    """What the list is, and how it is read."""

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SCHEMAS)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows fit their schema already

    list_sync: ListSync
    """Reads the list in this run."""
    rejected_records: RejectedRecordsStream
    """The stream that keeps records that break the schema."""

    def __init_subclass__(cls) -> None:
        """Set the attributes that the SDK needs, from the listing."""
        listing, cursor = cls.listing, cls.listing.cursor
        cls.name = listing.name
        cls.selected_by_default = listing.is_selected
        cls.replication_key = cursor.column if cursor else None  # type: ignore[assignment,method-assign]  # as the SDK's subclasses do

    def __init__(self, tap: Tap, state: TapState) -> None:
        super().__init__(tap)
        self._tap_state = state
        self.primary_keys = self.schema["x-primary-key"]

    def attach(self, list_sync: ListSync, rejected_records: RejectedRecordsStream) -> None:
        """Let the stream take part in a run."""
        self.list_sync, self.rejected_records = list_sync, rejected_records
        # The SDK would add it when the pipeline's thread first asks for it, perhaps just while
        # the state is written.
        self.tap_state.setdefault("bookmarks", {}).setdefault(self.name, {})
        listing, scope = self.listing, list_sync.run.scope
        if listing.people_filter is not None:
            self.state_partitioning_keys = ()  # all batches of people share one bookmark
        elif listing.by_cursus and len(scope.cursus_ids) == 1:
            # See `tap_ft42.planning.cursus`.
            self.state_partitioning_keys = [listing.parent_id] if listing.parent else []

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self.name, self.schema, self.list_sync.rejections)

    # What the SDK syncs

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        if self.listing.parent is not None:
            return super().partitions
        return self.list_sync.list.contexts

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        above = self.list_sync.list
        return above.contexts_below(record) if above.children else ()

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        lifecycle = self.list_sync.run.lifecycle
        try:
            lifecycle.begin_stream(self.name)
            # The context of a parent names no cursus; a partition without parent does.
            for own in self.list_sync.list.by_cursus(context) if context else [None]:
                yield from super()._sync_records(own, write_messages=write_messages)
        except RunEnds as end:
            # The budget ended before the list: when the run asked for a token or for people.
            lifecycle.end_early(end)
        except (AbortedSyncFailedException, AbortedSyncPausedException):
            raise
        except Exception as failure:
            if not lifecycle.fails_alone(self.name, failure):
                lifecycle.fail(failure)
                raise

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        if self.list_sync.run.is_dry_run:
            yield from tried_out(self.list_sync.list, context)
        else:
            yield from self.list_sync.records(context)
        streams = {child.name: child for child in self.child_streams}
        for name, own in children_of_unread_rows(self.list_sync, context):
            streams[name].sync(own)

    # Rows

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        try:
            return self._row_to_emit(row, context)
        except BrokenRecordError as broken:
            self.reject(row, str(broken))
            return None

    def _row_to_emit(
        self, record: object, context: Context | None, *, is_listed: bool = True
    ) -> Record | None:
        """Return the row of a record as it is emitted; None if it does not belong to the run.

        `is_listed` says whether the stream's own list showed it.

        Raises:
            BrokenRecordError: The record breaks the schema.
        """
        shaped = self._rows.row(record, self.list_sync.added(record, context))
        if not self.list_sync.is_in_scope(shaped):
            if is_listed:
                self.list_sync.leave_out(shaped, context)
            return None
        self.list_sync.count(shaped, context)
        return self.personal.row(shaped)

    @cached_property
    @override
    def personal(self) -> PersonalData:
        return PersonalData(self.schema, self.list_sync.run.privacy)

    @override
    def reject(self, record: object, reason: str) -> None:
        self.list_sync.rejections.note(reason=reason)
        # A stream map may remove columns, and it is not known where in the record they are.
        # Then only the reason is kept.
        kept = None
        if not self._is_mapped:
            kept = self.personal.record(record, may_be_whole=self._is_unchanged)
        if isinstance(kept, dict):
            kept = self._rows.shape.without_embedded(kept)
        self.rejected_records.keep(self.name, kept, reason)

    @property
    @override
    def references(self) -> Mapping[str, str]:
        columns = self.schema["properties"].items()
        return {one: of["x-references"] for one, of in columns if "x-references" in of}

    @override
    def row(self, record: object, context: Context | None) -> dict[str, Any]:
        return self._rows.shape.row(record, self.list_sync.added(record, context))

    @property
    @override
    def is_rejected_kept(self) -> bool:
        return self.rejected_records.selected

    @override
    def emit(self, record: Record, context: Context | None) -> None:
        row = self.post_process(record, context)
        if row is not None:
            self._write_record_message(row)

    @override
    def take(self, record: object, context: Context | None) -> bool:
        try:
            row = self._row_to_emit(record, context, is_listed=False)
        except BrokenRecordError:
            return False
        if row is not None:
            self._write_record_message(row)
        return True

    @override
    def _write_record_message(self, record: Record) -> None:
        # The SDK goes through each record once more. That takes a seventh of a run.
        writer = self._tap.message_writer
        if self._is_unchanged and isinstance(writer, BufferedWriter):
            if not self._is_announced:
                self.announce()
            writer.write_record(
                self.name,
                record,
                version=self._stream_version,
                extracted_at=self.list_sync.run.clock.now(),
            )
            self.state_manager.is_flushed = False
        else:
            super()._write_record_message(record)

    @override
    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        for message in super()._generate_record_messages(record):
            message.time_extracted = self.list_sync.run.clock.now()
            yield message

    @cached_property
    def _is_unchanged(self) -> bool:
        """Whether all columns are selected and no stream map changes anything."""
        return not self._is_mapped and all(self.mask.values())

    @cached_property
    def _is_mapped(self) -> bool:
        """Whether a stream map changes or drops rows."""
        (first, *others) = self.stream_maps
        return type(first) is not SameRecordTransform or bool(others)

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        # After such a message a target deletes the rows that do not come again.
        is_backfill = self.list_sync.run.backfill is not None
        return not is_backfill and super().emit_activate_version_messages

    # State

    @override
    def partition_context(self, context: Context | None) -> Mapping[str, Any] | None:
        return self._get_state_partition_context(context)

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Do nothing: bookmarks move with parts of a read, not with records."""

    @override
    def _write_state_message(self) -> None:
        """Write the state every few seconds only, as it holds the bookmarks of all streams."""
        self.list_sync.run.write_state_if_due()

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        # The SDK calls this once a run, after the last parent of the stream.
        self.list_sync.end_partitions()
        # The SDK asks for the partitions, so the people of the scope may be looked up.
        with suppress(RunEnds, *PARTIAL_FAILURES):
            super().finalize_state_progress_markers(state)
        self._write_state_message()
        self.list_sync.run.lifecycle.end_stream(self.name)

    @override
    def log_sync_costs(self) -> None:
        # The SDK calls this after all streams were read, and not if one failed.
        super().log_sync_costs()
        self._rows.report(may_name=self.list_sync.run.privacy.is_full)
        self.list_sync.note_ends()
