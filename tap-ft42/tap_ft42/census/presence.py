"""Which rows of a stream have been read, and what that proves to exist.

A read that came to its end is a proof in itself. While one that was cut short waits
for the next run, the stream's state holds under ``census`` what it has seen. What
streams with bookmarks keep there is said in `tap_ft42.census.known`.
"""

from __future__ import annotations

from itertools import chain
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from typing_extensions import override

from tap_ft42.census.counting import Proof
from tap_ft42.census.tallies import Tally
from tap_ft42.census.terms import is_counted
from tap_ft42.declared.contexts import cursus_of, key_of
from tap_ft42.declared.instants import from_milliseconds, in_milliseconds
from tap_ft42.reading.regions import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.census.findings import Findings
    from tap_ft42.census.terms import CensusTerms, CountedList
    from tap_ft42.declared.contexts import Context

STATE = "census"
"""Key in the state."""

_WIDTH = 10_000
_MOST_PIECES = 1_000


class Presence(Protocol):
    """Keeps account of the rows of a stream."""

    def is_short(self, context: Context | None) -> bool:
        """Tell, before it is read, whether a page can show all that is known and is counted."""

    def begin(self, context: Context | None) -> None:
        """Take note that a read begins."""

    def note(self, page: Page, records: Sequence[Any], context: Context | None) -> None:
        """Account for a page whose records are emitted next."""

    def complete(self, context: Context | None) -> None:
        """Take note that a read has come to its end."""

    def doubt(self, context: Context | None) -> None:
        """Take note that the API counts other rows than it shows."""

    def see(self, row_id: int, context: Context | None) -> None:
        """Take note of a row that was asked for by itself, and came."""

    def leave_out(self, row_id: int, context: Context | None) -> None:
        """Take note that a row is not emitted, as it does not belong to the run."""

    def note_refreshed(self, context: Context | None) -> None:
        """Take note that another list has shown all rows that tonight has to read again."""

    def save(self) -> None:
        """Bring the state up to date."""

    @property
    def ids(self) -> Iterable[int] | None:
        """The ids of all rows, once the stream has been read; None if some are not known."""
        return None

    @property
    def audits(self) -> Sequence[Findings]:
        """What comparisons by the day have found, after `proofs`."""
        return ()

    def proofs(self) -> Iterator[tuple[Context | None, Proof]]:
        """Yield what is proven to exist, after the stream has been read.

        Yields:
            Which rows the proof is about, those of a parent or of a cursus, or None for
            all rows of the stream; and the proof.

        Raises:
            RunEnds: The run has to end.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """


class _ProofOfRead:
    """A read of a whole list."""

    def __init__(self, state: dict[str, Any], *, page_size: int, now: float) -> None:
        """Begin, or go on from what an earlier run has read.

        Args:
            state: The SDK's state of the stream or partition.
            page_size: Rows a page.
            now: Unix time.
        """
        self._state = state
        begun: Mapping[str, Any] | None = state.get("from_scratch")
        kept: Mapping[str, Any] = state.get(STATE) or {}
        self.is_complete = False
        self.is_proof = True
        self.lower, self.sent = 1, now
        self.tally = Tally(page_size=page_size)
        if not begun:
            return
        try:
            tally = Tally.restored(kept, page_size=page_size)
            since = in_milliseconds(kept["since"]) / 1000
        except (KeyError, ValueError):
            self.lower = begun["next_id"]
        else:
            if tally.is_exact:
                self.tally, self.sent = tally, since
            else:
                self.lower = begun["next_id"]

    def save(self) -> None:
        if self.is_complete or "from_scratch" not in self._state or self.lower > 1:
            self._state.pop(STATE, None)
        else:
            since = from_milliseconds(int(self.sent * 1000))
            self._state[STATE] = {"since": since, **self.tally.as_state()}


class FullReads(Presence):
    """The reads of a stream that has no bookmarks, one for each of its contexts."""

    def __init__(
        self,
        counted: CountedList,
        terms: CensusTerms,
        needs_all: Callable[[Context | None], bool],
    ) -> None:
        """Account for nothing yet.

        Args:
            counted: The list.
            terms: By what its census goes.
            needs_all: Tells whether the run reads all of a partition.
        """
        self._list = counted
        self._terms = terms
        self._needs_all = needs_all
        self._reads: dict[Hashable, tuple[Context | None, _ProofOfRead]] = {}

    @override
    def is_short(self, context: Context | None) -> bool:
        return False  # all of it is read in any case

    @override
    def begin(self, context: Context | None) -> None:
        if is_counted(self._list, self._terms) and self._needs_all(context):
            read = _ProofOfRead(
                self._list.state(context),
                page_size=self._list.reader.page_size,
                now=self._terms.now(),
            )
            self._reads[key_of(context)] = (context, read)

    @override
    def note(self, page: Page, records: Sequence[Any], context: Context | None) -> None:
        _, read = self._reads.get(key_of(context), (None, None))
        if read is None:
            return
        read.sent = min(read.sent, page.sent)
        # Without a total nobody knows whether all was read, and of a row without id
        # nobody knows which one is there.
        if (page.total is None and page.more) or page.count != len(page.ids):
            read.is_proof = False
        for number in page.ids:
            read.tally.add(number)

    @override
    def complete(self, context: Context | None) -> None:
        _, read = self._reads.get(key_of(context), (None, None))
        if read is not None:
            read.is_complete = True

    @override
    def doubt(self, context: Context | None) -> None:
        _, read = self._reads.get(key_of(context), (None, None))
        if read is not None:
            read.is_proof = False

    @override
    def see(self, row_id: int, context: Context | None) -> None:
        """Do nothing: the read of the list is the proof."""

    @override
    def leave_out(self, row_id: int, context: Context | None) -> None:
        """Do nothing: what exists and was never emitted harms nobody."""

    @override
    def note_refreshed(self, context: Context | None) -> None:
        """Do nothing: all rows are read in any case."""

    @override
    def save(self) -> None:
        for _, read in self._reads.values():
            read.save()

    @override
    def proofs(self) -> Iterator[tuple[Context | None, Proof]]:
        for context, read in self._reads.values():
            if read.is_complete and read.is_proof and not self._list.has_wrong_totals:
                for proof in pieces(read.lower, MAX_ID, list(read.tally.ids), read.sent):
                    yield context, proof


class ByCursus(Presence):
    """The rows of a stream that is read cursus by cursus: a list of them for each."""

    def __init__(self, lists: Mapping[int, Presence]) -> None:
        """Account for several lists.

        Args:
            lists: What keeps account of each, by the id of the cursus.
        """
        self._lists = lists

    @override
    def is_short(self, context: Context | None) -> bool:
        return self._lists[cursus_of(context)].is_short(context)

    @override
    def begin(self, context: Context | None) -> None:
        self._lists[cursus_of(context)].begin(context)

    @override
    def note(self, page: Page, records: Sequence[Any], context: Context | None) -> None:
        self._lists[cursus_of(context)].note(page, records, context)

    @override
    def complete(self, context: Context | None) -> None:
        self._lists[cursus_of(context)].complete(context)

    @override
    def doubt(self, context: Context | None) -> None:
        self._lists[cursus_of(context)].doubt(context)

    @override
    def see(self, row_id: int, context: Context | None) -> None:
        self._lists[cursus_of(context)].see(row_id, context)

    @override
    def leave_out(self, row_id: int, context: Context | None) -> None:
        self._lists[cursus_of(context)].leave_out(row_id, context)

    @override
    def note_refreshed(self, context: Context | None) -> None:
        self._lists[cursus_of(context)].note_refreshed(context)

    @override
    def save(self) -> None:
        for one in self._lists.values():
            one.save()

    @property
    @override
    def ids(self) -> Iterable[int] | None:
        known = [one.ids for one in self._lists.values()]
        complete = [ids for ids in known if ids is not None]
        return chain.from_iterable(complete) if len(complete) == len(known) else None

    @property
    @override
    def audits(self) -> Sequence[Findings]:
        return [findings for one in self._lists.values() for findings in one.audits]

    @override
    def proofs(self) -> Iterator[tuple[Context | None, Proof]]:
        for one in self._lists.values():
            yield from one.proofs()


def pieces(lower: int, upper: int, ids: Sequence[int], sent: float) -> Iterator[Proof]:
    """Cut a proof into some of at most 10,000 ids that begin at the same ids every time."""
    greatest = ids[-1] if ids else lower
    width = MAX_ID
    if len(ids) > _WIDTH:
        width = _WIDTH * ceil(greatest / _WIDTH / _MOST_PIECES)
    first, begin = lower, 0
    while first <= upper:
        last = min(upper, (first // width + 1) * width - 1)
        if last >= greatest:
            last = upper
        end = begin
        while end < len(ids) and ids[end] <= last:
            end += 1
        piece = ids[begin:end]
        yield Proof(None, lower=first, upper=last, total=len(piece), ids=piece, sent=sent)
        first, begin = last + 1, end
