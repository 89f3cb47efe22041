"""Plans the reads of a list, and starts them in the pipeline before the SDK asks for them.

The Singer SDK syncs one partition after the other; the pipeline runs ahead of it. So a
partition is planned as soon as it is known. For example, a page of parents names the children
to read, and tells which of them share their requests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, count
from math import ceil
from typing import Any, TypeAlias

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.api.page import Page, with_ids
from tap_ft42.declared.contexts import Context, cursus_of, key_of, list_of, parent_of
from tap_ft42.declared.instants import HOUR
from tap_ft42.declared.listing import Listing
from tap_ft42.lists.corrected import corrected, is_read_at_once
from tap_ft42.lists.due import DuePartitions
from tap_ft42.lists.sweeping import Halving, Sweeping, may_come_from_one_member
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.lists.turns import remembered, sort_by_turn
from tap_ft42.planning.bookmarks import Movement
from tap_ft42.planning.plan import Partition, PlannedRead, planned, sharing
from tap_ft42.planning.steps import Step, Way
from tap_ft42.planning.sweeps import sweep_state
from tap_ft42.reading.asking import TooDearError
from tap_ft42.reading.places import Place
from tap_ft42.reading.running import Reading
from tap_ft42.reading.source import Source

Member: TypeAlias = tuple[Context | None, Place]
"""The context of a partition, and its place in the order of the run."""

_TRIED = 5
"""If 42 refuses the list of all parents, so many parents are tried one by one first."""

_TURN, _TURNS = HOUR // 4, 50
"""Of the partitions that are held back, a run tries one in 50; each quarter of an hour (in
milliseconds) the turn passes to others."""

_BEHIND = 1_000_000
"""Place of the children of rows that no page of the list shows: behind all others."""


@dataclass(frozen=True)
class RunningRead:
    """A planned read that the pipeline runs, with the movements of its bookmarks."""

    read: PlannedRead
    steps: Sequence[tuple[Step, Reading, Movement]]
    halving: Halving | None = None
    """The sweep that failed and was halved, if this read is one of its halves."""


class StartedReads:
    """The reads of a list that the run has started."""

    def __init__(self, due: DuePartitions, sweeping: Sweeping, traits: Sequence[Trait]) -> None:
        self.list = due.list
        self._due = due
        self._sweeping = sweeping
        self.traits = traits
        """What only this list does."""
        self.children: list[StartedReads] = []
        """The started reads of the child lists."""
        self.is_any_read = False
        """Whether the run has read any partition to its end."""
        self.is_begun = False
        """Whether the run has started the reads that are known without parents."""
        self.remembered: Mapping[str, Sequence[Context]] = {}
        """By child list: the contexts below the rows of the last full read, if none is due."""
        self._place: Place | None = None
        self._running: dict[Hashable, RunningRead | None] = {}
        self._is_due: dict[Hashable, bool] = {}
        self._held_back: dict[Hashable, Partition] = {}
        self._refusal: Exception | None = None
        self._movements: dict[str, Sequence[Movement]] = {}
        """By plan: its movements, which batches of people share."""

    @cached_property
    def _wanted_children(self) -> list[StartedReads]:
        return [child for child in self.children if child.list.is_wanted]

    # What the consumer asks

    def is_due(self, context: Context | None) -> bool | None:
        """Tell whether a partition has anything to read; None if it is not planned."""
        return self._is_due.get(key_of(context))

    def take(self, context: Context | None) -> RunningRead | None:
        """Hand over the read of a partition; None if another read (a sweep) has its rows.

        Raises:
            Exception: 42 refused the partitions that were tried; this one is not tried.
        """
        key = key_of(context)
        if key in self._held_back:
            self._begin_held_back(context)
        elif key not in self._is_due:
            self._begin_all(self.list.contexts or (context,))
        return self._running.pop(key, None)  # 42 may list its parent twice

    def is_held_back(self, context: Context | None) -> bool:
        """Tell whether a partition is held back, as 42 has refused others of the list."""
        return key_of(context) in self._held_back

    def _begin_held_back(self, context: Context | None) -> None:
        """Start all held-back partitions if 42 answered any; else this one, in its turn.

        Raises:
            Exception: 42 refused the partitions that were tried; it is not this one's turn.
        """
        if self.is_any_read:
            held_back, self._held_back = self._held_back, {}
            self._start([[partition] for partition in held_back.values()])
            return
        turn = self.list.run.began // _TURN
        if self._refusal is not None and (parent_of(context) - turn) % _TURNS:
            raise self._refusal
        self._start([[self._held_back.pop(key_of(context))]])

    # Which partitions are started

    def begin_ahead(self) -> None:
        """Start all partitions of a list without parent, if they are known already."""
        listing, run = self.list.listing, self.list.run
        self.is_begun = True
        # Lists that follow in the run get later places, however late this one is planned.
        self._place = run.next_place()
        # The people of a scope are known only after the list of people has been read.
        if not (listing.people_filter and run.scope.campus_ids):
            self._begin_all(self.list.contexts or (None,), is_urgent=True)

    def _begin_all(
        self, contexts: Iterable[Context | None], *, is_urgent: bool = False
    ) -> None:
        place = self._place or self.list.run.next_place()
        members = [(context, (*place, number)) for number, context in enumerate(contexts)]
        self._begin(members, is_urgent=is_urgent)

    def begin_children(self, records: list[Any], place: Place) -> None:
        """Start the children of a page of rows.

        Args:
            records: The rows as the API sent them. They may be sorted in place: those whose
                children have waited longest come first.
            place: The place of the page.
        """
        if not self._wanted_children:
            return
        if self.list.listing.is_reference and self.list.run.budget.counts_requests:
            sort_by_turn(self.list, records)
        rows = [*with_ids(records)]
        for trait in chain.from_iterable(child.traits for child in self._wanted_children):
            trait.learn_of_parents(rows)
        parents: dict[Hashable, Member] = {}
        for position, row in enumerate(rows):
            for context in self.list.contexts_below(row):
                parents.setdefault(key_of(context), (context, (*place, position)))
        for number, child in enumerate(self._wanted_children):
            child.begin_below([(context, (*at, number)) for context, at in parents.values()])

    def begin_below(self, parents: Sequence[Member]) -> None:
        """Start the partitions of this list below some rows of the parent list."""
        self._begin(
            [
                (own, (*place, number))
                for context, place in parents
                for number, own in enumerate(self.list.by_cursus(context))
            ]
        )

    def _begin(self, members: Sequence[Member], *, is_urgent: bool = False) -> None:
        of_cursus: dict[int, list[Partition]] = defaultdict(list)
        for context, place in members:
            state = self.list.state(context)
            partition = self._due.partition(context, state, place, self.traits)
            of_cursus[cursus_of(context)].append(partition)
        for alike in of_cursus.values():
            contexts = [one.context for one in alike]
            are_apart = self._sweeping.are_loads_apart(contexts)
            refusal = self._sweeping.refusal
            if refusal is None or self.is_any_read or len(alike) <= _TRIED:
                listing = corrected(self.list)
                groups = sharing(listing, alike, are_loads_apart=are_apart)
                self._start(groups, listing, is_urgent=is_urgent)
            else:
                self._try_some(alike, refusal)
        if self.list.listing.is_reference:
            for context, place in members:
                if not self.is_due(context):
                    self.remembered = {
                        child.listing.name: [*remembered(self.list, child)]
                        for child in self.list.wanted_children
                    }
                    self.begin_known_children(self.remembered, place)

    def has_begun(self, parent: Context) -> bool:
        """Tell whether the run has started this list below a row of the parent list."""
        return self.is_due(self.list.by_cursus(parent)[0]) is not None

    def begin_known_children(
        self, known: Mapping[str, Sequence[Context]], place: Place
    ) -> None:
        """Start the children of rows that no page shows."""
        for number, child in enumerate(self._wanted_children):
            contexts = known[child.list.listing.name]
            places = ((*place, number, below) for below in count())
            child.begin_below([*zip(contexts, places, strict=False)])

    @cached_property
    def places_behind(self) -> Iterator[Place]:
        """The places behind the children that pages show, and before the next list."""
        place = self._place or self.list.run.next_place()
        return ((*place, _BEHIND, number) for number in count())

    def begin_fallback(self, running: RunningRead, failure: Exception) -> bool:
        """Start to read in another way what failed; return False if there is no other way."""
        members = running.read.partitions
        halving = running.halving
        is_one_too_many = halving is not None and halving.has_failed
        if halving is not None:
            halving.has_failed = True
        if isinstance(failure, TooDearError) or self.list.turn_to_carrier(failure):
            self._start([[member] for member in members])
        elif self._due.doubt_again(running.read, failure):
            self._start([members])
        elif not running.read.is_sweep or not may_come_from_one_member(failure):
            return False
        elif isinstance(failure, FatalAPIError) and (
            # If both halves are refused, no single member is the reason.
            is_one_too_many or self._sweeping.refuses_all(running.read.contexts[0])
        ):
            if self.is_any_read:
                self._start([[member] for member in members])
            else:
                self._try_some(members, failure)
        else:
            middle, is_refused = ceil(len(members) / 2), isinstance(failure, FatalAPIError)
            halving = Halving(running.read.contexts, is_refused=is_refused)
            for half in (members[:middle], members[middle:]):
                self._start([half], halving=halving)
            self._sweeping.tell_halved(len(members), failure)
        return True

    def _try_some(self, members: Sequence[Partition], refusal: Exception) -> None:
        """Start a few partitions of a refused sweep one by one, and hold back the others.

        42 may refuse the list of all parents, and still answer for a single one.
        """
        tried = 0 if self._refusal is not None else _TRIED
        self._refusal = refusal
        keys = [key_of(member.context) for member in members]
        self._is_due |= dict.fromkeys(keys, True)
        self._held_back |= dict(zip(keys[tried:], members[tried:], strict=True))
        self._start([[member] for member in members[:tried]])

    # How reads are started

    def _start(
        self,
        groups: Sequence[Sequence[Partition]],
        listing: Listing | None = None,
        *,
        is_urgent: bool = False,
        halving: Halving | None = None,
    ) -> None:
        """Plan a read for each group of partitions, and let the pipeline run them.

        The `listing` is the list as it is known to be; it is found out if it is not given.
        """
        run, listing = self.list.run, listing or corrected(self.list)
        for members in groups:
            read = planned(listing, members, run.times, run.spool)
            keys = [key_of(context) for context in read.contexts]
            self._is_due |= dict.fromkeys(keys, bool(read.steps))
            self._running |= dict.fromkeys(keys)
            self._running[keys[0]] = self._begun(read, halving, is_urgent=is_urgent)

    def _begun(
        self, read: PlannedRead, halving: Halving | None, *, is_urgent: bool
    ) -> RunningRead:
        """Let the pipeline run a planned read.

        If it `is_urgent`, its first page is fetched before anything else.
        """
        source, place = self._source(read), read.partitions[0].place
        accepts = partial(self._accepts, read) if read.is_sweep else None
        readings = [
            self.list.run.pipeline.read(
                (*place, number),
                source,
                step.reading(read.listing, accepts),
                is_urgent=is_urgent and number == 0,
            )
            for number, step in enumerate(read.steps)
        ]
        movements = self._movements_of(read)
        steps = list(zip(read.steps, readings, movements, strict=True))
        return RunningRead(read, steps, halving)

    def _source(self, read: PlannedRead) -> Source:
        context, path = read.contexts[0], self.list.path
        if not read.is_sweep:
            return self.list.reader.source(
                context, self.list.query(context), read.name, path=path
            )
        whole = list_of(context)
        query = self.list.query(whole)
        if (name := read.listing.parent_filter) is not None:
            query[name] = ",".join(str(parent_of(member)) for member in read.contexts)
        return self.list.reader.source(
            whole, query, read.name, path=self.list.whole_path, is_divided=False
        )

    def _movements_of(self, read: PlannedRead) -> Sequence[Movement]:
        """Return the movements of the partitions' states, one for each step."""
        listing = read.listing
        states = self.list.plans[read.name] = [one.state for one in read.partitions]
        if read.is_sweep:
            return [Movement(step, listing, states) for step in read.steps]
        if read.name not in self._movements:
            # Batches of people share the state of the list.
            readers = 1 if self.list.is_one_list else len(self.list.contexts or ()) or 1
            self._movements[read.name] = [
                Movement(step, listing, states, readers) for step in read.steps
            ]
        return self._movements[read.name]

    def _accepts(self, read: PlannedRead, head: Page) -> bool:
        if is_read_at_once(self.list):
            return True
        # A list that cannot be narrowed to some parents may hold many rows of others.
        is_load = read.way is Way.LOAD
        if is_load and not read.is_narrowed and head.pages > len(read.partitions):
            return False
        return all(trait.is_worth_sweeping(head, read) for trait in self.traits)

    def end(self, *, is_cut_short: bool) -> None:
        """Tell the spool how far the run has followed its plans."""
        spool, is_full = self.list.run.spool, self.list.listing.cursor is None
        for name, states in self.list.plans.items():
            state = sweep_state(states) if len(states) > 1 else states[0]
            if is_cut_short:
                spool.pause(name, state)
            else:
                spool.end(name, state, is_full=is_full)
        if self.list.plans:
            spool.tidy()
