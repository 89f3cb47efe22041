"""Pages of lists, like those of the gem api-pagination, with its Link and X- headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from ft42_sandbox.conditions import read_int

if TYPE_CHECKING:
    from ft42_sandbox.query import Query

DEFAULT_SIZE = 30
MAX_SIZE = 100


@dataclass(frozen=True)
class Page:
    """The slice of a list that a query asks for.

    Attributes:
        number: from 1.
        size: rows on a page, 1 to 100.
    """

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.number - 1) * self.size


def wanted_page(query: Query) -> Page:
    """The page that a query asks for: the number is at least 1, the size at most 100."""
    number = read_int(query.number) if query.number else 1
    size = read_int(query.size) if query.size else DEFAULT_SIZE
    return Page(max(1, number), DEFAULT_SIZE if size < 1 else min(size, MAX_SIZE))


def page_headers(
    page: Page, total: int, url: str, query: Query, *, with_total: bool
) -> dict[str, str]:
    """The paging headers of a list.

    Args:
        page: the page that is sent.
        total: how many rows all pages have together.
        url: the request's address without its query.
        query: the request's query, whose other parameters the links repeat.
        with_total: whether X-Total is sent; some lists of the API leave it out.
    """
    headers = {"X-Page": str(page.number), "X-Per-Page": str(page.size)}
    if with_total:
        headers["X-Total"] = str(total)
    last = max(1, -(-total // page.size))
    places: list[tuple[str, int]] = []
    if page.number > 1:
        places += [("first", 1), ("prev", page.number - 1)]
    if page.number < last:
        places += [("last", last), ("next", page.number + 1)]
    if places:
        before, after = _around_page(query)
        headers["Link"] = ", ".join(
            f'<{url}?{before}{number}{after}>; rel="{name}"' for name, number in places
        )
    return headers


def _around_page(query: Query) -> tuple[str, str]:
    """The query in alphabetical order: its parts before and after the page's number."""
    others = {n: v for n, v in query.pairs if n not in {"page", "page[number]"}}
    parts = [
        (name > "page", f"{quote_plus(name)}={quote_plus(value)}")
        for name, value in sorted(others.items())
    ]
    before = [part for is_after, part in parts if not is_after]
    after = ["", *(part for is_after, part in parts if is_after)]
    return "&".join([*before, "page="]), "&".join(after)
