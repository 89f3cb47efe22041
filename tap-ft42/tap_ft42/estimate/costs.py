"""Estimates what a run would cost, from its plan and from the API's totals.

The plan is the one that the run itself would follow. One request a list asks how many rows
there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from tap_ft42.api.errors import FatalAPIError, explain
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import LARGEST
from tap_ft42.estimate.intent import Intent
from tap_ft42.lists.corrected import corrected
from tap_ft42.lists.list_sync import ListSync
from tap_ft42.reading.places import Place
from tap_ft42.reading.running import Reading

_ROWS_A_PERSON = 10
"""Rows that each person has at least, in a list that is read campus by campus."""

_CAMPUSES = 54
"""Campuses that 42 lists; assumed as long as they have not been counted."""

_SEARCH = 12
"""Requests to find and read, once, the campuses that 42 does not list."""

_QUESTIONS = 3
"""Requests to find out what a list can do, if nothing is known of it yet."""


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


def estimates(lists: Mapping[str, ListSync]) -> list[Estimate]:
    """Ask for the totals of all lists that a run would read, and estimate its requests.

    Raises:
        RunEnds: The budget is too small to ask for the totals.
        RetriableAPIError: Too many tries of one request failed.
        requests.RequestException: The API did not answer.
    """
    wanted = [one for one in lists.values() if one.list.is_wanted]
    intents = [Intent.of(one, whole) for one in wanted for whole in one.list.wholes]
    # All are asked at once, as some take the API half a minute.
    asked = [_ask(intent, (-1, number)) for number, intent in enumerate(intents)]
    totals = {
        intent.name: _total(intent.list_sync, readings)
        for intent, readings in zip(intents, asked, strict=True)
    }
    return [_estimate(intent, totals) for intent in intents]


def _total(list_sync: ListSync, readings: Sequence[Reading]) -> int | None:
    """Return how many rows the lists have together; None if the API does not say.

    A run goes on where a list is refused. So the plan says so, and goes on, too.
    """
    known = list[int]()
    try:
        for reading in readings:
            page = list_sync.list.reader.one_of(reading)
            total = page.total if page.more or page.total else page.count
            if total:  # one record may carry several rows
                total = total * list_sync.list.unpacked(page).count // page.count
            known += [] if total is None else [total]
    except FatalAPIError as refusal:
        Events(list_sync.listing.name).warning(
            "how much there is to read is not known. %s",
            explain(refusal),
            happened="not_counted",
        )
        return None
    return sum(known) if known else None


def _ask(intent: Intent, place: Place) -> list[Reading]:
    """Ask how many rows there are to read, if the API can be asked that."""
    asked, lists = intent.list_sync.list, [(intent.whole, intent.query())]
    if _is_batched(intent):
        # The cost depends on the number of people, so the people are counted.
        people = _people_list(intent).list
        asked, lists = people, [(whole, people.query(whole)) for whole in people.wholes]
    path = asked.whole_path
    if not intent.is_due or path is None:
        return []
    return [
        asked.reader.ask_one(path, query, (*place, number), whole)
        for number, (whole, query) in enumerate(lists)
    ]


def _estimate(intent: Intent, totals: Mapping[str, int | None]) -> Estimate:
    sync, total = intent.list_sync, totals[intent.name]
    listing, run, size = sync.listing, sync.run, sync.list.reader.page_size
    if not intent.is_due:
        return Estimate(intent, 0, 0)
    rows = total or 0
    pages = ceil(rows / size)
    if _is_batched(intent):
        batches = ceil(rows / LARGEST)
        looks = intent.questions(pages)
        # `pages` are those of the list of people, which is read first.
        return Estimate(intent, None, batches + pages + looks)
    if listing.people_filter and run.backfill is not None and run.scope.campus_ids:
        people, share = _people(_people_list(intent))
        batches = ceil(people / LARGEST) + ceil(rows * share / size)
        look_up = ceil(people / _people_list(intent).list.reader.page_size)
        asked = max(1, min(pages, batches)) + look_up + intent.questions(pages)
        return Estimate(intent, None, asked)
    if listing.parent is None:
        return Estimate(intent, total, max(1, pages) + intent.questions(pages))
    return Estimate(intent, total, _requests_below(intent, rows, pages, totals))


def _requests_below(
    intent: Intent, rows: int, pages: int, totals: Mapping[str, int | None]
) -> int:
    """Estimate the requests for a list that is read below parents."""
    is_load = intent.mode == "first load"
    partitions, reads = _partitions(intent, totals)
    is_unknown = is_load and not intent.reads
    looks = _QUESTIONS if is_unknown else intent.questions(pages)
    swept = _swept(intent, rows, pages, partitions, reads) + looks
    apart = _apart(intent, rows, partitions)
    if intent.list_sync.listing.campus_by_person:
        apart += looks  # these requests test the campus filter, which is used in any case
    reach = int(is_load and rows > 0)  # one request to see how wide its windows may be
    return min(swept, max(apart, pages)) + _search(intent) + reach


def _partitions(intent: Intent, totals: Mapping[str, int | None]) -> tuple[int, int]:
    """Return how many partitions are read, and with how many reads that they share."""
    if intent.partitions is not None:
        return intent.partitions, len(intent.due)
    listing, scope = intent.list_sync.listing, intent.list_sync.run.scope
    lists = intent.list_sync.lists.items()
    counted = (totals.get(name) for name, one in lists if one.listing.is_campus)
    campuses = next(counted, None) or _CAMPUSES
    parents = totals.get(listing.parent.name) if listing.parent else None
    is_narrowed = listing.parent is not None and listing.parent.campus_filter is not None
    share = 1 if is_narrowed else len(scope.campus_ids) / campuses or 1
    partitions = ceil((parents or campuses) * share)
    # In a first load all partitions begin at the same point, so they share requests.
    return partitions, ceil(partitions / corrected(intent.list_sync.list).largest_sweep)


def _swept(intent: Intent, rows: int, pages: int, partitions: int, reads: int) -> int:
    """Estimate the requests if partitions are read together."""
    listing, size = intent.list_sync.listing, intent.list_sync.list.reader.page_size
    is_load = intent.mode == "first load"
    # How the rows spread over the reads is not known: assume the middle of best and worst.
    least, most = max(reads, pages), reads + rows // size
    swept = ceil((least + most) / 2)
    if intent.mode == "changes":
        swept += _windows_of_points(intent)
    if reads < partitions and is_load and pages > reads and listing.is_sortable:
        # One more request proves the last border of two pages.
        swept += reads
    if reads < partitions and listing.parent_columns:
        # Look-ups of people. In a load each of them has several rows.
        swept += ceil(rows / (_ROWS_A_PERSON * size if is_load else LARGEST))
    return swept


def _apart(intent: Intent, rows: int, partitions: int) -> int:
    """Estimate the requests if each partition is read apart."""
    size, further = intent.list_sync.list.reader.page_size, 0
    if intent.mode == "first load":
        further = rows // size
    elif intent.list_sync.run.backfill is not None:
        further = rows // size // 2
    return partitions + _windows_of_points(intent) + further


def _windows_of_points(intent: Intent) -> int:
    """Return how many windows tell which points moved."""
    return int(intent.list_sync.listing.points is not None)


def _search(intent: Intent) -> int:
    """Estimate the requests that search for parents which 42 does not list."""
    hidden = intent.list_sync.hidden_parents
    if hidden is None or not hidden.is_search_ahead:
        return 0
    # A window has fewer rows to read.
    return _SEARCH if intent.mode == "first load" else _SEARCH // 2


def _people_list(intent: Intent) -> ListSync:
    """Return the list that tells who is in the scope."""
    lists = intent.list_sync.lists.values()
    return next(one for one in lists if one.listing.tells == "people")


def _people(people: ListSync) -> tuple[int, float]:
    """Return how many people a scope has, and their share of the people of all campuses."""
    asked, path = people.list, people.list.whole_path or ""
    some, everybody = (
        _total(
            people,
            [
                asked.reader.ask_one(path, {**asked.query(whole), **other}, context=whole)
                for whole in asked.wholes
            ],
        )
        for other in ({}, {people.listing.campus_filter or "": None})
    )
    return some or 0, (some or 0) / everybody if everybody else 1


def _is_batched(intent: Intent) -> bool:
    """Tell whether people are asked for in batches that share a bookmark.

    Changes are not: a window of everybody's rows is read instead.
    """
    listing, scope = intent.list_sync.listing, intent.list_sync.run.scope
    return bool(listing.people_filter and scope.campus_ids) and not intent.is_window
