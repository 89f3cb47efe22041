"""Decides to which campus each row of a sweep goes.

An enrolment names no campus. If the list is read campus by campus, an enrolment comes at each
campus of its user. The campuses are read in ascending order, so the row stays with the
highest one. A sweep reads all campuses at once. So it looks up the campuses of the rows' users,
and gives each row to the highest campus in the run: the result is the same. A campus that 42
does not list comes last: it gets only the rows of people who have no other campus.

The same look-up is needed if a campus is read, or loaded for the first time, after one with a
higher id. It must not take the rows of people who study at both.

If the application may not look up who studies where, the run knows the rows that it has read
for other campuses, if these reads began as early. Else the list itself is asked: `Whereabouts`.

A window begins a little before its bookmark, so the last rows of a run come again in the
next one. Rows that have not changed go to the same campus, without a look-up. The state of the
stream (of each cursus, if there are several) holds:

``dealt``
    By the ids of the last rows of sweeps: the cursor and the campus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from tap_ft42.api.page import has_id
from tap_ft42.declared.contexts import Context, parent_of
from tap_ft42.declared.instants import milliseconds
from tap_ft42.declared.listing import ID
from tap_ft42.lists.corrected import corrected
from tap_ft42.lists.hidden import tell_left_over
from tap_ft42.lists.traits.whereabouts import Whereabouts
from tap_ft42.planning.bookmarks import has_bookmark
from tap_ft42.planning.hidden import hidden_ids
from tap_ft42.reading.asking import IncompleteReadError, Part, TooDearError
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.places import Place
from tap_ft42.run.list_in_run import ListInRun
from tap_ft42.run.people import NOWHERE, person_of, preferred

_DEALT = "dealt"
"""Key in the state."""

_MOST = 100
"""Rows in the state, at most."""

_USERS_AT_ONCE = 225
"""Users that are looked up together: several full requests."""

_MOST_WAITING = 40
"""Parts that wait for a look-up, at most."""


class CampusDealer:
    """Deals the rows of one cursus to the campuses of a run."""

    def __init__(self, partitions: ListInRun, whole: Context | None) -> None:
        cursor = partitions.listing.cursor
        self._list = partitions
        self._people = partitions.run.people
        self._state = partitions.state(whole)
        self._column = cursor.column if cursor else ""
        self._before: dict[str, list[Any]] = self._state.get(_DEALT) or {}
        self._is_any_shown = False
        """Whether the rows of all campuses are read, not only those of the run."""
        self._found: dict[int, int] = {}
        """By row: the campus, if the row was asked for by its id."""
        self._homeless = set[int]()
        """Rows whose people have no campus."""
        self._campuses: list[int] = []
        self._loaded: set[int] = set()
        self._is_needed = False
        self.whereabouts = Whereabouts(partitions, whole)
        self._begins: int | None = None
        self._came: dict[int, tuple[int, IdSet]] = {}
        """By campus that was read by itself: where the read began, and the rows that came."""

    @property
    def _hidden(self) -> set[int]:
        """The campuses that 42 does not list."""
        return hidden_ids(self._list.output.stream_state)

    def note(self, context: Context | None, state: Mapping[str, Any]) -> None:
        """Add a campus; called in the order of the run."""
        campus_id = parent_of(context)
        self._campuses.append(campus_id)
        if has_bookmark(state):
            self._loaded.add(campus_id)

    def noted(
        self,
        parts: Iterator[tuple[Part, Place]],
        contexts: Sequence[Context | None],
        begins: int | None,
    ) -> Iterator[tuple[Part, Place]]:
        """Do as `prepared`, and remember which rows came of a single campus.

        Args:
            parts: The parts of a read.
            contexts: Its campuses.
            begins: Where it begins; None if it continues another one.
        """
        self._begins, own = begins, IdSet()
        for part, place in self.prepared(parts, contexts):
            yield part, place
            own.update(() if part.page is None else part.page.ids)
        if begins is not None and len(contexts) == 1:
            self._came[parent_of(contexts[0])] = begins, own

    def _came_before(self, ids: set[int], campuses: Iterable[int]) -> set[int] | None:
        """Return which rows this run has read for some campuses; None if it may lack some."""
        came = [self._came.get(one) for one in campuses]
        reads = [read for read in came if read is not None]
        begins = -1 if self._begins is None else self._begins
        if len(reads) < len(came) or any(read[0] > begins for read in reads):
            return None
        return {row for row in ids if any(row in read[1] for read in reads)}

    def prepared(
        self, parts: Iterator[tuple[Part, Place]], contexts: Sequence[Context | None]
    ) -> Iterator[tuple[Part, Place]]:
        """Look up the campuses of the users before their rows are dealt.

        Raises:
            TooDearError: Rows of a sweep belong to none of its campuses. Somebody has left,
                or the filter means another campus. Each campus has to be read by itself.
            IncompleteReadError: The campuses of rows cannot be found out.
            RunEnds: The run has to end.
        """
        context, *others = contexts
        is_sweep = bool(others)
        is_swept_whole = is_sweep and corrected(self._list).parent_filter is None
        self._is_any_shown = is_swept_whole or self._list.is_campus_ignored
        self._refuse_unknown()
        self._is_needed = is_sweep or self._is_any_shown or self._comes_late(parent_of(context))
        if not is_sweep:
            # This read may move rows to another campus.
            self._before = {}
            self._state.pop(_DEALT, None)
        if not self._is_needed:
            yield from parts
            return
        waiting: list[tuple[Part, Place]] = []
        rows: dict[int, list[dict[str, Any]]] = {}
        for part, place in parts:
            waiting.append((part, place))
            for record in [] if part.page is None else part.page.records():
                user = person_of(record)
                if user is not None and self._went_to(record) is None:
                    rows.setdefault(user, []).append(record)
            unknown = self._people.unknown(rows)
            if not 0 < unknown < _USERS_AT_ONCE or len(waiting) >= _MOST_WAITING:
                self._look_up(rows, contexts)
                yield from waiting
                waiting, rows = [], {}
        self._look_up(rows, contexts)
        yield from waiting

    def _look_up(
        self, rows: Mapping[int, list[dict[str, Any]]], contexts: Sequence[Context | None]
    ) -> None:
        """Look up the campuses of users; `rows` holds the rows of each user."""
        if not rows:
            return
        is_sweep = len(contexts) > 1
        self._people.learn_campuses(rows)
        self._refuse_unknown()
        if not self._people.tells_campuses:
            if is_sweep and parent_of(contexts[0]) not in self._loaded:
                raise TooDearError  # all rows would have to be asked for by their ids
            ids = {row["id"] for own in rows.values() for row in own if has_id(row)}
            self._ask_for(ids, [parent_of(context) for context in contexts])
        elif is_sweep and not (self._is_any_shown or all(map(self._in_run, rows))):
            raise TooDearError
        if not is_sweep:
            return
        self._keep(
            {
                str(record.get("id")): [record.get(self._column), self.campus_of(record, 0)]
                for records in rows.values()
                for record in records
            }
        )

    def _ask_for(self, ids: set[int], campuses: Sequence[int]) -> None:
        """Ask for rows by their ids, to find out to which campuses they go.

        Each row belongs to one of the campuses of the read.
        """
        ranked = sorted(self._campuses, key=lambda own: (own not in self._hidden, own))
        if len(campuses) > 1:
            self.whereabouts.find(ids, [own for own in ranked if own in campuses], self._found)
        else:
            above = ranked[ranked.index(campuses[0]) + 1 :]
            # Campuses that follow take their rows themselves.
            earlier = self._campuses[: self._campuses.index(campuses[0])]
            elsewhere = self._came_before(ids, {*above} & {*earlier})
            if elsewhere is None:
                elsewhere = self.whereabouts.rows_at(ids, above) if above else set[int]()
            # This read may get rows that a lower campus left to this one.
            self._found |= dict.fromkeys(ids, campuses[0])
            self._found |= dict.fromkeys(elsewhere, NOWHERE)
            if elsewhere and campuses[0] in self._hidden:
                # They may have come here while it was not known which campuses are listed.
                with suppress(TooDearError):
                    self.whereabouts.find(elsewhere, above, self._found)

    def _refuse_unknown(self) -> None:
        """Refuse to deal rows if nothing tells their campus.

        Raises:
            IncompleteReadError: Nothing does.
        """
        if self._is_any_shown and not self._people.tells_campuses:
            message = (
                "42 does not narrow its rows by campus, and does not let this application look "
                "up who studies where"
            )
            raise IncompleteReadError(message)

    def _keep(self, dealt: dict[str, list[Any]]) -> None:
        """Remember the campuses of the rows that may come again in the next run."""
        known = self._state.get(_DEALT, {}) | dealt
        times = {row: milliseconds(entry[0]) or 0 for row, entry in known.items()}
        first = max(times.values()) - self._list.run.times.overlap
        last = sorted((row for row in known if times[row] >= first), key=times.__getitem__)
        self._state[_DEALT] = {row: known[row] for row in last[-_MOST:]}

    def _went_to(self, record: object) -> int | None:
        """Return the campus to which an unchanged row went in an earlier run."""
        if not isinstance(record, dict):
            return None
        changed, campus = self._before.get(str(record.get("id"))) or (None, None)
        is_same = changed == record.get(self._column) and campus in self._campuses
        return campus if is_same else None

    def campus_of(self, record: object, asked: int | None) -> int | None:
        """Return the campus to which a row goes; `NOWHERE` if it is none of the run.

        It was read for the campus `asked`; for all of them if that is None.
        """
        if asked is not None and not self._is_needed:
            return asked
        if (
            self._found
            and has_id(record)
            and (found := self._found.get(record[ID])) is not None
        ):
            return found
        person = person_of(record)
        own = self._in_run(person)
        # The person of a row that only a census looks at has not been looked up.
        if self._is_any_shown and person is not None and not self._people.unknown([person]):
            if not own and not self._list.run.scope.campus_ids:
                own = self._people.campuses_of(person)
                if not own and has_id(record):
                    self._homeless.add(record[ID])
            asked = NOWHERE
        return self._went_to(record) or preferred(own, self._hidden, asked)

    def tell_homeless(self) -> None:
        """Log how many rows are not read, as their people have no campus."""
        if self._homeless:
            tell_left_over(self._list, len(self._homeless))
        self._homeless = set()

    def _in_run(self, user_id: int | None) -> set[int]:
        return self._people.campuses_of(user_id) & set(self._campuses)

    def _comes_late(self, campus_id: int) -> bool:
        """Tell whether a campus that takes precedence has been read before this one."""
        hidden = self._hidden
        if campus_id in hidden:
            return True
        before = set(self._campuses[: self._campuses.index(campus_id)]) - hidden
        if campus_id not in self._loaded:
            before |= self._loaded - hidden
        return campus_id < max(before, default=0)
