"""The rows of a list that 42 cannot show: each night asks for them again.

`tap_ft42.reading.around` reads the rows around them. The state of the partition names those
that are missing, and they are asked for alone, until 42 shows them or has them no more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial

from tap_ft42.api.page import Page, id_within
from tap_ft42.declared.contexts import list_of
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.planning import nights
from tap_ft42.planning.plan import PlannedRead
from tap_ft42.planning.steps import Way
from tap_ft42.reading.asking import Ask, Part, TooDearError
from tap_ft42.reading.paging import PagesRead, all_pages, one_page
from tap_ft42.reading.places import NOW, Place
from tap_ft42.reading.regions import RangeIgnoredError, Region
from tap_ft42.reading.source import Source
from tap_ft42.run.lifecycle import PARTIAL_FAILURES
from tap_ft42.run.list_in_run import ListInRun

_STATE = "unshown"
"""Key in the state of a partition: intervals of keys that hold a row each, and when a run last
asked for them."""

_A_NIGHT = 20
"""Rows of a partition that a night asks for; others wait for another one."""

_TRIES = 2

_MOST_PAGES = 20
"""Pages that a night reads again for a row whose place is not known better."""


class AwaitedRows:
    """The rows of a list that 42 cannot show."""

    def __init__(self, of: ListInRun) -> None:
        self._list = of
        self.ids = set[int]()
        """Their ids, as far as known."""
        self.are_any = False
        """Whether there are any."""
        self._noted: list[dict[str, list[int]]] = []

    def note(self, read: PlannedRead, page: Page) -> None:
        """Take note of the rows that a page does not show; then the run is not complete."""
        if not page.unshown:
            return
        self.are_any = True
        self.ids.update(page.unshown_ids)
        kept = read.partitions[0].state.setdefault(_STATE, {"rows": []})
        rows = [{key: [*ends] for key, ends in row.items()} for row in page.unshown]
        self._noted += rows
        kept["rows"] += [row for row in rows if row not in kept["rows"]]
        kept["asked"] = from_milliseconds(self._list.run.began)
        self._list.tell_unshown(page.unshown)

    def complete(self, read: PlannedRead) -> None:
        """Take note that a read is complete: if it was one of all rows, it tells which miss."""
        state = read.partitions[0].state
        if _STATE in state and read.way in {Way.LIST, Way.FULL}:
            kept = [row for row in state[_STATE]["rows"] if row in self._noted]
            state[_STATE]["rows"] = kept
        if _STATE in state and not state[_STATE]["rows"]:
            del state[_STATE]

    def asked_again(self, read: PlannedRead) -> Iterator[tuple[Part, Place]]:
        """Yield the rows that 42 shows now, once the night has come.

        Raises:
            RunEnds: The run has to end.
        """
        run, state = self._list.run, read.partitions[0].state
        kept, hour = state.get(_STATE), run.settings["census_hour"]
        if kept is None or run.backfill is not None:
            return
        if not nights.is_due(milliseconds(kept["asked"]), run.began, hour):
            return
        kept["asked"] = from_milliseconds(run.began)
        source = self._source(read)
        for row in kept["rows"][:_A_NIGHT]:
            ask = partial(_few_rows, region=_region(row))
            reading = run.pipeline.read(NOW, source, ask, max_tries=_TRIES)
            try:
                found = [*run.pipeline.parts(reading)]
            except (RangeIgnoredError, TooDearError, *PARTIAL_FAILURES):
                kept["rows"].append(row)  # behind those that wait for another night
                found = []
            kept["rows"].remove(row)
            yield from found
        still = [_region(row).bounds for row in kept["rows"]]
        if still:
            self.are_any = True
            self._list.tell_unshown(still)
            known = [number for row in still if (number := id_within(row)) is not None]
            run.pipeline.around.expect(source.route.entry, known)

    def _source(self, read: PlannedRead) -> Source:
        """Return the source of a read's rows, of all parents if it is a sweep."""
        context, path = read.contexts[0], self._list.path
        if read.is_sweep:
            context, path = list_of(context), self._list.whole_path or path
        query = self._list.query(context)
        query.pop(self._list.listing.people_filter or "", None)
        return self._list.reader.source(context, query, path=path)


def _region(row: Mapping[str, Sequence[int]]) -> Region:
    """Return the region of a row that the state names."""
    return Region({key: (lower, upper) for key, (lower, upper) in row.items()})


async def _few_rows(ask: Ask, region: Region) -> AsyncIterator[Part]:
    """Read the few rows of a region.

    Raises:
        RangeIgnoredError: The API does not narrow the list.
        TooDearError: They are not few.
    """
    head = await one_page(ask, region, 1, None)
    if head.pages > _MOST_PAGES:
        raise TooDearError
    async for page in all_pages(ask, region, None, PagesRead(), head):
        yield Part(page)
