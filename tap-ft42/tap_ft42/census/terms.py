"""What a census is told: the list that it counts, and by what the run lets it go."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from sys import maxsize
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_ft42.api.budget import Budget
    from tap_ft42.api.quota import Quota
    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.declared.privacy import PersonalData
    from tap_ft42.planning.scope import Scope
    from tap_ft42.planning.steps import Times
    from tap_ft42.reading.places import Place
    from tap_ft42.reading.reader import ListReader

_SHARE = 4
"""Which part of the hour's requests may have been sent before counts end, unless the
settings say otherwise: others need the rest."""


@dataclass
class Departures:
    """How many people are known, and how many of them a run has found to be gone."""

    people: int = 0
    gone: int = 0


@dataclass(frozen=True, kw_only=True)
class CensusTerms:
    """By what the censuses of a run go."""

    settings: Mapping[str, Any]
    """The settings of the tap."""
    began: int
    """When the run began, in milliseconds since 1970."""
    now: Callable[[], float]
    """Tells the Unix time."""
    times: Times
    """The instants between which it reads."""
    scope: Scope
    """Which part of the network it reads."""
    quota: Quota
    """The application's limits."""
    budget: Budget
    """What the run may spend."""
    is_wanted: Callable[[], bool]
    """Whether anybody wants to know which rows exist."""
    is_whole: Callable[[], bool]
    """Whether the run reads what is due, and neither tries out nor fills up the past."""
    ends_early: Callable[[], bool]
    """Whether the run ends before all is read."""
    next_place: Callable[[], Place]
    """Gives away places in the order of the run."""
    write_state: Callable[[], None]
    """Writes the state down now and then."""
    departures: Departures = field(default_factory=Departures)
    """Who has gone, as far as the run has found out."""

    @property
    def left(self) -> int:
        """Requests that are left for counts in this hour."""
        spent = self.quota.spent if self.quota.per_hour else self.budget.spent
        wanted: int | None = self.settings.get("census_requests")
        return max((wanted or self.quota.per_hour // _SHARE or maxsize) - spent, 0)

    def end(self, share: float) -> int:
        """Return how many requests the run may have spent when a list has had its share."""
        return self.budget.spent + ceil(self.left * share)


class Output(Protocol):
    """Takes the rows that a census meets."""

    @property
    def selected(self) -> bool:
        """Whether they are wanted."""

    @property
    def personal(self) -> PersonalData:
        """What of them is about people, and what of that may leave the tap."""

    def emit(self, record: Any, context: Context | None, *, is_known: bool) -> None:  # noqa: ANN401 - what the API sent
        """Emit a record that is read outside of its stream's own turn.

        Args:
            record: What the API sent.
            context: The context of its partition, or None.
            is_known: Whether it is only looked at, as the target has it.
        """


class CountedList(Protocol):
    """A list in a run, as its census knows it; see `tap_ft42.run.partitions`."""

    listing: Listing

    @property
    def reader(self) -> ListReader:
        """What reads it."""

    @property
    def output(self) -> Output:
        """Where its rows go."""

    @property
    def logger(self) -> logging.Logger:
        """The stream's logger."""

    @property
    def has_wrong_totals(self) -> bool:
        """Whether the API was seen to count other rows of it than it shows."""

    @property
    def is_one_list(self) -> bool:
        """Whether all rows are read by the same parameters, but for parent and cursus."""

    @property
    def whole_path(self) -> str | None:
        """The route that lists the rows of all parents."""

    def state(self, context: Context | None) -> dict[str, Any]:
        """Return the state of a partition."""

    def states_within(self, whole: Context | None) -> list[dict[str, Any]]:
        """Return the states of a list's partitions."""

    def name_of(self, context: Context | None) -> str:
        """Return what a partition is called."""

    def scope_of(self, context: Context | None) -> dict[str, Any]:
        """Return what a list is narrowed to."""

    def query(self, context: Context | None) -> dict[str, Any]:
        """Return the parameters that select a list's rows."""

    def contexts_of(
        self, records: Sequence[Mapping[str, Any]], contexts: Sequence[Context | None]
    ) -> Mapping[int, Context | None]:
        """Find out which parents rows belong to."""

    def read_apart(
        self,
        queries: Sequence[Mapping[str, Any]],
        name: str,
        context: Context | None = None,
        *,
        is_proof: bool = False,
    ) -> Iterator[Any]:
        """Read records that no partition asks for."""


def is_counted(counted: CountedList, terms: CensusTerms) -> bool:
    """Tell whether a census tells which of a list's rows exist."""
    return counted.output.selected and terms.is_wanted() and terms.is_whole()
