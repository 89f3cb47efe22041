"""The lists of a run: what their reads find is taken in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import is_missing
from tap_ft42.census.known import KnownRows
from tap_ft42.census.presence import Presence, Presences
from tap_ft42.declared.contexts import cursus_of, key_of, parent_of
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import ID
from tap_ft42.planning.bookmarks import level
from tap_ft42.reading.asking import TooDearError, TooLargeError
from tap_ft42.run.due import Due
from tap_ft42.run.hidden import HiddenParents
from tap_ft42.run.lifecycle import ALONE
from tap_ft42.run.lookups import LookUps
from tap_ft42.run.partitions import Partitions
from tap_ft42.run.rejections import Rejections, UnusableRecordsError
from tap_ft42.run.started import StartedReads
from tap_ft42.run.sweeping import Sweeping
from tap_ft42.run.traits import traits_of
from tap_ft42.run.unlisted import is_gone, known_to_exist

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from tap_ft42.api.page import Page
    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.planning.plan import PlannedRead
    from tap_ft42.planning.steps import Step
    from tap_ft42.reading.asking import Part
    from tap_ft42.reading.fitting import Fit
    from tap_ft42.run.host import Output
    from tap_ft42.run.run import Run
    from tap_ft42.run.started import Started


class ListRun:
    """One list in one run."""

    def __init__(
        self,
        run: Run,
        listing: Listing,
        output: Output,
        lists: Mapping[str, ListRun],
    ) -> None:
        """Begin without plans; `lists`, all those of the run in its order, may still grow."""
        self.run = run
        self.listing = listing
        self.output = output
        self.lists = lists
        self.partitions = Partitions(run, listing, output)
        self.due = Due(self.partitions, lambda one: self.presence.of(one).is_short())
        self.traits = list(traits_of(self.partitions, lambda name: lists[name].partitions))
        self.sweeping = Sweeping(self.partitions)
        self.started = StartedReads(self.due, self.traits, self.sweeping)
        self.told: list[ListRun] = []
        """The lists that hear of its rows."""
        self._partitions_read: list[dict[str, Any]] = []
        self._is_read_to_end = False
        self._left_open: set[Hashable] = set()
        self._unread: list[Context | None] = []
        self._gone: list[str] = []
        self.has_failed = False
        """Whether something of it could not be read."""
        self.has_listed_all = False
        """Whether the run has read all of its rows from their beginning."""
        if listing.tells == "people":
            run.people.people, run.people.rows = self, LookUps(self.partitions)
        elif listing.tells == "campuses of people":
            run.people.memberships = LookUps(self.partitions)

    @cached_property
    def rejections(self) -> Rejections:
        """What of its records was rejected."""
        return Rejections(is_kept=self.output.is_rejected_kept)

    def read_below(self, child: ListRun) -> None:
        """Let another list be read for each row of this one."""
        self.partitions.children.append(child.partitions)
        self.started.children.append(child.started)

    def tell_marks(self) -> None:
        """Let the list hear of new and changed rows of the one that its `Movers` name."""
        if self.listing.movers is not None:
            self.lists[self.listing.movers.marks].told.append(self)

    @property
    def wanted_children(self) -> list[ListRun]:
        """The lists that are read for each row of this one."""
        return [self.lists[child.listing.name] for child in self.partitions.wanted_children]

    # Reading

    def records(self, context: Context | None) -> Iterator[Any]:
        """Yield the records of a partition, or of the sweep that begins with it.

        Raises:
            FatalAPIError: The API refuses a request.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        self._begin_run()
        self._is_read_to_end, self._unread = False, []
        try:
            for trait in self.traits:
                yield from trait.first()
            if self.listing.is_reference:
                yield from self._refreshed(context)
            else:
                yield from self._planned_records(context)
            yield from self._beside(context)
        except RunEnds as end:
            self.run.lifecycle.end_early(end)
        except (TooLargeError, *ALONE) as failure:
            self.has_failed = True
            if self._is_gone(context, failure):
                return
            labels = [self.partitions.label_of(one) for one in self._unread or [context]]
            if not all(
                self.run.lifecycle.fails_alone(self.listing.name, failure, part)
                for part in labels
            ):
                raise
            return
        if key_of(context) not in self._left_open:
            for trait in self.traits:
                trait.complete(context)

    def _begin_run(self) -> None:
        """Let the pipeline read what the run will ask for, as far as it is known.

        Where requests are counted, nothing else is read before this list has had what it
        needs.
        """
        if self.listing.parent is None:
            for head in [self] if self.run.budget.counts_requests else self.lists.values():
                if not head.started.is_begun:
                    head.started.begin_ahead()

    def _beside(self, context: Context | None) -> Iterator[Any]:
        """Yield the records that come after those of a partition, if it was due."""
        run = self.run
        if not self._is_read(context) or run.backfill is not None or run.lifecycle.ends_early:
            return
        for trait in self.traits:
            for record in trait.last(context):
                if isinstance(record, dict) and type(record.get(ID)) is int:
                    self.presence.of(context).see(record[ID])
                yield record
        self.due.note_night(context)

    def _is_read(self, context: Context | None) -> bool:
        """Tell whether a partition was due, and has been read to its end."""
        return bool(self.started.is_due(context)) and self._is_read_to_end

    def _is_gone(self, context: Context | None, failure: Exception) -> bool:
        """Tell whether a parent has disappeared since it was listed."""
        parent = self.listing.parent
        if parent is None or self.listing.is_filtered_by_parent or not is_missing(failure):
            return False
        above, label = self.lists[parent.name].partitions, self.partitions.label_of(context)
        if self.started.is_held(context):
            self._gone.append(label)
            return True
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

    def _refreshed(self, context: Context | None) -> Iterator[Any]:
        """Yield the records of a partition, and take note if these are all."""
        # What goes on where an earlier run ended does not list what that had listed.
        is_whole = "from_scratch" not in self.partitions.state(context)
        listed: set[object] = set()
        for record in self._planned_records(context):
            if isinstance(record, dict):
                listed.add(record.get(ID))
            yield record
        is_whole &= not self.partitions.is_unreadable
        if self._is_read(context) and self.due.needs_all(context):
            if is_whole:
                self.has_listed_all = True
                exist = known_to_exist(self.output.stream_state)
                for child in self.wanted_children:
                    if child.hidden_parents is not None:
                        child.hidden_parents.note_listed(listed, exist)
            self.due.note_refresh(context, listed, is_whole=is_whole)

    @cached_property
    def hidden_parents(self) -> HiddenParents | None:
        """Its parents that 42 does not list, where rows can be asked for without a list."""
        parent = self.listing.parent
        if parent is None or not (parent.is_campus and self.listing.is_filtered_by_parent):
            return None
        return HiddenParents(self.partitions)

    def _planned_records(self, context: Context | None) -> Iterator[Any]:
        running = self.started.take(context)
        if running is None:  # a sweep has read it
            return
        for member in running.read.contexts:
            self.presence.of(member).begin(member)
        try:
            yield from self._found(running)
        except (TooDearError, TooLargeError, *ALONE) as failure:
            if not self.started.begin_otherwise(running, failure):
                self._unread = running.read.contexts
                self._left_open.update(map(key_of, self._unread))
                raise
            yield from self._planned_records(context)
            return
        if running.halving is not None:
            self.sweeping.note_half(running.halving, len(running.read.partitions))
        self._is_read_to_end = self.started.is_any_read = True
        for member in running.read.contexts:
            self.presence.of(member).complete(member)
            if self.partitions.is_unreadable:
                self.presence.of(member).doubt(member)
            if self.listing.cursor is not None and self.listing.parent is not None:
                self._partitions_read.append(self.partitions.state(member))

    def _found(self, running: Started) -> Iterator[Any]:
        read, held = running.read, list[Callable[[], None]]()
        rejected = self.rejections.total
        # Among the members of a sweep, the one that has been read least far.
        context = min(
            read.contexts,
            key=lambda one: self.partitions.state(one).get("read_until") or "",
        )
        for step, reading, moved in running.steps:
            reading.entry.cover(step.begins, step.until, tells_changes=step.since is not None)
            self.partitions.emitted.begin(reading.entry, step.since)
            parts = self.run.pipeline.parts(reading)
            for trait in self.traits:
                parts = trait.prepared(parts, read)
            for part, place in parts:
                if part.page is not None:
                    self._note_turn(read, part.page)
                    page = self.partitions.unpacked(part.page)
                    records = page.records()
                    if part.is_descending:
                        records.reverse()
                    self.started.begin_below(records, place)
                    self.presence.of(context).note(page, records, context)
                    yield from records
                self._learn_of(part, step, read)
                held.append(partial(moved.advance, part))
                if not self._is_needed_again:
                    self._move(held, rejected)
                self.run.write_state_if_due()
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

    def _learn_of(self, part: Part, step: Step, read: PlannedRead) -> None:
        """Take note of what a part shows of the list."""
        fit = self._fit_of(read)
        if part.is_doubtful:
            # No row is called gone on the strength of a read whose totals are wrong.
            for member in read.contexts:
                self.presence.of(member).doubt(member)
            fit.doubt_totals()
        if part.is_newest_first is not None:
            fit.note_order(is_newest_first=part.is_newest_first)
        if part.is_cut is not None:
            fit.note_cut(step.until, is_cut=part.is_cut)

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

    def _note_turn(self, read: PlannedRead, page: Page) -> None:
        """Note that a request was spent; see `tap_ft42.planning.priorities`."""
        if self.run.budget.is_bounded and page.answered * 1000 >= self.run.began:
            served_at = from_milliseconds(self.run.began)
            self.output.stream_state["served_at"] = served_at
            for member in read.contexts:
                self.partitions.state(member)["served_at"] = served_at

    # Rows

    def count(self, row: Mapping[str, Any], context: Context | None) -> None:
        """Count a row that goes to the target, and tell the lists that wait for news of it."""
        emitted = self.partitions.emitted
        if self.output.selected:
            emitted.count(row)
        if self.told and emitted.is_changed(row) is not False:
            for one in self.told:
                for trait in one.traits:
                    trait.learn_of_mark(row, context)

    def save(self) -> None:
        """Bring the state up to date."""
        self.presence.save()
        self.partitions.reader.save()
        for trait in self.traits:
            trait.save()

    def added(self, record: object, context: Context | None) -> dict[str, Any]:
        """Return the values of columns that a record does not say."""
        added = {name: (context or {}).get(name) for name in self.listing.added}
        for trait in self.traits:
            added |= trait.added(record, context)
        return added

    def is_in_scope(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row belongs to the run, where the API's filter may not."""
        return all(trait.is_in_scope(row) for trait in self.traits)

    @cached_property
    def presence(self) -> Presences:
        """Which rows are known to exist."""
        parts, terms, needs_all = self.partitions, self.run.census_terms, self.due.needs_all
        return Presences(
            {
                cursus_of(whole): Presence(parts, terms, needs_all)
                if self.listing.cursor is None
                else KnownRows(parts, terms, whole)
                for whole in parts.lists
            }
        )

    def known_ids(self) -> Iterable[int] | None:
        """Return the ids of all rows, if the run has read the list and knows them."""
        return self.presence.ids if self.output.selected else None

    def note_refreshed(self, context: Context | None) -> None:
        """Take note that all rows were taken that tonight has to read again."""
        self.presence.of(context).note_refreshed()

    # The end

    @property
    def has_failed_throughout(self) -> bool:
        """Whether all that was asked of it has failed."""
        return self.has_failed and not self._partitions_read

    def end_partitions(self) -> None:
        """Bring the bookmarks of the partitions that were read to one level."""
        if self._gone and not self.started.is_any_read:
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
        self.started.end(is_cut_short=self.run.lifecycle.ends_early or self.has_failed)
