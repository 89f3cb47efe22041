"""Syncs a list in a run: it emits the records that reads find, and moves the bookmarks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from itertools import chain
from typing import Any

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import is_missing
from tap_ft42.api.page import has_id
from tap_ft42.census.known import KnownRows
from tap_ft42.census.presence import Presence
from tap_ft42.declared.contexts import Context, cursus_of, key_of, parent_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import ID, LOST, Listing
from tap_ft42.lists.awaited import AwaitedRows
from tap_ft42.lists.due import DuePartitions
from tap_ft42.lists.existence import is_gone, known_to_exist
from tap_ft42.lists.hidden import HiddenParents
from tap_ft42.lists.lookups import LookUps
from tap_ft42.lists.references import References
from tap_ft42.lists.rejections import Moves, Rejections
from tap_ft42.lists.started import RunningRead, StartedReads
from tap_ft42.lists.sweeping import Sweeping
from tap_ft42.lists.traits import traits_of
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.lists.turns import note_turn
from tap_ft42.planning.bookmarks import level
from tap_ft42.planning.plan import PlannedRead
from tap_ft42.reading.asking import IncompleteReadError, Part, TooDearError
from tap_ft42.reading.places import Place
from tap_ft42.reading.source import TooLargeError
from tap_ft42.run.host import Output
from tap_ft42.run.lifecycle import PARTIAL_FAILURES
from tap_ft42.run.list_in_run import ListInRun
from tap_ft42.run.run import Run


class ListSync:
    """Syncs one list in one run."""

    def __init__(
        self,
        run: Run,
        listing: Listing,
        output: Output,
        lists: Mapping[str, ListSync],
    ) -> None:
        """Begin without plans. `lists` holds all lists of the run, in order; it may grow."""
        self.run = run
        self.listing = listing
        self.output = output
        self.lists = lists
        self.list = ListInRun(run, listing, output)
        self.due = DuePartitions(self.list, lambda one: self._presence_of(one).is_short())
        self.traits = list(traits_of(self.list, lambda name: lists[name].list))
        self.sweeping = Sweeping(self.list)
        self.awaited = AwaitedRows(self.list)
        self.started = StartedReads(self.due, self.sweeping, self.traits)
        self.followers: list[Trait] = []
        """The traits of other lists that are told of its new and changed rows."""
        self._partitions_read: list[dict[str, Any]] = []
        self._is_read_to_end = False
        self._left_open: set[Hashable] = set()
        self._unread: list[Context | None] = []
        self._gone: list[str] = []
        self.has_failed = False
        """Whether a part of the list could not be read."""
        self.references = References(
            self.list, lambda: {name: one.list for name, one in lists.items()}
        )
        if listing.tells == "people":
            run.people.listed, run.people.look_ups = self, LookUps(self.list)
        elif listing.tells == "campuses of people":
            run.people.memberships = LookUps(self.list)

    @cached_property
    def rejections(self) -> Rejections:
        """Counts rejected records, and says whether bookmarks may pass them."""
        return Rejections(is_kept=self.output.is_rejected_kept)

    def add_child(self, child: ListSync) -> None:
        """Add a child: a list that is read once for each row of this one."""
        self.list.children.append(child.list)
        self.started.children.append(child.started)

    def follow_marks(self) -> None:
        """Follow the new and changed rows of the list that this one's `Movers` name."""
        if self.listing.movers is not None:
            self.lists[self.listing.movers.marks].followers += self.traits

    @property
    def wanted_children(self) -> list[ListSync]:
        """The lists that are read for each row of this one."""
        return [self.lists[child.listing.name] for child in self.list.wanted_children]

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
        except (TooLargeError, *PARTIAL_FAILURES) as failure:
            self.has_failed = True
            if self._is_gone(context, failure):
                return
            labels = [self.list.label_of(one) for one in self._unread or [context]]
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
        """Let the pipeline read ahead, in all lists whose partitions are known.

        If `max_requests` limits the run, only this list is read ahead: the others must not
        spend the requests that it needs.
        """
        if self.listing.parent is None:
            lists = [self] if self.run.budget.counts_requests else self.lists.values()
            heads = [one for one in lists if one.listing.parent is None and one.list.is_wanted]
            for one in heads:
                if not one.started.is_begun:
                    one.started.begin_ahead()

    def _beside(self, context: Context | None) -> Iterator[Any]:
        """Yield the records that traits add after a partition, if it was due."""
        run = self.run
        if not self._is_read(context) or run.backfill is not None or run.lifecycle.ends_early:
            return
        for trait in self.traits:
            for record in trait.last(context):
                if has_id(record):
                    self._presence_of(context).see(record[ID])
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
        above, label = self.lists[parent.name].list, self.list.label_of(context)
        if self.started.is_held_back(context):
            self._gone.append(label)
            return True
        if not is_gone(above, parent_of(context)):
            return False
        self._gone.append(label)
        Events(self.listing.name).warning(
            "%s has disappeared since it was listed.", label, happened="parent_gone"
        )
        return True

    def _refreshed(self, context: Context | None) -> Iterator[Any]:
        """Yield the records of a partition of a reference list, and note a full read."""
        # A read that continues an earlier one does not list again what that one listed.
        is_whole = "from_scratch" not in self.list.state(context)
        listed: set[object] = set()
        for record in self._planned_records(context):
            if isinstance(record, dict):
                listed.add(record.get(ID))
            yield record
        if self._is_read(context) and self.due.needs_all(context):
            listed |= self.awaited.ids
            is_whole &= not (self.list.is_unreadable or self.awaited.are_any)
            if is_whole:
                self._note_listed(context, listed)
            self.due.note_refresh(context, listed, is_whole=is_whole)

    def _note_listed(self, context: Context | None, listed: set[object]) -> None:
        """Note that these are all rows of a partition of a reference list.

        Raises:
            IncompleteReadError: They are so few that this is not believed at once.
        """
        try:
            self.due.refuse_collapse(context, len(listed))
        except IncompleteReadError:
            self._presence_of(context).doubt(context)
            raise
        self.list.listed_ids = listed | (self.list.listed_ids or set())
        exist = known_to_exist(self.output.stream_state)
        for child in self.wanted_children:
            if child.hidden_parents is not None:
                child.hidden_parents.note_listed(listed, exist)

    @cached_property
    def hidden_parents(self) -> HiddenParents | None:
        """The parents that 42 does not list; None if no filter can ask for their rows."""
        parent = self.listing.parent
        if parent is None or not (parent.is_campus and self.listing.is_filtered_by_parent):
            return None
        return HiddenParents(self.list)

    def _planned_records(self, context: Context | None) -> Iterator[Any]:
        running = self.started.take(context)
        if running is None:  # a sweep has read the partition
            return
        for member in running.read.contexts:
            self._presence_of(member).begin(member)
        try:
            yield from self._records_of(running)
        except (TooDearError, TooLargeError, *PARTIAL_FAILURES) as failure:
            if not self.started.begin_fallback(running, failure):
                self._unread = running.read.contexts
                self._left_open.update(map(key_of, self._unread))
                raise
            yield from self._planned_records(context)
            return
        if running.halving is not None:
            self.sweeping.note_half(running.halving, len(running.read.partitions))
        self._is_read_to_end = self.started.is_any_read = True
        self.awaited.complete(running.read)
        for member in running.read.contexts:
            self._presence_of(member).complete(member)
            if self.list.is_unreadable:
                self._presence_of(member).doubt(member)
        if self.listing.cursor is not None and self.listing.parent is not None:
            self._partitions_read += [one.state for one in running.read.partitions]

    def _records_of(self, running: RunningRead) -> Iterator[Any]:
        read, moves = running.read, Moves(self.rejections)
        # Of the members of a sweep, the one that has been read the least far.
        least = min(read.partitions, key=lambda one: one.state.get("read_until") or "")
        context, hidden = least.context, self.hidden_parents
        if hidden is not None and read.is_from_scratch and read.is_narrowed:
            hidden.note_narrowed()
        for step, reading, movement in running.steps:
            reading.entry.cover(step.begins, step.until, tells_changes=step.since is not None)
            self.list.emitted.begin(reading.entry, step.since)
            parts = self.run.pipeline.parts(reading)
            if step is read.steps[-1]:
                parts = chain(parts, self.awaited.asked_again(read))
            shown = told = 0
            for part, place in self._prepared(parts, read):
                if part.page is not None:
                    shown, told = shown + part.page.count, max(told, part.page.total or 0)
                yield from self._records_on(part, place, read, context)
                # A doubtful read does not prove that a row has disappeared.
                for member in read.contexts if part.is_doubtful else ():
                    self._presence_of(member).doubt(member)
                self.due.learn_of(part, step, read, is_short=shown + LOST < told)
                moves.add(partial(movement.advance, part))
                if not self._must_list_again:
                    moves.make()
                self.run.write_state_if_due()
            moves.add(movement.complete)
            moves.make()
        moves.end()
        if not running.steps:  # 42 may show a row at last, though nothing else is due
            for part, place in self._prepared(self.awaited.asked_again(read), read):
                yield from self._records_on(part, place, read, context)

    def _prepared(
        self, parts: Iterator[tuple[Part, Place]], read: PlannedRead
    ) -> Iterator[tuple[Part, Place]]:
        """Let the traits look at the parts of a read; see `Trait.prepared`."""
        for trait in self.traits:
            parts = trait.prepared(parts, read)
        return parts

    def _records_on(
        self, part: Part, place: Place, read: PlannedRead, context: Context | None
    ) -> Iterator[Any]:
        """Yield the records of a part's page, if it has one; start what is below them."""
        if part.page is None:
            return
        note_turn(self.list, read, part.page)
        self.awaited.note(read, part.page)
        page = self.list.unpacked(part.page)
        records = page.records()
        if part.is_descending:
            records.reverse()
        self.started.begin_children(records, place)
        self._presence_of(context).note(page, records, context)
        yield from records

    @property
    def _must_list_again(self) -> bool:
        """Whether the next run must list the same rows again, as a child was not read.

        It finds the unread children only below rows that it lists. After a complete read it
        need not list them: the state of the children then names every parent.
        """
        children = self.wanted_children
        is_early = bool(children) and self.run.lifecycle.ends_early
        return is_early or any(child.has_failed for child in children)

    # Rows

    def count(self, row: Mapping[str, Any], context: Context | None) -> None:
        """Count a row that goes to the target; if it may be new, tell the followers."""
        self.references.note(row)
        if self.output.selected:
            self.list.emitted.count(row)
        if self.followers and self.list.emitted.is_changed(row) is not False:
            for trait in self.followers:
                trait.learn_of_mark(row, context)

    def save(self) -> None:
        """Write into the state what the run has learned of the list."""
        for presence in self.presences.values():
            presence.save()
        self.list.reader.save()
        for trait in self.traits:
            trait.save()

    def added(self, record: object, context: Context | None) -> dict[str, Any]:
        """Return the values of the columns that a record itself does not have."""
        added = {name: (context or {}).get(name) for name in self.listing.added}
        for trait in self.traits:
            added |= trait.added(record, context)
        return added

    def is_in_scope(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row belongs to the run; the API's filters may let others through."""
        return all(trait.is_in_scope(row) for trait in self.traits)

    def leave_out(self, row: Mapping[str, Any], context: Context | None) -> None:
        """Take note of a row that the list shows, though it does not belong to the run."""
        self._presence_of(context).leave_out(row[ID])
        for trait in self.traits:
            trait.leave_out(row)

    @cached_property
    def presences(self) -> dict[int, Presence]:
        """Which rows are known to exist, by cursus if each cursus has its own list."""
        return {
            cursus_of(whole): Presence(self.list, self.due.needs_all)
            if self.listing.cursor is None
            else KnownRows(self.list, whole)
            for whole in self.list.wholes
        }

    def _presence_of(self, context: Context | None) -> Presence:
        return self.presences[cursus_of(context)]

    def known_ids(self) -> Iterable[int] | None:
        """Return the ids of all rows, if the run has read the list; else None."""
        found = [one.ids for one in self.presences.values()]
        known = [ids for ids in found if ids is not None]
        are_all_known = self.output.selected and len(known) == len(found)
        return chain.from_iterable(known) if are_all_known else None

    def note_refreshed(self, context: Context | None) -> None:
        """Note that all rows were read that are due to be read again tonight."""
        self._presence_of(context).note_refreshed()

    # The end

    @property
    def has_failed_throughout(self) -> bool:
        """Whether the list failed, and no partition of it was read."""
        return self.has_failed and not self._partitions_read

    def end_partitions(self) -> None:
        """Give all partitions that were read the same bookmark."""
        if self._gone and not self.started.is_any_read:
            # 42 also answers 404 where the application lacks the right to read.
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
        """Tell the spool how far the plans were followed, and which rows are missing."""
        self.references.tell()
        if self.started.is_any_read:
            self.list.tell_odd_ids()
        self.started.end(is_cut_short=self.run.lifecycle.ends_early or self.has_failed)
