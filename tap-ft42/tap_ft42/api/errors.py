"""What went wrong, in one line that says what to do about it.

Nothing here contains a secret: the values of secret query parameters are
masked, and headers and request bodies are never shown.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
import requests

_SECRET_PARAMETERS = frozenset({"access_token", "client_id", "client_secret", "token"})
_LONGEST_QUOTE = 200

_ADVICE = {
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
    HTTPStatus.NOT_FOUND: ("Nothing is there. Check `api_url`, `cursus_ids` and `campus_ids`."),
}


def without_secrets(url: str) -> str:
    """Mask what is secret in a URL.

    Args:
        url: Any URL.

    Returns:
        The URL, readable (``filter[kind]``, not ``filter%5Bkind%5D``), without
        user information and with ``***`` for each secret parameter.
    """
    parts = urlsplit(url)
    query = [
        (name, "***" if name in _SECRET_PARAMETERS else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit(
        (
            parts.scheme,
            parts.netloc.rpartition("@")[2],
            parts.path,
            urlencode(query, safe="[],:?*/"),
            "",
        )
    )


def refusal(response: requests.Response) -> str:
    """Explain an answer whose status is an error.

    Args:
        response: The answer to a request of a stream.

    Returns:
        One line: status, request, what the API said, what to do.
    """
    said = quote(response)
    status = HTTPStatus(response.status_code) if _is_known(response) else None
    advice = _ADVICE.get(status) if status else None
    answered = f"42 answered {status_line(response)} to {request_line(response)}"
    if said:
        answered += f" ({said})"
    return f"{answered}: {advice}" if advice else answered


def refused_credentials(response: requests.Response) -> str:
    """Explain why the token endpoint refused the application.

    Args:
        response: A 4xx answer of ``POST /oauth/token``.

    Returns:
        One line that says what to do.
    """
    said = quote(response)
    return (
        f"42 refused the application's credentials: {status_line(response)} from "
        f"{without_secrets(response.url)}{f' ({said})' if said else ''}. "
        "`client_id` or `client_secret` is wrong, or the secret has expired: "
        "42 rotates it every 28 days. Copy the present secret from the "
        "application's page on the intranet."
    )


def explain(error: BaseException) -> str:
    """Say in one line what an exception of a run means.

    Args:
        error: What ended a run or a try.

    Returns:
        The exception's own message where this module made it; for a connection
        that failed, the host and what to check.
    """
    if isinstance(error, requests.RequestException) and error.request is not None:
        address = urlsplit(without_secrets(error.request.url or ""))
        return (
            f"No answer from {address.scheme}://{address.netloc}{address.path} "
            f"({type(error).__name__}). Check `api_url` and the network."
        )
    return " ".join(str(error).split()) or type(error).__name__


def status_line(response: requests.Response) -> str:
    """Name the status of a response, as in ``404 Not Found``."""
    return f"{response.status_code} {response.reason or ''}".strip()


def request_line(response: requests.Response) -> str:
    """Name the request that a response answers, without its secrets."""
    return f"{response.request.method} {without_secrets(response.url)}"


def quote(response: requests.Response) -> str:
    """Quote what the API says of an error.

    Args:
        response: An answer whose body may be anything.

    Returns:
        The message of the API's JSON error object or the plain text, on one
        line and cut to 200 characters; empty for HTML and for bodies that say
        nothing.
    """
    if "html" in response.headers.get("Content-Type", ""):
        return ""
    said: object = response.text
    try:
        body = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    else:
        said = ""
        if isinstance(body, dict):
            said = next(
                filter(
                    None,
                    (body.get(key) for key in ("error_description", "message", "error")),
                ),
                "",
            )
    return " ".join(str(said).split())[:_LONGEST_QUOTE]


def _is_known(response: requests.Response) -> bool:
    return response.status_code in HTTPStatus._value2member_map_
