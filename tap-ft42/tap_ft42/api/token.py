"""The application's access token: one for all streams of a run."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
import requests
from requests.auth import AuthBase
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from typing_extensions import override

from tap_ft42.api import errors

if TYPE_CHECKING:
    from tap_ft42.api.clock import Clock

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
_TIMEOUT = (10.0, 60.0)


class CredentialsError(FatalAPIError):
    """42 does not know the application: no stream can be read."""


class _Grant(msgspec.Struct):
    """What the token endpoint answers; its other fields are not needed."""

    access_token: str
    expires_in: float
    secret_valid_until: Any = None
    """Unix time; null in newer answers."""


class BearerToken(AuthBase):
    """Authorises requests by OAuth2 client credentials.

    A token is fetched when the first request needs it and again once it has
    expired. There is no safety margin: until a token expires, 42 answers with
    the same token and the seconds that are left, so asking early brings
    nothing. A request that comes too late is answered 401; it is sent once more
    with a new token. Failures of the token endpoint are raised in the request that
    needed the token, and tried again with it.
    """

    def __init__(
        self,
        *,
        api_url: str,
        client_id: str,
        client_secret: str,
        user_agent: str,
        clock: Clock,
    ) -> None:
        """Remember the credentials; nothing is sent yet.

        Args:
            api_url: Base URL of the API, without a trailing slash.
            client_id: The application's UID.
            client_secret: The application's present secret.
            user_agent: Names the client.
            clock: Learns from each answer what time it is.
        """
        self._url = api_url + TOKEN_PATH
        self._credentials = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._user_agent = user_agent
        self._clock = clock
        self._token: str | None = None
        self._expires = 0.0
        self._lock = Lock()
        self.requests = 0
        """Requests for tokens that were sent."""
        self.secret_valid_until: datetime | None = None
        """When the secret expires; None if the API has not said so."""

    @override
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request."""
        r.headers["Authorization"] = f"Bearer {self._current()}"
        if self._resend_with_new_token not in r.hooks["response"]:
            r.hooks["response"].append(self._resend_with_new_token)
        return r

    def prepare(self) -> None:
        """Fetch a token, unless there is one.

        Raises:
            FatalAPIError: The application is refused.
            RetriableAPIError: The answer is none that can be read.
            requests.RequestException: There is no answer.
        """
        self._current()

    def _current(self, refused: str | None = None) -> str:
        """Return a token that has not expired and is not the refused one."""
        with self._lock:
            if (
                self._token is None
                or self._token == refused
                or time.monotonic() >= self._expires
            ):
                asked = time.monotonic()
                grant = self._fetch()
                self._token = grant.access_token
                self._expires = asked + grant.expires_in
                self.secret_valid_until = _instant(grant.secret_valid_until)
            return self._token

    def _fetch(self) -> _Grant:
        self.requests += 1
        response = requests.post(
            self._url,
            data=self._credentials,
            headers={"User-Agent": self._user_agent},
            timeout=_TIMEOUT,
        )
        self._clock.learn(response)
        if (
            response.status_code == HTTPStatus.TOO_MANY_REQUESTS
            or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise RetriableAPIError(errors.refusal(response), response)
        if not response.ok:
            raise CredentialsError(errors.refused_credentials(response))
        try:
            return msgspec.json.decode(response.content, type=_Grant)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = (
                f"{errors.request_line(response)} did not answer with a token. Check `api_url`."
            )
            raise RetriableAPIError(message, response) from error

    def _resend_with_new_token(
        self,
        response: requests.Response,
        **kwargs: Any,  # noqa: ANN401 - the hook protocol of requests
    ) -> requests.Response:
        """Answer a 401 by the same request with a new token, once."""
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return response
        # The connection goes back to the pool only after the body is read.
        _ = response.content
        refused = response.request.headers["Authorization"].removeprefix("Bearer ")
        again = response.request.copy()
        again.headers["Authorization"] = f"Bearer {self._current(refused)}"
        again.hooks["response"].remove(self._resend_with_new_token)
        renewed = response.connection.send(again, **kwargs)
        renewed.history.append(response)
        renewed.request = again
        return renewed


def _instant(unix_time: object) -> datetime | None:
    """Read a Unix time; None for anything else, as no run may fail for it."""
    if isinstance(unix_time, int | float):
        with suppress(OSError, OverflowError, ValueError):
            return datetime.fromtimestamp(unix_time, UTC)
    return None
