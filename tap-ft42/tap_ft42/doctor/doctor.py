"""The doctor's visit: which lists it tests, and in which order."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from tap_ft42.api.headers import whole_number
from tap_ft42.api.token import CredentialsError
from tap_ft42.declared.capabilities import Capabilities
from tap_ft42.declared.contexts import CURSUS
from tap_ft42.declared.listing import ID, LARGEST
from tap_ft42.doctor.asking import Asker
from tap_ft42.doctor.examination import Examination
from tap_ft42.doctor.findings import (
    Application,
    Finding,
    of_limit,
    of_list,
    of_the_application,
)
from tap_ft42.doctor.observed import ObservedRoute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.run.lists import ListRun
    from tap_ft42.run.run import Run

_ROLES = ("None", "Alpha", "Beta", "Official App", "Certified App", "Moderator")
"""The roles that 42 gives; any other is reported as "another one"."""
_PARENTS = 3
"""Parents that are tried, at most: one answer proves that their route may be read."""
_SIZE = "users_count"
"""The column of a campus with its number of users."""


@dataclass(frozen=True)
class Diagnosis:
    """The result of a visit."""

    day: date
    application: Application
    seconds_ahead: float | None
    lists: Sequence[ObservedRoute]
    findings: Sequence[Finding]
    requests: int
    seconds: float
    refusal: Exception | None = None
    """Why nothing could be tested; None if it could."""

    @property
    def has_way(self) -> bool:
        """Whether a run can read all selected streams."""
        return all(finding.has_way for finding in self.findings)


class Visit:
    """Tests what this API allows and can do for this application."""

    def __init__(self, run: Run, lists: Mapping[str, ListRun]) -> None:
        self._run = run
        self._lists = lists
        self._began = time.monotonic()
        self._asker = Asker(run.client, run.quota, run.budget)
        self._assumed = (run.quota.per_second, run.quota.per_hour)
        self._first: dict[str, Future[ObservedRoute]] = {}

    def diagnosis(self) -> Diagnosis:
        """Test the API, and return the result.

        Raises:
            SettingError: The store of the quota cannot be used.
            VisitEndsError: The visit may send no more requests.
            RetriableAPIError: Nothing can be tested, as 42 gives no token.
            requests.RequestException: There is no answer.
        """
        try:
            self._run.begin()
        except CredentialsError as refusal:
            return self._result([], refusal)
        # Each list has a thread, as it waits for the answers to its own requests.
        with ThreadPoolExecutor(len(self._lists) or 1) as threads:
            parents = {
                one.listing.parent.name for one in self._lists.values() if one.listing.parent
            }
            for name in sorted(self._lists, key=lambda name: name not in parents):
                self._first[name] = threads.submit(self._examined, self._lists[name])
            found = [self._first[name].result() for name in self._lists if name in self._first]
            nested = [
                threads.submit(self._nested, self._lists[one.stream], one)
                for one in found
                if one.is_examined
            ]
            found += [one for each in nested if (one := each.result()) is not None]
        return self._result(found, None)

    # The lists

    def _examined(self, one: ListRun) -> ObservedRoute:
        listing = one.listing
        path = listing.whole_path or listing.path
        found, context = self._route(one, path), self._context(listing, path)
        if not found.is_wanted:
            return self._accessed(found, context)
        return Examination(
            listing,
            found,
            self._asker,
            context=context,
            query=self._query(listing),
            ids=self._ids(listing),
            page_size=int(self._run.settings["page_size"]),
        ).run()

    def _route(self, one: ListRun, path: str) -> ObservedRoute:
        assumed, is_wanted = Capabilities.of(one.listing), one.partitions.is_wanted
        return ObservedRoute(one.listing.name, path, is_wanted, assumed, self._run.today)

    def _accessed(self, found: ObservedRoute, context: Context) -> ObservedRoute:
        """Test only whether the application may read a route."""
        paging = {"page[number]": 1, "page[size]": 1}
        found.answer = self._asker.ask(found.route, context, paging)
        if found.answer.is_denied:
            found.see(is_allowed=False)
        return found

    def _nested(self, one: ListRun, found: ObservedRoute) -> ObservedRoute | None:
        """Test the route of a single parent, if it differs from that of all parents."""
        listing = one.listing
        if listing.path == found.route:
            return None
        parents = dict.fromkeys(row.get(listing.parent_id) for row in found.answer.rows)
        looked_at = None
        # A single parent may be closed, so try several.
        for parent in [parent for parent in parents if parent is not None][:_PARENTS]:
            route = self._route(one, listing.path)
            looked_at = self._accessed(route, {listing.parent_id: parent})
            if looked_at.answer.is_good:
                break
        return looked_at

    def _context(self, listing: Listing, path: str) -> Context:
        context: dict[str, Any] = {CURSUS: self._run.scope.cursus_ids[0]}
        if listing.parent is not None and f"{{{listing.parent_id}}}" in path:
            ids = self._ids_of_parents(listing.parent)
            context[listing.parent_id] = ids[0] if ids else 1
        return context

    def _query(self, listing: Listing) -> dict[str, str]:
        query = dict(listing.filters)
        if listing.cursus_filter:
            query[listing.cursus_filter] = str(self._run.scope.cursus_ids[0])
        return query

    def _ids(self, listing: Listing) -> tuple[str, Sequence[int]] | None:
        """Return the parameter that takes many ids, with the ids that a run would send."""
        campus_ids = self._run.scope.campus_ids
        if listing.parent_filter and listing.parent and listing.parent.is_campus:
            return listing.parent_filter, campus_ids or self._ids_of_parents(listing.parent)
        if listing.campus_filter and campus_ids and listing.carrier is None:
            return listing.campus_filter, campus_ids
        return None

    def _ids_of_parents(self, parent: Listing) -> list[int]:
        """Return the ids of a list's parents; the first is one of middle size."""
        if parent.name not in self._first:
            return []
        rows = [
            row
            for row in self._first[parent.name].result().answer.rows
            if type(row.get(ID)) is int
        ]
        rows.sort(key=_size_of)
        inhabited = [row for row in rows if _size_of(row)] or rows
        middle = inhabited[len(inhabited) // 2 : len(inhabited) // 2 + 1]
        ids = [row[ID] for row in (*middle, *rows)]
        return list(dict.fromkeys(ids))[:LARGEST]

    # The application

    def _result(
        self, found: Sequence[ObservedRoute], refusal: CredentialsError | None
    ) -> Diagnosis:
        application = self._application(found, is_accepted=refusal is None)
        quota, settings = self._run.quota, self._run.settings
        second, hour = self._assumed
        limits = [
            of_limit(
                "a second", second, application.requests_per_second, quota.per_second,
                is_set="requests_per_second" in settings,
            ),
            of_limit(
                "an hour", hour, application.requests_per_hour, quota.per_hour,
                is_set="requests_per_hour" in settings,
            ),
        ]  # fmt: skip
        ahead = self._run.clock.difference
        return Diagnosis(
            self._run.today,
            application,
            ahead,
            found,
            [
                *of_the_application(application, limits, ahead),
                *chain.from_iterable(map(of_list, found)),
            ],
            self._asker.requests + self._run.token.requests,
            time.monotonic() - self._began,
            refusal,
        )

    def _application(self, found: Sequence[ObservedRoute], *, is_accepted: bool) -> Application:
        headers = next((one.answer.headers for one in found if one.answer.headers), {})
        until = self._run.token.secret_valid_until
        roles = headers.get("X-Application-Roles")
        return Application(
            is_accepted=is_accepted,
            roles=None if roles is None else _known_roles(roles),
            requests_per_second=whole_number(headers, "X-Secondly-RateLimit-Limit"),
            requests_per_hour=whole_number(headers, "X-Hourly-RateLimit-Limit"),
            secret_days=None if until is None else (until - self._run.clock.now()).days,
        )


def _size_of(row: Mapping[str, Any]) -> int:
    size = row.get(_SIZE)
    return size if type(size) is int else 0


def _known_roles(text: str) -> str:
    roles = [role.strip() for role in text.split(",")]
    known = [role for role in roles if role in _ROLES]
    return ", ".join([*known, *["another one"] * (len(known) < len(roles))])
