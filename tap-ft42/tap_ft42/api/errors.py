"""Explains in one line what went wrong, and what to do about it.

No text here contains a secret: the values of secret query parameters are masked,
headers and request bodies are never shown, and where a server repeats a secret of the
request, the secret is masked.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from http import HTTPStatus
from urllib.parse import parse_qsl, quote_plus, urlencode, urljoin, urlsplit

import msgspec
import requests

from tap_ft42.api.headers import whole_number


class APIError(Exception):
    """The API did not give what was asked for."""

    def __init__(self, message: str, response: requests.Response | None = None) -> None:
        super().__init__(message)
        self.response = response


class FatalAPIError(APIError):
    """The API refuses a request, and would do so again."""


class OtherShapeError(FatalAPIError):
    """An answer is JSON, and nothing that the tap can read."""


class RetriableAPIError(APIError):
    """An answer cannot be read, which may pass."""


class SettingError(Exception):
    """A setting has the right form, but cannot be used."""


_SECRET_PARAMETERS = frozenset({"access_token", "client_id", "client_secret", "token"})
_LONGEST_QUOTE = 200
_LONGEST_READ = 20 * _LONGEST_QUOTE
_MASK = "***"
_MESSAGES = ("error_description", "message", "error")
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_ADVICE: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: (
        "The API refuses a parameter of this request: most likely it has changed. "
        "Please report this line."
    ),
    HTTPStatus.UNAUTHORIZED: (
        "The API refuses a token that it has just issued. "
        "Check on the intranet that the application is still active."
    ),
    HTTPStatus.FORBIDDEN: (
        "The application may not read this. Check its roles on the intranet, "
        "deselect the stream, or set `user_agent` if a proxy blocks the request."
    ),
    HTTPStatus.NOT_FOUND: "Nothing is there. Check `api_url`, `cursus_ids` and `campus_ids`.",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: (
        "A proxy asks for a login. Put user and password into HTTPS_PROXY."
    ),
}

_OF_PARAMETERS = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
TOO_LONG = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
}
"""Statuses of answers to a request that is too long, mostly in HTML."""


REFUSALS = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""Statuses of answers to an application that may not read a list."""


def status_of(failure: BaseException) -> int | None:
    """Return the status of the answer that a failure is about; None if there is no answer."""
    response: requests.Response | None = getattr(failure, "response", None)
    return None if response is None else response.status_code


def said_by(refusal: APIError) -> str:
    """Return the text of a refusal in lower case; empty if it is not JSON."""
    body = None if refusal.response is None else decoded(refusal.response)
    said = body.values() if isinstance(body, dict) else () if body is None else (body,)
    return " ".join(map(str, said)).lower()


def may_be_of_parameters(refusal: APIError) -> bool:
    """Tell whether the API may have refused a request because of one of its parameters."""
    return status_of(refusal) in _OF_PARAMETERS


def is_missing(failure: BaseException) -> bool:
    """Tell whether the API says that nothing is there."""
    return status_of(failure) == HTTPStatus.NOT_FOUND


def may_be_of_page(refusal: APIError) -> bool:
    """Tell whether the API may have refused a page because of its number."""
    missing = {HTTPStatus.NOT_FOUND, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}
    return status_of(refusal) in missing | _OF_PARAMETERS


def may_be_too_long(refusal: APIError) -> bool:
    """Tell whether the API may have refused a request because it is too long."""
    return status_of(refusal) in TOO_LONG | _OF_PARAMETERS


def may_be_too_heavy(failure: BaseException) -> bool:
    """Tell whether a request may have failed because it takes too long to answer."""
    heavy = {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
    return isinstance(failure, requests.Timeout) or status_of(failure) in heavy


def without_secrets(
    url: str, is_secret: Callable[[str], bool] = _SECRET_PARAMETERS.__contains__
) -> str:
    """Mask what is secret in a URL.

    Returns:
        The URL, readable (``filter[kind]``, not ``filter%5Bkind%5D``), without
        user information and with ``***`` for each secret parameter.

    Raises:
        ValueError: It is not a URL.
    """
    parts = urlsplit(url)
    query = [
        (name, _MASK if is_secret(name) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return parts._replace(
        netloc=parts.netloc.rpartition("@")[2],
        query=urlencode(query, safe="[],:?*/"),
        fragment="",
    ).geturl()


def refusal(response: requests.Response) -> str:
    """Explain in a line an answer that is an error: request, what the API said, what to do."""
    said = quote(response)
    advice = _ADVICE.get(response.status_code)
    answered = f"42 answered {status_line(response)} to {request_line(response)}"
    if said:
        answered += f" ({said})"
    if wait := whole_number(response.headers, "Retry-After"):
        answered += f" and asks to wait for {wait:,} s"
    return f"{answered}: {advice}" if advice else answered


def redirection(response: requests.Response) -> str:
    """Say in a line where an answer points, without the values of the address' query."""
    location = response.headers.get("Location", "")
    try:
        there = without_secrets(urljoin(response.url, location), lambda _: True)
    except ValueError:
        there = "an address that cannot be read"
    there = _shown(there, response.request) if location else "nowhere"
    return (
        f"{request_line(response)} was answered {status_line(response)}, which points to "
        f"{there}. The tap follows no redirect with its credentials. Check `api_url`, and "
        "whether a login page of the network answers instead."
    )


def refused_credentials(response: requests.Response) -> str:
    """Explain in a line why the token endpoint refused the application, and what to do.

    An OAuth server says 400 or 401; any other status comes from a machine in between, which
    does not know the credentials.
    """
    if response.status_code not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}:
        return refusal(response)
    said = quote(response)
    return (
        f"42 refused the application's credentials: {status_line(response)} from "
        f"{without_secrets(response.url)}{f' ({said})' if said else ''}. "
        "`client_id` or `client_secret` is wrong, or the secret has expired: "
        "42 rotates it every 28 days. Copy the current secret from the "
        "application's page on the intranet."
    )


def explain(error: BaseException) -> str:
    """Say in one line what an exception of a run means.

    Returns:
        The exception's own message where this module made it; for a connection
        that failed, the host and what to check.
    """
    if not isinstance(error, requests.RequestException):
        return " ".join(str(error).split()) or type(error).__name__
    if error.request is None:
        # The error's text may hold what was sent.
        return f"A request could not be sent ({type(error).__name__}). Check the settings."
    there = urlsplit(without_secrets(error.request.url or ""))
    host = f"{there.scheme}://{there.netloc}"
    if (reason := distrust(error)) is not None:
        return (
            f"The certificate of {host} is not trusted: {reason}. If an authority of your "
            "own or a proxy has signed it, name the file with that authority's "
            "certificate in REQUESTS_CA_BUNDLE or SSL_CERT_FILE."
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return (
            f"The proxy of this machine does not lead to {host} (ProxyError). Check "
            "HTTPS_PROXY and NO_PROXY."
        )
    return (
        f"No answer from {host}{there.path} "
        f"({type(error).__name__}). Check `api_url` and the network."
    )


def distrust(error: BaseException) -> str | None:
    """Say why a certificate is not trusted; None if that is not what went wrong."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None


def status_line(response: requests.Response) -> str:
    """Name the status of a response, as in ``404 Not Found``."""
    return f"{response.status_code} {_shown(response.reason or '', response.request)}".strip()


def request_line(response: requests.Response) -> str:
    """Name the request that a response answers, without its secrets."""
    return f"{response.request.method} {without_secrets(response.url)}"


def quote(response: requests.Response) -> str:
    """Quote what the API says of an error, on one line of at most 200 characters.

    It is the message of a JSON error object, or the plain text; empty for HTML and for bodies
    that say nothing.
    """
    said: object = response.content[:_LONGEST_READ].decode(errors="replace")
    if "html" in response.headers.get("Content-Type", "") or str(said).lstrip().startswith("<"):
        return ""
    if (body := decoded(response)) is not None:
        told = map(body.get, _MESSAGES) if isinstance(body, dict) else ()
        said = next(filter(None, told), "")
    return _shown(str(said), response.request)


def decoded(response: requests.Response) -> object:
    """Decode the body of a response; None if it is not JSON."""
    try:
        return msgspec.json.decode(response.content)
    except (ValueError, RecursionError):
        return None


def _shown(text: str, request: requests.PreparedRequest) -> str:
    """Bring a server's words onto one line, without what the request kept secret."""
    for secret in _secrets(request):
        text = text.replace(secret, _MASK).replace(quote_plus(secret), _MASK)
    return " ".join(_UNREADABLE.sub(" ", text).split())[:_LONGEST_QUOTE]


def _secrets(request: requests.PreparedRequest) -> Iterator[str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    yield from filter(None, [token if scheme == "Bearer" else scheme + token])
    if isinstance(request.body, str):
        yield from (
            value for name, value in parse_qsl(request.body) if name in _SECRET_PARAMETERS
        )
