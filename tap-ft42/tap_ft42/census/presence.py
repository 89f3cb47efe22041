"""Which rows of a stream have been read, and which rows that proves to exist.

A complete read is a proof in itself. If a read was cut short, the stream's state holds
the ids that it has seen under ``census``, for the next run. `tap_ft42.census.known`
says what streams with bookmarks keep there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from tap_ft42.api.page import Page
from tap_ft42.census.counting import Proof
from tap_ft42.census.findings import Findings
from tap_ft42.census.packing import MOST_IDS, packed_ids, unpacked_ids
from tap_ft42.declared.contexts import Context, key_of
from tap_ft42.declared.instants import from_milliseconds, in_milliseconds
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.regions import MAX_ID
from tap_ft42.run.list_in_run import ListInRun

STATE = "census"
"""Key in the state."""

_WIDTH = 10_000
_MOST_PIECES = 1_000


class _ProofOfRead:
    """A read of a whole list."""

    def __init__(self, context: Context | None, state: dict[str, Any], now: float) -> None:
        """Begin a read, or continue one of an earlier run."""
        self.context = context
        self._state = state
        self.is_complete = False
        self.is_proof = True
        self.lower, self.sent = 1, now
        self.ids = IdSet()
        if begun := state.get("from_scratch"):
            kept: Mapping[str, Any] = state.get(STATE) or {}
            try:
                self.sent, ids = in_milliseconds(kept["since"]) / 1000, kept["ids"]
                self.ids.update(unpacked_ids(ids))
            except (KeyError, ValueError):
                self.lower, self.sent = begun["next_id"], now

    def save(self) -> None:
        self._state.pop(STATE, None)
        is_begun = "from_scratch" in self._state and self.lower == 1
        if is_begun and not self.is_complete and len(self.ids) <= MOST_IDS:
            since = from_milliseconds(int(self.sent * 1000))
            self._state[STATE] = {"since": since, "ids": packed_ids(self.ids)}


def is_counted(counted: ListInRun) -> bool:
    """Tell whether a census counts the rows of a list."""
    return counted.output.selected and counted.run.is_counted


class Presence:
    """Keeps account of a list's rows; this class does so for reads of the whole list."""

    def __init__(
        self,
        counted: ListInRun,
        needs_all: Callable[[Context | None], bool] = lambda _: False,
    ) -> None:
        """Account for nothing yet; `needs_all` tells whether all of a partition is read."""
        self._list = counted
        self._run = counted.run
        self._needs_all = needs_all
        self._reads: dict[Hashable, _ProofOfRead] = {}

    def is_short(self) -> bool:
        """Tell before a read if a census is due and one page can show all known rows."""
        return False

    def begin(self, context: Context | None) -> None:
        """Take note that a read begins."""
        if is_counted(self._list) and self._needs_all(context):
            read = _ProofOfRead(context, self._list.state(context), self._run.clock.time())
            self._reads[key_of(context)] = read

    def note(self, page: Page, records: Sequence[Any], context: Context | None) -> None:  # noqa: ARG002 - for subclasses
        """Account for a page whose records are emitted next."""
        if (read := self._reads.get(key_of(context))) is None:
            return
        read.sent = min(read.sent, page.sent)
        # Without a total, nobody knows whether all rows were read, or whether there are any.
        # Nobody can identify a row without id.
        if page.total is None or page.count != len(page.ids):
            read.is_proof = False
        read.ids.update(number for number in page.ids if 1 <= number <= MAX_ID)

    def complete(self, context: Context | None) -> None:
        """Take note that a read has come to its end."""
        if (read := self._reads.get(key_of(context))) is not None:
            read.is_complete = True

    def doubt(self, context: Context | None) -> None:
        """Take note that the API counts other rows than it shows."""
        if (read := self._reads.get(key_of(context))) is not None:
            read.is_proof = False

    def see(self, row_id: int) -> None:
        """Take note of a row that a request of its own has shown."""

    def leave_out(self, row_id: int) -> None:
        """Take note that a row is skipped, as it does not belong to the run."""

    def note_refreshed(self) -> None:
        """Take note that another list has shown all rows that are due again tonight."""

    def save(self) -> None:
        """Bring the state up to date."""
        for read in self._reads.values():
            read.save()

    @property
    def ids(self) -> Iterable[int] | None:
        """The ids of all rows, once the list has been read; None if some are not known."""
        return None

    @property
    def audits(self) -> Sequence[Findings]:
        """The findings of comparisons by the day, after `proofs`."""
        return ()

    def proofs(self) -> Iterator[tuple[Context | None, Proof]]:
        """Yield proofs of which rows exist, after the stream has been read.

        Yields:
            The context of the rows, a parent's or a cursus', or None for all; and the proof.

        Raises:
            RunEnds: The run has to end.
            CredentialsError: The application may not ask any more.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        for read in self._reads.values():
            if read.is_complete and read.is_proof and not self._list.has_wrong_totals:
                for proof in pieces(read.lower, MAX_ID, list(read.ids), read.sent):
                    yield read.context, proof


def pieces(lower: int, upper: int, ids: Sequence[int], sent: float) -> Iterator[Proof]:
    """Cut a proof of more than 10,000 ids into pieces with the same borders every time."""
    greatest = ids[-1] if ids else lower
    width = MAX_ID
    if len(ids) > _WIDTH:
        width = _WIDTH * ceil(greatest / _WIDTH / _MOST_PIECES)
    first = lower
    while first <= upper:
        last = min(upper, (first // width + 1) * width - 1)
        if last >= greatest:
            last = upper
        piece = ids[bisect_left(ids, first) : bisect_right(ids, last)]
        yield Proof(None, lower=first, upper=last, total=len(piece), ids=piece, sent=sent)
        first = last + 1
