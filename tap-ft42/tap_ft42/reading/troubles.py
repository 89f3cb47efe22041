"""Finds out why a request fails several times: the API is down, or the request is too large."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from http.client import INTERNAL_SERVER_ERROR
from typing import TypeAlias

import requests
from backoff.types import Details

from tap_ft42.api.errors import APIError, may_be_too_heavy, status_of
from tap_ft42.api.ledger import Entry
from tap_ft42.api.page import Page
from tap_ft42.api.retries import MAX_TRIES, RETRIED, TooManyRequestsError
from tap_ft42.api.token import NoTokenError
from tap_ft42.reading.asking import COUNT
from tap_ft42.reading.outages import Outages
from tap_ft42.reading.places import Place
from tap_ft42.reading.regions import Region
from tap_ft42.reading.source import Remedy, Source, TooLargeError

_Request: TypeAlias = tuple[Region, int, str | None]
"""Which rows, which page, which order."""

_SHUT = 8
"""After so many answers 429 in a row, another list is asked: this one may always be refused."""

_TWICE = 2
_LOOKED_INTO = {_TWICE, MAX_TRIES - 1}
"""Numbers of failures of one request after which the reason is looked for."""


class Troubles:
    """Looks into requests that fail."""

    def __init__(
        self,
        outages: Outages,
        *,
        ask: Callable[[Callable[[], Page], Entry], Awaitable[object]],
        known_good: Callable[[], Callable[[], Page] | None],
        has_worked: bool,
        expects: Callable[[Entry], bool] = lambda _: False,
    ) -> None:
        """Prepare; nothing has failed yet.

        Args:
            outages: Waits while the API is down.
            ask: Sends a request that belongs to no read.
            known_good: Returns a function that repeats a request which was answered; None if
                none was.
            has_worked: Whether the API has answered an earlier run; then it is down if it
                does not answer.
            expects: Tells whether pages of a route are known to fail for good.
        """
        self._outages = outages
        self._expects = expects
        self._ask = ask
        self._known_good = known_good
        self._has_worked = has_worked
        self._looking = asyncio.Lock()
        self._shut: set[tuple[str, str]] = set()
        """Streams and routes that are refused though the quota is not used up."""
        self._suspected: dict[Place, tuple[Source, _Request, Remedy]] = {}
        """By place, as several requests may have it: the one that may be too large, and why."""

    async def look_into(self, details: Details) -> None:
        """Find out why a request failed twice, before it is sent again.

        Raises:
            TooLargeError: A smaller request is answered.
            TooManyRequestsError: The list is always refused.
            Exception: The failure, as it was expected.
            RunEnds: The API is down, and the run has to end.
        """
        place, source, request = details["args"]
        failure, noticed = details["exception"], time.monotonic()
        if isinstance(failure, TooManyRequestsError):
            await self._refuse_shut(source.route.entry, details)
            return
        _refuse_unfitted(source)
        is_suspected = self._remedy(place, source, request) is not None
        if details["tries"] < _TWICE or not (is_suspected or details["tries"] in _LOOKED_INTO):
            return
        async with self._looking:
            _refuse_unfitted(source)
            if self._outages.ended_at > noticed:
                return
            expects = self._expects(source.route.entry)
            try:
                if not expects and await self._is_too_large(place, source, request, failure):
                    return
            except NoTokenError as no_token:
                failure = no_token
            region, _, sort = request
            await self._outlast(
                failure, source.route.entry, partial(source.fetch, region, 1, sort)
            )
            if expects and self._outages.ended_at <= noticed:
                raise failure

    async def _refuse_shut(self, entry: Entry, details: Details) -> None:
        """Give up a request that is refused again and again, though another list is answered.

        Each refusal is followed by a longer pause, so other users are no reason.
        """
        name, known = (entry.stream, entry.route), self._known_good()
        if entry.refusals_in_a_row < _SHUT or known is None:
            return
        if not details["tries"] % _SHUT and await self._is_answered(known, entry):
            self._shut.add(name)
        if name in self._shut:
            raise details["exception"]

    async def _is_too_large(
        self,
        place: Place,
        source: Source,
        request: _Request,
        failure: BaseException,
    ) -> bool:
        """Tell whether a smaller request is answered, so this one may be too large.

        Raises:
            TooLargeError: It is too large: it has failed again since then.
            NoTokenError: 42 gives no token, so nothing can be found out.
        """
        if isinstance(failure, NoTokenError):
            raise failure
        region, number, sort = request

        async def is_answered(probe: Source, page: int = 1) -> bool:
            return await self._is_answered(
                partial(probe.fetch, region, page, sort), source.route.entry
            )

        if (suspected := self._remedy(place, source, request)) is not None:
            del self._suspected[place]
            await _replace(suspected, number, is_answered)
            return False
        for remedy in source.remedies(is_heavy=may_be_too_heavy(failure)):
            is_excluded = remedy.page_size is not None and number == COUNT
            if is_excluded or not await is_answered(remedy.smaller[-1][1]):
                continue
            # The first row may be one that 42 cannot show.
            if (all_ids := remedy.as_long) is not None and (
                await is_answered(all_ids) or await is_answered(all_ids, _TWICE)
            ):
                return False
            if isinstance(failure, requests.Timeout):
                # Do not try again: each try would take as long as this one.
                await _replace(remedy, number, is_answered)
                return False
            self._suspected[place] = source, request, remedy
            return True
        return False

    def _remedy(self, place: Place, source: Source, request: _Request) -> Remedy | None:
        """Return what replaces a request that may be too large; None if it is not suspected."""
        of, what, remedy = self._suspected.get(place, (None, None, None))
        return remedy if of is source and what == request else None

    async def _outlast(
        self, failure: BaseException, entry: Entry, fetch: Callable[[], Page]
    ) -> None:
        """Wait until the API answers again, unless only this request fails."""
        is_known = self._known_good() is not None

        async def ask() -> bool:
            with suppress(NoTokenError):
                return await self._is_answered(self._known_good() or fetch, entry)
            return False

        if self._outages.is_given_up or not (is_known or self._may_be_down(failure)):
            return
        if not (is_known and await ask()):
            await self._outages.outlast(failure, ask)

    def _may_be_down(self, failure: BaseException) -> bool:
        """Tell whether an API that has not answered yet is down, and not a wrong address."""
        has_given_token = isinstance(failure, NoTokenError)  # no run begins without one
        is_passing = self._has_worked and status_of(failure) != INTERNAL_SERVER_ERROR
        return has_given_token or is_passing

    async def _is_answered(self, fetch: Callable[[], Page], entry: Entry) -> bool:
        """Send a request to find out whether it is answered.

        Raises:
            NoTokenError: It could not be sent.
        """
        try:
            await self._ask(fetch, entry)
        except NoTokenError:
            raise
        except (*RETRIED, APIError) as failure:
            return not isinstance(failure, RETRIED)
        return True


def _refuse_unfitted(source: Source) -> None:
    """Refuse a request that is larger than the known limit of the API.

    Raises:
        TooLargeError: The request is larger.
    """
    if (instead := source.fitted())[0] is not source:
        message = "a smaller one was found to be answered"
        raise TooLargeError(message, instead)


async def _replace(
    remedy: Remedy, number: int, is_answered: Callable[[Source, int], Awaitable[bool]]
) -> None:
    """Replace a request by smaller ones, if they are answered.

    All rows of a failed page have to come on smaller pages. If one never comes, the page is
    not too large: 42 cannot show this row. If even the smallest request fails, the size is not
    the reason either.

    Raises:
        TooLargeError: They are answered.
    """
    page_size, first, last = remedy.page_size, 0, 0
    if page_size is not None:
        first, last = (number - 1) * page_size, number * page_size - 1
    for size, probe in remedy.smaller:
        rows = size if page_size is not None else 1
        for page in range(first // rows + 1, last // rows + 2):
            if not await is_answered(probe, page):
                first, last = max(first, (page - 1) * rows), min(last, page * rows - 1)
                break
        else:
            found = remedy.too_large(size)
            raise found
