"""How Singer messages leave the tap."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.helpers._state import StateWriter
from singer_sdk.helpers.types import TapState
from singer_sdk.singerlib import Message, RecordMessage
from typing_extensions import override


class BufferedWriter(MsgSpecWriter):
    """Writes records in blocks: a system call for each record takes a fifth of a run."""

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.buffer.flush()

    def write_record(
        self,
        stream: str,
        record: Mapping[str, Any],
        *,
        version: int | None,
        extracted_at: datetime,
    ) -> None:
        """Write a record without making the message that `write_message` needs."""
        message: dict[str, Any] = {"type": "RECORD", "stream": stream, "record": record}
        if version is not None:
            message["version"] = version
        message["time_extracted"] = extracted_at
        sys.stdout.buffer.write(serialize_jsonl(message))


class NoStateWriter(StateWriter):
    """Writes none of the SDK's own STATE messages, as the run decides when to write one.

    For example, the SDK repeats at the beginning the state that it was given, and a target
    would store it again.
    """

    @override
    def write_state(self, state: TapState) -> None:
        """Do nothing."""
