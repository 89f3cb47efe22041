"""How far a stream has been read, and what a run reads next.

The state of a stream, or of a partition of it, is the SDK's:
``replication_key_value`` is the greatest ``updated_at`` up to which nothing is
missing. Beside it stand:

``read_until``
    Upper bound of the last window that was read to its end.
``scope``
    What the reads were narrowed to. A bookmark says nothing about what lies
    outside, so with a wider scope the stream is read from scratch.
``from_scratch``
    While a stream is read for the first time: ``next_id``, below which all ids
    have been read; ``until``, up to which all changes will be in; and ``latest``,
    the greatest ``updated_at`` so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.declared.contexts import CURSUS
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.reading.reads import read_from_scratch, read_list, read_window
from tap_ft42.reading.regions import MAX_ID, Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.reading.reads import Ask, Part

_DAY = 24 * 3_600_000
"""Milliseconds by which the clock that stamps rows may differ from that of this machine."""

_BEGINNING = 0
"""Lower bound of a window that has none: 1970, older than 42 itself."""


@dataclass(frozen=True, slots=True)
class Times:
    """The instants between which a run reads, in milliseconds since 1970."""

    until: int
    """Upper bound of its windows. It lies a settle time in the past, where rows have
    stopped arriving: one that 42 stamps now and commits a moment later is left to
    the next run."""
    overlap: int
    """How far before its bookmark a window begins, because the clocks that stamp
    rows are not one clock. Rows in the overlap are read twice; the target upserts
    them by primary key."""
    not_before: int | None
    """The setting ``start_date``: nothing older is read."""
    is_past: bool = False
    """Whether nothing can arrive before the upper bound, so that it is read but once."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who shares what: a sweep's members their reads, batches of users a bookmark."""

    states: Sequence[dict[str, Any]]
    """The SDK's states that the reads move, several in a sweep; changed in place."""
    readers: int = 1
    """How often the same is read, with different parameters, to move them once."""
    accepts: Callable[[Page], bool] | None = None
    """Whether a sweep costs less than to ask for its members, judged by its first page."""


class Step:
    """A read that brings a stream nearer to the present."""

    since: str | None = None
    """Rows that changed later are new to the target; all of them if it is empty, and
    None where that cannot be told."""

    begins: int | None = None
    """Lower bound of its window, if it has one."""

    def __init__(
        self,
        read: Callable[[Ask], AsyncIterator[Part]],
        states: Sequence[dict[str, Any]],
        until: int,
        readers: int = 1,
    ) -> None:
        """Describe the read.

        Args:
            read: Reads it, given a way to ask for pages.
            states: The SDK's state of the stream or partition, in a sweep those of all
                members; changed in place.
            until: Instant up to which all changes will be in.
            readers: Reads that share the state.
        """
        self.read = read
        self.until = until
        self._states = states
        self._is_shared = readers > 1
        self._readers = readers

    def advance(self, part: Part) -> None:
        """Account for a part whose records have been emitted."""

    def complete(self) -> None:
        """Account for the end of the read."""
        self._readers -= 1
        if not self._readers:
            self._finish()

    def _finish(self) -> None:
        until = from_milliseconds(self.until)
        for state in self._states:
            state["read_until"] = max(until, state.get("read_until") or "")


class _Window(Step):
    """A window of ``updated_at``: the bookmark moves with the rows."""

    latest: int | None = None
    """Greatest ``updated_at`` so far."""

    @override
    def advance(self, part: Part) -> None:
        if part.page is not None and part.page.instants:
            self.latest = max(*part.page.instants, self.latest or _BEGINNING)
        if part.reached is not None and not self._is_shared:
            self._reached(part.reached)

    def _reached(self, key: int) -> None:
        self._move(key)

    @override
    def _finish(self) -> None:
        super()._finish()
        self._move(self.until)

    def _move(self, reached: int) -> None:
        """Move the bookmark forward, to an instant that a row has."""
        if self.latest is None:
            return
        bookmark = from_milliseconds(min(self.latest, reached))
        for state in self._states:
            state["replication_key"] = "updated_at"
            state["replication_key_value"] = max(
                bookmark, state.get("replication_key_value") or ""
            )


class _FromScratch(_Window):
    """A first load: ids are ticked off, and there is no bookmark until its end."""

    since: str | None = ""

    @override
    def _reached(self, key: int) -> None:
        for state in self._states:
            state["from_scratch"] = {
                "next_id": key,
                "until": from_milliseconds(self.until),
                "latest": self.latest and from_milliseconds(self.latest),
            }

    @override
    def _finish(self) -> None:
        for state in self._states:
            state.pop("from_scratch", None)
        super()._finish()


class _FullRead(_FromScratch):
    """A load that knows no bookmark: it begins anew once it has come to its end."""

    since = None

    @override
    def _move(self, reached: int) -> None:
        pass


def full_read(
    state: dict[str, Any], until: int, *, is_sortable: bool, has_ranges: bool
) -> Step:
    """Tell how a stream without a replication key is read.

    Args:
        state: The SDK's state of the stream or partition; changed in place.
        until: Instant up to which all changes will be in.
        is_sortable: Whether the API sorts its list.
        has_ranges: Whether the API narrows its list by ranges.

    Returns:
        The one read that it takes.
    """
    if not has_ranges:
        return Step(partial(read_list, is_sortable=is_sortable), [state], until)
    region = _what_is_left(state)
    read = partial(read_from_scratch, region=region, is_sortable=is_sortable)
    return _FullRead(read, [state], until)


def changes_read(state: dict[str, Any], until: int, times: Times) -> Step:
    """Tell how the changes of a stream are read whose rows do not show ``updated_at``.

    Args:
        state: The SDK's state of the stream or partition; changed in place.
        until: Instant up to which all changes will be in.
        times: The instants of the run.

    Returns:
        The one read that it takes.
    """
    read_until = milliseconds(state.get("read_until")) or _BEGINNING
    lower = max(_BEGINNING, min(read_until, until) - _DAY - times.overlap)
    # Without instants there are no borders of pages to prove.
    region = Region({"updated_at": (lower, until)})
    step = Step(partial(read_window, region=region, is_sortable=False), [state], until)
    step.begins = lower
    return step


def incremental_reads(
    state: dict[str, Any],
    stops: Sequence[int],
    times: Times,
    *,
    is_sortable: bool,
    sharing: Sharing | None = None,
) -> Iterator[Step]:
    """Tell what brings a stream with bookmarks up to date.

    Args:
        state: The SDK's state of the stream or partition; changed in place. Of a sweep
            it is the one that `tap_ft42.planning.sweeps.together` says.
        stops: Instants up to which it is read, one after the other.
        times: The instants of the run.
        is_sortable: Whether the API sorts its list.
        sharing: Which states the reads move and how many reads do, if not one and one.

    Yields:
        The reads, in their order.
    """
    sharing = sharing or Sharing([state])
    first = _BEGINNING if times.not_before is None else times.not_before
    position = milliseconds(state.get("replication_key_value"))
    if times.is_past and (milliseconds(state.get("read_until")) or 0) >= times.until:
        return
    if position is None:
        begun: dict[str, Any] = state.get("from_scratch") or {}
        position = milliseconds(begun.get("until")) or stops[0]
        region = _what_is_left(state)
        if times.not_before is not None or not is_sortable:
            region = region.narrowed("updated_at", first, position)
        first_load = _FromScratch(
            partial(read_from_scratch, region=region, is_sortable=is_sortable),
            sharing.states,
            position,
            sharing.readers,
        )
        first_load.latest = milliseconds(begun.get("latest"))
        first_load.begins = times.not_before
        yield first_load
        stops = [stop for stop in stops if stop > position]
    if read_until := milliseconds(state.get("read_until")):
        # A change that moved many rows at once need not be read every night.
        position = max(position, read_until - _DAY)
    for stop in stops:
        lower = max(first, position - times.overlap)
        if lower <= stop:
            region = Region({"updated_at": (lower, stop)})
            read = partial(
                read_window, region=region, is_sortable=is_sortable, accepts=sharing.accepts
            )
            step = _Window(read, sharing.states, stop, sharing.readers)
            step.since, step.begins = from_milliseconds(position), lower
            yield step
        position = stop


def _what_is_left(state: Mapping[str, Any]) -> Region:
    """Return what a load from scratch has not read yet."""
    begun = state.get("from_scratch")
    return Region({"id": (begun["next_id"], MAX_ID)} if begun else {})


def note_scope(state: dict[str, Any], scope: Mapping[str, Any]) -> None:
    """Note what a stream's reads are narrowed to, and forget bookmarks for less.

    Args:
        state: The SDK's state of the stream or partition; changed in place.
        scope: The scope of the run.
    """
    if not _covers(state.get("scope"), scope):
        for outdated in ("replication_key_value", "read_until", "from_scratch"):
            state.pop(outdated, None)
    state["scope"] = dict(scope)


def is_same_scope(scope: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Tell whether something was read for just what is wanted now.

    Args:
        scope: What it was narrowed to; None if nobody knows. It may say more than matters.
        wanted: The scope of the run.
    """
    return scope is not None and all(scope.get(key) == wanted[key] for key in wanted)


def _covers(scope: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Tell whether what was read holds all that is wanted now."""
    if (scope or {}).get("privacy") != wanted.get("privacy"):
        return False
    if scope is None:
        return True
    if not is_same_scope(scope, {CURSUS: wanted[CURSUS]} if CURSUS in wanted else {}):
        return False
    if "campus_ids" not in wanted:
        return True
    read, now = (set(known.get("campus_ids") or ()) for known in (scope, wanted))
    return not read or (bool(now) and now <= read)


def level(partitions: Sequence[dict[str, Any]]) -> None:
    """Give the partitions that one run has read the same bookmark: the greatest.

    The greatest ``updated_at`` among them lies below the upper bound of their windows,
    so no partition has rows between its own bookmark and that. A quiet partition then
    need not be read from its last change again, and a row that belongs to two
    partitions is read by both or by neither. A partition whose window ended earlier, as
    it was begun by a run that was killed, gets no bookmark beyond that.

    Args:
        partitions: The SDK's states of the partitions; changed in place.
    """
    bookmarks = [
        partition["replication_key_value"]
        for partition in partitions
        if partition.get("replication_key_value")
    ]
    for partition in partitions if bookmarks else ():
        partition["replication_key"] = "updated_at"
        partition["replication_key_value"] = min(max(bookmarks), partition["read_until"])
