"""What a census gets from its run: the list that it counts, and the run's terms."""

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
"""Counts end once this part of the hour's requests, a quarter, has been sent, unless the
settings say otherwise. Others need the rest."""

_OWN_SHARE = 8
"""Counts may send this part of the hour, an eighth, whatever was sent before: where a whole
network is read by nights only, each of them needs more than a quarter to read what changed."""


@dataclass
class Departures:
    """How many people are known, and how many of them a run has found to be gone."""

    people: int = 0
    gone: int = 0


@dataclass(kw_only=True)
class CensusTerms:
    """What the censuses of a run need from it."""

    settings: Mapping[str, Any]
    """The settings of the tap."""
    began: int
    """When the run began, in milliseconds since 1970."""
    now: Callable[[], float]
    """Returns the Unix time."""
    times: Times
    """The instants between which the run reads."""
    scope: Scope
    """Which part of the network the run reads."""
    quota: Quota
    """The application's limits."""
    budget: Budget
    """What the run may spend."""
    is_wanted: Callable[[], bool]
    """Whether anybody wants to know which rows exist."""
    is_whole: Callable[[], bool]
    """Whether the run is neither a dry run nor a backfill."""
    ends_early: Callable[[], bool]
    """Whether the run ends before all rows are read."""
    next_place: Callable[[], Place]
    """Returns the next place in the order of the run."""
    write_state: Callable[[], None]
    """Writes the state now and then."""
    departures: Departures = field(default_factory=Departures)
    """The people whom the run has found to be gone so far."""

    spent_before: int | None = None
    """What the run had spent when it began to count; None until then."""

    def begin(self) -> None:
        """Take note that the run begins to count."""
        self.spent_before = self.budget.spent

    @property
    def left(self) -> int:
        """Requests that are left for counts in this hour."""
        per_hour, of_run = self.quota.per_hour, self.budget.spent
        spent = self.quota.spent if per_hour else of_run
        wanted: int | None = self.settings.get("census_requests")
        if wanted or not per_hour:
            return max((wanted or maxsize) - spent, 0)
        on_counts = 0 if self.spent_before is None else of_run - self.spent_before
        # No run waits for the next hour because of counts.
        own = min(per_hour // _OWN_SHARE - on_counts, self.quota.usable - spent)
        return max(per_hour // _SHARE - spent, own, 0)

    def end(self, share: float) -> int:
        """Return how many requests the run may have spent when a list has used its share."""
        return self.budget.spent + ceil(self.left * share)


class Output(Protocol):
    """Takes the rows that a census reads."""

    @property
    def selected(self) -> bool:
        """Whether the rows are wanted."""

    @property
    def personal(self) -> PersonalData:
        """Which of their data is about people, and which of that may leave the tap."""

    def emit(self, record: Any, context: Context | None, *, is_known: bool) -> None:  # noqa: ANN401 - what the API sent
        """Emit a record that is read outside of its stream's own turn.

        Args:
            record: What the API sent.
            context: The context of its partition, or None.
            is_known: Whether the target has the record, so that it is only looked at.
        """


class CountedList(Protocol):
    """A list in a run, as its census sees it; see `tap_ft42.run.partitions`."""

    listing: Listing

    @property
    def reader(self) -> ListReader:
        """Reads the list."""

    @property
    def output(self) -> Output:
        """Where its rows go."""

    @property
    def logger(self) -> logging.Logger:
        """The stream's logger."""

    @property
    def has_wrong_totals(self) -> bool:
        """Whether the API was seen to count other rows than it shows."""

    @property
    def is_one_list(self) -> bool:
        """Whether the same parameters read all rows, except for parent and cursus."""

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
    """Tell whether a census counts the rows of a list."""
    return counted.output.selected and terms.is_wanted() and terms.is_whole()
