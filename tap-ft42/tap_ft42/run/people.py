"""Who is in the scope of a run, and where they study.

The API narrows users and enrolments by campus. A badge has no campus, only a user. So the run
must know the users of the scope: from the stream of people once it has been read, or by a
look-up if that stream is not selected. An enrolment does not name its campus either. It
belongs to the campuses of its user; these are looked up, once in a run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from typing import Any, Protocol

from tap_ft42.api.errors import REFUSALS, FatalAPIError, explain, status_of
from tap_ft42.declared.contexts import Context
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import BY_PERSON, LARGEST
from tap_ft42.planning.scope import Scope
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.id_lists import id_lists
from tap_ft42.reading.refused import asked_again_if_refused
from tap_ft42.reading.source import TooLargeError
from tap_ft42.run.host import Output
from tap_ft42.run.lifecycle import PARTIAL_FAILURES

NOWHERE = 0
"""The campus of a row that belongs to no campus of the run."""

_LOOKED_UP = 75
"""People whose campuses fit on one page of 100 rows, as some have several campuses."""

_A_REQUEST = 50
"""People whose campuses are looked up with one request, if several requests run at once."""

_MARGIN = 5
"""All rows are read if that saves about so many requests."""


class People(Protocol):
    """The list of people."""

    output: Output
    """Takes records of people that come within records of another list."""

    def known_ids(self) -> Iterable[int] | None:
        """Return the ids of all people, if the run has read the list; else None."""

    def note_refreshed(self, context: Context | None) -> None:
        """Note that all people were read who are due to be read again tonight."""


class LookUps(Protocol):
    """Looks up rows of a list; see `tap_ft42.lists.lookups`."""

    @property
    def facts(self) -> RouteFacts:
        """What was observed of the list's route."""

    @property
    def total(self) -> int | None:
        """How many rows in scope the list has; None if 42 does not say."""

    def all_rows(self) -> Iterator[dict[str, Any]]:
        """Yield all rows of the list that are in scope."""

    def rows(self, **ids: str) -> Iterator[dict[str, Any]]:
        """Yield the rows whose columns hold some ids."""

    def first_page(self, **ids: str) -> tuple[Sequence[dict[str, Any]], bool]:
        """Return the first page of such rows, and whether more follow."""


@dataclass
class Departures:
    """How many people are known, and which of them a run has found to be gone."""

    people: int = 0
    gone: set[int] = field(default_factory=set)


class Directory:
    """The people of a scope, and their campuses."""

    listed: People
    """The list of people."""
    look_ups: LookUps
    """Looks up people."""
    memberships: LookUps
    """Looks up who studies where."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._campuses_of: dict[int, set[int]] = {}
        self.departures = Departures()
        self._knows_all = False
        """Whether all rows of who studies where have been read."""
        self._are_lost = False
        """Whether 42 has failed to tell in this run who studies where."""

    @cached_property
    def batches(self) -> list[str] | None:
        """The ids of the people in scope, as values of an id filter; None for everybody.

        If a scope has no people, one batch matches nobody: the API ignores an empty filter,
        and would send everybody's rows.
        """
        return id_lists(self.ids or {0}) if self._scope.campus_ids else None

    @cached_property
    def ids(self) -> frozenset[int]:
        """The ids of the students in scope, of all its cursus."""
        known = self.listed.known_ids()
        if known is None:
            known = [person["id"] for person in self.look_ups.all_rows()]
        return frozenset(known)

    def has(self, person_id: object) -> bool:
        """Tell whether somebody studies at a campus in scope."""
        return not self._scope.campus_ids or person_id in self.ids

    def unknown(self, person_ids: Iterable[int]) -> int:
        """Return how many of these people have campuses that are not known yet."""
        return len(set(person_ids) - self._campuses_of.keys())

    def learn_campuses(self, person_ids: Iterable[int]) -> None:
        """Look up the campuses of people that are not known yet, if 42 allows that."""
        unknown = set(person_ids) - self._campuses_of.keys() if self.tells_campuses else set()
        if len(unknown) > _LOOKED_UP:
            # Fill the last request with other people, who will be needed later.
            others = set(self.listed.known_ids() or ()) - self._campuses_of.keys() - unknown
            unknown.update(islice(sorted(others), -len(unknown) % _LOOKED_UP))
        try:
            for batch in id_lists(unknown, _LOOKED_UP):
                people = {int(person) for person in batch.split(",")}
                asked_again_if_refused(partial(self._learn_of, people, unknown))
        except PARTIAL_FAILURES as failure:
            self._note_failure(failure)
            return
        for person_id in unknown:
            self._campuses_of.setdefault(person_id, set())

    def _is_dear(self, people: int) -> bool:
        """Tell whether 42 takes so short lists of people that all rows cost less than them."""
        longest = self.memberships.facts.can.longest_list
        if self._knows_all or longest >= _A_REQUEST or people <= longest:
            return False
        rows = self.memberships.total
        return rows is not None and people > longest * (rows // LARGEST + _MARGIN)

    def _learn_of_all(self) -> None:
        for row in self.memberships.all_rows():
            self._campuses_of.setdefault(row["user_id"], set()).add(row["campus_id"])
        self._knows_all = True

    def _learn_of(self, people: set[int], unknown: set[int]) -> None:
        """Look up some of the people who are `unknown`.

        42 may cut a list silently, so missing ones are asked for again.
        """
        lacking, shown = people - self._campuses_of.keys(), 0
        while lacking:
            if self._is_dear(self.unknown(unknown)):
                self._learn_of_all()
                return
            (batch,) = id_lists(lacking)
            for row in self.memberships.rows(user_id=batch):
                self._campuses_of.setdefault(row["user_id"], set()).add(row["campus_id"])
            found = lacking & self._campuses_of.keys()
            if not found:
                return
            if shown:
                self.memberships.facts.shorten(BY_PERSON, len(people), shown)
            shown, lacking = shown or len(found), lacking - found

    @property
    def people_per_request(self) -> int:
        """How many people are looked up with one request."""
        return min(_A_REQUEST, self.memberships.facts.can.longest_list)

    def campuses_among(self, campus_ids: Iterable[int]) -> set[int]:
        """Find out at which of some campuses anybody studies, with a request or two.

        Return those that the answers name; none if 42 does not answer.
        """
        found = set[int]()
        if self._knows_all:
            return found.union(*self._campuses_of.values()) & set(campus_ids)
        try:
            for batch in id_lists(campus_ids):
                campuses = {int(campus) for campus in batch.split(",")}
                found |= asked_again_if_refused(partial(self._named_among, campuses))
        except PARTIAL_FAILURES as failure:
            self._note_failure(failure)
        except TooLargeError:
            pass  # the other campuses are found in another way
        return found

    def _named_among(self, campus_ids: set[int]) -> set[int]:
        found, is_more = set[int](), True
        while is_more and found < campus_ids:
            # Ask only for the campuses not found yet: the others could fill the page.
            (others,) = id_lists(campus_ids - found)
            rows, is_more = self.memberships.first_page(campus_id=others)
            named = {row["campus_id"] for row in rows} & campus_ids - found
            is_more = is_more and bool(named)
            found |= named
        return found

    def _note_failure(self, failure: Exception) -> None:
        instead = (
            "Rows that name no campus are read campus by campus, and go to the campus for "
            "which they were read"
        )
        if isinstance(failure, FatalAPIError):
            why = "42 does not let this application read it"
            if status_of(failure) not in REFUSALS:
                why = f"42 refuses to look people up in it: {explain(failure).rstrip('.')}"
            self.memberships.facts.learn(f"{why}. {instead}", is_allowed=False)
        else:
            if isinstance(failure, IncompleteReadError):
                self.memberships.facts.doubt_totals()  # the next run does without them
            self._are_lost = True
            listing = self.memberships.facts.listing
            Events(listing.name).warning(
                "who studies where cannot be looked up in this run. %s. %s",
                instead,
                explain(failure),
                happened="lookup_failed",
            )

    @property
    def tells_campuses(self) -> bool:
        """Whether 42 tells this application who studies where, as far as known."""
        return self.memberships.facts.can.is_allowed and not self._are_lost

    def campuses_of(self, person_id: int | None) -> set[int]:
        """Return the known campuses of a person: at least those in scope."""
        return self._campuses_of.get(person_id, set()) if person_id is not None else set()


def preferred(
    campuses: Collection[int], hidden: Collection[int], otherwise: int | None = None
) -> int | None:
    """Choose among the campuses of a person the one to which the row goes.

    Args:
        campuses: The ids of the person's campuses.
        hidden: Ids of campuses that 42 does not list. They are chosen only if there is no
            other one.
        otherwise: The result if the person has no campus.
    """
    listed = set(campuses).difference(hidden)
    return max(listed or campuses, default=otherwise)


def person_of(record: object) -> int | None:
    """Return the id of a record's person; None if the record does not name one."""
    person = record.get("user") if isinstance(record, dict) else None
    number = person.get("id") if isinstance(person, dict) else None
    return number if type(number) is int else None
