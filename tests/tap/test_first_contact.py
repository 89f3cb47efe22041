"""An API that is otherwise than assumed is read completely, told of, and remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.pretended import Pretended, Row
from tests.tap.scripted import Reply, always, paged

if TYPE_CHECKING:
    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

BADGES = "/v2/achievements_users"
MEMBERS = "/v2/coalitions_users"
LATELY = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
REMEMBERED = "This is remembered for a month"


def day(number: int) -> str:
    return f"2025-{1 + number // 28 % 10:02}-{1 + number % 28:02}T00:00:00.000Z"


def badge(number: int) -> Row:
    return {
        "id": number,
        "achievement_id": 1,
        "user_id": 1,
        "login": "somebody",
        "nbr_of_success": None,
        "url": "https://api.intra.42.fr/v2/achievements_users/1",
        "created_at": day(number),
        "updated_at": day(number),
    }


def member(number: int, coalition: int) -> Row:
    return {
        "id": number,
        "coalition_id": coalition,
        "user_id": number,
        "score": 1,
        "rank": 1,
        "created_at": day(number),
        "updated_at": day(number),
    }


def coalition(number: int) -> Row:
    return {
        "id": number,
        "name": "A",
        "slug": "a",
        "image_url": None,
        "cover_url": None,
        "color": None,
        "score": 3,
        "user_id": None,
    }


def remembered(run: Run) -> list[str]:
    return [line for line in run.warnings if REMEMBERED in line]


def known(run: Run, stream: str) -> Row:
    found: Row = run.state["bookmarks"][stream]["capabilities"]
    return found


def badges(**deviations: Any) -> Pretended:  # noqa: ANN401 - those of `Pretended`
    return Pretended([badge(number) for number in range(1, 251)], **deviations)


UNWILLING = Reply({"error": "no"}, 422)


@pytest.mark.parametrize(
    "deviations",
    [
        {"refused": ["sort"]},
        {"refused": ["sort"], "refusal": UNWILLING},
        {"refused": ["range[id]"]},
        {"refused": ["range[updated_at]"]},
        {"refused": ["range[id]", "range[updated_at]"], "refusal": UNWILLING},
        {"refused": ["sort", "range[id]"], "refusal": UNWILLING},
        {"refused": ["sort", "range[id]", "range[updated_at]"]},
        {"ignored": ["sort", "range[id]"]},
        {"heaviest": 30},
    ],
    ids=str,
)
def test_what_a_list_does_not_do_is_done_without(
    tap: Tap, api: ScriptedApi, deviations: dict[str, Any]
) -> None:
    there = badges(**deviations)
    api.script[BADGES] = there
    here = tap.pointed_at(api)
    first = here.run("achievements_users", page_size=50)
    assert sorted(set(first.ids("achievements_users"))) == list(range(1, 251))
    told = remembered(first)
    assert len(told) == len(set(told))

    there.rows = [*there.rows[1:], badge(1) | {"updated_at": LATELY}]
    there.asked.clear()
    second = here.run("achievements_users", page_size=50, state=first.state)
    assert 1 in second.ids("achievements_users")
    assert not set(told).intersection(remembered(second))
    third = here.run("achievements_users", page_size=50, state=second.state)
    assert remembered(third) == []
    assert not [asked for asked in there.asked[-3:] if asked.size > there.heaviest]


@pytest.fixture
def houses(api: ScriptedApi) -> Pretended:
    """Nine coalitions with three members each."""
    rows = [member(10 * house + one, house) for house in range(1, 10) for one in range(3)]
    api.script["/v2/coalitions"] = paged([coalition(number) for number in range(1, 10)])
    api.script["/v2/cursus"] = paged([])
    for house in range(1, 10):
        own = [row for row in rows if row["coalition_id"] == house]
        api.script[f"/v2/coalitions/{house}/coalitions_users"] = Pretended(own)
    api.script[MEMBERS] = there = Pretended(rows)
    return there


def changed(there: Pretended) -> list[int]:
    """Let a member of each coalition change."""
    news = [row for row in there.rows if row["id"] % 10 == 0]
    for row in news:
        row["updated_at"] = LATELY
    return [row["id"] for row in news]


def test_a_list_of_ids_that_is_too_long_is_read_in_shorter_ones(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    here = tap.pointed_at(api)
    first = here.run("coalitions_users")
    houses.longest, news = 3, changed(houses)
    second = here.run("coalitions_users", state=first.state)
    assert set(second.ids("coalitions_users")) >= set(news)
    assert known(second, "coalitions_users")[MEMBERS]["longest_list"]["is"] == 3
    houses.asked.clear()
    third = here.run("coalitions_users", state=second.state)
    assert remembered(third) == []
    filters = [asked.query.get("filter[coalition_id]", "") for asked in houses.asked]
    assert max(len(ids.split(",")) for ids in filters) == 3


def test_one_parent_that_is_refused_costs_no_other(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    here = tap.pointed_at(api)
    first = here.run("coalitions_users")
    houses.forbidden, news = ["7"], changed(houses)
    api.script["/v2/coalitions/7/coalitions_users"] = always(Reply({"error": "No"}, 403))
    second = here.fail("coalitions_users", state=first.state)
    assert set(second.ids("coalitions_users")) >= {one for one in news if one // 10 != 7}
    assert "coalitions_users of coalition_id 7" in second.last_word
    assert "403" in second.last_word
    assert remembered(second) == []
    before, after = (
        next(
            part
            for part in run.state["bookmarks"]["coalitions_users"]["partitions"]
            if part["context"]["coalition_id"] == 7
        )
        for run in (first, second)
    )
    assert after["replication_key_value"] == before["replication_key_value"]
    houses.forbidden = []
    del api.script["/v2/coalitions/7/coalitions_users"]
    third = here.run("coalitions_users", state=second.state)
    assert 70 in third.ids("coalitions_users")


@pytest.mark.usefixtures("houses")
def test_a_parent_that_disappears_after_it_was_listed_fails_no_run(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script["/v2/coalitions/7/coalitions_users"] = always(Reply({}, 404))
    run = tap.pointed_at(api).run("coalitions_users")
    assert {number // 10 for number in run.ids("coalitions_users")} == {1, 2, 3, 4, 5, 6, 8, 9}
    assert [line for line in run.warnings if "coalition_id 7 has disappeared" in line]


@pytest.mark.usefixtures("houses")
def test_where_every_parent_seems_to_have_disappeared_the_stream_is_not_allowed(
    tap: Tap, api: ScriptedApi
) -> None:
    for house in range(1, 10):
        api.script[f"/v2/coalitions/{house}/coalitions_users"] = always(Reply({}, 404))
    run = tap.pointed_at(api).fail("coalitions_users")
    assert "may not read it" in run.last_word
