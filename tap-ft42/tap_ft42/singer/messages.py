"""How Singer messages leave the tap."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers._state import StateWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.helpers.types import TapState
    from singer_sdk.singerlib import Message


class BufferedWriter(MsgSpecWriter):
    """Writes records in blocks, without a system call for each."""

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.buffer.flush()


class NoStateWriter(StateWriter):
    """Writes none of the SDK's own STATE messages, as the run decides when to write one.

    For example, the SDK repeats at the beginning the state that it was given, and a target
    would store it again.
    """

    @override
    def write_state(self, state: TapState) -> None:
        """Do nothing."""
