"""What a run needs of its host: the tap, and the streams of the tap."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from tap_ft42.declared.contexts import Context
from tap_ft42.declared.privacy import PersonalData


class Host(Protocol):
    """The program to which a run belongs: the tap."""

    has_state: bool
    """Whether it was given a state, which proves what earlier runs have covered."""

    @property
    def initialized_at(self) -> int:
        """When the tap began, by this machine's clock, in milliseconds since 1970."""

    @property
    def selected(self) -> list[str]:
        """The names of the selected streams that read the API."""

    @property
    def is_dry_run(self) -> bool:
        """Whether each list is only tried out, with one request."""

    @property
    def is_census_wanted(self) -> bool:
        """Whether the stream ``census`` is selected."""

    def write_state(self) -> None:
        """Write a STATE message."""

    def write_ledger(self) -> None:
        """Write what the run asked for, as it cannot go on."""

    @property
    def stream_states(self) -> dict[str, Any]:
        """The object that holds the states of streams, below ``bookmarks``."""

    def with_children(self, names: Collection[str]) -> list[str]:
        """Return the streams among some names, with their child streams."""

    def missing_ids(self) -> Iterator[tuple[str, str]]:
        """Yield each setting that names an id unknown to 42, and what is wrong with it."""

    def states_with_bookmarks(self) -> Iterator[dict[str, Any]]:
        """Yield the states of all partitions of selected streams that have bookmarks."""


class Output(Protocol):
    """The stream that emits the rows of a list."""

    @property
    def selected(self) -> bool:
        """Whether the rows are wanted."""

    @property
    def personal(self) -> PersonalData:
        """Which of their data is about people, and which of that may leave the tap."""

    @property
    def has_selected_descendents(self) -> bool:
        """Whether a stream below this one is selected."""

    @property
    def is_rejected_kept(self) -> bool:
        """Whether rejected records go to a stream of their own."""

    @property
    def emit_activate_version_messages(self) -> bool:
        """Whether the target deletes rows that the run does not emit."""

    @property
    def stream_state(self) -> dict[str, Any]:
        """The state of the stream, which may be changed."""

    def get_context_state(self, context: Context | None) -> dict[str, Any]:
        """Return the state of a partition, which may be changed."""

    def partition_context(self, context: Context | None) -> Context | None:
        """Return the keys that name a partition in the state; None if it is the only one."""

    @property
    def references(self) -> Mapping[str, str]:
        """By column: the stream whose rows it names."""

    def row(self, record: object, context: Context | None) -> dict[str, Any]:
        """Return the row of a record, or raise a `BrokenRecordError`."""

    def reject(self, record: object, reason: str) -> None:
        """Put a broken record aside."""

    def take(self, record: object, context: Context | None) -> bool:
        """Emit the row of a record that came within another record.

        Return whether the record fits the schema.
        """

    def emit(self, record: Any, context: Context | None) -> None:  # noqa: ANN401 - what the API sent
        """Emit a record that is read outside of the stream's own turn."""
