"""What a run needs to know of the program that it is a run of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


class Host(Protocol):
    """The program that a run is a run of."""

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
