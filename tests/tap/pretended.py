"""A list of the API that does what it is said to do, and no more."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import shuffle
from typing import TYPE_CHECKING, Any

from tests.tap.running import ROOT
from tests.tap.scripted import DENIED, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.tap.scripted import Asked

Row = dict[str, Any]
LATELY = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
"""An hour ago."""

SERVER_ERROR = 502
_VALUES = {
    "integer": 1,
    "number": 1.0,
    "string": "a",
    "boolean": False,
    "array": [],
    "object": {},
}


def record_of(stream: str, **known: object) -> Row:
    """A record of the API that fits the schema of a stream, with these values."""
    schema = json.loads((ROOT / f"schemas/{stream}.json").read_text(encoding="utf-8"))
    record: Row = {}
    for name, column in schema["properties"].items():
        if name == "extra":
            continue
        *above, key = column.get("x-source", name).split("/")
        place = record
        for step in above:
            place = place.setdefault(step, {})
        types = column["type"]
        is_null = "null" in types
        place[key] = None if is_null else _VALUES[types if isinstance(types, str) else types[0]]
    return record | known


@dataclass
class Pretended:
    """A list with the habits of a real one, unless it is said to deviate.

    Attributes:
        rows: its rows.
        refused: parameters that it refuses, as `sort`, `range[id]`.
        refuses: which other requests it refuses.
        refusal: how.
        ignored: parameters that make no difference.
        sorts_ties: whether all columns of a sort count; else rows of equal values of the first
            one are in another order each time.
        heaviest: rows a page beyond which it answers 502.
        longest: ids in a filter beyond which it answers 502.
        forbidden: ids in a filter that may not be asked for.
        honours: ids in a filter that count, beginning with the first; None for all.
        tells_totals: whether `X-Total` is sent.
        bounds: which of its two bounds a range includes: both, lower, upper or none.
        by_itself: the column by which it is sorted if nobody asks, with a sign.
        cuts_instants: whether the bounds of a range are cut to whole seconds.
        widest: how far ranges may reach, by their parameter: ids, or days.
        cuts: the end at which a wider range is cut in silence, "beginning" or "end"; it is
            refused if that is empty.
        numbers_pages: whether the number of a page counts.
        most_pages: pages that are shown.
        beyond: what is answered to who asks for more of them; None for no rows.
        broken: ids of rows that it cannot show: it answers 500 to each page that holds one.
    """

    rows: Sequence[Row]
    refused: Sequence[str] = ()
    refuses: Callable[[Asked], bool] = lambda _: False
    refusal: Reply | None = None
    ignored: Sequence[str] = ()
    sorts_ties: bool = True
    heaviest: int = 100
    longest: int = 100
    forbidden: Sequence[str] = ()
    honours: int | None = None
    tells_totals: bool = True
    bounds: str = "both"
    cuts_instants: bool = False
    by_itself: str = ""
    widest: Mapping[str, int] = field(default_factory=dict)
    cuts: str = ""
    numbers_pages: bool = True
    most_pages: int | None = None
    beyond: int | None = None
    broken: Sequence[int] = ()
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply:
        """Answer a request."""
        self.asked.append(asked)
        if (refusal := self._refusal(asked)) is not None:
            return refusal
        is_beyond = self.most_pages is not None and asked.page > self.most_pages
        if is_beyond and self.beyond:
            return Reply({"error": "No such page"}, self.beyond)
        lists = {
            name.removeprefix("filter[").removesuffix("]"): value.split(",")
            for name, value in asked.query.items()
            if name.startswith("filter[") and name not in self.ignored
        }
        if asked.size > self.heaviest or any(len(ids) > self.longest for ids in lists.values()):
            return Reply(b"<html>", SERVER_ERROR)
        if any(one in ids for ids in lists.values() for one in self.forbidden):
            return DENIED
        rows = [
            row
            for row in self.rows
            if all(
                str(row[name]).lower() in ids[: self.honours]
                for name, ids in lists.items()
                if name in row
            )
        ]
        rows = self._sorted([row for row in rows if self._is_in_range(row, asked)], asked)
        first = (asked.page - 1) * asked.size if self.numbers_pages else 0
        if is_beyond:
            first = len(rows)
        total = {"X-Total": str(len(rows))} if self.tells_totals else {}
        shown = rows[first : first + asked.size]
        if any(row["id"] in self.broken for row in shown):
            return Reply({"error": "Internal Server Error"}, 500)
        return Reply(shown, headers={**total, "X-Per-Page": str(asked.size)})

    def _refusal(self, asked: Asked) -> Reply | None:
        for name in self.refused:
            if name in asked.query:
                kind = name.partition("[")[0].capitalize()
                said = {"error": f"{kind} Error", "message": f"The {name} field is not {kind}"}
                return self.refusal or Reply(said, 400)
        if self.refuses(asked):
            return self.refusal or Reply({"error": "Bad Request"}, 400)
        if not self.cuts and self._is_too_wide(asked):
            return Reply({"error": "Range Error", "message": "The range is too wide"}, 400)
        return None

    def _is_too_wide(self, asked: Asked) -> bool:
        for name, widest in self.widest.items():
            lower, upper = asked.query.get(name, "0,0").split(",")
            if name == "range[id]" or lower == "0":
                width = int(upper) - int(lower)
            else:
                width = (datetime.fromisoformat(upper) - datetime.fromisoformat(lower)).days
            if width > widest:
                return True
        return False

    def _is_in_range(self, row: Row, asked: Asked) -> bool:
        for name, value in asked.query.items():
            if not name.startswith("range[") or name in self.ignored:
                continue
            own = row.get(name.removeprefix("range[").removesuffix("]"))
            if own is None:
                return False
            lower, upper = map(type(own), value.split(","))
            if self.cuts and name in self.widest:
                lower, upper = self._cut(lower, upper, self.widest[name])
            if self.cuts_instants and isinstance(own, str):
                lower, upper = (f"{bound[:19]}.000Z" for bound in (lower, upper))
            is_at_bound = {"lower": own == lower, "upper": own == upper}
            left_out = (
                {"lower", "upper"}
                if self.bounds == "none"
                else {"lower", "upper"} - {self.bounds}
            )
            if self.bounds != "both" and any(is_at_bound[end] for end in left_out):
                return False
            if not lower <= own <= upper:
                return False
        return True

    def _cut(self, lower: Any, upper: Any, widest: int) -> tuple[Any, Any]:  # noqa: ANN401 - ids or instants
        """Cut a range to so many ids or days."""
        if isinstance(lower, int):
            width = min(upper - lower, widest)
            return (lower, lower + width) if self.cuts == "end" else (upper - width, upper)
        first, last = datetime.fromisoformat(lower), datetime.fromisoformat(upper)
        days = min(last - first, timedelta(days=widest))
        if self.cuts == "end":
            return lower, _written(first + days)
        return _written(last - days), upper

    def _sorted(self, rows: list[Row], asked: Asked) -> list[Row]:
        sort = "" if "sort" in self.ignored else asked.query.get("sort", "")
        if not (sort or self.by_itself):
            return sorted(rows, key=lambda row: (row["id"] % 7, row["id"]))
        columns = (sort or self.by_itself).split(",")
        if not self.sorts_ties and columns[0] != "id":
            columns = columns[:1]
            shuffle(rows)
        for name in reversed(columns):
            column = name.removeprefix("-")
            rows = sorted(rows, key=lambda row: row[column], reverse=name != column)
        return rows


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"


def day(number: int) -> str:
    """One of ten months of days."""
    return f"2025-{1 + number // 28 % 10:02}-{1 + number % 28:02}T00:00:00.000Z"


def dated(stream: str, number: int, **known: object) -> Row:
    """A record that was created and changed on a day of its own."""
    own = {"id": number, "created_at": day(number), "updated_at": day(number)}
    return record_of(stream, **own, **known)
