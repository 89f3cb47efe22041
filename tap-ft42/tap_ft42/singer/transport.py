"""How a stream's requests are sent, and what their answers mean."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, cast

from singer_sdk import RESTStream
from typing_extensions import override

from tap_ft42.api import errors, retries
from tap_ft42.api.page import Page, page_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from backoff.types import Details
    from singer_sdk.helpers.types import RequestFunc

    from tap_ft42.tap import TapFT42

_WORTH_A_LOOK = 3
"""Tries of one request after which a failure is more than a moment's."""


class SendingStream(RESTStream[int]):
    """A stream whose requests share connections, token, quota and patience."""

    _tap: TapFT42

    @property
    @override
    def url_base(self) -> str:
        return self._tap.api_url

    def fetch(self, url: str, params: Mapping[str, Any]) -> Page:
        """Fetch a page; what is raised decides whether it is tried again.

        Args:
            url: The list's address.
            params: Query parameters, with those of paging.

        Returns:
            The page.

        Raises:
            FatalAPIError: The API refuses the request.
            RetriableAPIError: The answer is none, or none that can be read.
            requests.RequestException: The API did not answer.
        """
        sent = time.time()
        response = self._tap.session.ask("GET", url, auth=self._tap.token, params=params)
        retries.check(response)
        page = page_of(
            response,
            number=params["page[number]"],
            size=params["page[size]"],
            sent=sent,
            answered=time.time(),
        )
        if self.logger.isEnabledFor(logging.DEBUG):
            self._tell(response, page)
        return page

    @override
    def request_decorator(self, func: RequestFunc) -> RequestFunc:
        return cast("RequestFunc", retries.retried(func, self.backoff_handler))

    def _tell(self, response: requests.Response, page: Page) -> None:
        seconds = round(page.answered - page.sent, 3)
        self.logger.debug(
            "%s: %d rows in %.1f s from %s",
            self.name,
            page.count,
            seconds,
            errors.request_line(response),
            extra={
                "happened": "request",
                "status": response.status_code,
                "rows": page.count,
                "total": page.total,
                "bytes": len(page.body),
                "seconds": seconds,
            },
        )

    @override
    def backoff_handler(self, details: Details) -> None:
        failure, wait = details["exception"], details.get("wait", 0.0)
        is_refusal = isinstance(failure, retries.TooManyRequestsError)
        # What passes by itself is nobody's business; what lasts may be.
        lasts = not is_refusal and details["tries"] >= _WORTH_A_LOOK
        self.logger.log(
            logging.WARNING if lasts else logging.INFO,
            "%s: try %d failed, the next one follows in %.1f s: %s",
            self.name,
            details["tries"],
            wait,
            errors.explain(failure),
            extra={
                "happened": "refusal" if is_refusal else "retry",
                "tries": details["tries"],
                "wait_seconds": round(wait, 3),
            },
        )
        self._tap.budget.check(wait, because="the API asks to be left alone")
