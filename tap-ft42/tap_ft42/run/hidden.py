"""Parents that 42 does not list, though it has rows of them.

42 does not list campuses that are closed or internal. The enrolments of people who have
studied only there are in no list of a listed campus. So the number of all rows is compared
with that of all known campuses. If there are more, or if nobody counts them, the list of who
studies where is asked for people at other ids: a page names several campuses at once. If fewer
rows are left over with these, they are read from then on like those that are listed. If rows
are left over even so, the other ids are tried one by one, and far ones in lists.

It is done after the first load, each time that the parents are listed again, once a day at
most, and when one is no longer listed: two requests a cursus, if nothing is left over. Where
rows stay left over, or nobody counts them, it is done once a month. In the state of the list
stands, below ``hidden``:

``ids``
    The parents that were found.
``sought_on``
    By cursus, the day on which they were sought.
``left_over``
    The cursus of which rows may be left over even so.
``trying``
    By cursus, the ids that are still to be tried one by one, while that is not over. Those that
    42 refuses are tried again on another day.
``unlisted``
    While the list of parents cannot be read: that nobody knows which of them are listed.
"""

from __future__ import annotations

from datetime import date, timedelta
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any

from tap_ft42.api.errors import FatalAPIError, status_of
from tap_ft42.declared.contexts import cursus_of, parent_of
from tap_ft42.declared.listing import LARGEST
from tap_ft42.planning.refresh import HIDDEN, forget_position, hidden_ids
from tap_ft42.reading.asking import TooLargeError
from tap_ft42.reading.places import NOW
from tap_ft42.reading.regions import Region
from tap_ft42.run.fitted import is_read_at_once

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.declared.contexts import Context
    from tap_ft42.reading.pipeline import Reading
    from tap_ft42.run.partitions import Partitions

_BEHIND = 100
"""Up to where beyond the greatest known id people are sought, if one list has room for that."""

_NEXT = 20
"""Up to where beyond it ids are tried one by one."""

_FAR = 1000
"""Up to where beyond these they are tried in lists, if rows are still left over."""

_AT_ONCE = 10
"""Ids that are tried at once."""

_UNLISTED = "unlisted"
_DAY = timedelta(days=1)
_MONTH = timedelta(days=30)


class HiddenParents:
    """The parents of a list that 42 does not list."""

    def __init__(self, partitions: Partitions) -> None:
        self._list = partitions
        self._today = partitions.run.today
        self._window = _window_of(partitions)
        self._is_answered = False
        self._refused: dict[int, FatalAPIError] = {}
        """Why 42 does not say whether there are rows of an id, by the ids that were tried."""

    @property
    def contexts(self) -> list[Context]:
        """The contexts of those that are known and in scope.

        Who has studied at a listed campus, too, is found there.
        """
        found = filter(self._list.run.scope.has_campus, self._ids)
        return [{self._list.listing.parent_id: own} for own in sorted(found)]

    def note_listed(self, listed: Collection[object], exist: Iterable[int]) -> None:
        """Take note of what 42 lists.

        Args:
            listed: The ids of all parents that it lists.
            exist: Ids that it is known to have, listed or not.
        """
        known = self._ids | set(exist)
        if self._read - known.difference(listed) - set(listed):
            # One is not listed any more. Whether it is gone or hidden, rows tell.
            self._sought_on.clear()
        self._keep(known.difference(listed))
        if self._note.pop(_UNLISTED, None):
            # Nobody knew which of them are listed, and so to which one a row goes.
            self._sought_on.clear()
            for whole in self._list.lists:
                for state in self._list.states_within(whole):
                    if parent_of(state["context"]) in self._ids:
                        forget_position(state)

    @property
    def are_never_sought(self) -> bool:
        """Whether no run has come so far as to look for them."""
        note = self._list.output.stream_state.get(HIDDEN) or {}
        days = note.get("sought_on") or {}
        return any(str(cursus_of(whole)) not in days for whole in self._list.lists)

    @property
    def is_search_ahead(self) -> bool:
        """Whether a run of all parents would look for them for the first time."""
        return self.are_never_sought and not self._list.run.scope.campus_ids

    def note_unlisted(self) -> None:
        """Take note that nothing tells which parents are listed, as their list failed."""
        self._note[_UNLISTED] = True

    def seek(self) -> None:
        """Look for parents of which there are rows, where that is due.

        Raises:
            RetriableAPIError: Too many tries of one request failed.
            requests.RequestException: The API did not answer.
        """
        if is_read_at_once(self._list):
            return  # the rows of all parents are read
        due = [whole for whole in self._list.lists if self._is_due(whole)]
        found = sorted({own for whole in due for own in self._sought(whole)})
        if found:
            self._tell(found)

    @property
    def refusals(self) -> Mapping[str, FatalAPIError]:
        """Why rows may be missing, by the parents that 42 tells nothing of."""
        parent = self._list.listing.parent_id
        return {f"{parent} {own}": why for own, why in sorted(self._refused.items())}

    def _tell(self, found: Sequence[int]) -> None:
        self._list.logger.warning(
            "%s: 42 does not list %s %s, where people study. Their rows are read like the "
            "others.",
            self._list.listing.name,
            self._list.listing.parent_id,
            ", ".join(map(str, found)),
            extra={"happened": "hidden_parents", "ids": found},
        )

    # What is known

    @property
    def _note(self) -> dict[str, Any]:
        note: dict[str, Any] = self._list.output.stream_state.setdefault(HIDDEN, {"ids": []})
        return note

    @property
    def _sought_on(self) -> dict[str, str]:
        days: dict[str, str] = self._note.setdefault("sought_on", {})
        return days

    @property
    def _trying(self) -> dict[str, list[int]]:
        trying: dict[str, list[int]] = self._note.setdefault("trying", {})
        return trying

    @property
    def _left_over_in(self) -> list[str]:
        left: list[str] = self._note.setdefault("left_over", [])
        return left

    @property
    def _ids(self) -> set[int]:
        return hidden_ids(self._list.output.stream_state)

    def _keep(self, ids: Iterable[int]) -> None:
        self._note["ids"] = sorted(ids)

    @property
    def _read(self) -> set[int]:
        """The ids of all parents whose rows are read."""
        return {
            parent_of(partition["context"])
            for whole in self._list.lists
            for partition in self._list.states_within(whole)
        }

    @property
    def _known(self) -> set[int]:
        """The ids of all parents that are known."""
        return self._read | self._ids

    def _is_due(self, whole: Context | None) -> bool:
        cursus = str(cursus_of(whole))
        day = self._sought_on.get(cursus)
        # What was refused is tried again.
        is_in_vain = cursus in self._left_over_in and cursus not in self._trying
        wait = _MONTH if is_in_vain else _DAY
        try:
            return day is None or self._today - date.fromisoformat(day) >= wait
        except ValueError:
            return True

    # What is asked

    def _sought(self, whole: Context | None) -> list[int]:
        """Find the parents with rows in one cursus that are not known, and return them."""
        cursus, before = str(cursus_of(whole)), self._known
        refused_before = set(self._refused)
        self._is_answered = False
        rest = self._left_over(whole)
        if rest != 0 and cursus not in self._trying:
            top = max(before, default=0)
            others = sorted({*range(1, top + _BEHIND)} - before)[:LARGEST]
            named = sorted(self._list.run.people.campuses_among(others))
            rest = self._left_over_by(whole, named, rest) if named else rest
            # Where nobody counts, what was found is taken for all.
            if rest or (rest is None and self._known == before):
                self._trying[cursus] = sorted(
                    {*range(1, top + (_NEXT if top else _BEHIND))} - self._known
                )
        while ids := self._trying.get(cursus):
            self._try(whole, ids[:_AT_ONCE])
            self._trying[cursus] = ids[_AT_ONCE:]
        if self._trying.pop(cursus, None) is not None:
            rest = self._behind(whole)
        refused = self._refused.keys() - refused_before
        if rest == 0:
            for own in refused:
                del self._refused[own]
        elif refused:
            self._trying[cursus] = sorted(refused)
        if self._is_answered:  # else nobody has looked, and the next run does
            self._sought_on[cursus] = self._today.isoformat()
            others = [one for one in self._left_over_in if one != cursus]
            self._left_over_in[:] = others if rest == 0 else [*others, cursus]
        if rest and not refused:
            self._list.logger.warning(
                "%s: %d rows belong to no %s that could be found, and are not read.",
                self._list.listing.name,
                rest,
                self._list.listing.parent_id,
                extra={"happened": "rows_left_over", "rows": rest},
            )
        return sorted(self._known - before)

    def _left_over_by(
        self, whole: Context | None, ids: Sequence[int], rest: int | None
    ) -> int | None:
        """Keep some ids if any of them has rows, and return how many are still left over.

        Args:
            whole: The list's context.
            ids: The ids, which people name.
            rest: How many rows are left over without them.
        """
        still = None if rest is None else self._left_over(whole, ids)
        if still is None:  # nobody counts so many at once
            self._try(whole, ids)
            return self._left_over(whole)
        if rest is not None and still < rest:
            self._keep({*self._ids, *ids})
        return still

    def _left_over(self, whole: Context | None, others: Iterable[int] = ()) -> int | None:
        """Return how many rows no known parent has; None if that cannot be counted.

        Args:
            whole: The list's context.
            others: Ids that are taken for known.
        """
        can, known = self._list.fit_of_sweeps.can, sorted(self._known.union(others))
        if len(known) > can.longest_list or can.totals == "wrong":
            return None
        # Rows that come meanwhile are of known parents. So all are counted first.
        everything = self._answer(self._asked(whole, None))
        if everything is None or everything.total is None:
            return None
        if not known:  # an empty filter is none
            return everything.total
        of_known = self._answer(self._asked(whole, known))
        if of_known is None or of_known.total is None:
            return None
        return max(0, everything.total - of_known.total)

    def _try(self, whole: Context | None, ids: Sequence[int]) -> None:
        """Keep those of some ids that are the parents of rows."""
        asked = [self._asked(whole, [own], number) for number, own in enumerate(ids)]
        for own, reading in zip(ids, asked, strict=True):
            page = self._answer(reading, own)
            if page is not None and page.count:
                self._keep({*self._ids, own})

    def _behind(self, whole: Context | None) -> int | None:
        """Try far ids if rows are left over, and return how many still are."""
        if rest := self._left_over(whole):
            top = max(self._known, default=0) + _NEXT
            self._try_together(whole, sorted({*range(1, top + _FAR)} - self._known))
            rest = self._left_over(whole)
        return rest

    def _try_together(self, whole: Context | None, ids: Sequence[int]) -> None:
        """Keep those of many ids that are the parents of rows; few of them are."""
        longest = self._list.fit_of_sweeps.can.longest_list
        if longest == 1:
            return
        size = longest if len(ids) > longest else ceil(len(ids) / 2)
        for first in range(0, len(ids), size):
            some = ids[first : first + size]
            page = self._answer(self._asked(whole, some))
            if page is None or not page.count:
                continue
            if len(some) == 1:
                self._keep({*self._ids, *some})
            else:
                self._try_together(whole, some)

    def _asked(
        self, whole: Context | None, ids: Sequence[int] | None, number: int = 0
    ) -> Reading:
        """Ask for a row of some parents, or of all there are."""
        listing, reader = self._list.listing, self._list.reader
        query = {**self._list.query(whole), **self._window.params()}
        if ids is not None and listing.parent_filter is not None:
            query[listing.parent_filter] = ",".join(map(str, ids))
        path = self._list.whole_path or ""
        return reader.ask_one(path, query, (*NOW, number), whole, is_divided=False)

    def _answer(self, reading: Reading, own: int | None = None) -> Page | None:
        """Return the page that was asked for; None where 42 refuses it.

        Args:
            reading: What was asked for.
            own: The one parent whose row it is, if it is of one.
        """
        try:
            page = self._list.reader.one_of(reading)
        except TooLargeError:
            return None
        except FatalAPIError as refusal:
            # A filter that refuses an id knows of no such parent.
            if own is not None and status_of(refusal) == HTTPStatus.FORBIDDEN:
                self._refused[own] = refusal
            return None
        self._is_answered = True
        return page


def _window_of(partitions: Partitions) -> Region:
    """Return which rows of a list the run reads."""
    cursor, times = partitions.listing.cursor, partitions.run.times
    if cursor is None or times.not_before is None:
        return Region()
    return Region().narrowed(cursor.column, times.not_before, times.until)
