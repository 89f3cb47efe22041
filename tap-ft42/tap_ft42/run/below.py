"""What hangs on the rows of a list: on those of a page, and on those that no page shows."""

from __future__ import annotations

from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from tap_ft42.declared.listing import ID
from tap_ft42.run.lifecycle import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_ft42.declared.contexts import Context
    from tap_ft42.reading.places import Place
    from tap_ft42.run.hidden import HiddenParents
    from tap_ft42.run.partitions import Partitions
    from tap_ft42.run.refreshing import Refreshing
    from tap_ft42.run.started import Member

_BEHIND = 1_000_000
"""Where what hangs on rows stands that no page of a list shows."""


class Related(Protocol):
    """A list of a run, above others or below one; see `tap_ft42.run.lists`."""

    @property
    def partitions(self) -> Partitions:
        """Its parts."""

    @property
    def wanted_children(self) -> Sequence[Related]:
        """The lists that are read for each row of this one."""

    @property
    def refreshing(self) -> Refreshing | None:
        """Its full reads, if it hardly ever changes."""

    @property
    def place(self) -> Place | None:
        """Its place in the order of the run, if it is planned as a whole."""

    @property
    def has_listed_all(self) -> bool:
        """Whether the run has read all of its rows from their beginning."""

    @property
    def has_failed_throughout(self) -> bool:
        """Whether all that was asked of it has failed."""

    @property
    def hidden_parents(self) -> HiddenParents | None:
        """Its parents that 42 does not list, where it may have some."""

    def tell_children(self, record: Mapping[str, Any]) -> None:
        """Tell the lists below of a record."""

    def plan_below(self, parents: Sequence[Member]) -> None:
        """Let the pipeline read what hangs on parents."""


class Below:
    """The lists below another one."""

    def __init__(self, above: Related) -> None:
        """Plan nothing yet.

        Args:
            above: The list on whose rows they hang.
        """
        self._above = above
        self._remembered: list[tuple[Related, Context]] = []

    def plan(self, records: list[Any], place: Place) -> None:
        """Let the pipeline read what a page of a parent's records leads to.

        Args:
            records: The records, which may be sorted by whose turn it is.
            place: The place of the page.
        """
        above, children = self._above, self._above.wanted_children
        if not children:
            return
        if above.refreshing is not None and above.partitions.run.budget.counts_requests:
            above.refreshing.sort_by_turn(records)
        contexts: list[Member] = []
        for position, record in enumerate(records):
            if isinstance(record, dict) and ID in record:
                above.tell_children(record)
                below = above.partitions.contexts_below(record)
                contexts += [(context, (*place, position)) for context in below]
        for number, child in enumerate(children):
            child.plan_below([(context, (*at, number)) for context, at in contexts])

    def plan_remembered(self, refreshing: Refreshing, place: Place) -> None:
        """Plan what is read below rows that are not read themselves.

        Args:
            refreshing: What the last full read has found.
            place: The place of the partition.
        """
        children = self._above.wanted_children
        by_partitions = {child.partitions: child for child in children}
        self._remembered = [
            (by_partitions[below], context) for below, context in refreshing.remembered()
        ]
        for child in children:
            child.plan_below(
                [
                    (context, (*place, number))
                    for number, (one, context) in enumerate(self._remembered)
                    if one is child
                ]
            )

    def not_read_here(self, *, is_due: bool) -> Iterator[tuple[Related, Context]]:
        """Yield what is read below rows that the run has not read itself.

        Args:
            is_due: Whether the run has read all rows.

        Yields:
            What hangs on the rows of the last full read, if none is due now; and on those that
            42 does not list.

        Raises:
            RunEnds: The run has to end.
        """
        known = () if is_due else self._remembered
        yield from known
        children = self._above.wanted_children
        for child in () if self._above.partitions.run.is_dry_run else children:
            if child.hidden_parents is not None:
                planned = [below for one, below in known if one is child]
                for below in self._hidden_above(child, child.hidden_parents, planned):
                    yield child, below

    def _hidden_above(
        self, child: Related, hidden: HiddenParents, planned: list[Context]
    ) -> Iterator[Context]:
        """Yield the parents that 42 does not list, but for those whose rows are planned."""
        run = self._above.partitions.run
        yield from self._planned(child, hidden.contexts, planned)
        is_due = self._above.has_listed_all or hidden.are_never_sought
        # Where all that was asked of it has failed, the next run looks.
        if run.lifecycle.ends_early or child.has_failed_throughout:
            return
        if run.scope.campus_ids or not is_due:
            return
        try:
            hidden.seek()
        except ALONE as failure:
            if not run.lifecycle.fails_alone(child.partitions.listing.name, failure):
                raise
        for part, refusal in hidden.refusals.items():
            run.lifecycle.fails_alone(child.partitions.listing.name, refusal, part)
        yield from self._planned(child, hidden.contexts, planned)

    def _planned(
        self, child: Related, parents: Sequence[Context], planned: list[Context]
    ) -> Sequence[Context]:
        """Let the pipeline read what hangs on parents that no page has named.

        Args:
            child: What hangs on them.
            parents: Their contexts.
            planned: Those of whom it does so; changed in place.

        Returns:
            The others.
        """
        others = [context for context in parents if context not in planned]
        planned += others
        child.plan_below(list(zip(others, self._places, strict=False)))
        return others

    @cached_property
    def _places(self) -> Iterator[Place]:
        """The places behind all that the list itself leads to, and before the next list."""
        place = self._above.place or self._above.partitions.run.next_place()
        return ((*place, _BEHIND, number) for number in count())
