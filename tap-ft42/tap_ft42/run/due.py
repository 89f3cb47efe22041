"""What of a list a run has to read: all of it, what changed, or nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.planning.bookmarks import note_scope
from tap_ft42.planning.nights import is_due
from tap_ft42.planning.plan import Partition
from tap_ft42.planning.priorities import need
from tap_ft42.planning.refresh import forget_position
from tap_ft42.run.refreshing import Refreshing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_ft42.declared.contexts import Context
    from tap_ft42.reading.places import Place
    from tap_ft42.run.partitions import Partitions
    from tap_ft42.run.traits.trait import Trait

_NIGHT = "night"
"""Key in the state of a partition that is read once a night: when the last one began."""


class Due:
    """What is due of each partition of a list."""

    def __init__(
        self, partitions: Partitions, is_short: Callable[[Context | None], bool]
    ) -> None:
        self.partitions = partitions
        self.refreshing = Refreshing(partitions) if partitions.listing.is_reference else None
        """Its full reads, if it hardly ever changes."""
        self._is_short = is_short

    def need(self, now: int) -> int:
        """Tell how urgently the list, or one below it, has to be read; as `priorities.need`."""
        family = [self.partitions, *self.partitions.wanted_children]
        lists = (
            (
                one.output.stream_state,
                [state for whole in one.lists for state in one.states_within(whole)],
                one.listing.weight,
            )
            for one in family
        )
        return need(lists, now)

    def needs_all(self, context: Context | None) -> bool:
        """Tell whether the run reads all of a partition that has no bookmark, or loses it."""
        if self.refreshing is not None:
            return self.refreshing.is_due(context)
        is_live = self.partitions.run.backfill is None
        return is_live or bool(self.partitions.wanted_children)

    def partition(
        self,
        context: Context | None,
        state: dict[str, Any],
        place: Place = (),
        traits: Iterable[Trait] = (),
    ) -> Partition:
        """Tell what is due of a partition, and forget what of its state no longer counts."""
        listing, backfill = self.partitions.listing, self.partitions.run.backfill
        if listing.cursor is not None or listing.by_cursus:
            note_scope(state, self.partitions.bookmark_scope(context))
        if listing.cursor is not None and backfill is not None:
            backfill.begin(listing.cursor, state)
        for trait in traits:
            trait.take_up(context, state)
        is_full = self.needs_all(context)
        if is_full and listing.is_reference and listing.cursor is not None:
            forget_position(state)
        return Partition(
            context,
            state,
            self.partitions.name_of(context),
            is_full=is_full,
            is_due=not listing.is_nightly or self._is_due_tonight(state),
            is_short=self._is_short(context),
            place=place,
        )

    def _is_due_tonight(self, state: Mapping[str, Any]) -> bool:
        run = self.partitions.run
        is_loaded = "read_until" in state and "from_scratch" not in state
        if run.backfill is not None or not is_loaded:
            return True
        return is_due(milliseconds(state.get(_NIGHT)), run.began, run.settings["census_hour"])

    def note_night(self, context: Context | None) -> None:
        """Take note that a partition that is read once a night has been read."""
        if self.partitions.listing.is_nightly:
            state = self.partitions.state(context)
            state[_NIGHT] = from_milliseconds(self.partitions.run.began)
