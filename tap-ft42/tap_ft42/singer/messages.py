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
    """Writes records in blocks, as a system call for each takes a fifth of a run."""

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.buffer.flush()


class NoStateWriter(StateWriter):
    """Writes none of the SDK's own states: the run knows when one is worth a message.

    The SDK repeats at the beginning what it was given, which a target then stores anew.
    """

    @override
    def write_state(self, state: TapState) -> None:
        """Do nothing."""
