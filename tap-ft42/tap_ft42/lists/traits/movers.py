"""Keeps rows fresh that change while their cursor does not.

Once a night, rows are asked for by their people, a page of people a request:

- people whose mark has changed since they were read. Rows of another list show the marks, in
  this run or in earlier ones;
- people whose deadline is near;
- all others in turn, the longest wait first: nobody waits longer than ``refresh_nights``. A
  read for another reason restarts the wait, and each night counts on such reads;
- in a scope of campuses, people who belong to it but do not come with the list: the API may
  narrow the list by the primary campus only.

If the other list is not read, all people are read each night.

A row shows its person, too. If that person is known, the list of people need not read them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from math import ceil
from typing import Any

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError, status_of
from tap_ft42.declared.contexts import CURSUS, Context, cursus_of
from tap_ft42.declared.instants import DAY, milliseconds
from tap_ft42.declared.listing import LOST, Movers
from tap_ft42.lists.traits.freshness import Freshness
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.planning.nights import night_of, share
from tap_ft42.planning.plan import PlannedRead
from tap_ft42.reading.asking import Part
from tap_ft42.reading.id_lists import id_lists
from tap_ft42.reading.places import Place
from tap_ft42.reading.source import TooLargeError
from tap_ft42.run.list_in_run import ListInRun
from tap_ft42.run.people import person_of

STATE = "movers"
"""Key in the state of a partition."""

_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY)


class SilentChanges(Trait):
    """Rows of people that may have changed while their cursor did not."""

    def __init__(
        self, partitions: ListInRun, movers: Movers, marks: Callable[[], ListInRun]
    ) -> None:
        self._list = partitions
        self._movers = movers
        self._marks = marks
        self._memories: dict[int, tuple[dict[str, Any], Freshness]] = {}
        self._is_all_taken: bool | None = None
        """Whether the rows have shown all of their people; None before the first row."""

    # What is known

    def _of(self, cursus_id: int) -> Freshness:
        if cursus_id not in self._memories:
            state = self._list.state({CURSUS: cursus_id})
            basis = self._list.scope_of({CURSUS: cursus_id})
            self._memories[cursus_id] = state, Freshness.restored(state.get(STATE), basis)
        return self._memories[cursus_id][1]

    @override
    def save(self) -> None:
        for state, memory in self._memories.values():
            if memory.has_changed:
                state[STATE] = memory.as_state()
                memory.has_changed = False

    @property
    def _is_kept(self) -> bool:
        """Whether somebody wants to know who has moved."""
        return self._list.output.selected and self._list.run.is_whole

    @override
    def learn_of_mark(self, row: Mapping[str, Any], context: Context | None) -> None:
        person, cursus_id = row.get(self._list.listing.people_column), cursus_of(context)
        if not self._is_kept or type(person) is not int or not cursus_id:
            return
        memory = self._of(cursus_id)
        is_marked = bool(memory.read) and row.get(self._movers.mark) is not None
        is_stranger = bool(self._list.run.scope.campus_ids) and person not in memory.read
        if (is_marked and self._is_later(row, memory.read.get(person))) or is_stranger:
            memory.moved.add(person)
            memory.has_changed = True

    def _is_later(self, row: Mapping[str, Any], read: int | None) -> bool:
        """Tell whether a row may have changed since its person was read."""
        cursor = self._marks().listing.cursor
        at = milliseconds(row.get(cursor.column)) if cursor is not None else None
        return read is None or at is None or self._night(at) >= read

    @override
    def prepared(
        self, parts: Iterator[tuple[Part, Place]], read: PlannedRead
    ) -> Iterator[tuple[Part, Place]]:
        memory = self._of(cursus_of(read.contexts[0])) if self._is_kept else None
        for part, place in parts:
            if memory is not None and part.page is not None:
                self._note(memory, part.page.records())
            yield part, place

    def _note(self, memory: Freshness, records: Iterable[Any]) -> set[int]:
        """Take note of the people of records, and return them."""
        found = set[int]()
        for record in records:
            person = person_of(record)
            if person is None:
                continue
            found.add(person)
            deadline = milliseconds(record.get(self._movers.deadline))
            day = None if deadline is None else deadline // DAY
            is_near = day is not None and abs(day - self._today) <= self._soon
            memory.note(person, self._tonight, day if is_near else None)
        return found

    @property
    def _today(self) -> int:
        return self._list.run.began // DAY

    def _night(self, instant: int) -> int:
        hour: int = self._list.run.settings["census_hour"]
        return night_of(instant, hour)

    @property
    def _tonight(self) -> int:
        return self._night(self._list.run.began)

    @property
    def _soon(self) -> int:
        """A deadline is remembered so many days ahead: until its row is read again."""
        nights: int = self._list.run.settings["refresh_nights"]
        return self._movers.days + max(nights, 1)

    # Who is read

    @override
    def last(self, context: Context | None) -> Iterator[Any]:
        memory, is_refused = self._of(cursus_of(context)), False
        asked = self._due(memory)
        is_dear = self._is_dear(memory, len(asked))
        if not (is_dear or self._is_filter_ignored):
            try:
                yield from self._of_people(memory, asked, context)
            except TooLargeError:
                is_dear = True
            except FatalAPIError as refusal:
                if status_of(refusal) not in _REFUSED:
                    raise
                is_refused = True
        if is_dear or is_refused or self._is_filter_ignored:
            yield from self._of_everybody(memory, context)
        if is_refused:  # as the list is answered without the filter
            self._note_ignored_filter()
        if self._is_all_taken:
            self._list.run.people.listed.note_refreshed(context)

    @property
    def _is_filter_ignored(self) -> bool:
        """Whether the API is known to ignore the filter of people."""
        return self._movers.people_filter in self._list.facts.can.ignored_filters

    def _note_ignored_filter(self) -> None:
        self._list.facts.note_filter(
            self._movers.people_filter,
            is_ignored=True,
            instead="All of it is read each night",
        )

    def _is_dear(self, memory: Freshness, people: int) -> bool:
        """Tell whether the lists that 42 takes are so short that the whole list costs less."""
        if self._list.run.scope.campus_ids:
            return False  # the list lacks who has left for another campus
        pages = ceil(len(memory.read) / self._list.reader.page_size) + 1
        return people > 2 * pages * self._longest

    def _of_everybody(self, memory: Freshness, context: Context | None) -> Iterator[Any]:
        """Yield all rows of the list."""
        name = f"all of {self._list.name_of(context)}"
        rows = self._list.read_apart([self._list.query(context)], name, context)
        yield from self._noted(memory, rows, set(), context)

    def _of_people(
        self, memory: Freshness, asked: Sequence[int], context: Context | None
    ) -> Iterator[Any]:
        """Yield the rows of the people who are asked for.

        Raises:
            TooLargeError: 42 takes so short lists of people that the whole list costs less.
        """
        # The first list tells whether 42 heeds the filter, before all others are sent.
        found = set[int]()
        first = asked[: self._longest]
        try:
            rows = [*self._rows(first, context, is_divided=False)]
        except TooLargeError:
            if self._is_dear(memory, len(asked)):
                raise
            rows = [*self._rows(first, context)]
        yield from self._noted(memory, rows, found, context)
        if found - set(first):
            self._note_ignored_filter()
            return
        others = self._rows(asked[self._longest :], context)
        yield from self._noted(memory, others, found, context)
        if not found and len(asked) > LOST:
            return  # so many do not disappear together: the next night asks again
        memory.moved.difference_update(asked)
        # 42 may cut a list in silence: only people who are missing twice are gone.
        while lacking := {one for one in asked if one not in found and one in memory.read}:
            if self._is_dear(memory, len(lacking)):
                yield from self._of_everybody(memory, context)
                return
            again = set[int]()
            yield from self._noted(memory, self._rows(lacking, context), again, context)
            if not again:
                break
            shown = len(found.intersection(first))
            if shown and again.intersection(first):
                self._list.facts.shorten(self._movers.people_filter, len(first), shown)
            found |= again
        memory.note_missing(set(asked) - found, self._tonight, known=self._known)

    @property
    def _longest(self) -> int:
        """People that a request asks for: fewer than a page, so that one page has all rows."""
        return max(min(self._list.facts.can.longest_list, self._list.reader.page_size - 1), 1)

    def _rows(
        self, people: Collection[int], context: Context | None, *, is_divided: bool = True
    ) -> Iterator[Any]:
        """Yield the rows of people, from requests sent at once; some rows may come twice."""
        query = self._list.query(context)
        query.pop(self._list.listing.campus_filter or "", None)  # the ids name the people
        queries = [
            {**query, self._movers.people_filter: batch}
            for batch in id_lists(people, self._longest)
        ]
        name = f"people of {self._list.name_of(context)}"
        if queries:
            self._list.emitted.begin(self._list.route.entry, None)
        yield from self._list.read_apart(queries, name, context, is_divided=is_divided)

    def _noted(
        self,
        memory: Freshness,
        records: Iterable[Any],
        found: set[int],
        context: Context | None,
    ) -> Iterator[Any]:
        """Yield records, and take note of their people once the target has them."""
        for record in records:
            yield record
            found |= self._note(memory, [record])
            if person_of(record) in self._known:
                people = self._list.run.people.listed.output
                is_taken = people.take(record["user"], context)
                self._is_all_taken = is_taken and self._is_all_taken is not False

    @cached_property
    def _known(self) -> Collection[int]:
        """The people of the scope, if the run has read them."""
        if self._list.run.times.not_before is not None:
            return ()
        return frozenset(self._list.run.people.listed.known_ids() or ())

    def _due(self, memory: Freshness) -> list[int]:
        """Return the people to read tonight."""
        # If nobody tells who has moved, all people are read each night.
        nights = self._list.run.settings["refresh_nights"] if self._marks().is_wanted else 1
        is_narrowed = bool(self._list.run.scope.campus_ids)
        everybody = {*memory.read, *self._known}
        if self._known and not is_narrowed:
            everybody = set(self._known)  # nobody sees the others
        near = range(self._today - self._movers.days, self._today + self._movers.days + 1)
        due, waits = memory.queue(everybody, self._tonight, near)
        stay = len(waits) / (len(waits) + len(memory.moved) or 1)
        needed = share([*waits.values()], nights, stay)
        if nights:  # the last list is filled up
            needed += -(len(due) + needed) % self._longest
        return sorted(due.union([*waits][:needed]))
