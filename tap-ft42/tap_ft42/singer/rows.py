"""From records to rows: what a stream emits."""

from __future__ import annotations

from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import StreamSchema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_ft42.declared.contexts import CURSUS
from tap_ft42.declared.privacy import PersonalData
from tap_ft42.declared.records import EXTRA, BrokenRecordError, RecordShape
from tap_ft42.planning.tolerance import KEEPER, Rejections
from tap_ft42.singer.transport import SendingStream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from singer_sdk.helpers.types import Context, Record

    from tap_ft42.api.ledger import Tally
    from tap_ft42.tap import TapFT42

SCHEMAS = SchemaDirectory(files("tap_ft42") / "schemas")
"""One JSON Schema a stream, named like the stream."""


class RowStream(SendingStream):
    """A stream that turns the API's records into rows of its schema."""

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SCHEMAS)

    added_columns: ClassVar[Sequence[str]] = ()
    """Columns whose values the request knows: the parent, and the cursus."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows fit their schema already

    _is_announced = False
    _tally: Tally | None = None
    _since: str | None = None

    def __init__(self, tap: TapFT42) -> None:
        """Compile the stream's schema.

        Args:
            tap: The tap, which holds what the streams share.
        """
        super().__init__(tap)
        self.primary_keys = self.schema["x-primary-key"]
        self._shape = RecordShape(self.schema)
        self._undeclared: set[str] = set()

    @cached_property
    def personal(self) -> PersonalData:
        """What of the rows is about people, and what of that may leave the tap."""
        return PersonalData(self.schema, self._tap.privacy)

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

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        try:
            shaped = self._shape.row(row, self.added_values(row, context))
        except BrokenRecordError as broken:
            self.reject(row, reason=str(broken))
            return None
        self.rejections.note(reason=None)
        self._undeclared.update(shaped.get(EXTRA, ()))
        if not self.is_in_scope(shaped):
            self.leave_out(shaped, context)
            return None
        if self._tally is not None:
            since = self._since
            self._tally.emit(is_changed=None if since is None else shaped["updated_at"] > since)
        return self.personal.row(shaped)

    def _as_it_may_leave(self, record: object) -> object:
        """Return a record that broke its schema without what rows would not have.

        Args:
            record: What the API sent.

        Returns:
            The record after the preset on privacy, without deselected columns, and with
            those that a stream map changes or leaves out as this does. None if nothing of
            it may leave, as it is no object or the stream map fails on it.
        """
        reduced = self.personal.record(record)
        if not isinstance(reduced, dict):
            return reduced if self._is_sent_as_it_is else None
        if self._is_sent_as_it_is:
            return self._shape.without_embedded(reduced)
        columns = {
            name: value
            for name, value in self._shape.columns(reduced).items()
            if self.mask["properties", name]
        }
        try:
            mapped = self.stream_maps[0].transform(columns)
        except Exception:  # noqa: BLE001 - an expression of the user's, on anything
            return None
        return None if mapped is None else self._shape.record(mapped)

    def reject(self, record: object, *, reason: str) -> None:
        """Put a broken record aside.

        Args:
            record: What the API sent.
            reason: Which rule it broke.
        """
        self.rejections.note(reason=reason)
        body = self._as_it_may_leave(record)
        self._tap.rejected_records.keep(self.name, body, reason=reason)

    @cached_property
    def rejections(self) -> Rejections:
        """What of the stream was rejected."""
        return Rejections(is_kept=self._tap.rejected_records.selected)

    def is_in_scope(self, row: Record) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether a row belongs to the run, where the API's filter may not."""
        return True

    def leave_out(self, row: Record, context: Context | None) -> None:
        """Take note that a row does not belong to the run."""

    @property
    def parent_columns(self) -> list[str]:
        """Those of `added_columns` that only a row's parent tells."""
        return [name for name in self.added_columns if name != CURSUS]

    def added_values(self, record: Record, context: Context | None) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return the values of `added_columns`.

        Args:
            record: What the API sent.
            context: The parent's context, or None.
        """
        return {name: (context or {}).get(name) for name in self.added_columns}

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
                time_extracted=self._tap.clock.now(),
            )
        else:
            for message in super()._generate_record_messages(record):
                message.time_extracted = self._tap.clock.now()
                yield message

    @cached_property
    def _is_sent_as_it_is(self) -> bool:
        """Whether all columns are selected and no stream map changes anything."""
        (first, *others) = self.stream_maps
        return type(first) is SameRecordTransform and not others and all(self.mask.values())

    @override
    def log_sync_costs(self) -> None:
        # The SDK calls this once all streams have been read, and not if one failed.
        super().log_sync_costs()
        if self._undeclared:
            self.logger.warning(
                "%s: the API sends fields that no column declares: %s. "
                "They are in the column %s.",
                self.name,
                ", ".join(sorted(self._undeclared)),
                EXTRA,
                extra={"happened": "undeclared_fields", "fields": sorted(self._undeclared)},
            )
        if total := self.rejections.total:
            self.logger.warning(
                "%s: %d records break the schema, most of them thus: %s. %s.",
                self.name,
                total,
                next(iter(self.rejections.reasons)),
                f"They are in the stream {KEEPER}, with the reasons"
                if self._tap.rejected_records.selected
                else f"They are nowhere, as the stream {KEEPER} is not selected",
                extra={
                    "happened": "rejected_records",
                    "rejected": total,
                    "reasons": self.rejections.reasons,
                },
            )
