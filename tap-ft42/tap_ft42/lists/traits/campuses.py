"""Rows that go to the campus of their person, and when a sweep of campuses is worth it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from math import ceil
from typing import Any

from typing_extensions import override

from tap_ft42.api.page import Page
from tap_ft42.declared.contexts import Context, cursus_of
from tap_ft42.lists.traits.dealing import CampusDealer
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.planning.plan import PlannedRead
from tap_ft42.planning.steps import Way
from tap_ft42.reading.asking import Part
from tap_ft42.reading.places import Place
from tap_ft42.run.list_in_run import ListInRun
from tap_ft42.run.people import NOWHERE, person_of

_ROWS_A_USER = 10
"""Rows that each user has at least, when all rows are read."""


class CampusByPerson(Trait):
    """Rows that go to the campus of their person. Each cursus has a dealer."""

    def __init__(self, of: ListInRun) -> None:
        self._list = of

    @cached_property
    def _dealers(self) -> dict[int, CampusDealer]:
        return {
            cursus_of(whole): CampusDealer(self._list, whole) for whole in self._list.wholes
        }

    @override
    def take_up(self, context: Context | None, state: dict[str, Any]) -> None:
        self._dealers[cursus_of(context)].note(context, state)

    @override
    def complete(self, context: Context | None) -> None:
        self._dealers[cursus_of(context)].tell_homeless()

    @override
    def is_in_scope(self, row: Mapping[str, Any]) -> bool:
        return all(row[name] != NOWHERE for name in self._list.listing.parent_columns)

    @override
    def is_worth_sweeping(self, head: Page, read: PlannedRead) -> bool:
        is_load, members = read.way is Way.LOAD, len(read.partitions)
        if not head.count:
            return not head.more  # no person has to be looked up
        people = self._list.run.people
        if people.tells_campuses:
            return is_worth_it(head, members, people.people_per_request, is_load=is_load)
        dealer = self._dealers[cursus_of(read.contexts[0])]
        # Rows are asked for by id, at half of the campuses, then at half of these.
        requests = head.pages + head.count * (members - 1).bit_length()
        return dealer.whereabouts.is_told and not is_load and requests <= members

    @override
    def prepared(
        self, parts: Iterator[tuple[Part, Place]], read: PlannedRead
    ) -> Iterator[tuple[Part, Place]]:
        dealer = self._dealers[cursus_of(read.contexts[0])]
        is_continued = any("from_scratch" in one.state for one in read.partitions)
        return dealer.noted(parts, read.contexts, None if is_continued else read.begins or 0)

    @override
    def added(self, record: object, context: Context | None) -> dict[str, Any]:
        dealer = self._dealers[cursus_of(context)]
        return {
            name: dealer.campus_of(record, (context or {}).get(name))
            for name in self._list.listing.parent_columns
        }


def is_worth_it(head: Page, members: int, people_per_request: int, *, is_load: bool) -> bool:
    """Tell whether a sweep and its look-ups cost less than asking campus by campus.

    Args:
        head: The first page of the sweep.
        members: The number of campuses.
        people_per_request: How many people one request looks up.
        is_load: Whether all rows are read, and not only changes.
    """
    if head.total is None:
        # Without totals, only a page that is not full shows that there are no more.
        look_ups = ceil(len(_people_of(head)) / people_per_request)
        return head.pages + look_ups <= members
    if is_load:
        # Campus by campus, each last page is half empty, and the rows of people at several
        # campuses come several times. That makes up for the sweep's own pages.
        return ceil(head.total / _ROWS_A_USER / people_per_request) <= members
    users = len(_people_of(head)) * head.total / head.count
    return head.pages + ceil(users / people_per_request) <= members


def _people_of(page: Page) -> set[int]:
    people = map(person_of, page.records())
    return {person for person in people if person is not None}
