"""What a run would ask for, told before it does: from totals, at a request a stream."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.declared.contexts import cursus_of
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.planning.bookmarks import changes_read, incremental_reads, note_scope
from tap_ft42.planning.refreshing import ReferenceStream
from tap_ft42.planning.sweeps import LARGEST, sweeps
from tap_ft42.reading.regions import MAX_ID, Region
from tap_ft42.reading.totals import ask_one, one_of
from tap_ft42.tap import TapFT42

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_ft42.planning.backfill import Backfill
    from tap_ft42.planning.scope import Scope
    from tap_ft42.reading.pipeline import Place, Reading
    from tap_ft42.singer.stream import FT42Stream

_TEXTS = 3
"""Columns of a plan that are not numbers."""

_WINDOWS = ("changes", "backfill")
"""Modes in which what a window holds is read."""

CAMPUSES = 54
"""How many 42 lists, where nobody has counted them."""


@dataclass(frozen=True)
class Intent:
    """What a run means to read of a stream.

    Attributes:
        stream: The stream.
        mode: ``full``, ``first load``, ``changes``, ``backfill``, ``done`` or ``not due``.
        begins: Lower bound of its window, in milliseconds since 1970; None if it has none.
        partitions: How many bookmarks it has; None if nobody knows yet.
        reads: How many reads bring them up to date; None if as many.
        next_id: Where a first load goes on.
        whole: The context of the list: its cursus, or None.
    """

    stream: FT42Stream
    mode: str
    begins: int | None = None
    partitions: int | None = 1
    reads: int | None = None
    next_id: int | None = None
    whole: Context | None = None

    @property
    def is_due(self) -> bool:
        """Whether anything is to be read."""
        return self.mode not in {"done", "not due"}

    @property
    def name(self) -> str:
        """What the list is called: the stream, with the cursus if there are several."""
        cursus_id = cursus_of(self.whole)
        is_one_of_several = len(self.stream.lists) > 1
        return f"{self.stream.name} ({cursus_id})" if is_one_of_several else self.stream.name

    def query(self) -> dict[str, Any]:
        """Return the parameters that select its rows."""
        region = Region({"id": (self.next_id, MAX_ID)} if self.next_id else {})
        if self.mode in _WINDOWS and self.begins is not None:
            until = self.stream.times.until
            region = region.narrowed("updated_at", self.begins, until)
        return {**self.stream.query(self.whole), **region.params()}


@dataclass(frozen=True)
class Estimate:
    """What a stream would cost.

    Attributes:
        intent: What is to be read.
        rows: Rows that come; None if the API does not say.
        requests: Requests that it takes, as far as totals tell.
    """

    intent: Intent
    rows: int | None
    requests: int


class PlanningTap(TapFT42):
    """The tap that says what a run would ask for."""

    @classmethod
    @override
    def invoke(
        cls, *, about: bool = False, about_format: str | None = None, **options: Any
    ) -> None:
        """Print a plan.

        Args:
            about: As for the tap.
            about_format: As for the tap.
            **options: As for the tap; the state may be a file that Meltano wrote.
        """
        config, state, catalog = (options[name] for name in ("config", "state", "catalog"))
        if about:
            super().invoke(about=about, about_format=about_format, **options)
            return
        known = json.load(state) if state else {}
        tap = cls(
            config=config.config,
            state=known.get("singer_state", known),
            catalog=json.load(catalog) if catalog else None,
            parse_env_config=config.parse_env,
            validate_config=True,
        )
        sys.stdout.write(told(tap, estimates(tap)) + "\n")


def estimates(tap: TapFT42) -> list[Estimate]:
    """Ask for the totals of all that a run would read.

    Args:
        tap: The tap with the settings, the state and the selection of the run.

    Returns:
        What each stream would cost, in the order of the run.

    Raises:
        RunEnds: The budget does not reach for the totals.
        FatalAPIError: The API refuses a request.
        RetriableAPIError: Too many tries of one request failed.
        requests.RequestException: The API did not answer.
    """
    wanted = [s for s in tap.api_streams.values() if s.selected or s.has_selected_descendents]
    intents = [_intent(stream, whole) for stream in wanted for whole in stream.lists]
    # All of them are on their way at once: some take the API half a minute.
    asked = [_ask(intent, (-1, number)) for number, intent in enumerate(intents)]
    totals = {
        intent.name: _total(intent.stream, readings)
        for intent, readings in zip(intents, asked, strict=True)
    }
    parents = {child.name: parent for parent in wanted for child in parent.child_streams}
    return [_estimate(intent, totals, parents.get(intent.stream.name)) for intent in intents]


def _total(stream: FT42Stream, readings: Sequence[Reading]) -> int | None:
    """Return how many records lists have, where one row of them may carry several."""
    totals = []
    for reading in readings:
        page = one_of(stream.pipeline, reading)
        total = page.total if page.more or page.total else page.count
        totals.append(total * stream.unpacked(page).count // page.count if total else total)
    known = [total for total in totals if total is not None]
    return sum(known) if known else None


def _ask(intent: Intent, place: Place) -> list[Reading]:
    """Ask how much there is to read, where that can be asked."""
    stream, lists = intent.stream, [(intent.whole, intent.query())]
    if _is_batched(intent):
        # It is asked for people in batches, so that their number counts.
        stream = stream.scope.users
        lists = [(whole, stream.query(whole)) for whole in stream.lists]
    path = stream.list_path
    if not intent.is_due or path is None:
        return []
    return [
        ask_one(stream, path, query, (*place, number), whole)
        for number, (whole, query) in enumerate(lists)
    ]


def told(tap: TapFT42, costs: Sequence[Estimate]) -> str:
    """Write estimates down for a person.

    Args:
        tap: The tap.
        costs: What each stream would cost.

    Returns:
        Lines of text.
    """
    rows = [("stream", "mode", "changes since", "rows", "requests"), *map(_line, costs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if number < _TEXTS else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *_sum(tap, sum(cost.requests for cost in costs))])


def _line(cost: Estimate) -> tuple[str, ...]:
    intent = cost.intent
    return (
        intent.name,
        intent.mode,
        "" if intent.begins is None else from_milliseconds(intent.begins),
        "?" if cost.rows is None else f"{cost.rows:,}",
        f"{cost.requests:,}",
    )


def _sum(tap: TapFT42, requests: int) -> Iterator[str]:
    yield f"About {requests:,} requests until {from_milliseconds(tap.times.until)}."
    per_hour, per_second = (
        tap.config["requests_per_hour"] * (100 - tap.config["reserve_percent"]) // 100,
        tap.config["requests_per_second"],
    )
    if per_hour:
        yield f"That is {requests / per_hour:.0%} of the {per_hour:,} that an hour allows."
    if per_second:
        yield f"At {per_second} a second it takes {ceil(requests / per_second / 60):,} min."
    most = tap.config.get("max_requests")
    if most and most < requests:
        yield f"A run sends {most:,} at most (max_requests): {ceil(requests / most):,} runs."


def _intent(stream: FT42Stream, whole: Context | None) -> Intent:
    if stream.backfill is not None:
        return _intent_of_backfill(stream, whole, stream.backfill)
    if stream.parent_stream_type is not None:
        return _intent_of_child(stream, whole)
    return _intent_of_list(stream, whole)


def _intent_of_list(stream: FT42Stream, whole: Context | None) -> Intent:
    state = deepcopy(stream.get_context_state(whole))
    intent = partial(Intent, stream, whole=whole)
    if isinstance(stream, ReferenceStream):
        if stream.needs_all(whole):
            return intent("full")
        if stream.replication_key is None:
            if not stream.lists_changes:
                return intent("not due")
            return intent("changes", _changes_begin(stream, state))
    if stream.replication_key is None:
        return intent("full", next_id=_next_id(state))
    begins = _begins(stream, state, whole)
    mode = "first load" if begins is None else "changes"
    return intent(mode, begins, next_id=_next_id(state))


def _intent_of_child(stream: FT42Stream, whole: Context | None) -> Intent:
    partitions = deepcopy(stream.states_within(whole))
    intent = partial(Intent, stream, partitions=len(partitions) or None, whole=whole)
    if stream.replication_key is None:
        return intent("full")
    begins = [_begins(stream, partition, whole) for partition in partitions]
    known = [at for at in begins if at is not None]
    if not known or len(known) < len(begins):
        return intent("first load")
    reads = len(sweeps(partitions, stream.largest_sweep))
    return intent("changes", min(known), reads=reads)


def _intent_of_backfill(
    stream: FT42Stream, whole: Context | None, backfill: Backfill
) -> Intent:
    if stream.replication_key is None:
        is_due = isinstance(stream, ReferenceStream) and stream.needs_all(whole)
        return Intent(stream, "full" if is_due else "not due", whole=whole)
    states = deepcopy(stream.states_within(whole))
    for state in states:
        note_scope(state, stream.bookmark_scope(whole))
        backfill.begin(state)
    left = [state for state in states if not backfill.has_read(state)]
    if states and not left:
        return Intent(stream, "done", whole=whole)
    positions = [milliseconds(state["replication_key_value"]) or 0 for state in left]
    begins = min(positions, default=backfill.begins)
    return Intent(stream, "backfill", begins, partitions=len(left) or None, whole=whole)


def _changes_begin(stream: FT42Stream, state: dict[str, Any]) -> int | None:
    return changes_read(state, stream.times.until, stream.times).begins


def _next_id(state: dict[str, Any]) -> int | None:
    begun: dict[str, int] = state.get("from_scratch") or {}
    return begun.get("next_id")


def _begins(stream: FT42Stream, state: dict[str, Any], whole: Context | None) -> int | None:
    """Return where the next window of a state begins; None if it is read from scratch."""
    note_scope(state, stream.bookmark_scope(whole))
    if not state.get("replication_key_value"):
        return None
    times = stream.times
    steps = incremental_reads(state, [times.until], times, is_sortable=stream.is_sortable)
    return next((step.begins for step in steps), times.until)


def _estimate(
    intent: Intent, totals: dict[str, int | None], parent: FT42Stream | None
) -> Estimate:
    stream, rows = intent.stream, totals[intent.name]
    if not intent.is_due:
        return Estimate(intent, 0, 0)
    size = stream.page_size
    pages = ceil((rows or 0) / size)
    if _is_batched(intent):
        batches = ceil((rows or 0) / LARGEST)
        return Estimate(intent, None, batches + pages)  # and the look-up of the people
    if stream.is_batched and stream.backfill is not None and stream.scope.campus_ids:
        people, share = _people(stream.scope)
        batches = ceil(people / LARGEST) + ceil((rows or 0) * share / size)
        look_up = ceil(people / stream.scope.users.page_size)
        return Estimate(intent, None, max(1, min(pages, batches)) + look_up)
    if stream.parent_stream_type is None:
        # The last borders of a list that is sorted are proven by a page behind it.
        proof = pages > 1 and stream.is_sortable and stream.has_ranges
        return Estimate(intent, rows, max(1, pages) + proof)
    partitions = intent.partitions
    if partitions is None:
        campuses = totals.get("campuses") or CAMPUSES
        parents = totals.get(parent.name) if parent else None
        is_narrowed = parent is not None and parent.campus_filter is not None
        share = 1 if is_narrowed else len(stream.scope.campus_ids) / campuses or 1
        partitions = ceil((parents or campuses) * share)
    # Nobody knows how the rows spread over the reads: between well and badly.
    # All partitions of a backfill begin alike, so that they share their requests.
    is_shared = intent.mode == "backfill"
    reads = intent.reads or ceil(partitions / (stream.largest_sweep if is_shared else 1))
    least, most = max(reads, pages), reads + (rows or 0) // size
    extra = stream.extra_requests if intent.mode == "changes" else 0
    if reads < partitions and stream.parent_columns:
        extra += ceil((rows or 0) / LARGEST)  # look-ups of people
    apart = partitions + stream.extra_requests
    if stream.backfill is not None:
        apart += (rows or 0) // size // 2
    return Estimate(intent, rows, min(ceil((least + most) / 2) + extra, max(apart, pages)))


def _people(scope: Scope) -> tuple[int, float]:
    """Return how many people a scope has, and their share in those of all campuses."""
    users = scope.users
    path = users.list_path or ""
    some, everybody = (
        _total(
            users,
            [
                ask_one(users, path, {**users.query(whole), **other}, context=whole)
                for whole in users.lists
            ],
        )
        for other in ({}, {users.campus_filter or "": None})
    )
    return some or 0, (some or 0) / everybody if everybody else 1


def _is_batched(intent: Intent) -> bool:
    """Tell whether people are asked for in batches that share a bookmark.

    Of what changed, everybody's window is read first.
    """
    stream = intent.stream
    is_batched = stream.is_batched and bool(stream.scope.campus_ids)
    return is_batched and intent.mode not in _WINDOWS
