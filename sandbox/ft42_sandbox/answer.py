"""Answers of the API, before faults change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from ft42_sandbox.query import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON = "application/json; charset=utf-8"
TEXT = "text/plain"
HTML = "text/html; charset=utf-8"


@dataclass
class Answer:
    """Status, headers and body; `reason` is only for the sandbox's own log."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    reason: str = ""


def json_answer(status: int, content: object, reason: str = "") -> Answer:
    """An answer whose body is this object as JSON."""
    return Answer(status, orjson.dumps(content), reason=reason)


def not_found() -> Answer:
    """The API's answer for things that do not exist."""
    return Answer(404, b"{}", reason="not found")


def access_denied() -> Answer:
    """The API's answer if the application has no rights."""
    body = {"error": "Access Denied", "message": "You are not authorized to access this page."}
    return json_answer(403, body, "access denied")


def bad_request(error: str, message: str) -> Answer:
    """A refused filter, range or sort."""
    return json_answer(400, {"error": error, "message": message}, message)


def graph_error(field: str, fields: Sequence[str]) -> Answer:
    """The refusal of a graph of a field that has none."""
    message = (
        f"Attribute {field} do not exist or isn't graphable. "
        f"Available fields are: {sentence(fields)}"
    )
    return json_answer(422, {"error": "Graph Error", "message": message}, message)


def unauthorized(description: str) -> Answer:
    """The refusal of a missing, unknown or expired token, in the status and a header."""
    answer = json_answer(
        401, {"status": 401, "error": description, "message": description}, description
    )
    answer.headers["WWW-Authenticate"] = (
        f'Bearer realm="42 API", error="invalid_token", error_description="{description}"'
    )
    return answer


def too_many_requests(wait: int, *, retry_after: bool) -> Answer:
    """The refusal of a request beyond a limit, the same for the second and the hour.

    Args:
        wait: seconds until the window ends.
        retry_after: whether the answer says so.
    """
    answer = Answer(
        429,
        b"429 Too Many Requests (Spam Rate Limit Exceeded)",
        content_type=TEXT,
        reason=f"rate limit, {wait} s left",
    )
    if retry_after:
        answer.headers["Retry-After"] = str(wait)
    return answer


def html_error(status: int, title: str) -> Answer:
    """An HTML page, as the proxies in front of the API send them."""
    page = (
        f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {title}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return Answer(status, page.encode(), content_type=HTML, reason=title)


def challenge() -> Answer:
    """Cloudflare's page for a client that sends no User-Agent."""
    page = (
        "<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
        "<body><noscript>Enable JavaScript and cookies to continue</noscript></body></html>"
    )
    return Answer(
        403,
        page.encode(),
        {"Server": "cloudflare", "cf-mitigated": "challenge"},
        HTML,
        "no User-Agent",
    )
