"""The doctor's visit: it tries each list out, and says how 42 differs from what is assumed."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from math import ceil

import requests
from typing_extensions import override

from tap_ft42.api.budget import Budget, RunEnds
from tap_ft42.api.token import CredentialsError
from tap_ft42.declared.capabilities import Capabilities
from tap_ft42.declared.contexts import Context
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import ID, LARGEST
from tap_ft42.doctor.examination import Examination
from tap_ft42.doctor.findings import (
    Application,
    Finding,
    of_limit,
    of_list,
    of_the_application,
)
from tap_ft42.doctor.observed import Answer, ObservedRoute
from tap_ft42.lists.list_sync import ListSync
from tap_ft42.reading.running import Reading
from tap_ft42.reading.source import TooLargeError
from tap_ft42.run.lifecycle import PARTIAL_FAILURES
from tap_ft42.run.run import Run

_ROLES = ("None", "Alpha", "Beta", "Official App", "Certified App", "Moderator")
"""The roles that 42 gives; any other is reported as "another one"."""
_PARENTS = 3
"""Parents that are tried, at most: one answer proves that their route may be read."""
_TRIES = 4
"""Tries of one request. After the second, a smaller one is tried; the third shows whether that
is the reason."""
_PATIENCE = 30.0
"""Seconds: the doctor does not wait longer for the quota, or for 42."""


class VisitEndsError(Exception):
    """The visit may send no more requests."""


class _Patience(Budget):
    """The budget of a visit: it does not wait long."""

    @override
    def check(self, wait: float = 0, *, because: str = "the quota is used up") -> None:
        super().check(wait, because=because)
        if wait >= _PATIENCE:
            message = f"{because}. Ask the doctor again in {ceil(wait / 60)} min"
            raise RunEnds(message)


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
    """Tests what this API allows and can do for this application.

    It sends the requests of a run: those with which a run finds out what a list can do, the
    first page of each list, and a window. It writes no state.
    """

    def __init__(self, run: Run, lists: Mapping[str, ListSync]) -> None:
        self._run = run
        self._lists = lists
        self._began = time.monotonic()
        self._answers = defaultdict[str, list[Answer]](list)
        self._assumed = {
            "per_second": run.quota.per_second,
            "per_hour": run.quota.per_hour,
        }
        run.budget = _Patience(max_requests=None, max_minutes=run.settings.get("max_minutes"))
        run.listeners.append(self._hear)

    def _hear(self, response: requests.Response) -> None:
        self._answers[response.url.partition("?")[0]].append(Answer.of(response))

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
            return self._result(self._examined(), None)
        except CredentialsError as refusal:
            return self._result([], refusal)
        except RunEnds as end:
            message = f"The doctor has stopped: {end}."
            raise VisitEndsError(message) from end

    # The lists

    def _examined(self) -> Sequence[ObservedRoute]:
        """Try all lists at once; those below parents as soon as some parents are known."""
        lists = self._lists.values()
        for one in lists:
            Events(one.listing.name).setLevel(logging.ERROR)  # the findings say it better
        heads = [one for one in lists if one.listing.parent is None]
        above = [self._begin(one, ()) for one in heads if one.list.children]
        begun = [self._begin(one, ()) for one in heads if not one.list.children]
        for route, reading in above:
            self._finish(route, reading)
        ids = {route.stream: route.ids_of(ID) for route, _ in above}
        begun += [
            self._begin(one, ids[one.listing.parent.name])
            for one in lists
            if one.listing.parent is not None
        ]
        for route, reading in begun:
            self._finish(route, reading)
        routes = {route.stream: route for route, _ in (*above, *begun)}
        nested = (self._nested(one, routes[name]) for name, one in self._lists.items())
        return [*(routes[name] for name in self._lists), *filter(None, nested)]

    def _begin(self, one: ListSync, ids: Sequence[int]) -> tuple[ObservedRoute, Reading]:
        """Start to try a list; `ids` are those of some parents."""
        listing, run, parts = one.listing, self._run, one.list
        path, whole = listing.whole_path or listing.path, parts.wholes[0]
        if listing.parent is not None and listing.parent.is_campus:
            ids = run.scope.campus_ids or ids
        contexts = [{**(whole or {}), listing.parent_id: own} for own in ids]
        if listing.parent is not None and (path != listing.whole_path or not parts.is_wanted):
            whole = contexts[0] if contexts else {**(whole or {}), listing.parent_id: 1}
        if not parts.is_wanted:
            return self._access(one, path, whole)
        if contexts:
            one.sweeping.look(contexts)
        route = self._route(one, path, whole)
        query = {name: value for name, value in parts.query(whole).items() if value is not None}
        if listing.carrier is not None:
            query.pop(listing.campus_filter or "", None)  # it is the carrier's
        name, can, some = listing.parent_filter, route.can, ids[:LARGEST]
        is_heard = name not in can.ignored_filters and one.sweeping.refusal is None
        if name and some and is_heard and len(some) <= can.longest_list:
            query[name] = ",".join(map(str, some))
        source = parts.reader.source(whole, query, path=path)
        examination = Examination(listing, route, query, source.size, run.times.until)
        place = run.next_place()
        return route, run.pipeline.read(place, source, examination.read, max_tries=_TRIES)

    def _access(
        self, one: ListSync, path: str, context: Context | None
    ) -> tuple[ObservedRoute, Reading]:
        """Test only whether the application may read a route."""
        route, reader = self._route(one, path, context), one.list.reader
        source = reader.source(context, {}, path=path, size=1)
        return route, reader.ask_first(source, self._run.next_place(), max_tries=_TRIES)

    def _route(self, one: ListSync, path: str, context: Context | None) -> ObservedRoute:
        answers = self._answers[self._run.client.api_url + path.format(**context or {})]
        facts, is_wanted = one.list.reader.route(path).facts, one.list.is_wanted
        assumed = Capabilities.of(one.listing)
        return ObservedRoute(one.listing.name, path, is_wanted, assumed, facts, answers)

    def _finish(self, route: ObservedRoute, reading: Reading) -> None:
        try:
            for part, _ in self._run.pipeline.parts(reading):
                route.head = route.head or part.page
        except (TooLargeError, *PARTIAL_FAILURES) as failure:
            route.failure = failure
            if route.is_denied:
                route.facts.learn("42 does not let this application read it", is_allowed=False)

    def _nested(self, one: ListSync, whole: ObservedRoute) -> ObservedRoute | None:
        """Test the route of a single parent, if it differs from that of all parents."""
        listing, route = one.listing, None
        if not whole.is_examined or listing.path == whole.route:
            return None
        # A single parent may be closed, so try several.
        for parent in whole.ids_of(listing.parent_id)[:_PARENTS]:
            route, reading = self._access(one, listing.path, {listing.parent_id: parent})
            self._finish(route, reading)
            if route.head is not None:
                break
        return route

    # The application

    def _result(
        self, found: Sequence[ObservedRoute], refusal: CredentialsError | None
    ) -> Diagnosis:
        run, is_accepted = self._run, refusal is None
        allowed, until = run.quota.allowed, run.token.secret_valid_until
        application = Application(
            is_accepted=is_accepted,
            roles=None if allowed is None else _known_roles(allowed.roles),
            requests_per_second=None if allowed is None else allowed.per_second,
            requests_per_hour=None if allowed is None else allowed.per_hour,
            secret_days=None if until is None else (until - run.clock.now()).days,
        )
        limits = [
            of_limit(
                unit,
                self._assumed[f"per_{unit}"],
                getattr(application, f"requests_per_{unit}"),
                getattr(run.quota, f"per_{unit}"),
                is_set=f"requests_per_{unit}" in run.settings,
            )
            for unit in ("second", "hour")
        ]
        ahead = run.clock.difference
        return Diagnosis(
            run.today,
            application,
            ahead,
            found,
            [
                *of_the_application(application, limits, ahead),
                *chain.from_iterable(map(of_list, found)),
            ],
            run.budget.spent + run.token.requests,
            time.monotonic() - self._began,
            refusal,
        )


def _known_roles(text: str) -> str | None:
    """Return the roles that are known; None if the API does not say."""
    roles = [role.strip() for role in text.split(",")]
    known = [role for role in roles if role in _ROLES]
    return ", ".join([*known, *["another one"] * (len(known) < len(roles))])
