"""Sends the doctor's requests: each has an answer, even if the answer is an error."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any

import requests

from tap_ft42.api.budget import RunEnds
from tap_ft42.api.errors import REFUSALS, RetriableAPIError, decoded
from tap_ft42.api.headers import whole_number
from tap_ft42.api.token import NoTokenError
from tap_ft42.declared.listing import ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_ft42.api.budget import Budget
    from tap_ft42.api.client import Client
    from tap_ft42.api.quota import Quota
    from tap_ft42.declared.contexts import Context

NO_ANSWER = 0
"""The status if no answer came."""

_ERRORS = ("Filter Error", "Range Error", "Sort Error", "Access Denied", "Forbidden")
"""The API's names for its refusals; other texts of the API are not kept."""

_TRIES = 3
"""Tries of one request."""
_PATIENCE = 30.0
"""Seconds to wait for the quota; a longer wait means that the hour is used up."""


class VisitEndsError(Exception):
    """The visit may send no more requests."""


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    """The HTTP status; `NO_ANSWER` if none came."""
    seconds: float = 0.0
    size: int = 0
    """Bytes of the body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    """The API's name for its refusal, if it is a known one."""
    rows: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    is_list: bool = False
    """Whether the body is a list of records."""

    @property
    def is_good(self) -> bool:
        """Whether a list of rows came, perhaps an empty one."""
        return self.status == HTTPStatus.OK and self.is_list

    @property
    def is_refused(self) -> bool:
        """Whether the API refuses a parameter."""
        return self.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}

    @property
    def is_denied(self) -> bool:
        """Whether the API refuses the whole route to this application."""
        return self.status in REFUSALS

    @property
    def is_broken(self) -> bool:
        """Whether the answer is neither a list nor a refusal."""
        return not (self.is_good or self.is_refused or self.is_denied)

    @property
    def total(self) -> int | None:
        """The total of rows, if the answer has it."""
        return whole_number(self.headers, "X-Total")

    @property
    def ids(self) -> list[int]:
        """The ids of the rows, in their order."""
        return [row[ID] for row in self.rows if type(row.get(ID)) is int]


class Asker:
    """Asks the API as a run does: with its token, its quota and its connections."""

    def __init__(self, client: Client, quota: Quota, budget: Budget) -> None:
        self._client = client
        self._quota = quota
        self._budget = budget
        self._lock = Lock()
        self.requests = 0
        """Requests that were sent."""

    def ask(self, path: str, context: Context | None, params: Mapping[str, object]) -> Answer:
        """Send a request; if it fails, try again.

        Raises:
            VisitEndsError: The hour's requests are used up, 42 gives no token, or the visit was
                stopped.
            CredentialsError: 42 refuses the application.
        """
        url = self._client.api_url + path.format(**context or {})
        answer = Answer(NO_ANSWER)
        for left in reversed(range(_TRIES)):
            self._wait()
            try:
                answer = self._sent(url, params)
            except NoTokenError as failure:
                if not left:
                    message = f"The doctor has stopped, as 42 gives no token. {failure}"
                    raise VisitEndsError(message) from failure
                continue
            if not answer.is_broken:
                break
        return answer

    def _sent(self, url: str, params: Mapping[str, object]) -> Answer:
        began = time.monotonic()
        try:
            response = self._client.ask(url, params)
        except NoTokenError:
            raise
        except (requests.RequestException, RetriableAPIError):
            return Answer(NO_ANSWER, time.monotonic() - began)
        body = decoded(response)
        error = body.get("error") if isinstance(body, dict) else ""
        return Answer(
            response.status_code,
            time.monotonic() - began,
            len(response.content),
            response.headers,
            error if error in _ERRORS else "",
            [row for row in body if isinstance(row, dict)] if isinstance(body, list) else (),
            isinstance(body, list),
        )

    def _wait(self) -> None:
        """Wait for the quota."""
        while True:
            try:
                self._budget.check()
            except RunEnds as end:
                message = f"The doctor has stopped: {end}."
                raise VisitEndsError(message) from end
            with self._lock:
                wait = self._quota.take()
                self.requests += not wait
            if not wait:
                return
            if wait > _PATIENCE:
                message = (
                    "The hour's requests are used up. Ask the doctor again in "
                    f"{wait / 60:.0f} minutes."
                )
                raise VisitEndsError(message)
            time.sleep(wait)
