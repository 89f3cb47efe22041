"""What the life of a run needs to know: of the run, and of the program that it is a run of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tap_ft42.api.clock import Clock
    from tap_ft42.api.ledger import Ledger
    from tap_ft42.api.quota import Quota
    from tap_ft42.api.token import BearerToken
    from tap_ft42.planning.backfill import Backfill
    from tap_ft42.planning.scope import Scope
    from tap_ft42.planning.steps import Times


class LivingRun(Protocol):
    """The services of a run, as far as its life needs them; see `tap_ft42.run.run`."""

    @property
    def began(self) -> int:
        """When it began, in milliseconds since 1970."""

    def begin(self) -> None:
        """Ask for a token, whose answer tells what time it is."""

    @property
    def clock(self) -> Clock:
        """What time it is at 42."""

    @property
    def ledger(self) -> Ledger:
        """What it asks for."""

    @property
    def quota(self) -> Quota:
        """The application's limits."""

    @property
    def token(self) -> BearerToken:
        """The access token."""

    @property
    def scope(self) -> Scope:
        """Which part of the network it reads."""

    @property
    def times(self) -> Times:
        """The instants between which it reads."""

    @property
    def backfill(self) -> Backfill | None:
        """The window of the past that it reads."""

    def write_state(self, *, at_most_every: float = 0) -> None:
        """Write the state down."""


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
