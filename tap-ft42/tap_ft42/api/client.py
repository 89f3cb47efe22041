"""Asks the API for pages, and decides what an answer means."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import requests
from backoff.types import Details

from tap_ft42.api import errors, retries
from tap_ft42.api.budget import Budget
from tap_ft42.api.clock import Clock
from tap_ft42.api.page import Page, page_of, page_of_counts
from tap_ft42.api.session import Session
from tap_ft42.api.token import BearerToken
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import Listing

_WORTH_A_LOOK = 3
"""After so many failed tries of one request, the log warns of the failure."""


class Client:
    """Asks the API for pages, with the connections, the token and the quota of a run."""

    def __init__(
        self, session: Session, *, token: BearerToken, budget: Budget, clock: Clock
    ) -> None:
        self._session = session
        self.api_url = session.api_url
        """Base URL of the API, without a trailing slash."""
        self._token = token
        self._budget = budget
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

    def retried(self, name: str, func: Any, look_into: Any = None, *, max_tries: int) -> Any:  # noqa: ANN401 - sync or async
        """Wrap a function that sends a request, so that it is tried again after a failure.

        Args:
            name: What it asks for: the name of a stream, or ``token``.
            func: The function.
            look_into: Called after each failure, after it was logged; None for nothing.
            max_tries: The greatest number of tries, not counting answers 429.
        """

        def handle(details: Details) -> None:
            _log_failure(name, details)
            wait = details.get("wait", 0.0)
            self._budget.check(wait, because="the API asks to wait")

        handlers = handle if look_into is None else [handle, look_into]
        return retries.retried(func, handlers, max_tries=max_tries)


def _log_failure(name: str, details: Details) -> None:
    failure, wait = details["exception"], details.get("wait", 0.0)
    is_refusal = isinstance(failure, retries.TooManyRequestsError)
    # Only a failure that lasts is worth a warning.
    lasts = not is_refusal and details["tries"] == _WORTH_A_LOOK
    Events(name).log(
        logging.WARNING if lasts else logging.INFO,
        "try %d failed, the next one follows in %.1f s: %s",
        details["tries"],
        wait,
        errors.explain(failure),
        happened="refusal" if is_refusal else "retry",
        tries=details["tries"],
        wait_seconds=round(wait, 3),
    )
