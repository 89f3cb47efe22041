"""When reference data is read in full again.

Curricula, places, badges and houses hardly ever change, and some of them are slow to
list. So each has an interval for which a full read is good enough. In between, the API
is asked for what changed where it can tell, and for nothing where it cannot.

In the state of the stream (or of a partition of it) stand:

``refreshed_at``
    By the name of each stream that wants the rows, the stream itself or a child of it:
    when the run began that last read all of them for it.
``refreshed_for``
    The scope of these runs; another one calls for another read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_ft42.declared.contexts import parent_of
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.planning.bookmarks import changes_read, is_same_scope
from tap_ft42.planning.priorities import last_served
from tap_ft42.reading.spool import FRESH
from tap_ft42.singer.stream import FT42Stream

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context

    from tap_ft42.planning.bookmarks import Step
    from tap_ft42.planning.sweeps import Member
    from tap_ft42.reading.pipeline import Place
    from tap_ft42.singer.planned import PlannedStream

_HOUR = 3_600_000

_LONGEST_TOLERANCE = 2 * _HOUR
"""How much earlier a read may be due: jobs that run at the same time every day begin
some seconds sooner or later, and each slip would cost a day."""


def is_due(
    state: Mapping[str, Any],
    *,
    now: int,
    hours: float,
    scope: Mapping[str, Any],
    readers: Collection[str],
) -> bool:
    """Tell whether a full read is due.

    Args:
        state: The SDK's state of the stream or partition.
        now: When the run began, in milliseconds since 1970.
        hours: How long a full read is good enough.
        scope: The scope of the run.
        readers: Streams that want the rows.

    Returns:
        Whether the last read for one of them is older than that, within a tolerance.
    """
    if not is_same_scope(state.get("refreshed_for"), scope):
        return True
    reads = state.get("refreshed_at") or {}
    interval = int(hours * _HOUR)
    tolerance = min(interval // 10, _LONGEST_TOLERANCE)
    for reader in readers:
        at = milliseconds(reads.get(reader))
        if at is None or not 0 <= now - at < interval - tolerance:
            return True
    return False


def note_refresh(
    state: dict[str, Any], *, now: int, scope: Mapping[str, Any], readers: Collection[str]
) -> None:
    """Note that a full read came to its end; arguments as in `is_due`."""
    is_same = is_same_scope(state.get("refreshed_for"), scope)
    known = state.get("refreshed_at", {}) if is_same else {}
    state["refreshed_for"] = dict(scope)
    state["refreshed_at"] = known | dict.fromkeys(readers, from_milliseconds(now))


def forget_position(state: dict[str, Any]) -> None:
    """Let a stream with bookmarks be read from scratch, or go on with that."""
    state.pop("replication_key_value", None)
    state.pop("read_until", None)


def forget_partitions(stream_state: dict[str, Any], parents: Container[object]) -> None:
    """Forget the partitions whose parents 42 no longer lists.

    Args:
        stream_state: The SDK's state of a child stream; changed in place.
        parents: Ids of all that are listed.
    """
    if "partitions" in stream_state:
        stream_state["partitions"] = [
            partition
            for partition in stream_state["partitions"]
            if (parent := parent_of(partition["context"])) == 0 or parent in parents
        ]


class ReferenceStream(FT42Stream):
    """A stream of rows that hardly ever change."""

    refresh_hours: ClassVar[int]
    """Hours for which a full read is good enough, unless the settings say otherwise."""

    lists_changes: ClassVar[bool] = False
    """Whether the API tells what changed, although the rows do not show when."""

    _remembered: Sequence[tuple[PlannedStream, Context]] = ()

    @override
    def plan(self, members: Sequence[Member], *, is_urgent: bool = False) -> None:
        super().plan(members, is_urgent=is_urgent)
        for context, place in members:
            if not self._steps_of(context):
                self._remembered = list(self._remembered_children(context))
                places = [(*place, number) for number in range(len(self._remembered))]
                for child in self.wanted_children:
                    child.plan_below(
                        [
                            (child_context, at)
                            for (one, child_context), at in zip(
                                self._remembered, places, strict=True
                            )
                            if one is child
                        ]
                    )

    @override
    def _plan_children(self, records: list[Any], context: Context | None, place: Place) -> None:
        if self._tap.budget.counts_requests:
            turns = _turns(self.wanted_children)
            records.sort(key=lambda record: turns.get(_id_of(record), 0))
        super()._plan_children(records, context, place)

    @override
    def _new_steps(self, context: Context | None) -> list[Step]:
        name, state = self.plan_name(context), self.get_context_state(context)
        if self.needs_all(context):
            if self.replication_key is not None:
                forget_position(state)
            return super()._new_steps(context)
        if self.replication_key is not None:
            return super()._new_steps(context)
        if not self.lists_changes or self.backfill is not None:
            return []
        self._plans[name] = state
        stops = self.spool.follow(name, state, self._tap.times.until, longest_age=FRESH)
        return [changes_read(state, stops[-1], self._tap.times)]

    @override
    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        listed: set[object] = set()
        # What goes on where an earlier run ended does not list what that had listed.
        is_whole = "from_scratch" not in self.get_context_state(context)
        self._is_read_to_end = False
        for record in super().request_records(context):
            if isinstance(record, dict):
                listed.add(record.get("id"))
            yield record
        if not self._steps_of(context):
            for child, child_context in self._remembered:
                child.sync(child_context)
        elif self._is_read_to_end and self.needs_all(context):
            note_refresh(self.get_context_state(context), **self._refresh(context))
            for child in self.wanted_children if is_whole else ():
                forget_partitions(child.stream_state, listed)

    @override
    def needs_all(self, context: Context | None) -> bool:
        if self._tap.is_dry_run or self.emit_activate_version_messages:
            return True  # what a run does not emit after such a message is deleted
        if self.backfill is not None:
            return self._is_parent_to_be_read(context)
        state = self.get_context_state(context)
        return is_due(state, hours=self.interval, **self._refresh(context))

    def _is_parent_to_be_read(self, context: Context | None) -> bool:
        """Tell whether a backfill does not yet know what there is to read below the rows."""
        known = self.get_context_state(context).get("refreshed_at") or {}
        return any(child.name not in known for child in self.wanted_children)

    @property
    def interval(self) -> float:
        """Hours for which a full read is good enough."""
        hours: dict[str, float] = self.config.get("refresh_hours") or {}
        return hours.get(self.name, self.refresh_hours)

    @property
    @override
    def refresh_nights(self) -> int:
        return 0  # they are read in full now and then

    def _refresh(self, context: Context | None) -> dict[str, Any]:
        readers = [child.name for child in self.wanted_children]
        return {
            "now": self._tap.began,
            "scope": self.scope_of(context),
            "readers": [*readers, self.name] if self.selected else readers,
        }

    def _remembered_children(
        self, context: Context | None
    ) -> Iterator[tuple[PlannedStream, Context]]:
        """Yield what is read below the rows of the last full read, as far as in scope."""
        for child in self.wanted_children:
            turns = _turns([child])
            for parent_id in sorted(turns, key=turns.__getitem__):
                for child_context in self.generate_child_contexts({"id": parent_id}, context):
                    if child_context is not None:
                        yield child, child_context


def _id_of(record: object) -> object:
    return record.get("id") if isinstance(record, dict) else None


def _turns(children: Iterable[PlannedStream]) -> dict[object, int]:
    """Return by the ids of parents when the part below them was served that waits longest."""
    turns: dict[object, int] = {}
    for child in children:
        for whole in child.lists:
            for partition in child.states_within(whole):
                parent, turn = parent_of(partition["context"]), last_served(partition)
                turns[parent] = min(turn, turns.get(parent, turn))
    return turns
