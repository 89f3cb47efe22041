"""Pages, put together, are the whole; links lead through all of them; totals agree."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')
# The sandbox is the same for all examples, and none of them changes it.
property_test = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
KINDS = st.sampled_from(["student", "external", "admin"])
DAYS = st.dates(
    min_value=date(2014, 1, 1),
    max_value=date(2026, 12, 31),
).map(str)
USER_SORTS = st.lists(
    st.sampled_from(["created_at", "updated_at", "login", "kind", "pool_year", "pool_month"]),
    max_size=2,
    unique=True,
)


def links(reply: Any) -> dict[str, str]:  # noqa: ANN401 - a reply
    """The path and query of each link of an answer, by its name."""
    found = LINK.findall(reply.headers["Link"] or "")
    return {name: "/v2" + url.partition("/v2")[2] for url, name in found}


@pytest.mark.slow
@given(size=st.integers(1, 150))
@property_test
def test_pages_of_any_size_put_together_are_the_whole(
    sandbox: RunningSandbox, size: int
) -> None:
    whole = sandbox.truth_of("/v2/coalitions")
    rows: list[Any] = []
    for page in range(1, len(whole) // min(size, 100) + 3):
        reply = sandbox.get(f"/v2/coalitions?page[size]={size}&page[number]={page}")
        assert reply.total == len(whole)
        assert reply.headers["X-Page"] == str(page)
        assert reply.headers["X-Per-Page"] == str(min(size, 100))
        rows += reply.json()
    assert rows == whole


@given(size=st.integers(20, 100), sort=USER_SORTS, kind=KINDS, descend=st.booleans())
@property_test
def test_next_links_lead_through_all_rows_and_prev_links_back(
    sandbox: RunningSandbox, size: int, sort: list[str], kind: str, descend: bool
) -> None:
    order = ",".join([*(("-" if descend else "") + name for name in sort), "id"])
    query = f"sort={order}&filter[kind]={kind},student"
    path: str | None = f"/v2/users?{query}&per_page={size}"
    whole = [row["id"] for row in sandbox.truth_of(f"/v2/users?{query}")]
    seen: list[int] = []
    last = path
    while path:
        reply = sandbox.send("GET", *_quoted(sandbox, path))
        seen += reply.ids
        last, path = path, links(reply).get("next")
    assert seen == whole
    back = links(sandbox.send("GET", *_quoted(sandbox, last or "")))
    assert ("prev" in back) == (len(whole) > size)


def _quoted(sandbox: RunningSandbox, path: str) -> tuple[str, dict[str, str]]:
    """A link's path as it is, without being quoted once more."""
    token = {"Authorization": f"Bearer {sandbox.token()}"}
    return path, token


@given(
    low=DAYS,
    high=DAYS,
    kinds=st.lists(KINDS, min_size=1, max_size=3, unique=True),
    alumni=st.sampled_from([None, "true", "false"]),
)
@property_test
def test_filters_and_ranges_find_what_a_reader_would_pick_by_hand(
    sandbox: RunningSandbox, low: str, high: str, kinds: list[str], alumni: str | None
) -> None:
    query = f"filter[kind]={','.join(kinds)}&range[created_at]={low},{high}&sort=id"
    if alumni:
        query += f"&filter[alumni?]={alumni}"
    wanted = [
        user["id"]
        for user in sandbox.truth("users")
        if user["kind"] in kinds
        and f"{low}T00:00:00.000Z" <= user["created_at"] <= f"{high}T00:00:00.000Z"
        and (alumni is None or user["alumni?"] == (alumni == "true"))
    ]
    reply = sandbox.get(f"/v2/users?{query}&per_page=100")
    assert reply.total == len(wanted)
    assert reply.ids == wanted[:100]


@pytest.mark.few(1)
@pytest.mark.parametrize("column", ["final_mark", "marked_at", "occurrence", "retriable_at"])
def test_a_descending_sort_is_an_ascending_one_read_backwards(
    sandbox: RunningSandbox, column: str
) -> None:
    up = [r["id"] for r in sandbox.truth_of(f"/v2/projects_users?sort={column},id")]
    down = [r["id"] for r in sandbox.truth_of(f"/v2/projects_users?sort=-{column},-id")]
    assert up == down[::-1]


@pytest.mark.parametrize(
    ("query", "page", "size"),
    [
        ("", 1, 30),
        ("per_page=500", 1, 100),
        ("page[size]=0", 1, 30),
        ("page[number]=0&page[size]=2", 1, 2),
        ("page=-4&per_page=7", 1, 7),
        ("page[number]=3&page[size]=10", 3, 10),
        ("page=2&per_page=nonsense", 2, 30),
    ],
)
def test_odd_page_numbers_and_sizes_are_put_right(
    sandbox: RunningSandbox, query: str, page: int, size: int
) -> None:
    reply = sandbox.get(f"/v2/cursus?{query}")
    assert reply.headers["X-Page"] == str(page)
    assert reply.headers["X-Per-Page"] == str(size)
    assert reply.total == 76
    assert len(reply.json()) == min(size, max(0, 76 - (page - 1) * size))


def test_past_the_last_page_is_an_empty_list(sandbox: RunningSandbox) -> None:
    reply = sandbox.get("/v2/cursus?page=99")
    assert (reply.status, reply.json(), reply.total) == (200, [], 76)


def test_links_stand_in_the_order_of_the_gem(sandbox: RunningSandbox) -> None:
    path = "/v2/cursus?per_page=20&page="
    assert list(links(sandbox.get(f"{path}1"))) == ["last", "next"]
    assert list(links(sandbox.get(f"{path}2"))) == ["first", "prev", "last", "next"]
    assert list(links(sandbox.get(f"{path}4"))) == ["first", "prev"]
    assert sandbox.get("/v2/cursus?per_page=100").headers["Link"] is None
    assert links(sandbox.get(f"{path}1"))["last"] == "/v2/cursus?page=4&per_page=20"


def test_there_is_no_header_for_the_number_of_pages(sandbox: RunningSandbox) -> None:
    assert sandbox.get("/v2/cursus").headers["X-Total-Pages"] is None


def test_a_list_can_be_without_a_total(sandbox: RunningSandbox) -> None:
    sandbox.configure(no_total=["/v2/cursus"])
    assert sandbox.get("/v2/cursus").headers["X-Total"] is None
    assert sandbox.get("/v2/campus").headers["X-Total"] == "54"
