"""How Singer messages leave the tap."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message

STATE_INTERVAL = 5.0
"""Seconds between two STATE messages of a run that goes on."""


class BufferedWriter(MsgSpecWriter):
    """Writes records in blocks, as a system call for each takes a fifth of a run."""

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.buffer.flush()
