"""The application's access token: one for all streams of a run."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from math import inf
from threading import Lock
from typing import Any

import msgspec
import requests
from requests.auth import AuthBase
from typing_extensions import override

from tap_ft42.api import errors, retries
from tap_ft42.api.errors import APIError, RetriableAPIError
from tap_ft42.api.session import Session

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password

_TOKEN = re.compile(r"[!-~]+")
"""Characters that may stand in a header; RFC 6750 allows fewer for a token."""


class CredentialsError(APIError):
    """42 does not know the application, so no stream can be read.

    This is no refusal of the request that needed the token.
    """


class NoTokenError(RetriableAPIError):
    """42 gives no token; later it may. The request that needed it is not the reason."""


class _Grant(msgspec.Struct):
    """The fields of the token endpoint's answer that are needed."""

    access_token: str
    expires_in: Any = None
    """Seconds, perhaps as text."""
    secret_valid_until: Any = None
    """Unix time; null in newer answers."""


class BearerToken(AuthBase):
    """Authorises requests by OAuth2 client credentials.

    A token is fetched when a request needs it, and again after it has expired. It is never
    fetched early: until a token expires, 42 answers with the same token and the seconds that
    are left. A request that comes too late is answered 401; it is sent again with a new token.
    If the token endpoint fails, the request that needs the token fails, and both are tried
    again together.
    """

    def __init__(self, session: Session, *, client_id: str, client_secret: str) -> None:
        self._session = session
        self._credentials = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._token: str | None = None
        self._expires = 0.0
        self._lock = Lock()
        self.requests = 0
        """Requests for tokens that were sent."""
        self.failure: Exception | None = None
        """Why the last request for a token failed; None if it did not."""
        self.secret_valid_until: datetime | None = None
        """When the secret expires; None if the API has not said when."""

    @override
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request."""
        r.headers["Authorization"] = f"Bearer {self._current()}"
        if self._resend_with_new_token not in r.hooks["response"]:
            r.hooks["response"].append(self._resend_with_new_token)
        return r

    def prepare(self) -> None:
        """Fetch a token, unless there is one already.

        Raises:
            CredentialsError: 42 refuses the application.
            NoTokenError: There is no answer, or it cannot be read.
            TooManyRequestsError: A limit is used up.
            requests.RequestException: There will be no answer.
        """
        self._current()

    @property
    def is_known(self) -> bool:
        """Whether 42 has given a token."""
        return self._token is not None

    def _current(self, refused: str | None = None) -> str:
        """Return a token that has not expired, and that was not refused."""
        with self._lock:
            if (
                self._token is None
                or self._token == refused
                or time.monotonic() >= self._expires
            ):
                asked = time.monotonic()
                try:
                    grant = self._fetch()
                except Exception as failure:
                    self.failure = failure
                    if not isinstance(failure, retries.RETRIED) or retries.is_final(failure):
                        raise
                    response = getattr(failure, "response", None)
                    raise NoTokenError(errors.explain(failure), response) from failure
                self.failure = None
                self._token = grant.access_token
                self._expires = asked + _seconds(grant.expires_in)
                self.secret_valid_until = _instant(grant.secret_valid_until)
            return self._token

    def _fetch(self) -> _Grant:
        self.requests += 1
        response = self._session.ask(
            "POST",
            self._session.api_url + TOKEN_PATH,
            auth=_InItsBody(),
            data=self._credentials,
        )
        retries.check(response, errors.refused_credentials, CredentialsError)
        try:
            grant = msgspec.json.decode(response.content, type=_Grant)
        except (ValueError, RecursionError):
            grant = None
        if grant is None or not _TOKEN.fullmatch(grant.access_token):
            message = (
                f"{errors.request_line(response)} did not answer with a token. Check `api_url`."
            )
            raise RetriableAPIError(message, response)
        return grant

    def _resend_with_new_token(
        self,
        response: requests.Response,
        **kwargs: Any,  # noqa: ANN401 - the hook protocol of requests
    ) -> requests.Response:
        """After a 401, send the same request again with a new token, once."""
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return response
        refused = response.request.headers["Authorization"].removeprefix("Bearer ")
        again = response.request.copy()
        again.headers["Authorization"] = f"Bearer {self._current(refused)}"
        again.hooks["response"].remove(self._resend_with_new_token)
        renewed = response.connection.send(again, **kwargs)
        renewed.history.append(response)
        renewed.request = again
        return renewed


class _InItsBody(AuthBase):
    """Adds nothing: the credentials are in the body of the request."""

    @override
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return r


def _seconds(expires_in: object) -> float:
    """Read how many seconds a token is valid; for ever if the answer does not say.

    If the token expires earlier, the API answers 401.
    """
    with suppress(ValueError):
        if isinstance(expires_in, int | float | str):
            seconds = float(expires_in)
            return seconds if seconds >= 0 else inf
    return inf


def _instant(unix_time: object) -> datetime | None:
    """Read a Unix time; None for any other value, which must not fail a run."""
    if isinstance(unix_time, int | float):
        with suppress(OSError, OverflowError, ValueError):
            return datetime.fromtimestamp(unix_time, UTC)
    return None
