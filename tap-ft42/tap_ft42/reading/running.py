"""A read that the pipeline runs: its parts, and its pages in the ledger and the budget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import ceil
from queue import SimpleQueue

from tap_ft42.api.budget import Budget
from tap_ft42.api.ledger import Entry
from tap_ft42.api.page import Page
from tap_ft42.reading.asking import Part
from tap_ft42.reading.places import Place


class Reading:
    """A read that the pipeline runs."""

    def __init__(self, place: Place, entry: Entry, budget: Budget) -> None:
        self.place = place
        self.entry = entry
        self._budget = budget
        self.found: SimpleQueue[Part | BaseException | None] = SimpleQueue()
        self.task: asyncio.Task[None] | None = None
        self.is_over = self._is_counted = False
        self._pages = self._pages_expected = 0

    def note(self, page: Page) -> None:
        """Count a page that came; the first one says how many pages there are."""
        if not self._pages:
            self._is_counted = page.total is not None
            if page.total is not None and page.size > 1:
                self.expect(max(1, ceil(page.total / page.size)))
            self._budget.plan(max(1, self._pages_expected))
        elif page.count and not self._is_counted:
            self._budget.plan(1)  # the number of pages is not known
        self._budget.note_answer()
        self._pages += 1
        self.entry.pages += 1
        self.expect(max(self._pages, self._pages_expected))

    def holds(self, place: Place) -> bool:
        """Tell whether a place belongs to this read."""
        return place[: len(self.place)] == self.place

    def end(self) -> None:
        """End the read; it expects no further pages."""
        self.is_over = True
        self.expect(self._pages)

    def expect(self, pages: int) -> None:
        """Note how many pages the read has, as far as known."""
        self.entry.pages_expected += pages - self._pages_expected
        self._pages_expected = pages


async def pour(parts: AsyncIterator[Part], reading: Reading) -> None:
    """Hand the parts of a read to its consumer, then None or the exception that ended it."""
    try:
        async for part in parts:
            reading.found.put(part)
    except Exception as error:  # noqa: BLE001 - the consumer raises it
        reading.found.put(error)
    else:
        reading.found.put(None)
