"""Parents that 42 does not list, though it has rows of them.

There are more campuses than 42 lists: those that are closed or internal are left out. Who
has studied only there has enrolments that no list of a listed campus shows. So it is compared
how many rows there are in all, and at all campuses that are known. If there are more, or if
nobody counts them, the other ids are tried, in lists, and those lists that have a row in
halves. What has rows is read from then on as what is listed is.

It is done after the first load, and again once the parents have been listed anew: two
requests a cursus, if nothing is left over. In the state of the list stands, below ``hidden``:

``ids``
    The parents that were found.
``rest``
    By cursus, how many rows no parent had when ids were tried last; None if that is unknown.
``tried_on``
    By cursus, the day of that.
``trying``
    By cursus, the lists of ids that are still to be tried, while that is not over.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.api.page import Page
from tap_ft42.declared.contexts import cursus_of, parent_of
from tap_ft42.planning.refresh import HIDDEN, hidden_ids
from tap_ft42.reading.asking import TooLargeError
from tap_ft42.reading.places import NOW
from tap_ft42.reading.regions import Region
from tap_ft42.reading.source import ONE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tap_ft42.declared.contexts import Context
    from tap_ft42.reading.pipeline import Reading
    from tap_ft42.run.partitions import Partitions

_BEHIND, _FAR_BEHIND = 100, 1_000
"""Ids behind the greatest one that are tried: at first, and if rows are still left over."""

_APART = 20
"""The same where each id takes a request."""

_CAN_BE = re.compile(r"can be ((?:\d+|[\s,]|and)+)")
"""What a refusal of ids ends with that are none: the others."""

_AT_ONCE = 4
"""Lists that are tried at once."""

_FEW = 8
"""Ids that are tried one by one and not in halves."""

_NOBODY = 0
"""An id that no person has."""

_RENEWED = timedelta(days=30)


class HiddenParents:
    """The parents of a list that 42 does not list."""

    def __init__(self, partitions: Partitions) -> None:
        """Look at nothing yet.

        Args:
            partitions: The list.
        """
        self._list = partitions
        self._today = partitions.run.clock.now().date()
        self._window = _window_of(partitions)
        self._existing: set[int] | None = None
        """All ids that there are, if 42 has said so."""

    @property
    def contexts(self) -> list[Context]:
        """The contexts of those that are known, in scope, and can be told from the others.

        Who has studied at a listed campus, too, is found there.
        """
        people, scope = self._list.run.people, self._list.run.scope
        found = filter(scope.has_campus, hidden_ids(self._list.output.stream_state))
        if not people.tells_campuses:
            return []
        return [{self._list.listing.parent_id: own} for own in sorted(found)]

    def note_listed(self, listed: Collection[object], exist: Iterable[int]) -> None:
        """Take note of what 42 lists.

        Args:
            listed: The ids of all parents that it lists.
            exist: Ids that it is known to have, listed or not.
        """
        known = hidden_ids(self._list.output.stream_state) | set(exist)
        self._keep(known.difference(listed))

    @property
    def are_never_sought(self) -> bool:
        """Whether no run has come so far as to look for them."""
        tried = self._note.get("rest", {})
        return any(str(cursus_of(whole)) not in tried for whole in self._list.lists)

    def seek(self) -> None:
        """Look for parents of which there are rows, if any are left over.

        Raises:
            RunEnds: The run has to end.
            RetriableAPIError: Too many tries of one request failed.
            requests.RequestException: The API did not answer.
        """
        found = sorted({own for whole in self._list.lists for own in self._sought(whole)})
        if not found:
            return
        people = self._list.run.people
        people.learn_campuses([_NOBODY])  # whether that is allowed
        self._list.logger.warning(
            "%s: 42 has rows of %s %s, which it does not list. %s",
            self._list.listing.name,
            self._list.listing.parent_id,
            ", ".join(map(str, found)),
            "They are read like the others."
            if people.tells_campuses
            else "They are not read, as nobody tells who of them studies elsewhere, too.",
            extra={"happened": "hidden_parents", "ids": found},
        )

    # What is known

    @property
    def _note(self) -> dict[str, Any]:
        note: dict[str, Any] = self._list.output.stream_state.setdefault(HIDDEN, {"ids": []})
        return note

    @property
    def _trying(self) -> dict[str, list[list[int]]]:
        """By cursus, the lists of ids that are still to be tried."""
        trying: dict[str, list[list[int]]] = self._note.setdefault("trying", {})
        return trying

    def _keep(self, ids: Iterable[int]) -> None:
        self._note["ids"] = sorted(ids)

    @property
    def _known(self) -> set[int]:
        """The ids of all parents that are known."""
        read = {
            parent_of(partition["context"])
            for whole in self._list.lists
            for partition in self._list.states_within(whole)
        }
        return read | hidden_ids(self._list.output.stream_state)

    # What is asked

    def _sought(self, whole: Context | None) -> list[int]:
        """Find the parents with rows in one cursus that are not known, and return them."""
        rests: dict[str, int | None] = self._note.setdefault("rest", {})
        tried: dict[str, str] = self._note.setdefault("tried_on", {})
        cursus, known = str(cursus_of(whole)), self._known
        if cursus not in self._trying:
            rest = self._left_over(whole, known)
            is_same = cursus in rests and rests[cursus] == rest
            if rest == 0 or (is_same and self._is_fresh(tried.get(cursus))):
                rests[cursus] = rest
                return []
        found: list[int] = []
        for ids in self._others(known):
            found += self._with_rows(whole, ids)
            rest = self._left_over(whole, self._known)
            if not rest or self._existing is not None:
                break
        rests[cursus], tried[cursus] = rest, self._today.isoformat()
        if rest:
            self._list.logger.warning(
                "%s: %d rows belong to no %s that could be found, and are not read.",
                self._list.listing.name,
                rest,
                self._list.listing.parent_id,
                extra={"happened": "rows_left_over", "rows": rest},
            )
        return found

    def _is_fresh(self, day: str | None) -> bool:
        try:
            return day is not None and self._today - date.fromisoformat(day) < _RENEWED
        except ValueError:
            return False

    def _others(self, known: Collection[int]) -> Iterator[list[int]]:
        """Yield ids that may be those of parents, the likely ones first."""
        top = max(known, default=0)
        if self._longest == 1:
            yield [own for own in range(1, top + _APART) if own not in known]
            return
        yield [own for own in range(1, top + _BEHIND) if own not in known]
        yield [*range(top + _BEHIND, top + _FAR_BEHIND)]

    @property
    def _longest(self) -> int:
        """How many ids one request can name."""
        return self._list.fit_of_sweeps.can.longest_list

    def _left_over(self, whole: Context | None, known: Collection[int]) -> int | None:
        """Return how many rows no known parent has; None if that cannot be counted."""
        # Rows that come meanwhile are of known parents. So all are counted first.
        everything = self._total(whole, None)
        of_known = None if everything is None else self._total(whole, known)
        if everything is None or of_known is None:
            return None
        return max(0, everything - of_known)

    def _total(self, whole: Context | None, parents: Collection[int] | None) -> int | None:
        if parents is not None and len(parents) > self._longest:
            return None
        if self._list.fit_of_sweeps.can.totals == "wrong":
            return None
        (answer,) = self._answers(whole, [parents])
        return answer.total if isinstance(answer, Page) else None

    def _with_rows(self, whole: Context | None, ids: list[int]) -> list[int]:
        """Return those of some ids that are the parents of rows."""
        found: list[int] = []
        cursus, trying = str(cursus_of(whole)), self._trying
        # A run that ended early has kept how far it has come.
        groups = trying.setdefault(cursus, [*_cut(ids, self._longest)])
        while groups:
            asked, parts = groups[:_AT_ONCE], list[list[int]]()
            for group, answer in zip(asked, self._answers(whole, asked), strict=True):
                if not isinstance(answer, Page):
                    parts += self._likely(group, answer) if len(group) > 1 else []
                elif not answer.count:
                    continue
                elif len(group) == 1:
                    found += group
                    self._keep({*hidden_ids(self._list.output.stream_state), *group})
                else:
                    parts += _cut(group, 1 if len(group) <= _FEW else ceil(len(group) / 2))
            groups = trying[cursus] = [*parts, *groups[_AT_ONCE:]]
        del trying[cursus]
        return found

    def _likely(self, ids: Iterable[int], refusal: Exception) -> Iterator[list[int]]:
        """Yield in lists those of some ids that are tried where a list of all is refused."""
        if self._existing is None and (existing := _existing(refusal)):
            self._existing = existing
            yield [own for own in ids if own in existing]
            return
        top = max(self._known, default=0) + _APART
        existing = self._existing or set(range(top))
        yield from _cut([own for own in ids if own in existing], 1)

    def _answers(
        self, whole: Context | None, lists: Sequence[Collection[int] | None]
    ) -> list[Page | Exception]:
        """Ask for a row of each of some lists of parents, all at once; None is for all rows.

        Returns:
            The page of each, or why 42 does not answer.
        """
        reader, path = self._list.reader, self._list.whole_path or ""
        name = self._list.listing.parent_filter or ""
        readings = []
        for number, ids in enumerate(lists):
            named = {} if ids is None else {name: ",".join(map(str, sorted(ids)))}
            query = {**self._list.query(whole), **named, **self._window.params()}
            source = reader.source(whole, query, path=path, size=ONE)
            readings.append(reader.ask_first(source, (*NOW, number), is_divided=False))
        return [self._answer(reading) for reading in readings]

    def _answer(self, reading: Reading) -> Page | Exception:
        try:
            return self._list.reader.one_of(reading)
        except (FatalAPIError, TooLargeError) as failure:
            return failure


def _existing(refusal: BaseException) -> set[int] | None:
    """Return the ids that a refusal says can be asked for; None if it does not."""
    response = getattr(refusal, "response", None) or getattr(
        refusal.__cause__, "response", None
    )
    named = None if response is None else _CAN_BE.search(response.text)
    return {int(number) for number in re.findall(r"\d+", named[1])} if named else None


def _cut(ids: list[int], longest: int) -> Iterator[list[int]]:
    for first in range(0, len(ids), longest):
        yield ids[first : first + longest]


def _window_of(partitions: Partitions) -> Region:
    """Return which rows of a list the run reads."""
    cursor, times = partitions.listing.cursor, partitions.run.times
    if cursor is None or times.not_before is None:
        return Region()
    return Region().narrowed(cursor.column, times.not_before, times.until)
