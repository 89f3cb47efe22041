"""The connections to the API, for all requests of a run: for tokens and for data.

They use the settings of the machine: its proxies, and the certificates that it trusts
(``REQUESTS_CA_BUNDLE``, else ``CURL_CA_BUNDLE``, else ``SSL_CERT_FILE``). They ignore
``~/.netrc``, as each request has its own authorisation. They follow no redirection, and refuse
an answer that is too large.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from typing_extensions import override

from tap_ft42.api import errors
from tap_ft42.api.errors import RetriableAPIError
from tap_ft42.api.ledger import Ledger

_TIMEOUT = (10.0, 120.0)
"""Seconds to connect, and to wait for data: ``/v2/coalitions`` takes up to 37."""

LARGEST = 32_000_000
"""Bytes of an answer, unpacked, at most; pages have up to 4 MB."""

_CHUNK = 65_536


class Session(requests.Session):
    """Sends requests to one server."""

    def __init__(self, *, api_url: str, user_agent: str, adapter: Adapter) -> None:
        super().__init__()
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.api_url = api_url
        """Base URL of the API, without a trailing slash."""
        self.headers["User-Agent"] = user_agent
        self.verify = os.environ.get("SSL_CERT_FILE") or True
        host = urlsplit(api_url).hostname or ""
        # No proxy can reach a server on this machine.
        self._proxies = {"no_proxy": host} if is_loopback(host) else {}

    def ask(
        self,
        method: str,
        url: str,
        *,
        auth: AuthBase,
        **options: Any,  # noqa: ANN401 - those of requests
    ) -> requests.Response:
        """Send a request, and return the answer, also if it is an error.

        Raises:
            RetriableAPIError: The answer is too large.
            requests.RequestException: There is no answer, or it breaks off.
        """
        return self.request(
            method, url, auth=auth, timeout=_TIMEOUT, proxies=dict(self._proxies), **options
        )

    @override
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Follow no redirection: its target could be anybody's server."""
        return None


class Adapter(HTTPAdapter):
    """Sends requests, counts those for data, and refuses answers that are too large."""

    def __init__(self, ledger: Ledger, **options: Any) -> None:  # noqa: ANN401 - those of requests
        super().__init__(**options)
        self._ledger = ledger

    @override
    def send(
        self,
        request: requests.PreparedRequest,
        *args: Any,
        **options: Any,
    ) -> requests.Response:
        # A request for a token (POST) is not counted, though it may happen within another.
        entry = self._ledger.note_request() if request.method == "GET" else None
        response = super().send(request, *args, **options)
        if entry is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            entry.count(refusals=1)
        body = bytearray()
        try:
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > LARGEST:
                    message = (
                        f"{errors.request_line(response)} answered with more than "
                        f"{LARGEST // 1_000_000} MB"
                    )
                    raise RetriableAPIError(message)
        except requests.RequestException as error:
            error.request = request  # requests does not set it if an answer breaks off
            raise
        finally:
            response.close()
        # JSON may be marked as UTF-8, which decoders refuse (RFC 8259, section 8.1).
        content = bytes(body).removeprefix(BOM_UTF8)
        response._content = content  # noqa: SLF001 - where requests keeps what it read itself
        return response


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
