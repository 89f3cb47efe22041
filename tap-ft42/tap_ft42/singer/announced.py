"""When a stream tells a target its columns: if it has a row, or if the columns are others.

A loader prepares a table at each SCHEMA message, and in most runs most streams have no row. So
the state of a stream holds, under ``announced``, a hash of what it told last.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

import msgspec
from singer_sdk import Stream
from singer_sdk.helpers._batch import BaseBatchFileEncoding
from singer_sdk.helpers.types import Record
from typing_extensions import override

_KEY = "announced"


class AnnouncedStream(Stream):
    """A stream that writes its SCHEMA message once a run at most."""

    _is_announced = False

    def announce(self) -> None:
        """Tell the columns, unless this run has told them."""
        if not self._is_announced:
            self._is_announced = True
            super()._write_schema_message()
            self.stream_state[_KEY] = self._columns

    @cached_property
    def _columns(self) -> str:
        messages = [message.to_dict() for message in self._generate_schema_messages()]
        return hashlib.sha256(msgspec.json.encode(messages)).hexdigest()[:16]

    @override
    def _write_schema_message(self) -> None:
        # The SDK asks for it at the beginning, and of a child once more for each parent.
        if self.stream_state.get(_KEY) != self._columns:
            self.announce()

    @override
    def _write_record_message(self, record: Record) -> None:
        self.announce()
        super()._write_record_message(record)

    @override
    def _write_batch_message(
        self, encoding: BaseBatchFileEncoding, manifest: list[str]
    ) -> None:
        self.announce()
        super()._write_batch_message(encoding, manifest)

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        self.announce()
        super()._write_activate_version_message(full_table_version)
