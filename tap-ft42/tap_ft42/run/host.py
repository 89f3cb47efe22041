"""What a run needs of the program that it is a run of: the tap and its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tap_ft42.census.terms import Output as CountedOutput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tap_ft42.declared.contexts import Context


class Host(Protocol):
    """The program that a run is a run of."""

    has_state: bool
    """Whether it was handed a state, so that the next run will tell what has been covered."""

    @property
    def initialized_at(self) -> int:
        """When it began by this machine's clock, in milliseconds since 1970."""

    @property
    def selected(self) -> list[str]:
        """The names of the streams that read the API and whose rows are wanted."""

    @property
    def is_dry_run(self) -> bool:
        """Whether the lists are only tried out, with a request each."""

    @property
    def is_census_wanted(self) -> bool:
        """Whether somebody wants to know which rows exist."""

    def write_state(self) -> None:
        """Write the state down."""

    def write_ledger(self) -> None:
        """Write down what the run asked for, as it cannot go on."""

    @property
    def stream_states(self) -> dict[str, Any]:
        """What holds the states of the streams that read the API, below ``bookmarks``."""

    def with_those_below(self, names: Collection[str]) -> list[str]:
        """Return those of some names that are streams, with the streams read below them."""

    def unlisted(self) -> Iterator[tuple[str, str]]:
        """Yield the settings that name what 42 does not list, and what is wrong with each."""

    def states_with_bookmarks(self) -> Iterator[dict[str, Any]]:
        """Yield the states of the partitions of wanted streams that have bookmarks."""


class Output(CountedOutput, Protocol):
    """The stream that a list becomes."""

    @property
    def has_selected_descendents(self) -> bool:
        """Whether rows of a list below it are wanted."""

    @property
    def is_rejected_kept(self) -> bool:
        """Whether what breaks its schema goes to a stream of its own."""

    @property
    def emit_activate_version_messages(self) -> bool:
        """Whether a target deletes what a run does not emit."""

    @property
    def stream_state(self) -> dict[str, Any]:
        """The state of the stream, which may be changed."""

    def get_context_state(self, context: Context | None) -> dict[str, Any]:
        """Return the state of a partition, which may be changed."""

    def partition_context(self, context: Context | None) -> Context | None:
        """Return what names a partition in the state; None if it is the only one."""

    def row(self, record: object, context: Context | None) -> dict[str, Any]:
        """Return what the stream makes of a record, or raise a `BrokenRecordError`."""

    def reject(self, record: object, reason: str) -> None:
        """Put a broken record aside."""

    def take(self, record: object, context: Context | None) -> bool:
        """Emit a row that came within one of another list, and tell whether it is whole."""
