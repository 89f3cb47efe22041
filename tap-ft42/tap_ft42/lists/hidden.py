"""Finds hidden parents: campuses that 42 does not list, though it has rows of them.

42 does not list campuses that are closed or internal. The enrolments of people who studied
only there are in no list of a listed campus. So a search counts all rows, and the rows of all
known campuses. If rows are left over, or if the API does not count them, three steps follow:

1. The list of who studies where is asked for people at other ids. One page names several
   campuses. They are kept if they leave fewer rows over.
2. If rows are still left over, the other ids are tried one by one.
3. Ids that are far greater are tried in lists, also where 42 does not count the rows.

Campuses that were found are read from then on like listed ones. The search runs after the
first load, when the parents are listed again (once a day at most), and when a parent is no
longer listed. If no rows are left over, it takes two requests a cursus. If rows stay left over,
these two tell each day how many. It is repeated if there are more, or after a month; so it is
if the API does not count them.
`tap_ft42.planning.hidden` says what the state holds of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from math import ceil

from tap_ft42.api.errors import FatalAPIError, status_of
from tap_ft42.api.page import Page
from tap_ft42.declared.contexts import Context, cursus_of, parent_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import LARGEST, LOST
from tap_ft42.lists.corrected import is_read_at_once
from tap_ft42.planning.bookmarks import forget_position
from tap_ft42.planning.hidden import HiddenNote
from tap_ft42.reading.places import NOW
from tap_ft42.reading.regions import MAX_ID, Region
from tap_ft42.reading.running import Reading
from tap_ft42.reading.source import TooLargeError
from tap_ft42.run.list_in_run import ListInRun

_BEHIND = 100
"""In step 1, so many ids above the greatest known one are asked for, if the list has room."""

_NEXT = 20
"""In step 2, so many ids above the greatest known one are tried."""

_FAR, _LISTS = 1000, 20
"""In step 3, so many further ids are tried, in so many lists at most."""

_AT_ONCE = 10
"""In step 2, so many ids are tried at the same time."""

_SUMMED = 6
"""Lists of known parents whose rows are counted and added up, at most."""


class HiddenParents:
    """The parents of a list that 42 does not list."""

    def __init__(self, of: ListInRun) -> None:
        self._list = of
        self._kept = HiddenNote(lambda: of.output.stream_state, of.run.today)
        self._window = _window_of(of)
        self._is_answered = False
        self._refused: dict[int, FatalAPIError] = {}
        """By id: why 42 did not say whether the id has rows."""

    @property
    def contexts(self) -> list[Context]:
        """The contexts of the hidden parents that were found and are in scope.

        Rows of people who also studied at a listed campus go to the listed one.
        """
        found = filter(self._list.run.scope.has_campus, self._kept.ids)
        return [{self._list.listing.parent_id: own} for own in sorted(found)]

    def note_listed(self, listed: Collection[object], exist: Iterable[int]) -> None:
        """Note which parents 42 lists; those in `exist` are known to exist, listed or not."""
        known, were_hidden = self._kept.ids | set(exist), self._kept.ids.intersection(listed)
        if self._read - known.difference(listed) - set(listed):
            # A parent is no longer listed. A search shows whether it still has rows.
            self._kept.sought_on.clear()
        self._kept.keep(known.difference(listed))
        if were_hidden:
            # They were found while the list could not be read, or are listed again. Rows may
            # have gone to another one.
            self._kept.sought_on.clear()
            for whole in self._list.wholes:
                for state in self._list.states_within(whole):
                    if parent_of(state["context"]) in self._kept.ids:
                        forget_position(state)

    @property
    def are_never_sought(self) -> bool:
        """Whether a cursus has never been searched."""
        sought = self._kept.were_sought
        return any(str(cursus_of(whole)) not in sought for whole in self._list.wholes)

    @property
    def is_search_ahead(self) -> bool:
        """Whether a run would search for the first time; only a run of all campuses does."""
        return self.are_never_sought and not self._list.run.scope.campus_ids

    def note_narrowed(self) -> None:
        """Note that known parents are loaded, and no others."""
        if not self._list.run.scope.campus_ids:
            self._kept.note(narrowed=True)

    def seek(self) -> None:
        """Search each cursus where a search is due.

        Raises:
            RetriableAPIError: Too many tries of one request failed.
            requests.RequestException: The API did not answer.
        """
        if is_read_at_once(self._list) and not self._kept.is_narrowed:
            return  # the rows of all parents are read anyway
        found = set[int]()
        for whole in self._list.wholes:
            if not self._kept.is_due(cursus := str(cursus_of(whole))):
                continue
            self._is_answered = False
            rest = self._left_over(whole)
            if rest and self._kept.is_in_vain(cursus, rest):
                self._tell_left_over(whole, rest)
            else:
                found |= self._search(whole, rest)
        if found:
            self._log(sorted(found))

    @property
    def refusals(self) -> Mapping[str, FatalAPIError]:
        """By parent: the refusal of 42 that may hide rows of it."""
        column = self._list.listing.parent_id
        return {f"{column} {parent}": why for parent, why in sorted(self._refused.items())}

    def _log(self, found: Sequence[int]) -> None:
        Events(self._list.listing.name).warning(
            "42 does not list %s %s, where people study. Their rows are read like the others.",
            self._list.listing.parent_id,
            ", ".join(map(str, found)),
            happened="hidden_parents",
            ids=found,
        )

    @property
    def _read(self) -> set[int]:
        """The ids of all parents whose rows are read."""
        return {
            parent_of(partition["context"])
            for whole in self._list.wholes
            for partition in self._list.states_within(whole)
        }

    @property
    def _known(self) -> set[int]:
        """The ids of all known parents."""
        return self._read | self._kept.ids

    # The search

    def _search(self, whole: Context | None, rest: int | None) -> set[int]:
        """Search one cursus, given how many rows are left over; return the parents found."""
        cursus, before = str(cursus_of(whole)), self._known
        refused_before = set(self._refused)
        if rest != 0 and cursus not in self._kept.trying:
            top = max(before, default=0)
            others = sorted({*range(1, top + _BEHIND)} - before)[:LARGEST]
            named = sorted(self._list.run.people.campuses_among(others))
            rest = self._left_over_by(whole, named, rest) if named else rest
            # If the API does not count, step 1 is taken for complete if it found any.
            if rest or (rest is None and self._known == before):
                ids = range(1, top + (_NEXT if top else _BEHIND))
                self._kept.trying[cursus] = sorted({*ids} - self._known)
        while left := self._kept.trying.get(cursus):
            self._try(whole, left[:_AT_ONCE])
            self._kept.trying[cursus] = left[_AT_ONCE:]
        tried = _NEXT if self._kept.trying.pop(cursus, None) is not None else 1
        refused = self._refused.keys() - refused_before
        if rest or (rest is None and not refused):
            rest = self._behind(whole, max(before, default=0) + tried)
        if rest == 0:
            for parent in refused:
                del self._refused[parent]
        elif refused:
            self._kept.trying[cursus] = sorted(refused)
        if self._is_answered:  # otherwise the next run searches
            self._kept.note_search(cursus, rest)
        if rest and not refused:
            self._tell_left_over(whole, rest)
        return self._known - before

    def _left_over_by(
        self, whole: Context | None, ids: Sequence[int], rest: int | None
    ) -> int | None:
        """Keep some ids at which people study, if any of them has rows.

        Return how many rows are still left over; without the ids, `rest` are.
        """
        still = None if rest is None else self._left_over(whole, ids)
        if still is None:  # the API does not count so many at once
            self._try(whole, ids)
            return self._left_over(whole)
        if rest is not None and still < rest:
            self._kept.keep({*self._kept.ids, *ids})
        return still

    def _left_over(self, whole: Context | None, others: Iterable[int] = ()) -> int | None:
        """Return how many rows at least belong to no known parent; None if that is unknown.

        The ids in `others` count as known, too.
        """
        facts, known = self._list.facts_of_sweeps, sorted(self._known.union(others))
        # Rows that are added meanwhile belong to known parents. So count all rows first.
        everything = self._answer(self._ask(whole, None))
        if everything is None or everything.total is None or facts.has_wrong_totals:
            return None
        if not (known and everything.total):  # the API ignores an empty filter
            # An empty list tells nothing, so the next run searches.
            self._is_answered &= everything.total > 0
            return everything.total
        if (of_known := self._total_of(whole, known)) is None:
            return None
        if (rest := everything.total - of_known) > 0:
            return rest
        is_one_list = len(known) <= facts.can.longest_list
        # Several lists count who studies at several parents twice: they prove nothing.
        is_proof = is_one_list and self._heeds(whole, len(known), known, everything.total)
        return 0 if is_proof else None

    def _tell_left_over(self, whole: Context | None, rest: int) -> None:
        """Tell how many rows are left over, unless rows that disappear meanwhile explain it."""
        is_all_tried = self._kept.is_all_tried
        if not is_all_tried:
            # Rows of known parents that disappear between two counts look left over: at most
            # so many are as both a count before and one after say.
            before, known = self._left_over(whole), self._total_of(whole, sorted(self._known))
            after = self._answer(self._ask(whole, None))
            if known is not None and after is not None and after.total is not None:
                rest = min(rest, before or 0, after.total - known)
        if rest > 0:
            tell_left_over(self._list, rest, is_all_tried=is_all_tried)

    def _total_of(self, whole: Context | None, known: Sequence[int]) -> int | None:
        """Add up how many rows some known parents have; None if 42 does not say."""
        size, rows = self._list.facts_of_sweeps.can.longest_list, 0
        if len(known) > _SUMMED * size:
            return None
        for first in range(0, len(known), size):
            some = known[first : first + size]
            page = self._answer(self._ask(whole, some), are_known=True)
            if page is None and size > self._list.facts_of_sweeps.can.longest_list:
                return self._total_of(whole, known)  # the list was too long
            if page is None or page.total is None:
                return None
            rows += page.total
        return rows

    def _heeds(
        self, whole: Context | None, length: int, known: Sequence[int] = (), total: int = 0
    ) -> bool:
        """Tell whether 42 counts the rows of so many parents, and not all rows instead.

        If these are the `known` ones, they have `total` rows: fewer without one of them.
        """
        if length <= self._kept.heeded:
            return True
        fewer = None
        if total > LOST:
            fewer = self._answer(self._ask(whole, [*known[1:], known[-1]]))
        if fewer is None or (fewer.total or total) + LOST >= total:
            # 42 may refuse parents that do not exist; then this takes three requests.
            page = self._answer(self._ask(whole, range(MAX_ID - length, MAX_ID)))
            if page is not None and page.count:
                name = self._list.listing.parent_filter or ""
                self._list.facts_of_sweeps.shorten(name, length, 1)
                return False
        self._kept.note(heeded=length)
        return True

    def _try(self, whole: Context | None, ids: Sequence[int]) -> None:
        """Try some ids one by one, and keep those that have rows."""
        readings = [self._ask(whole, [parent], number) for number, parent in enumerate(ids)]
        for parent, reading in zip(ids, readings, strict=True):
            if (page := self._answer(reading, parent)) is not None and page.count:
                self._kept.keep({*self._kept.ids, parent})

    def _behind(self, whole: Context | None, least: int) -> int | None:
        """Try ids from some id on, and count the rows still left over."""
        if (rest := self._left_over(whole)) == 0:
            return rest
        longest = self._list.facts_of_sweeps.can.longest_list
        ids = sorted({*range(least, least + _FAR)} - self._known)
        is_heeded = rest is not None or self._heeds(whole, longest)
        some = ids[: _LISTS * longest] if longest > 1 and is_heeded else []
        known = self._known
        untried = self._try_together(whole, some)
        if untried is None and some != ids:
            untried = some[-1] + 1 if some else least
        rest = rest if self._known == known else self._left_over(whole)
        self._kept.note(all_tried=untried is None)
        if rest is None and untried is not None:
            Events(self._list.listing.name).warning(
                "nothing tells whether all rows belong to a known %s. Those of %d or more, if "
                "there are any, are missing, as 42 does not answer for so many ids at once.",
                self._list.listing.parent_id,
                untried,
                happened="ids_untried",
            )
        return rest

    def _try_together(self, whole: Context | None, ids: Sequence[int]) -> int | None:
        """Try many ids in lists, and keep the few that have rows.

        Return the first id for which 42 does not answer: if it refuses ids that do not exist,
        it refuses all lists.
        """
        longest = self._list.facts_of_sweeps.can.longest_list
        size = longest if len(ids) > longest else ceil(len(ids) / 2)
        for first in range(0, len(ids), max(size, 1)):
            some = ids[first : first + size]
            page, untried = self._answer(self._ask(whole, some)), None
            if page is None:
                untried = some[0]
            elif page.count and len(some) == 1:
                self._kept.keep({*self._kept.ids, *some})
            elif page.count:
                untried = self._try_together(whole, some)
            if untried is not None:
                return untried
        return None

    def _ask(
        self, whole: Context | None, ids: Sequence[int] | None, number: int = 0
    ) -> Reading:
        """Ask for one row of some parents, or of any parent."""
        listing, reader = self._list.listing, self._list.reader
        query = {**self._list.query(whole), **self._window.params()}
        if ids is not None and listing.parent_filter is not None:
            query[listing.parent_filter] = ",".join(map(str, ids))
        path = self._list.whole_path or ""
        return reader.ask_one(path, query, (*NOW, number), whole, is_divided=False)

    def _answer(
        self, reading: Reading, parent: int | None = None, *, are_known: bool = False
    ) -> Page | None:
        """Return the page that was asked for; None if 42 refuses it.

        Args:
            reading: The request.
            parent: The parent that it asks for, if it is a single one.
            are_known: Whether 42 has rows of each parent that it asks for.
        """
        try:
            page = self._list.reader.one_of(reading)
        except TooLargeError as too_large:
            if are_known and too_large.learn is not None:
                too_large.learn()  # no id can be the reason, so it is the number
            return None
        except FatalAPIError as refusal:
            # If a filter refuses an id in another way, there is no such parent.
            if parent is not None and status_of(refusal) == HTTPStatus.FORBIDDEN:
                self._refused[parent] = refusal
            return None
        self._is_answered = True
        return page


def _window_of(of: ListInRun) -> Region:
    """Return the region of the rows that the run reads."""
    cursor, times = of.listing.cursor, of.run.times
    if cursor is None or times.not_before is None:
        return Region()
    return Region().narrowed(cursor.column, times.not_before, times.until)


def tell_left_over(of: ListInRun, rows: int, *, is_all_tried: bool) -> None:
    """Tell how many rows are not read, as nothing says to which parent they belong.

    If 42 has answered for all parents that were tried, they are taken to have none. If not, a
    parent may have been missed, and the run is not complete.
    """
    column = of.listing.parent_id
    if is_all_tried:
        Events(of.listing.name).warning(
            "%d rows belong to no %s that could be found, and are not read.",
            rows,
            column,
            happened="rows_left_over",
            rows=rows,
        )
        return
    of.run.lifecycle.note_failure(
        of.listing.name,
        f"at least {rows} rows belong to no {column} that could be found, and are not read",
        kind=f"rows of no {column} that could be found",
        is_of_rows=True,
    )
