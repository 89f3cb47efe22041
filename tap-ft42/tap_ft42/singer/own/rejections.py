"""The stream that keeps rejected records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from singer_sdk.helpers.types import Context
from typing_extensions import override

from tap_ft42.declared.instants import write_instant
from tap_ft42.lists.rejections import REJECTED_RECORDS
from tap_ft42.singer.own.stream import OwnStream


class RejectedRecordsStream(OwnStream):
    """Records that broke their schema, with the reason.

    Other streams hand over such a record at once, so that it is on its way to the target
    before a bookmark passes it.
    """

    name = REJECTED_RECORDS

    def keep(self, stream: str, record: object, reason: str) -> None:
        """Emit a broken record.

        Args:
            stream: The stream for which it was read.
            record: The part that may leave the tap, of any JSON type; None for nothing.
            reason: The rule that it broke.
        """
        if not self.selected:
            return
        record_id = record.get("id") if isinstance(record, dict) else None
        identity = [stream, record] if record is not None else [stream, reason]
        body = msgspec.json.encode(identity, order="sorted")
        self._write_record_message(
            {
                "rejection_id": hashlib.sha256(body).hexdigest(),
                "stream": stream,
                "record_id": None if record_id is None else str(record_id),
                "reason": reason,
                "body": record if isinstance(record, dict) else {"record": record},
                "rejected_at": write_instant(self.run.clock.now()),
            }
        )

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        """Return nothing: the records were emitted as soon as they were found."""
        return ()
