"""A page of a list: what its headers and keys tell, and its records."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from math import ceil, inf, isfinite
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from tap_ft42.api import errors
from tap_ft42.api.errors import OtherShapeError, RetriableAPIError
from tap_ft42.api.headers import whole_number
from tap_ft42.declared.listing import ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import requests

    from tap_ft42.declared.listing import Cursor

_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_ATTRIBUTES = b'"attributes"'
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MOST_ROWS = 10**10
"""Rows that a list can have; a greater total is not believed."""

_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MOST_ROWS)]

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

TOLD = ("total", "size", "more", "sent", "answered")
"""Fields of a page that its body does not tell."""

_DEEPEST = 100
"""Levels of lists and objects that a page may have; the API's have 8."""

_BITS = 63
"""Of an id: what is larger fits no column, and its record is rejected."""


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
    """Records of a full page: as many as the API says, or as it shows; without a total no
    more than were asked for."""
    more: bool
    """Whether another page follows, as far as can be told."""
    ids: Sequence[int]
    """Ids of the records, in their order; without those that have no number."""
    positions: Sequence[int]
    """Positions of the list's cursor; without those of records that have none."""
    sent: float
    """Unix time before which the API cannot have counted the total."""
    answered: float
    """Unix time after which the API cannot have read the records."""

    def records(self) -> list[Any]:
        """Decode the records into values that every target can store."""
        return _decoded(self.body, is_checked=True)

    def holding(self, records: Sequence[Any]) -> Page:
        """Return the page with other records, such as those that its own ones carry."""
        return restored_page(msgspec.json.encode(records), None, **self.told)

    @property
    def told(self) -> dict[str, Any]:
        """The fields that the body does not tell; `restored_page` takes them."""
        return {name: getattr(self, name) for name in TOLD}

    def untold(self) -> Page:
        """Return the page without its total, which is wrong, so that more may follow."""
        return replace(self, total=None, more=bool(self.count))

    def keys(self, name: str) -> Sequence[int]:
        """Return the records' ids, or their positions, as numbers."""
        return self.ids if name == ID else self.positions

    @property
    def pages(self) -> float:
        """How many pages the list has, as far as this first one tells."""
        if self.total is not None:
            return ceil(self.total / self.size)
        return 1 if self.count < self.size else inf

    @property
    def is_oversized(self) -> bool:
        """Whether it has more records than were asked for, as if there were no pages."""
        return self.count > self.size

    def ascends(self, name: str) -> bool:
        """Tell whether the records are in the order of a key."""
        return all(a <= b for a, b in pairwise(self.keys(name)))


def page_of(  # noqa: PLR0913 - what an answer does not say of its request
    response: requests.Response,
    *,
    number: int,
    size: int,
    cursor: Cursor | None,
    sent: float,
    answered: float,
) -> Page:
    """Read a page out of a response.

    The rows decide, and headers only help. A page is as large as it shows, if
    ``X-Per-Page`` repeats the size that was asked for. A total is not believed if it is
    smaller than the page, or if ``Link`` denies it. Without a total, more may follow.
    Numbers of pages begin with 1; instants are Unix time.

    Raises:
        OtherShapeError: The body is JSON, and no list: it will not be one the next time.
        RetriableAPIError: The body is no JSON: it was cut, it is an HTML page that was sent
            with status 200, or a number or text in it is none.
    """
    try:
        rows = _decoded(response.content)
    except _NoListError as error:
        message = (
            f"{errors.request_line(response)} was answered with JSON that is not a list of "
            "records. The API may have changed: please report this line"
        )
        raise OtherShapeError(message, response) from error
    except ValueError as error:
        message = f"{errors.request_line(response)} did not answer with {error}"
        raise RetriableAPIError(message, response) from error
    total = whole_number(response.headers, "X-Total")
    if total is not None and (total < len(rows) or total > _MOST_ROWS):
        total = None
    per_page, asked = whole_number(response.headers, "X-Per-Page"), size
    size = max(min(per_page or size, size), len(rows))
    if number == 1 and rows and total is not None and len(rows) < total:
        size = len(rows)
    if total is not None and number * size >= total and "next" in response.links:
        size = len(rows) or size  # another page follows, so that this one is full
        if number * size >= total:
            total = None  # one of the two is wrong
    if total is None:
        size = min(size, asked)
    more = total is None or number * size < total
    return Page(
        body=response.content,
        total=total,
        count=len(rows),
        size=size,
        more=more and bool(rows),
        sent=sent,
        answered=answered,
        ids=_ids(rows),
        positions=_positions(rows, cursor),
    )


def page_of_counts(response: requests.Response, *, sent: float, answered: float) -> Page:
    """Read a graph out of a response: a page without rows, whose body is the answer.

    Raises:
        RetriableAPIError: The body is no JSON.
        OtherShapeError: It is no object of counts.
    """
    try:
        counts_of(response.content)
    except msgspec.DecodeError as error:
        what = "counts by the day"
        message = f"{errors.request_line(response)} did not answer with {what}"
        # What is JSON will not be something else the next time.
        is_json = isinstance(error, msgspec.ValidationError)
        raise (OtherShapeError if is_json else RetriableAPIError)(message, response) from error
    return Page(
        body=response.content,
        total=None,
        count=0,
        size=1,
        more=False,
        ids=(),
        positions=(),
        sent=sent,
        answered=answered,
    )


def counts_of(body: bytes) -> dict[date, int]:
    """Decode counts by the day.

    Raises:
        msgspec.ValidationError: The body is something else.
        msgspec.DecodeError: It is no JSON.
    """
    counts: dict[date, int] = msgspec.json.decode(body, type=dict[date, _Count])
    return counts


def restored_page(body: bytes, cursor: Cursor | None, **told: Any) -> Page:  # noqa: ANN401 - fields of a page
    """Make a page from what was kept of it.

    Raises:
        ValueError: It is not a page.
    """
    rows = _decoded(body)
    return Page(
        body=body, count=len(rows), ids=_ids(rows), positions=_positions(rows, cursor), **told
    )


def _ids(records: list[Any]) -> list[int]:
    ids = (record.get(ID) for record in records if isinstance(record, dict))
    return [number for number in ids if type(number) is int and number.bit_length() <= _BITS]


def _positions(records: list[Any], cursor: Cursor | None) -> list[int]:
    if cursor is None:
        return []
    if cursor.column == ID:
        return _ids(records)
    values = (record.get(cursor.column) for record in records if isinstance(record, dict))
    positions = map(cursor.position, values)
    return [position for position in positions if position is not None]


class _NoListError(ValueError):
    """A body is JSON, and no list."""


def _decoded(body: bytes, *, is_checked: bool = False) -> list[Any]:
    """Decode a body into records that every target can store.

    A page comes only from a body that passes, so that none fails later.

    Raises:
        _NoListError: It is JSON, and no list.
        ValueError: It is no JSON that can be read; the message says what it should have been.
    """
    is_suspect = _SUSPECT_ESCAPE.search(body)
    try:
        # Halves of surrogate pairs are decoded by the laxer one only.
        records = (
            json.loads(body.decode(), parse_float=_finite, parse_constant=_finite)
            if is_suspect
            else msgspec.json.decode(body)
        )
    except (ValueError, RecursionError) as error:
        message = "JSON"
        raise ValueError(message) from error
    if not isinstance(records, list):
        raise _NoListError
    if not is_checked and _is_deep(records):
        message = f"JSON of less than {_DEEPEST} levels"
        raise ValueError(message)
    if is_suspect:
        records = [_storable(record) for record in records]
    return [_flat(record) for record in records] if _ATTRIBUTES in body else records


def _flat(record: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Give a record of JSON:API the form of the others.

    The API once had that format. A few such records stand among the others, as if two
    requests had got mixed up.
    """
    if not (isinstance(record, dict) and isinstance(within := record.get("attributes"), dict)):
        return record
    flat = {key.replace("-", "_"): value for key, value in within.items()}
    flat |= {key: record[key] for key in record.keys() - {"attributes", "type"}}
    if isinstance(number := flat.get(ID), str) and _ID.fullmatch(number):
        flat[ID] = int(number)
    return flat


def with_ids(records: Iterable[object]) -> Iterator[dict[str, Any]]:
    """Yield the records that tell their ids."""
    for record in records:
        if isinstance(record, dict) and type(record.get(ID)) is int:
            yield record


def _finite(text: str) -> float:
    """Read a number that JSON can write and a column can hold.

    Raises:
        ValueError: It is none, such as ``NaN`` and ``1e400``.
    """
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return number


def _is_deep(value: list[Any]) -> bool:
    """Tell whether lists and objects nest too deeply for recursive code."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [
            item
            for holder in level
            for item in (holder.values() if type(holder) is dict else holder)
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return False
    return True


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
