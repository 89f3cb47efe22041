"""Every read ends, whatever a server answers, and none loses a row without a word."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from tap_ft42.api.page import page_of
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.reading.asking import FACTOR, SPARE, IncompleteReadError
from tap_ft42.reading.reads import read_from_scratch, read_window
from tap_ft42.reading.regions import Region
from tap_ft42.reading.whole import read_list
from tap_ft42.streams.cursors import UPDATED_AT
from typing_extensions import override

from tests.tap.pages import PretendedList, Unsorted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from random import Random

    from tap_ft42.api.page import Page
    from tap_ft42.reading.asking import Part

UNTIL, ASKED, IN_FLIGHT = 40, 7, 24
WINDOW = Region({"updated_at": (0, UNTIL)})
EXAMPLES = settings(max_examples=60, deadline=None)

Total = Literal["true", "high", "low", "none", "capped", "pages", "page", "any", "fixed", "odd"]
Told = Literal["true", "asked", "none", "nonsense"]
Link = Literal["true", "none", "more"]


@dataclass
class Server(PretendedList):
    """A list of rows that stand still, and what a server makes of it.

    Attributes:
        luck: decides what is random.
        rows: instants of the rows in milliseconds, by id.
        clamp: rows a page has at most.
        total: what `X-Total` says.
        per_page: what `X-Per-Page` says.
        link: what `Link` says: the truth, nothing, or that there is more.
        pages: whether the number of the page is heeded.
        ranges: whether `range` is.
        sorts: whether `sort` is.
        sorts_ties: whether the second column of `sort` is.
        hidden: ids of rows that are counted and never shown.
        twice: ids of rows that are counted and shown twice.
        fickle: whether each answer leaves out other rows.
        invents: whether it makes rows up.
        has_deceived: whether an answer has looked whole that was not.
    """

    luck: Random
    rows: dict[int, int]
    clamp: int
    total: Total = "true"
    per_page: Told = "true"
    link: Link = "none"
    pages: bool = True
    ranges: bool = True
    sorts: bool = True
    sorts_ties: bool = True
    hidden: frozenset[int] = frozenset()
    twice: frozenset[int] = frozenset()
    fickle: bool = False
    invents: bool = False
    requests: int = 0
    fruitful: int = 0
    has_deceived: bool = False
    came: set[int] = field(default_factory=set)
    under_way: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        async with self.under_way:
            self.requests += 1
            await asyncio.sleep(0)
            page = self._answer(region, number, sort)
            self.fruitful += not self.came.issuperset(page.ids)
            self.came.update(page.ids)
            return page

    def _answer(self, region: Region, number: int, sort: str | None) -> Page:
        counted = [
            row for row in self._list(region, sort) for _ in range(1 + (row in self.twice))
        ]
        listed = [row for row in counted if row not in self.hidden]
        first = (number - 1) * self.clamp if self.pages else 0
        rows = listed[first : first + self.clamp]
        if self.fickle:
            rows = [row for row in rows if self.luck.random() < 0.7]
        if self.invents:
            lower, upper = region.interval("id")
            rows = sorted(self.luck.randint(lower, upper) for _ in range(3))
        headers = self._headers(len(counted), len(rows), number)
        self._note_deceit(headers, len(rows), len(listed))
        is_chance = 1 < len(rows) < len(listed) and rows == self._sorted(rows, sort)
        self.has_deceived |= not self.sorts and sort is not None and is_chance
        response = requests.Response()
        response.headers = CaseInsensitiveDict(headers)
        body = [
            {"id": row, "updated_at": from_milliseconds(self.rows.get(row, 0))} for row in rows
        ]
        response.raw = BytesIO(json.dumps(body).encode())
        now = float(self.requests)
        return page_of(
            response, number=number, size=ASKED, cursor=UPDATED_AT, sent=now, answered=now
        )

    def _headers(self, true: int, rows: int, number: int) -> dict[str, str]:
        total = {
            "true": str(true),
            "high": str(true + 1 + true // 2),
            "low": str(max(true - 2, 0)),
            "none": None,
            "capped": str(min(true, 2 * ASKED)),
            "pages": str(-(-true // self.clamp)),
            "page": str(rows),
            "any": str(self.luck.choice([0, 1, true, true + 1, 3 * true, 10**9])),
            "fixed": "35",
            "odd": self.luck.choice(["9" * 5000, "-3", "many", "1e9", "", "\u0663"]),
        }[self.total]
        per_page = {
            "true": str(min(self.clamp, ASKED)),
            "asked": str(ASKED),
            "none": None,
            "nonsense": self.luck.choice(["0", "50", "-1", "x", "9" * 5000]),
        }[self.per_page]
        has_more = self.link == "more" or number * self.clamp < true
        link = None if self.link == "none" or not has_more else '<http://x/?page=2>; rel="next"'
        told = {"X-Total": total, "X-Per-Page": per_page, "Link": link}
        return {name: value for name, value in told.items() if value is not None}

    def _note_deceit(self, headers: dict[str, str], rows: int, listed: int) -> None:
        per_page, total = headers.get("X-Per-Page"), headers.get("X-Total")
        has_room = rows < (self.clamp if per_page == str(self.clamp) else ASKED)
        if has_room and rows < listed:
            self.has_deceived |= total == str(rows) or not self.pages
        # More rows than were asked for are the whole list elsewhere.
        self.has_deceived |= rows > ASKED and not self.pages

    def _list(self, region: Region, sort: str | None) -> Sequence[int]:
        rows = list(self.rows)
        for key, (lower, upper) in region.bounds.items() if self.ranges else ():
            column = self.rows if key == "updated_at" else {row: row for row in rows}
            rows = [row for row in rows if lower <= column[row] <= upper]
        if not self.sorts or sort is None:
            return sorted(rows, key=lambda row: (-self.rows[row], row % 7))
        return self._sorted(rows, sort)

    def _sorted(self, rows: Sequence[int], sort: str | None) -> list[int]:
        if sort == "updated_at,id" and not self.sorts_ties:
            return sorted(rows, key=lambda row: (self.rows.get(row, 0), self.luck.random()))
        if sort == "updated_at,id":
            return sorted(rows, key=lambda row: (self.rows.get(row, 0), row))
        return sorted(rows, reverse=sort == "-id")


TOTALS: tuple[Total, ...] = (
    "true", "high", "low", "none", "capped", "pages", "page", "any", "fixed", "odd",
)  # fmt: skip


@st.composite
def servers(draw: st.DrawFn, /, *, is_honest: bool) -> Server:
    """Servers that show all they have, in whatever way, or anything at all."""
    luck = draw(st.randoms(use_true_random=False))
    greatest = draw(st.sampled_from([20, 60, 1000, 10**8]))
    ids = draw(st.sets(st.integers(1, greatest), max_size=60))
    some = st.frozensets(st.sampled_from(sorted(ids) or [1]), max_size=0 if is_honest else None)
    latest = draw(st.sampled_from([1, 3, UNTIL]))
    return Server(
        luck,
        {number: luck.randrange(latest + 1) for number in ids},
        clamp=draw(st.integers(1, 20)),
        total=draw(st.sampled_from(TOTALS)),
        per_page=draw(st.sampled_from(["true", "asked", "none", "nonsense"])),
        link=draw(st.sampled_from(["true", "none", "more"])),
        pages=draw(st.sampled_from([True, True, False])),
        ranges=draw(st.sampled_from([True, True, False])),
        sorts=draw(st.booleans()),
        sorts_ties=draw(st.booleans()),
        hidden=draw(some),
        twice=draw(some),
        fickle=not is_honest and draw(st.booleans()),
        invents=not is_honest and draw(st.sampled_from([False, False, True])),
    )


def readings(server: Server) -> list[AsyncIterator[Part]]:
    return [
        read_from_scratch(server, Region()),
        read_from_scratch(Unsorted(server), WINDOW),
        read_window(server, WINDOW),
        read_window(Unsorted(server), WINDOW),
        read_list(server),
    ]


def consumed(server: Server, reading: AsyncIterator[Part]) -> tuple[set[int], bool]:
    """The ids that a read yields, and whether it vouches for them."""

    async def consume() -> tuple[set[int], bool]:
        seen: set[int] = set()
        try:
            async for part in reading:
                seen.update(part.page.ids if part.page is not None else ())
                if server.requests > 20_000:
                    break
        except IncompleteReadError:
            return seen, False
        return seen, True

    return asyncio.run(consume())


@EXAMPLES
@given(server=servers(is_honest=False), which=st.integers(0, 4))
def test_every_read_ends_within_its_bound(server: Server, which: int) -> None:
    server.invents = server.invents and server.ranges and bool(server.clamp % 2)
    consumed(server, readings(server)[which])
    # A list that ignores ranges is read twice.
    assert server.requests <= 2 * (SPARE + IN_FLIGHT) + (2 * FACTOR + 1) * server.fruitful


@EXAMPLES
@given(server=servers(is_honest=True), which=st.integers(0, 4))
def test_no_row_that_a_server_shows_is_lost_without_a_word(server: Server, which: int) -> None:
    seen, is_vouched_for = consumed(server, readings(server)[which])
    assert not is_vouched_for or server.has_deceived or seen == set(server.rows)
