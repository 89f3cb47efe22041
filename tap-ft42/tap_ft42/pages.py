"""How an endpoint is read, page by page."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import RetriableAPIError

from tap_ft42 import errors

if TYPE_CHECKING:
    import requests

_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its records, and whether more follow."""

    records: list[Any]
    has_more: bool


def page_of(response: requests.Response, number: int) -> Page:
    """Read a page out of a response.

    Whether more pages follow is told by ``X-Total`` and ``X-Per-Page`` (a size
    that the API lowered counts, not the one that was asked for), without those
    by the ``Link`` header, without that by the page itself: past the end the API
    sends empty pages.

    Args:
        response: The answer to a request for a page.
        number: The page's number, from 1.

    Returns:
        The page.

    Raises:
        RetriableAPIError: The body is not a JSON list: it was cut, or it is an
            HTML page that was sent with status 200.
    """
    records = _decode(response)
    if not isinstance(records, list):
        message = f"{errors.request_line(response)} did not answer with a list of records"
        raise RetriableAPIError(message, response)
    total = response.headers.get("X-Total", "")
    size = response.headers.get("X-Per-Page", "")
    if total.isdecimal() and size.isdecimal():
        has_more = number * int(size) < int(total)
    elif response.links:
        has_more = "next" in response.links
    else:
        has_more = True
    return Page(records, has_more and bool(records))


def _decode(response: requests.Response) -> object:
    """Decode a JSON body into values that every target can store."""
    body = response.content
    try:
        if _SUSPECT_ESCAPE.search(body):
            return _storable(json.loads(body))
        return msgspec.json.decode(body)
    except ValueError as error:
        message = f"{errors.request_line(response)} did not answer with JSON"
        raise RetriableAPIError(message, response) from error


def _storable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Replace the characters that neither UTF-8 nor SQL text can hold.

    JSON can write NUL and halves of surrogate pairs; both become U+FFFD, as in
    the stock target, which does so for the outermost level only.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
