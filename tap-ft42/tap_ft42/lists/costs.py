"""Estimates what a run would cost, from its plan and from the API's totals.

The plan is the one that the run itself would follow. One request a list asks how many rows
there are.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

from tap_ft42.api.errors import FatalAPIError, explain
from tap_ft42.declared.contexts import cursus_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import ID, LARGEST
from tap_ft42.declared.words import table
from tap_ft42.lists.corrected import corrected
from tap_ft42.planning.plan import plan, sharing
from tap_ft42.planning.steps import Way
from tap_ft42.reading.looks import NIGHTLY
from tap_ft42.reading.regions import MAX_ID, Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_ft42.declared.contexts import Context
    from tap_ft42.lists.list_run import ListRun
    from tap_ft42.planning.plan import PlannedRead
    from tap_ft42.reading.pipeline import Reading
    from tap_ft42.reading.places import Place
    from tap_ft42.run.run import Run

_TEXTS = 3
"""Columns of the printed table that hold text, not figures."""

_ROWS_A_PERSON = 10
"""Rows that each person has at least, in a list that is read campus by campus."""

CAMPUSES = 54
"""Campuses that 42 lists; assumed as long as they have not been counted."""

_SEARCH = 12
"""Requests to find and read, once, the campuses that 42 does not list."""

_QUESTIONS = 3
"""Requests to find out what a list can do, if nothing is known of it yet."""


@dataclass(frozen=True)
class Intent:
    """What a run means to read of a list.

    Attributes:
        list_run: The list.
        whole: The context of the whole list: its cursus, or None.
        reads: The plan of its partitions; empty if its partitions are not known yet.
    """

    list_run: ListRun
    whole: Context | None
    reads: Sequence[PlannedRead]

    @classmethod
    def of(cls, list_run: ListRun, whole: Context | None) -> Intent:
        """Plan what is read of a list, but start nothing."""
        due, members = list_run.due, []
        for state in deepcopy(list_run.partitions.states_within(whole)):
            context = {**state.get("context", {}), **(whole or {})} or None
            members.append(due.partition(context, state))
        listing, times = corrected(list_run.partitions), list_run.run.times
        groups = sharing(listing, members)
        return cls(list_run, whole, plan(listing, groups, times))

    @property
    def name(self) -> str:
        """The name of the stream, with the cursus if the run reads several."""
        cursus_id, name = cursus_of(self.whole), self.list_run.listing.name
        return f"{name} ({cursus_id})" if len(self.list_run.partitions.wholes) > 1 else name

    @cached_property
    def due(self) -> Sequence[PlannedRead]:
        """The reads that send any request."""
        return [read for read in self.reads if read.steps]

    @property
    def mode(self) -> str:
        """``full``, ``first load``, ``changes``, ``backfill``, ``done`` or ``not due``."""
        listing, is_backfill = self.list_run.listing, self.list_run.run.backfill is not None
        is_backfill &= listing.cursor is not None
        steps = [step for read in self.due for step in read.steps]
        if self.reads and not steps:
            return "done" if is_backfill else "not due"
        if is_backfill:
            return "backfill"
        if not self.reads:
            return "full" if listing.cursor is None else "first load"
        begins = any(step.way is Way.LOAD and step.since == "" for step in steps)
        if begins:
            return "first load"
        return "full" if steps[0].way in {Way.LIST, Way.FULL} else "changes"

    @property
    def is_window(self) -> bool:
        """Whether a window of the cursor is read."""
        return self.mode in {"changes", "backfill"}

    @property
    def is_due(self) -> bool:
        """Whether anything is to be read."""
        return self.mode not in {"done", "not due"}

    @property
    def begins(self) -> int | None:
        """Lower bound of its window, in milliseconds since 1970; None if it has none."""
        backfill = self.list_run.run.backfill
        if not self.is_window:
            start_date = self.list_run.run.times.not_before
            is_load = self.mode == "first load" and self.list_run.listing.parent is None
            return start_date if is_load else None
        known = [read.begins for read in self.due if read.begins is not None]
        return min(known, default=None if backfill is None else backfill.begins)

    @property
    def partitions(self) -> int | None:
        """How many partitions are to be read; None if that is not known yet."""
        return sum(len(read.contexts) for read in self.due) or None

    def questions(self, pages: int) -> int:
        """Return how many requests find out again what a list of so many pages can do."""
        contexts = [context for read in self.due for context in read.contexts]
        until, begins = self.list_run.run.times.until, self.begins
        width = until - begins if self.is_window and begins is not None else NIGHTLY
        loaded = 0 if self.is_window else pages
        return self.list_run.sweeping.questions(
            contexts, pages=loaded, width=width if pages else 0
        )

    def query(self) -> dict[str, Any]:
        """Return the query parameters that select the rows to read."""
        region = Region()
        if self.is_window and self.begins is not None:
            cursor = self.list_run.listing.cursor or self.list_run.listing.changes
            column = cursor.column if cursor else ID
            region = region.narrowed(column, self.begins, self.list_run.run.times.until)
        elif self.due and self.list_run.listing.parent is None:
            first, _ = self.due[0].steps[0].region.interval(ID)
            region = region.narrowed(ID, first, MAX_ID) if first else region
        return {**self.list_run.partitions.query(self.whole), **region.params()}


@dataclass(frozen=True)
class Estimate:
    """What a stream would cost.

    Attributes:
        intent: What is to be read.
        rows: Rows to be read; None if the API does not say.
        requests: Requests that this takes, judged by the totals.
    """

    intent: Intent
    rows: int | None
    requests: int


def estimates(lists: Mapping[str, ListRun]) -> list[Estimate]:
    """Ask for the totals of all lists that a run would read, and estimate its requests.

    Raises:
        RunEnds: The budget is too small to ask for the totals.
        RetriableAPIError: Too many tries of one request failed.
        requests.RequestException: The API did not answer.
    """
    wanted = [one for one in lists.values() if one.partitions.is_wanted]
    intents = [Intent.of(one, whole) for one in wanted for whole in one.partitions.wholes]
    # All are asked at once, as some take the API half a minute.
    asked = [_ask(intent, (-1, number)) for number, intent in enumerate(intents)]
    totals = {
        intent.name: _total(intent.list_run, readings)
        for intent, readings in zip(intents, asked, strict=True)
    }
    return [_estimate(intent, totals) for intent in intents]


def _total(list_run: ListRun, readings: Sequence[Reading]) -> int | None:
    """Return how many rows the lists have together; None if the API does not say.

    A run goes on where a list is refused. So the plan says so, and goes on, too.
    """
    known = list[int]()
    try:
        for reading in readings:
            page = list_run.partitions.reader.one_of(reading)
            total = page.total if page.more or page.total else page.count
            if total:  # one record may carry several rows
                total = total * list_run.partitions.unpacked(page).count // page.count
            known += [] if total is None else [total]
    except FatalAPIError as refusal:
        Events(list_run.listing.name).warning(
            "how much there is to read is not known. %s",
            explain(refusal),
            happened="not_counted",
        )
        return None
    return sum(known) if known else None


def _ask(intent: Intent, place: Place) -> list[Reading]:
    """Ask how many rows there are to read, if the API can be asked that."""
    partitions, lists = intent.list_run.partitions, [(intent.whole, intent.query())]
    if _is_batched(intent):
        # The cost depends on the number of people, so the people are counted.
        people = _people_list(intent).partitions
        partitions, lists = people, [(whole, people.query(whole)) for whole in people.wholes]
    path = partitions.whole_path
    if not intent.is_due or path is None:
        return []
    return [
        partitions.reader.ask_one(path, query, (*place, number), whole)
        for number, (whole, query) in enumerate(lists)
    ]


def as_text(run: Run, costs: Sequence[Estimate]) -> str:
    """Return estimates as a table with a summary, for a person to read."""
    rows = [("stream", "mode", "changes since", "rows", "requests"), *map(_line, costs)]
    lines = [*table(rows, texts=_TEXTS), "", *_sum(run, sum(cost.requests for cost in costs))]
    if {cost.intent.mode for cost in costs} <= {"full", "first load"}:
        lines += ["This is a first load: no bookmarks were given (--state)."]
    return "\n".join(lines)


def _line(cost: Estimate) -> tuple[str, ...]:
    intent = cost.intent
    return (
        intent.name,
        intent.mode,
        "" if intent.begins is None else from_milliseconds(intent.begins),
        "?" if cost.rows is None else f"{cost.rows:,}",
        f"{cost.requests:,}",
    )


def _sum(run: Run, requests: int) -> Iterator[str]:
    yield f"About {requests:,} requests until {from_milliseconds(run.times.until)}."
    quota, allowed = run.quota, run.quota.allowed
    per_hour, per_second = quota.usable, quota.per_second
    if allowed is not None:
        ceilings = (
            _limit(run.settings.get(f"requests_per_{one}")) for one in ("second", "hour")
        )
        kept = (
            f"The settings allow {' and '.join(ceilings)}, so the run sends at most "
            f"{_limit(per_second)} and {_limit(quota.per_hour)}."
            if per_second or quota.per_hour
            else "The settings let the run send any number."
        )
        yield (
            f"42 allows {allowed.per_second:,} requests a second and {allowed.per_hour:,} an "
            f"hour (roles: {allowed.roles}). {kept}"
        )
    if per_hour:
        yield f"That is {requests / per_hour:.0%} of the {per_hour:,} that an hour allows."
    if per_second:
        yield f"At {per_second} a second it takes {ceil(requests / per_second / 60):,} min."
    most = run.settings.get("max_requests")
    if most and most < requests:
        yield f"A run sends {most:,} at most (max_requests): {ceil(requests / most):,} runs."


def _limit(requests: int | None) -> str:
    return "as many" if requests is None else f"{requests:,}" if requests else "any number"


def _estimate(intent: Intent, totals: Mapping[str, int | None]) -> Estimate:
    partitions, rows = intent.list_run.partitions, totals[intent.name]
    listing, run, size = intent.list_run.listing, partitions.run, partitions.reader.page_size
    if not intent.is_due:
        return Estimate(intent, 0, 0)
    pages = ceil((rows or 0) / size)
    if _is_batched(intent):
        batches = ceil((rows or 0) / LARGEST)
        looks = intent.questions(pages)
        # `pages` are those of the list of people, which is read first.
        return Estimate(intent, None, batches + pages + looks)
    if listing.people_filter and run.backfill is not None and run.scope.campus_ids:
        people, share = _people(_people_list(intent))
        batches = ceil(people / LARGEST) + ceil((rows or 0) * share / size)
        look_up = ceil(people / _people_list(intent).partitions.reader.page_size)
        asked = max(1, min(pages, batches)) + look_up + intent.questions(pages)
        return Estimate(intent, None, asked)
    if listing.parent is None:
        return Estimate(intent, rows, max(1, pages) + intent.questions(pages))
    return Estimate(intent, rows, _requests_below(intent, rows, pages, totals))


def _requests_below(
    intent: Intent, rows: int | None, pages: int, totals: Mapping[str, int | None]
) -> int:
    """Estimate the requests for a list that is read below parents."""
    listing, run = intent.list_run.listing, intent.list_run.run
    partitions, reads = intent.partitions, len(intent.due)
    is_load = intent.mode == "first load"
    if partitions is None:
        lists = intent.list_run.lists.items()
        counted = (totals.get(name) for name, one in lists if one.listing.is_campus)
        campuses = next(counted, None) or CAMPUSES
        parents = totals.get(listing.parent.name) if listing.parent else None
        is_narrowed = listing.parent is not None and listing.parent.campus_filter is not None
        share = 1 if is_narrowed else len(run.scope.campus_ids) / campuses or 1
        partitions = ceil((parents or campuses) * share)
        # In a first load all partitions begin at the same point, so they share requests.
        reads = ceil(partitions / corrected(intent.list_run.partitions).largest_sweep)
    size = intent.list_run.partitions.reader.page_size
    # How the rows spread over the reads is not known: assume the middle of best and worst.
    least, most = max(reads, pages), reads + (rows or 0) // size
    points = int(listing.points is not None)  # one window for points that moved
    extra = points if intent.mode == "changes" else 0
    is_unknown = is_load and not intent.reads
    looks = _QUESTIONS if is_unknown else intent.questions(pages)
    if reads < partitions and is_load:
        # One more request proves the last border of two pages.
        extra += reads if pages > reads and listing.is_sortable else 0
    if reads < partitions and listing.parent_columns:
        # Look-ups of people. In a load each of them has several rows.
        extra += ceil((rows or 0) / (_ROWS_A_PERSON * size if is_load else LARGEST))
    hidden = intent.list_run.hidden_parents
    search = 0
    if hidden is not None and hidden.is_search_ahead:
        search = _SEARCH if is_load else _SEARCH // 2  # a window has fewer rows to read
    apart = partitions + points
    if is_load:
        apart += (rows or 0) // size
    elif run.backfill is not None:
        apart += (rows or 0) // size // 2
    reach = int(is_load and bool(rows))  # one request to see how wide its windows may be
    if listing.campus_by_person:
        apart += looks  # these requests test the campus filter, which is used in any case
    swept = ceil((least + most) / 2) + extra + looks
    return min(swept, max(apart, pages)) + search + reach


def _people_list(intent: Intent) -> ListRun:
    """Return the list that tells who is in the scope."""
    lists = intent.list_run.lists.values()
    return next(one for one in lists if one.listing.tells == "people")


def _people(people: ListRun) -> tuple[int, float]:
    """Return how many people a scope has, and their share of the people of all campuses."""
    partitions, path = people.partitions, people.partitions.whole_path or ""
    some, everybody = (
        _total(
            people,
            [
                partitions.reader.ask_one(
                    path, {**partitions.query(whole), **other}, context=whole
                )
                for whole in partitions.wholes
            ],
        )
        for other in ({}, {people.listing.campus_filter or "": None})
    )
    return some or 0, (some or 0) / everybody if everybody else 1


def _is_batched(intent: Intent) -> bool:
    """Tell whether people are asked for in batches that share a bookmark.

    Changes are not: a window of everybody's rows is read instead.
    """
    listing, scope = intent.list_run.listing, intent.list_run.run.scope
    return bool(listing.people_filter and scope.campus_ids) and not intent.is_window
