"""Asks the API for pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import requests

from tap_ft42.api import errors, retries
from tap_ft42.api.clock import Clock
from tap_ft42.api.page import Page, page_of, page_of_counts
from tap_ft42.api.session import Session
from tap_ft42.api.token import BearerToken
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import Listing


class Client:
    """Asks the API for pages, with the connections, the token and the quota of a run."""

    def __init__(self, session: Session, *, token: BearerToken, clock: Clock) -> None:
        self._session = session
        self.api_url = session.api_url
        """Base URL of the API, without a trailing slash."""
        self._token = token
        self._clock = clock
        self._answered: tuple[Listing, str, dict[str, Any]] | None = None

    def known_good(self) -> Callable[[], Page] | None:
        """Return a function that asks for the first row of the page that came last.

        None if none has come yet. With it, a caller tests whether the API is down.
        """
        if self._answered is None:
            return None
        listing, url, params = self._answered
        rank = (params["page[number]"] - 1) * params["page[size]"] + 1
        one = {**params, "page[size]": 1, "page[number]": rank}
        return partial(self.fetch, listing, url, one)

    def _ask(
        self, url: str, params: Mapping[str, Any]
    ) -> tuple[requests.Response, dict[str, float]]:
        """Send a request once; return its answer, and when it was sent and answered."""
        sent = self._clock.time()
        response = self._session.ask("GET", url, auth=self._token, params=params)
        retries.check(response)
        return response, {"sent": sent, "answered": self._clock.time()}

    def fetch(self, listing: Listing, url: str, params: Mapping[str, Any]) -> Page:
        """Fetch a page; parameters that are None are not sent.

        Except after a `FatalAPIError`, the caller may try again.

        Raises:
            FatalAPIError: The API refuses the request, or the application.
            RetriableAPIError: The answer cannot be read, or is too large; or there is no token.
            requests.RequestException: The API did not answer.
        """
        response, instants = self._ask(url, params)
        number, size = params["page[number]"], params["page[size]"]
        page = page_of(response, number=number, size=size, cursor=listing.cursor, **instants)
        self._answered = (listing, url, dict(params))
        events = Events(listing.name)
        if events.isEnabledFor(logging.DEBUG):
            events.debug(
                "%d rows in %.1f s from %s",
                page.count,
                page.answered - page.sent,
                errors.request_line(response),
                happened="request",
                status=response.status_code,
                rows=page.count,
                total=page.total,
                bytes=len(page.body),
                seconds=round(page.answered - page.sent, 3),
            )
        return page

    def fetch_counts(self, url: str, params: Mapping[str, Any]) -> Page:
        """Fetch counts by the day; raises as `fetch`."""
        response, instants = self._ask(url, params)
        return page_of_counts(response, **instants)
