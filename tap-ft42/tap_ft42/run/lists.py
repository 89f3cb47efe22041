"""The lists of a run: their reads are planned, and what these find is taken in.

The Singer SDK takes one partition after the other, and the pipeline runs ahead of it. So
what will be asked for is planned as soon as it is known: a page of parents tells which
children there are, and which of them share their requests.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from math import ceil
from typing import TYPE_CHECKING, Any

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import FatalAPIError, is_missing
from tap_ft42.census.known import KnownRows
from tap_ft42.census.presence import ByCursus, FullReads
from tap_ft42.declared.contexts import cursus_of, key_of, parent_of
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.declared.listing import ID
from tap_ft42.declared.records import BrokenRecordError
from tap_ft42.planning.bookmarks import level, note_scope
from tap_ft42.planning.nights import has_struck
from tap_ft42.planning.plan import Partition, apart, at_once, plan, stop_at_the_end
from tap_ft42.planning.priorities import need
from tap_ft42.planning.refresh import forget_position
from tap_ft42.reading.asking import TooDearError, TooLargeError
from tap_ft42.reading.source import ONE
from tap_ft42.run.below import Below
from tap_ft42.run.dealing import CampusByPerson
from tap_ft42.run.hidden import HiddenParents
from tap_ft42.run.lifecycle import ALONE
from tap_ft42.run.movers import ThoseWhoMoved
from tap_ft42.run.newcomers import OfPeople
from tap_ft42.run.partitions import NIGHT, Partitions
from tap_ft42.run.points import PointsOfParents
from tap_ft42.run.refreshing import Refreshing
from tap_ft42.run.rejections import Rejections, UnusableRecordsError
from tap_ft42.run.run import STATE_INTERVAL
from tap_ft42.run.started import StartedReads
from tap_ft42.run.strangers import Strangers
from tap_ft42.run.sweeping import Halving, Sweeping, may_be_of_one
from tap_ft42.run.unlisted import is_gone, known_to_exist

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.census.presence import Presence
    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.planning.plan import PlannedRead, Planner, Stops
    from tap_ft42.reading.fitting import Fit
    from tap_ft42.reading.places import Place
    from tap_ft42.run.below import Related
    from tap_ft42.run.partitions import Output
    from tap_ft42.run.run import Run
    from tap_ft42.run.started import Member, Started
    from tap_ft42.run.trait import Trait


class ListRun:
    """One list in one run."""

    def __init__(
        self,
        run: Run,
        listing: Listing,
        output: Output,
        lists: Mapping[str, ListRun],
        *,
        is_rejected_kept: Callable[[], bool],
    ) -> None:
        """Begin without plans.

        Args:
            run: The run.
            listing: What the list is.
            output: The stream that it becomes.
            lists: All lists of the run by name, in its order; others may follow.
            is_rejected_kept: Tells whether what is rejected goes to a stream of its own.
        """
        self.run = run
        self.listing = listing
        self.output = output
        self.partitions = Partitions(run, listing, output)
        self.children: list[ListRun] = []
        self.told: list[ListRun] = []
        """The lists that hear of its rows."""
        self.is_planned = False
        """Whether the run has begun to read it ahead, as far as it is known."""
        self.lists = lists
        self._is_rejected_kept = is_rejected_kept
        self.refreshing = Refreshing(self.partitions) if listing.is_reference else None
        self._traits = list(_traits(self.partitions, lists))
        self._started = StartedReads(self.partitions, self._traits)
        self._below = Below(self)
        self.place: Place | None = None
        """Its place in the order of the run, if it is planned as a whole."""
        self._partitions_read: list[dict[str, Any]] = []
        self._is_read_to_end = self._is_any_read = False
        self.has_failed = False
        """Whether something of it could not be read."""
        self._left_open: set[Hashable] = set()
        self._gone: list[str] = []
        self._strangers = Strangers(self.partitions)
        self._sweeping = Sweeping(self.partitions)
        self.has_listed_all = False
        """Whether the run has read all of its rows from their beginning."""
        if listing.tells == "people":
            run.people.people = self
        elif listing.tells == "campuses of people":
            run.people.memberships = self.partitions

    @cached_property
    def rejections(self) -> Rejections:
        """What of its records was rejected."""
        return Rejections(is_kept=self._is_rejected_kept())

    def read_below(self, child: ListRun) -> None:
        """Let another list be read for each row of this one."""
        self.children.append(child)
        self.partitions.children.append(child.partitions)

    def tell_marks(self) -> None:
        """Let the list hear of new and changed rows of the one that its `Movers` name."""
        if self.listing.movers is not None:
            self.lists[self.listing.movers.marks].told.append(self)

    @property
    def wanted_children(self) -> list[ListRun]:
        """The lists that are read for each row of this one."""
        return [child for child in self.children if child.partitions.is_wanted]

    def need(self, now: int) -> int:
        """Tell how urgently the list, or one below it, has to be read; as `priorities.need`."""
        family = [self.partitions, *self.partitions.wanted_children]
        lists = (
            (
                one.output.stream_state,
                [state for whole in one.lists for state in one.states_within(whole)],
                one.listing.weight,
            )
            for one in family
        )
        return need(lists, now)

    # What is due

    def needs_all(self, context: Context | None) -> bool:
        """Tell whether the run reads all of a partition that has no bookmark, or loses it.

        Args:
            context: The context of the partition, or None.
        """
        if self.refreshing is not None:
            return self.refreshing.is_due(context)
        return self.run.backfill is None or bool(self.wanted_children)

    def take_up(self, context: Context | None, state: dict[str, Any]) -> None:
        """Forget what of a partition's state no longer counts.

        Args:
            context: The context of the partition, or None.
            state: Its state, or that of another one like it; changed in place.
        """
        listing, backfill = self.listing, self.run.backfill
        if listing.cursor is not None or listing.by_cursus:
            note_scope(state, self.partitions.bookmark_scope(context))
        if listing.cursor is not None and backfill is not None:
            backfill.begin(listing.cursor, state)

    def planned(
        self,
        members: Iterable[tuple[Context | None, dict[str, Any]]],
        planner: Planner = plan,
        stops: Stops = stop_at_the_end,
    ) -> Sequence[PlannedRead]:
        """Plan what is read of partitions of one cursus; nothing is read yet.

        Args:
            members: Their contexts and states; the states are changed in place.
            planner: How.
            stops: Where reads end.

        Returns:
            The reads.
        """
        partitions = []
        for context, state in members:
            is_full = self.needs_all(context)
            if is_full and self.listing.is_reference and self.listing.cursor is not None:
                forget_position(state)
            name = self.partitions.name_of(context)
            is_due = self._is_night_due(state)
            is_short = self.presence.is_short(context)
            partitions.append(Partition(context, state, name, is_full, is_due, is_short))
        return planner(self.partitions.fitted_listing, partitions, self.run.times, stops)

    def questions(self, contexts: Sequence[Context | None], *, has_slices: bool) -> int:
        """Return how many requests find out anew what the list can do.

        Args:
            contexts: The partitions that are read, all of one cursus.
            has_slices: Whether it is read in slices of ids.
        """
        fits = {self.partitions.fit, self.partitions.fit_of_sweeps}
        bounds = any(fit.are_bounds_due() for fit in fits) if has_slices else False
        sweeping = self._sweeping
        return bounds + 2 * (sweeping.is_filter_look_due + sweeping.is_look_due(contexts))

    def _is_night_due(self, state: Mapping[str, Any]) -> bool:
        """Tell whether a partition is due that is read once a night."""
        run = self.run
        if not self.listing.is_nightly or run.backfill is not None:
            return True
        hour = run.settings["census_hour"]
        is_loaded = "read_until" in state and "from_scratch" not in state
        return not is_loaded or has_struck(milliseconds(state.get(NIGHT)), run.began, hour)

    # Reading ahead

    def _plan_run(self) -> None:
        """Let the pipeline read what the run will ask for, as far as it is known.

        Where requests are counted, nothing else is read before this list has had what it
        needs.
        """
        if self.listing.parent is not None:
            return
        for head in [self] if self.run.budget.counts_requests else self.lists.values():
            if not head.is_planned:
                head.plan_ahead()

    def plan_ahead(self) -> None:
        """Let the pipeline read all partitions, if they are known so early."""
        self.is_planned = True
        # Who is in the scope, a list of people tells once it has been read.
        is_known = not (self.listing.people_filter and self.run.scope.campus_ids)
        if not self.partitions.is_wanted or self.listing.parent is not None:
            return
        # Whoever comes after it in the run has a later place, however late it is planned.
        self.place = self.run.next_place()
        if is_known:
            self.plan(self._placed(self.partitions.contexts or (None,)), is_urgent=True)

    def _placed(self, contexts: Iterable[Context | None]) -> list[Member]:
        """Give partitions that are planned together their places in the order of the run."""
        place = self.place or self.run.next_place()
        return [(context, (*place, number)) for number, context in enumerate(contexts)]

    def plan(self, members: Sequence[Member], *, is_urgent: bool = False) -> None:
        """Let the pipeline read what the run will ask this list for.

        Args:
            members: The partitions, each with its place in the order of the run.
            is_urgent: Whether to find out early how much it is.
        """
        for context, _ in members:
            state = self.partitions.state(context)
            self.take_up(context, state)
            for trait in self._traits:
                trait.take_up(context, state)
        for cursus_id in dict.fromkeys(cursus_of(context) for context, _ in members):
            alike = [member for member in members if cursus_of(member[0]) == cursus_id]
            planner = self._sweeping.planner([context for context, _ in alike])
            self._begin(alike, planner, is_urgent=is_urgent)
        for context, place in members:
            if self.refreshing is not None and not self._started.is_due(context):
                self._below.plan_remembered(self.refreshing, place)

    def plan_below(self, parents: Sequence[Member]) -> None:
        """Let the pipeline read what hangs on parents.

        Args:
            parents: Their contexts, each with its place in the order of the run.
        """
        self.plan(
            [
                (own, (*place, number))
                for context, place in parents
                for number, own in enumerate(self.partitions.by_cursus(context))
            ]
        )

    def tell_children(self, record: Mapping[str, Any]) -> None:
        """Tell the lists below of a record that is read here."""
        for child in self.children:
            for trait in child._traits:  # noqa: SLF001 - of the same class
                trait.learn_of_parent(record)

    def _begin(
        self,
        members: Sequence[Member],
        planner: Planner,
        *,
        is_urgent: bool = False,
        halving: Halving | None = None,
    ) -> None:
        """Plan reads, and let the pipeline run them."""
        states = ((context, self.partitions.state(context)) for context, _ in members)
        reads = self.planned(states, planner, self.run.spool.follow)
        self._started.begin(reads, members, halving, is_urgent=is_urgent)

    def not_read_here(self, context: Context | None) -> Iterator[tuple[Related, Context]]:
        """Yield what is read below rows that the run has not read itself.

        Args:
            context: The context of the partition, or None.

        Yields:
            As `Below.not_read_here`.

        Raises:
            RunEnds: The run has to end.
        """
        return self._below.not_read_here(is_due=self._started.is_due(context) is not False)

    # Reading

    def records(self, context: Context | None) -> Iterator[Any]:
        """Yield the records of a partition, or of the sweep that begins with it.

        Args:
            context: The context of the partition, or None.

        Yields:
            What the API sent; some perhaps twice.

        Raises:
            FatalAPIError: The API refuses a request.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        if self.run.is_dry_run:
            yield from self._tried_out(context)
            return
        self._plan_run()
        self._is_read_to_end = False
        try:
            for trait in self._traits:
                yield from trait.first()
            if self.refreshing is None:
                yield from self._planned_records(context)
            else:
                yield from self._refreshed(context, self.refreshing)
            yield from self._beside(context)
        except RunEnds as end:
            self.run.lifecycle.end_early(end)
        except (TooLargeError, *ALONE) as failure:
            self.has_failed = True
            if self._is_gone(context, failure):
                return
            part = self.partitions.label_of(context)
            if not self.run.lifecycle.fails_alone(self.listing.name, failure, part):
                raise
            return
        if key_of(context) not in self._left_open:
            for trait in self._traits:
                trait.complete(context)

    def _beside(self, context: Context | None) -> Iterator[Any]:
        """Yield the records that come after those of a partition, if it was due."""
        run = self.run
        is_read = self._started.is_due(context) and self._is_read_to_end
        if not is_read or run.backfill is not None or run.lifecycle.ends_early:
            return
        for trait in self._traits:
            for record in trait.last(context):
                if isinstance(record, dict) and type(record.get(ID)) is int:
                    self.presence.see(record[ID], context)
                yield record
        if self.listing.is_nightly:
            self.partitions.state(context)[NIGHT] = from_milliseconds(run.began)

    def _is_gone(self, context: Context | None, failure: Exception) -> bool:
        """Tell whether a parent has disappeared since it was listed."""
        parent = self.listing.parent
        if parent is None or self.listing.is_filtered_by_parent or not is_missing(failure):
            return False
        above, label = self.lists[parent.name].partitions, self.partitions.label_of(context)
        if not is_gone(above, parent_of(context)):
            return False
        self._gone.append(label)
        self.partitions.logger.warning(
            "%s: %s has disappeared since it was listed.",
            self.listing.name,
            label,
            extra={"happened": "parent_gone"},
        )
        return True

    def _refreshed(self, context: Context | None, refreshing: Refreshing) -> Iterator[Any]:
        """Yield the records of a partition, and take note if these are all."""
        # What goes on where an earlier run ended does not list what that had listed.
        is_whole = "from_scratch" not in self.partitions.state(context)
        listed: set[object] = set()
        for record in self._planned_records(context):
            if isinstance(record, dict):
                listed.add(record.get(ID))
            yield record
        is_read = self._started.is_due(context) and self._is_read_to_end
        if is_read and self.needs_all(context):
            if is_whole:
                self.has_listed_all = True
                exist = known_to_exist(self.output.stream_state)
                for child in self.wanted_children:
                    if child.hidden_parents is not None:
                        child.hidden_parents.note_listed(listed, exist)
            refreshing.note(context, listed, is_whole=is_whole)

    def _tried_out(self, context: Context | None) -> Iterator[Any]:
        """Yield one record of the list's first page: one that leads on, where it can."""
        reader, query = self.partitions.reader, self.partitions.query(context)
        size = None if self.children else ONE
        source = reader.source(context, query, path=self.partitions.path, size=size)
        records = self._unpacked(reader.one_of(reader.ask_first(source))).records()
        records.sort(key=self._leads_on, reverse=True)
        yield from records[:1]

    def _leads_on(self, record: object) -> bool:
        if not isinstance(record, dict) or ID not in record:
            return False
        return any(self.partitions.contexts_below(record))

    @cached_property
    def hidden_parents(self) -> HiddenParents | None:
        """Its parents that 42 does not list, where rows can be asked for without a list."""
        parent = self.listing.parent
        if parent is None or not (parent.is_campus and self.listing.is_filtered_by_parent):
            return None
        return HiddenParents(self.partitions)

    def _planned_records(self, context: Context | None) -> Iterator[Any]:
        if context not in self._started:
            self.plan(self._placed(self._along_with(context)))
        running = self._started.take(context)
        if running is None:  # a sweep has read it
            return
        for member in running.read.contexts:
            self.presence.begin(member)
        try:
            yield from self._found(running)
        except (TooDearError, TooLargeError, *ALONE) as failure:
            self._plan_again(running, failure)
            yield from self._planned_records(context)
            return
        if running.halving is not None:
            self._sweeping.note_half(running.halving, len(running.members))
        self._is_read_to_end = self._is_any_read = True
        for member in running.read.contexts:
            self.presence.complete(member)
            if self.listing.cursor is not None and self.listing.parent is not None:
                self._partitions_read.append(self.partitions.state(member))

    def _plan_again(self, running: Started, failure: Exception) -> None:
        """Read the members of a sweep in another way.

        Raises:
            Exception: The failure, if there is none.
        """
        is_one_too_many = running.halving is not None and running.halving.has_failed
        if running.halving is not None:
            running.halving.has_failed = True
        if isinstance(failure, TooDearError):
            self._begin(running.members, apart)
        elif not running.read.is_sweep or not may_be_of_one(failure):
            self._left_open.update(map(key_of, running.read.contexts))
            raise failure
        elif is_one_too_many and isinstance(failure, FatalAPIError):
            # Where both halves are refused, it is not because of one of them.
            self._begin(running.members, apart)
        else:
            self._halve(running, failure)

    def _halve(self, running: Started, failure: Exception) -> None:
        """Read the members of a sweep in two."""
        halving, middle = Halving(len(running.members)), ceil(len(running.members) / 2)
        for half in (running.members[:middle], running.members[middle:]):
            self._begin(half, at_once, halving=halving)
        self._sweeping.tell_halved(halving.members, failure)

    def _along_with(self, context: Context | None) -> Sequence[Context | None]:
        """Return what is planned together with a partition that nobody has planned."""
        if self.listing.parent is not None:
            return [context]
        contexts: Sequence[Context] | None = self.partitions.contexts
        return contexts or [context]

    def _found(self, running: Started) -> Iterator[Any]:
        read, held = running.read, list[Callable[[], None]]()
        rejected = self.rejections.total
        # Among the members of a sweep, the one that has been read least far.
        context = min(read.contexts, key=self._read_until)
        for step, reading, moved in zip(
            read.steps, running.readings, running.movements, strict=True
        ):
            reading.entry.cover(step.begins, step.until, tells_changes=step.since is not None)
            self.partitions.account_to(reading.entry, step.since)
            parts = self.partitions.reader.parts(reading)
            for trait in self._traits:
                parts = trait.prepared(parts, read)
            for part, place in parts:
                if part.page is not None:
                    self._note_turn(read, part.page)
                    page = self._unpacked(part.page)
                    records = page.records()
                    if part.is_descending:
                        records.reverse()
                    self._below.plan(records, place)
                    self.presence.note(page, records, context)
                    yield from records
                if part.is_doubtful:
                    self._doubt(read)
                if part.is_newest_first is not None:
                    fit = self._fit_of(read)
                    fit.note_order(is_newest_first=part.is_newest_first)
                held.append(partial(moved.advance, part))
                if not self._is_needed_again:
                    self._move(held, rejected)
                self.run.write_state(at_most_every=STATE_INTERVAL)
            held.append(moved.complete)
            self._move(held, rejected)
        if held and (objection := self.rejections.objection()):
            raise UnusableRecordsError(objection)

    @property
    def _is_needed_again(self) -> bool:
        """Whether something below its rows was not read.

        A next run that went on behind these rows would not come to it. Once all are listed, it
        does without: it is told which there are.
        """
        children = self.wanted_children
        is_early = bool(children) and self.run.lifecycle.ends_early
        return is_early or any(child.has_failed for child in children)

    def _doubt(self, read: PlannedRead) -> None:
        """Call no row gone on the strength of a read whose totals are wrong."""
        for member in read.contexts:
            self.presence.doubt(member)
        self._fit_of(read).doubt_totals()

    def _fit_of(self, read: PlannedRead) -> Fit:
        """Return what the route of a read was found to do."""
        return self.partitions.fit_of_sweeps if read.is_sweep else self.partitions.fit

    def _move(self, held: list[Callable[[], None]], rejected: int) -> None:
        """Move the bookmarks, unless what was rejected since forbids it.

        Args:
            held: What moves them, from part to part; emptied if that is done.
            rejected: How many records had been rejected before.

        Raises:
            UnusableRecordsError: To read on is of no use.
        """
        objection = self.rejections.objection()
        if objection is None or self.rejections.total == rejected:
            for move in held:
                move()
            held.clear()
        elif self.rejections.is_hopeless:
            raise UnusableRecordsError(objection)

    def _read_until(self, context: Context | None) -> str:
        return str(self.partitions.state(context).get("read_until") or "")

    def _note_turn(self, read: PlannedRead, page: Page) -> None:
        """Note that a request was spent; see `tap_ft42.planning.priorities`."""
        if self.run.budget.is_bounded and page.answered * 1000 >= self.run.began:
            served_at = from_milliseconds(self.run.began)
            self.output.stream_state["served_at"] = served_at
            for member in read.contexts:
                self.partitions.state(member)["served_at"] = served_at

    def _unpacked(self, page: Page) -> Page:
        """Return a page with the list's records, where those of another list carry them."""
        carried = self.partitions.carried
        if carried is None:
            return page
        return page.holding(
            [
                record
                for carrier in page.records()
                if isinstance(carrier, dict)
                and self.run.scope.has_campus(carrier.get(carried.campus_column))
                for record in carrier.get(carried.column) or ()
            ]
        )

    def rows_of(self, page: Page) -> int | None:
        """Return how many rows a list has, of which this is the first page.

        Args:
            page: One record may carry several rows.
        """
        total = page.total if page.more or page.total else page.count
        return total * self._unpacked(page).count // page.count if total else total

    # Rows

    def count(self, row: Mapping[str, Any], context: Context | None) -> None:
        """Count a row that goes to the target, and tell the lists that wait for news of it."""
        self.partitions.count(row)
        if self.told and self.partitions.is_changed(row) is not False:
            for one in self.told:
                for trait in one._traits:  # noqa: SLF001 - of the same class
                    trait.learn_of_mark(row, context)

    def save(self) -> None:
        """Bring the state up to date."""
        self.presence.save()
        for trait in self._traits:
            trait.save()

    def added(self, record: object, context: Context | None) -> dict[str, Any]:
        """Return the values of columns that a record does not say.

        Args:
            record: What the API sent.
            context: The context of its partition, or None.
        """
        added = {name: (context or {}).get(name) for name in self.listing.added}
        for trait in self._traits:
            added |= trait.added(record, context)
        return added

    def is_in_scope(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row belongs to the run, where the API's filter may not."""
        column = self.listing.cursus_column
        is_of_cursus = column is None or row["cursus_id"] in row[column]
        return (
            is_of_cursus
            and not self._strangers.include(row)
            and all(trait.is_in_scope(row) for trait in self._traits)
        )

    @cached_property
    def presence(self) -> Presence:
        """Which rows are known to exist."""
        terms = self.run.census_terms
        if self.listing.cursor is None:
            return FullReads(self.partitions, terms, self.needs_all)
        return ByCursus(
            {
                cursus_of(whole): KnownRows(self.partitions, terms, whole)
                for whole in self.partitions.lists
            }
        )

    @property
    def known_ids(self) -> Iterable[int] | None:
        """The ids of all rows, if the run has read the list and knows them; else None."""
        return self.presence.ids if self.output.selected else None

    def look_up_all(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of the list, read for the run itself."""
        for whole in self.partitions.lists:
            yield from self.partitions.look_up(self.partitions.query(whole), whole)

    def take(self, record: object, context: Context | None) -> bool:
        """Emit a row that came within one of another list, and tell whether it is whole.

        Args:
            record: What the API sent.
            context: The context of its partition.
        """
        try:
            self.output.row(record, context)
        except BrokenRecordError:
            return False
        self.output.emit(record, context, is_known=False)
        return True

    def note_refreshed(self, context: Context | None) -> None:
        """Take note that all rows were taken that tonight has to read again."""
        self.presence.note_refreshed(context)

    # The end

    @property
    def has_failed_throughout(self) -> bool:
        """Whether all that was asked of it has failed."""
        return self.has_failed and not self._partitions_read

    def end_partitions(self) -> None:
        """Bring the bookmarks of the partitions that were read to one level."""
        if self._gone and not self._is_any_read:
            # What may not be seen is answered like what is not there.
            self.run.lifecycle.note_failure(
                self.listing.name,
                "42 answered 404 for each of its parents. Most likely the application may not "
                "read it: deselect the stream, or ask for a role",
                kind="42 answered 404",
            )
        cursor = self.listing.cursor
        if self._partitions_read and cursor is not None and cursor.kind == "instant":
            level(cursor, self._partitions_read)

    def note_ends(self) -> None:
        """Tell the spool how far the plans of the run have been followed."""
        self._started.end(is_cut_short=self.run.lifecycle.ends_early or self.has_failed)


def _traits(partitions: Partitions, lists: Mapping[str, ListRun]) -> Iterator[Trait]:
    """Yield what a list needs beside what all lists do."""
    listing = partitions.listing
    if listing.campus_by_person:
        yield CampusByPerson(partitions)
    if listing.people_filter is not None:
        yield OfPeople(partitions)
    if listing.points is not None:
        yield PointsOfParents(partitions, listing.points)
    if listing.movers is not None:
        marks = listing.movers.marks
        yield ThoseWhoMoved(partitions, listing.movers, lambda: lists[marks].partitions)
