"""A page of a list: its records, their keys, and what the headers say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from math import ceil, inf, isfinite
from typing import Annotated, Any, TypeAlias, TypeGuard

import msgspec
import requests

from tap_ft42.api import errors
from tap_ft42.api.errors import OtherShapeError, RetriableAPIError
from tap_ft42.api.headers import whole_number
from tap_ft42.declared.listing import ID, Cursor

_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_ATTRIBUTES = b'"attributes"'
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MOST_ROWS = 10**10
"""Rows that a list can have; a greater total is ignored."""

_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MOST_ROWS)]

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

METADATA = ("total", "size", "more", "sent", "answered")
"""Fields of a page that are not in its body."""

_DEEPEST = 100
"""Levels of lists and objects that a page may have; pages of the API have 8."""

_BITS = 63
"""Bits of an id: a larger id fits no column, and its record is rejected."""


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page of a list as it was sent, with the keys of its records.

    Until its turn comes, a page is kept as bytes: they take a tenth of the memory of decoded
    records.
    """

    body: bytes = field(repr=False)  # people's data must not get into a log
    total: int | None
    """Records of the whole list at this moment; None if the API does not say."""
    count: int
    """Records of this page."""
    size: int
    """Records of a full page, as the API says or shows. Without a total, at most as many as
    were asked for."""
    more: bool
    """Whether another page may follow."""
    ids: Sequence[int]
    """Ids of the records, in their order, without ids that are not numbers."""
    positions: Sequence[int]
    """Positions of the list's cursor, without those of records that have none."""
    sent: float
    """Unix time of the request: the API counted the total later."""
    answered: float
    """Unix time of the answer: the API read the records earlier."""
    unshown: Sequence[Mapping[str, tuple[int, int]]] = ()
    """For each row that 42 counts but cannot show: an interval of each key. `count` counts it,
    and `ids` has its id, if that is known; see `tap_ft42.reading.around`."""

    def records(self) -> list[Any]:
        """Decode the records into values that every target can store."""
        return _decoded(self.body, is_checked=True)

    def holding(self, records: Sequence[Any]) -> Page:
        """Return the page with other records, such as those within its own records."""
        return restored_page(msgspec.json.encode(records), None, **self.metadata)

    @property
    def metadata(self) -> dict[str, Any]:
        """The fields that are not in the body; `restored_page` takes them."""
        return {name: getattr(self, name) for name in METADATA}

    def without_total(self) -> Page:
        """Return the page without its total, which is wrong; so another page may follow."""
        return replace(self, total=None, more=bool(self.count))

    def as_all(self) -> Page:
        """Return a first page as the only one."""
        return replace(self, total=self.count, more=False)

    def keys(self, name: str) -> Sequence[int]:
        """Return the records' ids, or their positions, as numbers."""
        return self.ids if name == ID else self.positions

    @property
    def pages(self) -> float:
        """How many pages the list has, judged by this first page."""
        if self.total is not None:
            return ceil(self.total / self.size)
        return 1 if self.count < self.size else inf

    @property
    def unshown_ids(self) -> list[int]:
        """The ids of the rows that 42 cannot show, as far as known."""
        return [number for row in self.unshown if (number := id_within(row)) is not None]

    @property
    def is_oversized(self) -> bool:
        """Whether it has more records than were asked for, as if the list had no pages."""
        return self.count > self.size

    def ascends(self, name: str) -> bool:
        """Tell whether the records are in ascending order of a key."""
        return all(a <= b for a, b in pairwise(self.keys(name)))


def page_of(  # noqa: PLR0913 - an answer does not describe its request
    response: requests.Response,
    *,
    number: int,
    size: int,
    cursor: Cursor | None,
    sent: float,
    answered: float,
) -> Page:
    """Read a page out of a response.

    The rows decide; headers only help. If ``X-Per-Page`` repeats the size that was asked for,
    a page of fewer rows shows the real size. A total is ignored if it is smaller than the
    page, or if ``Link`` contradicts it. Without a total, another page may follow.

    Args:
        response: The response.
        number: The number of the page; the first is 1.
        size: The number of rows that was asked for.
        cursor: The cursor of the list.
        sent: When the request was sent, in Unix time.
        answered: When the answer came, in Unix time.

    Raises:
        OtherShapeError: The body is JSON, but not a list; another try will bring the same.
        RetriableAPIError: The body is not JSON: it was cut, it is an HTML page with status 200,
            or it holds a number or a text that is not valid.
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
    if "next" in response.links and (total is None or number * size >= total):
        size = len(rows) or size  # another page follows, so that this one is full
        if total is not None and number * size >= total:
            total = None  # the total or the link is wrong
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
        RetriableAPIError: The body is not JSON.
        OtherShapeError: The body is JSON, but not an object of counts.
    """
    try:
        counts_of(response.content)
    except msgspec.DecodeError as error:
        what = "counts by the day"
        message = f"{errors.request_line(response)} did not answer with {what}"
        # If the body is JSON, another try will bring the same.
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
        msgspec.ValidationError: The body is JSON, but something else.
        msgspec.DecodeError: The body is not JSON.
    """
    counts: dict[date, int] = msgspec.json.decode(body, type=dict[date, _Count])
    return counts


def restored_page(body: bytes, cursor: Cursor | None, **metadata: Any) -> Page:  # noqa: ANN401 - fields of a page
    """Make a page from its body, and from the fields of `Page.metadata`.

    Raises:
        ValueError: The body is not a page.
    """
    rows = _decoded(body)
    return Page(
        body=body,
        count=len(rows),
        ids=_ids(rows),
        positions=_positions(rows, cursor),
        **metadata,
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
    """A body is JSON, but not a list."""


def _decoded(body: bytes, *, is_checked: bool = False) -> list[Any]:
    """Decode a body into records that every target can store.

    A body is checked when a page is made of it, so that no page fails later.

    Args:
        body: The body of an answer.
        is_checked: Whether the body was checked before.

    Raises:
        _NoListError: The body is JSON, but not a list.
        ValueError: It is not JSON that can be read; the message says what it should be.
    """
    is_suspect = _SUSPECT_ESCAPE.search(body)
    try:
        # Only the laxer decoder accepts halves of surrogate pairs.
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
    """Give a record in the format of JSON:API the form of all others.

    A few records in this older format of the API come among the others.
    """
    if not (isinstance(record, dict) and isinstance(within := record.get("attributes"), dict)):
        return record
    flat = {key.replace("-", "_"): value for key, value in within.items()}
    flat |= {key: record[key] for key in record.keys() - {"attributes", "type"}}
    if isinstance(number := flat.get(ID), str) and _ID.fullmatch(number):
        flat[ID] = int(number)
    return flat


def id_within(row: Mapping[str, tuple[int, int]]) -> int | None:
    """Return the only id that lies in the intervals of a row; None if there are several."""
    first, last = row.get(ID, (0, 1))
    return first if first == last else None


def has_id(record: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a record has an id."""
    return isinstance(record, dict) and type(record.get(ID)) is int


def with_ids(records: Iterable[object]) -> Iterator[dict[str, Any]]:
    """Yield the records that have an id."""
    return filter(has_id, records)


def _finite(text: str) -> float:
    """Read a number that JSON can write and a column can hold.

    Raises:
        ValueError: The text is no such number, for example ``NaN`` or ``1e400``.
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
    """Replace the characters that UTF-8 or SQL text cannot hold.

    JSON can write NUL and halves of surrogate pairs; both become U+FFFD. The stock target does
    the same, but only at the outermost level.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
