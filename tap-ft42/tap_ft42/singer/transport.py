"""How a stream's requests are sent, and what their answers mean."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from singer_sdk import RESTStream
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from typing_extensions import override

from tap_ft42.api import errors, retries
from tap_ft42.api.page import Page, page_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from backoff.types import Details
    from singer_sdk.helpers.types import Auth, Context, RequestFunc

    from tap_ft42.tap import TapFT42

_WORTH_A_LOOK = 3
"""Tries of one request after which a failure is more than a moment's."""


class SendingStream(RESTStream[int]):
    """A stream whose requests share connections, token, quota and patience."""

    _tap: TapFT42
    _LOG_REQUEST_METRICS = False  # a line of the tap's own tells more

    @property
    @override
    def url_base(self) -> str:
        return self._tap.api_url

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self._tap.session

    @property
    @override
    def authenticator(self) -> Auth:
        return self._tap.token

    @property
    @override
    def timeout(self) -> tuple[float, float]:  # type: ignore[override]  # requests takes a pair
        """Seconds to connect, and to wait: ``/v2/coalitions`` takes up to 37."""
        return (10.0, 120.0)

    def fetch(self, url: str, params: Mapping[str, Any], context: Context | None) -> Page:
        """Fetch a page; what is raised decides whether it is tried again.

        Args:
            url: The list's address.
            params: Query parameters, with those of paging.
            context: The parent's context, or None.

        Returns:
            The page.

        Raises:
            FatalAPIError: The API refuses the request.
            RetriableAPIError: The answer is none, or none that can be read.
            requests.RequestException: The API did not answer.
        """
        request = self.build_prepared_request(method="GET", url=url, params=dict(params))
        clock = self._tap.clock
        sent = clock.time()
        response = self._request(request, context)
        page = page_of(
            response,
            number=params["page[number]"],
            size=params["page[size]"],
            sent=sent,
            answered=clock.time(),
        )
        if self.logger.isEnabledFor(logging.DEBUG):
            self._tell(response, page)
        return page

    @override
    def validate_response(self, response: requests.Response) -> None:
        self._tap.clock.learn(response)
        self._tap.quota.learn(response)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise retries.TooManyRequestsError(errors.refusal(response), response)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RetriableAPIError(errors.refusal(response), response)
        if not response.ok:
            raise FatalAPIError(errors.refusal(response))

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
