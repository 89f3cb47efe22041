"""A page of a list: what its headers and keys tell, and its records."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import RetriableAPIError

from tap_ft42.api import errors
from tap_ft42.declared.instants import milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests

_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class _Keys(msgspec.Struct):
    """The keys by which rows are read; the rest of a record is skipped over."""

    id: Any = None
    updated_at: Any = None


_DECODE_KEYS = msgspec.json.Decoder(list[_Keys]).decode


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page of a list as it was sent, with the keys of its records.

    Pages wait for their turn as bytes, which take a tenth of the memory of the
    records.
    """

    body: bytes = field(repr=False)  # people's data must not get into a log
    total: int | None
    """Records of the whole list at this moment, if the API says so."""
    count: int
    """Records of this page."""
    size: int
    """Records of a full page: what was asked for, or less if the API lowered it."""
    more: bool
    """Whether another page follows, as far as can be told."""
    ids: Sequence[int]
    """Ids of the records, in their order; without those that have no number."""
    instants: Sequence[int]
    """``updated_at`` in milliseconds since 1970; without those that have none."""
    sent: float
    """Unix time before which the API cannot have counted the total."""
    answered: float
    """Unix time after which the API cannot have read the records."""

    def records(self) -> list[Any]:
        """Decode the records into values that every target can store."""
        if _SUSPECT_ESCAPE.search(self.body):
            return [_storable(record) for record in json.loads(self.body)]
        records: list[Any] = msgspec.json.decode(self.body)
        return records

    def holding(self, records: Sequence[Any]) -> Page:
        """Return the page with other records, such as those that its own ones carry."""
        return restored_page(
            msgspec.json.encode(records),
            total=self.total,
            size=self.size,
            more=self.more,
            sent=self.sent,
            answered=self.answered,
        )

    def keys(self, name: str) -> Sequence[int]:
        """Return the records' ``id`` or ``updated_at`` as numbers."""
        return self.ids if name == "id" else self.instants

    @property
    def is_whole(self) -> bool:
        """Whether this first page holds the whole list.

        One answer is one moment of the database, so nothing can have moved.
        """
        return not self.more if self.total is None else self.total <= self.count

    def ascends(self, name: str) -> bool:
        """Tell whether the records are in the order of a key."""
        return all(a <= b for a, b in pairwise(self.keys(name)))


def page_of(
    response: requests.Response, *, number: int, size: int, sent: float, answered: float
) -> Page:
    """Read a page out of a response.

    Whether more pages follow is told by ``X-Total`` and ``X-Per-Page`` (a size
    that the API lowered counts, not the one that was asked for), without those
    by the ``Link`` header, without that by the page itself: past the end the API
    sends empty pages.

    Args:
        response: The answer to a request for a page.
        number: The page's number, from 1.
        size: The size that was asked for.
        sent: When it was asked for, as Unix time.
        answered: When it came.

    Returns:
        The page.

    Raises:
        RetriableAPIError: The body is not a JSON list: it was cut, or it is an
            HTML page that was sent with status 200.
    """
    try:
        rows = _keys(response.content)
    except ValueError as error:
        message = f"{errors.request_line(response)} did not answer with {error}"
        raise RetriableAPIError(message, response) from error
    told = response.headers.get("X-Total", "")
    total = int(told) if told.isdecimal() else None
    per_page = response.headers.get("X-Per-Page", "")
    if per_page.isdecimal() and int(per_page):
        size = int(per_page)
    elif number == 1 and rows and total is not None and len(rows) < total:
        size = len(rows)
    if total is not None:
        more = number * size < total
    elif response.links:
        more = "next" in response.links
    else:
        more = True
    return Page(
        body=response.content,
        total=total,
        count=len(rows),
        size=size,
        more=more and bool(rows),
        sent=sent,
        answered=answered,
        ids=_ids(rows),
        instants=_instants(rows),
    )


def restored_page(body: bytes, **told: Any) -> Page:  # noqa: ANN401 - fields of a page
    """Make a page again of what was kept of it.

    Args:
        body: The answer's body.
        told: The fields of `Page` that the body does not tell.

    Returns:
        The page.
    """
    rows = _keys(body)
    return Page(body=body, count=len(rows), ids=_ids(rows), instants=_instants(rows), **told)


def _ids(rows: list[_Keys]) -> list[int]:
    return [row.id for row in rows if type(row.id) is int]


def _instants(rows: list[_Keys]) -> list[int]:
    instants = (milliseconds(row.updated_at) for row in rows)
    return [instant for instant in instants if instant is not None]


def _keys(body: bytes) -> list[_Keys]:
    """Decode nothing but keys; that the body is a whole JSON list is checked, too.

    Raises:
        ValueError: It is not; the message says what it should have been.
    """
    try:
        return _DECODE_KEYS(body)
    except ValueError:
        # Records that are no objects, or text that only a laxer decoder takes.
        try:
            records = json.loads(body)
        except ValueError as error:
            message = "JSON"
            raise ValueError(message) from error
    if not isinstance(records, list):
        message = "a list of records"
        raise ValueError(message)  # noqa: TRY004 - as for all that a body can be
    return [
        _Keys(record.get("id"), record.get("updated_at"))
        if isinstance(record, dict)
        else _Keys()
        for record in records
    ]


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
