"""The base class of streams about the tap's own work."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, ClassVar

from singer_sdk import StreamSchema, Tap
from singer_sdk.helpers.types import Context
from typing_extensions import override

from tap_ft42.lists.list_sync import ListSync
from tap_ft42.run.run import Run
from tap_ft42.singer.announced import AnnouncedStream
from tap_ft42.singer.rows import SCHEMAS


class OwnStream(AnnouncedStream):
    """A stream that is emitted after those that read the API."""

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SCHEMAS)

    run: Run
    """The run that it describes."""
    lists: Mapping[str, ListSync]
    """The lists of the run, by name."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self.primary_keys = self.schema["x-primary-key"]

    def attach(self, run: Run, lists: Mapping[str, ListSync]) -> None:
        """Give the stream the run that it describes."""
        self.run, self.lists = run, lists

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        except Exception:
            # What the other streams have read is kept, even if this one fails.
            self.run.write_state()
            raise

    @override
    def _write_state_message(self) -> None:
        """Write the state every few seconds only."""
        self.run.write_state_if_due()
