"""A list is read to its end, whatever the API says about its length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.tap.pretended import Pretended, dated, record_of
from tests.tap.scripted import Reply, paged

if TYPE_CHECKING:
    from collections.abc import Callable

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi

CURSUS = {"created_at": None, "name": "", "slug": "", "kind": "main"}


def cursus(count: int) -> list[dict[str, object]]:
    return [CURSUS | {"id": number} for number in range(1, count + 1)]


def blocs(count: int) -> list[dict[str, object]]:
    bloc = {"campus_id": 1, "cursus_id": 21, "squad_size": 1, "coalitions": []}
    bloc |= dict.fromkeys(("created_at", "updated_at"), "2020-01-01T00:00:00Z")
    return [bloc | {"id": number} for number in range(1, count + 1)]


def linked(content: list[dict[str, object]], size: int) -> Callable[[Asked], Reply]:
    """A list that tells only by `Link` that there is more."""
    whole = paged(content, largest=size, told=False)
    last = -(-len(content) // size)

    def answer(asked: Asked) -> Reply:
        links = [f'<http://127.0.0.1{asked.path}?page={last}>; rel="last"']
        if asked.page < last:
            links.append(f'<http://127.0.0.1{asked.path}?page={asked.page + 1}>; rel="next"')
        else:
            links = [f'<http://127.0.0.1{asked.path}?page=1>; rel="first"']
        return Reply(whole(asked).content, headers={"Link": ", ".join(links)})

    return answer


@pytest.mark.few(3)
@pytest.mark.parametrize("page_size", [1, 7, 19, 38, 75, 76, 77, 100])
def test_every_row_comes_once_whatever_the_page_size(
    tap: Tap, sandbox: RunningSandbox, page_size: int
) -> None:
    # 76 rows: one page, several, and pages that come out even.
    run = tap.pointed_at(sandbox, page_size=page_size).run("cursus")
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]


@pytest.mark.few(1)
@pytest.mark.parametrize("page_size", [19, 30, 76])
def test_a_list_without_a_total_is_read_to_its_end(
    tap: Tap, sandbox: RunningSandbox, page_size: int
) -> None:
    sandbox.fault("no_total")
    run = tap.pointed_at(sandbox, page_size=page_size).run("cursus")
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]


@pytest.mark.few(2)
@pytest.mark.parametrize("count", [0, 1, 10, 20, 25])
def test_a_list_without_any_word_of_its_length_is_read_to_its_end(
    tap: Tap, api: ScriptedApi, count: int
) -> None:
    api.script["/v2/cursus"] = paged(cursus(count), told=False)
    run = tap.pointed_at(api, page_size=10).run("cursus")
    assert run.ids("cursus") == list(range(1, count + 1))


@pytest.mark.few(1)
@pytest.mark.parametrize("count", [10, 20, 25])
def test_a_list_with_links_only_is_read_to_its_end(
    tap: Tap, api: ScriptedApi, count: int
) -> None:
    api.script["/v2/cursus"] = linked(cursus(count), 10)
    run = tap.pointed_at(api, page_size=10).run("cursus")
    assert run.ids("cursus") == list(range(1, count + 1))


@pytest.mark.few(2)
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("count", [20, 25])
def test_pages_that_the_server_makes_smaller_cost_no_row(
    tap: Tap, api: ScriptedApi, *, count: int, told: bool
) -> None:
    # "Some endpoints limit this for technical reasons", says the API's guide.
    api.script["/v2/cursus"] = paged(cursus(count), largest=10, told=told)
    run = tap.pointed_at(api, page_size=100).run("cursus")
    assert run.ids("cursus") == list(range(1, count + 1))


def test_totals_are_believed_of_pages_that_are_smaller_than_their_header_says(
    tap: Tap, api: ScriptedApi
) -> None:
    # The gem repeats what was asked for, while its links follow what the model did.
    rows = paged(cursus(95), largest=10)

    def answer(asked: Asked) -> Reply:
        page = rows(asked)
        headers = {**page.headers, "X-Per-Page": str(asked.size)}
        if 10 * asked.page < int(headers["X-Total"]):
            headers["Link"] = f'<{api.url}{asked.path}?page={asked.page + 1}>; rel="next"'
        return Reply(page.content, headers=headers)

    api.script["/v2/cursus"] = answer
    run = tap.pointed_at(api, page_size=100).run("cursus", "census")
    assert set(run.ids("cursus")) == set(range(1, 96))
    assert [row["total"] for row in run.records("census")] == [95]


def test_a_list_that_grows_shorter_ends_at_its_empty_page(tap: Tap, api: ScriptedApi) -> None:
    # The total still counts rows that are gone.
    fewer = paged(cursus(20))

    def answer(asked: Asked) -> Reply:
        told = {"X-Total": "35", "X-Page": f"{asked.page}", "X-Per-Page": f"{asked.size}"}
        return Reply(fewer(asked).content, headers=told)

    api.script["/v2/cursus"] = answer
    run = tap.pointed_at(api, page_size=10).run("cursus")
    assert run.ids("cursus") == list(range(1, 21))


@pytest.mark.few(4)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Total": "95", "X-Per-Page": "50"},
        {"X-Total": "95", "X-Per-Page": "0"},
        {"X-Total": "95", "X-Per-Page": "9" * 5000},
        {"X-Total": "9" * 5000},
        {"X-Total": "-1", "X-Per-Page": "-1"},
        {"X-Total": "many", "X-Per-Page": "some"},
        {"X-Total": "5", "X-Per-Page": "50"},
        {"X-Total": "40", "X-Per-Page": "20"},
    ],
    ids=lambda headers: " ".join(value[:9] for value in headers.values()),
)
@pytest.mark.parametrize("largest", [20, 100])
def test_what_a_page_holds_decides_and_no_header_does(
    tap: Tap, api: ScriptedApi, headers: dict[str, str], largest: int
) -> None:
    rows = paged(cursus(95), largest=largest, told=False)
    api.script["/v2/cursus"] = lambda asked: Reply(rows(asked).content, headers=headers)
    run = tap.pointed_at(api, page_size=50).run("cursus")
    assert set(run.ids("cursus")) == set(range(1, 96))
    assert len(api.asked_for("/v2/cursus")) < 30


@pytest.mark.few(1)
@pytest.mark.parametrize("total", [None, "40"])
def test_a_list_that_shows_the_same_page_for_ever_is_told_and_the_others_go_on(
    tap: Tap, api: ScriptedApi, total: str | None
) -> None:
    headers = {} if total is None else {"X-Total": total}

    def first_page(asked: Asked) -> Reply:
        return Reply(blocs(10)[: asked.size], headers=headers)

    api.script |= {"/v2/blocs": first_page, "/v2/cursus": paged(cursus(3))}
    api.script["/v2/achievements"] = paged([])
    run = tap.pointed_at(api, page_size=10).fail("blocs", "cursus", "achievements")
    assert "blocs: " in run.log
    assert "The run is not complete. blocs: " in run.last_word
    assert run.ids("cursus") == [1, 2, 3]
    assert "refreshed_at" not in run.state["bookmarks"].get("blocs", {})
    assert "refreshed_at" in run.state["bookmarks"]["cursus"]
    assert len(api.asked_for("/v2/blocs")) < 15


@pytest.mark.few(1)
@pytest.mark.parametrize("behind", [Reply({}, 400), Reply({}, 404), None], ids=str)
def test_a_list_that_shows_its_first_page_only_is_read_in_pieces(
    tap: Tap, api: ScriptedApi, behind: Reply | None
) -> None:
    day = "2025-03-01T00:00:00.000Z"
    known = {"campus": 1, "cursus_ids": [21], "created_at": day, "updated_at": day}
    there = Pretended([record_of("projects_users", id=n, **known) for n in range(1, 61)])

    def answer(asked: Asked) -> Reply:
        reply = there(asked)
        if asked.page == 1:
            return reply
        return behind or Reply([], headers=reply.headers)

    api.script["/v2/campus"] = paged([record_of("campuses", id=1)])
    api.script["/v2/projects_users"] = answer
    run = tap.pointed_at(api, page_size=20).run("projects_users")
    assert set(run.ids("projects_users")) == set(range(1, 61))


def test_rows_that_are_counted_and_not_shown_are_not_taken_for_gone(
    tap: Tap, api: ScriptedApi
) -> None:
    shown = paged(blocs(10), told=False)
    api.script["/v2/blocs"] = lambda asked: Reply(
        shown(asked).content, headers={"X-Total": "11", "X-Per-Page": "100"}
    )
    run = tap.pointed_at(api).run("blocs", "census")
    assert set(run.ids("blocs")) == set(range(1, 11))
    assert "the API counts other rows than it shows" in run.log
    assert run.records("census") == []


def test_an_empty_page_without_a_total_does_not_say_that_all_rows_are_gone(
    tap: Tap, api: ScriptedApi
) -> None:
    here = tap.pointed_at(api, refresh_hours={"blocs": 0})
    api.script["/v2/blocs"] = paged(blocs(3))
    first = here.run("blocs", "census")
    assert [row["total"] for row in first.records("census")] == [3]
    api.script["/v2/blocs"] = paged([], told=False)
    second = here.fail("blocs", "census", state=first.state)
    assert second.records("census") == []
    assert "42 shows 0 of the 3 rows that it had" in second.last_word


@pytest.mark.few(1)
@pytest.mark.parametrize("below", [0, 4_500_000])
def test_a_long_list_without_order_and_total_is_read_for_few_requests_a_page(
    tap: Tap, api: ScriptedApi, below: int
) -> None:
    rows = [dated("achievements_users", below + number) for number in range(1, 251)]
    there = Pretended(rows, refused=["sort"], tells_totals=False)
    api.script["/v2/achievements_users"] = there
    run = tap.pointed_at(api, page_size=5).run("achievements_users")
    assert set(run.ids("achievements_users")) == {row["id"] for row in rows}
    assert len(there.asked) <= 5 * 50


def test_rows_whose_ids_are_no_integers_are_all_read_though_they_tell_no_order(
    tap: Tap, api: ScriptedApi
) -> None:
    there = Pretended([dated("achievements_users", number) for number in range(1, 31)])

    def answer(asked: Asked) -> Reply:
        reply = there(asked)
        rows = [row | {"id": float(row["id"])} for row in json.loads(reply.body)]
        return Reply(rows, headers=reply.headers)

    api.script["/v2/achievements_users"] = answer
    run = tap.pointed_at(api, page_size=20).run("achievements_users")
    assert set(run.ids("achievements_users")) == set(range(1, 31))


def test_a_list_that_hides_a_row_once_is_asked_for_again(tap: Tap, api: ScriptedApi) -> None:
    # What was read before is on disk, and no second look at the API.
    def answer(asked: Asked) -> Reply:
        is_first = len(api.asked_for("/v2/blocs")) == 1
        rows = blocs(9 if is_first else 10) if asked.page == 1 else []
        return Reply(rows, headers={"X-Total": "10", "X-Per-Page": "100"})

    api.script["/v2/blocs"] = answer
    assert set(tap.pointed_at(api).run("blocs").ids("blocs")) == set(range(1, 11))


ACHIEVEMENTS = "/v2/achievements"


def behind_the_first(api: ScriptedApi) -> list[int]:
    """The numbers of the pages that were asked for behind a list's newest rows."""
    asked = [one for one in api.asked_for(ACHIEVEMENTS) if one.query.get("sort") == "id"]
    return sorted(one.page for one in asked)


def test_where_all_that_is_counted_has_come_no_page_behind_is_asked_for(
    tap: Tap, api: ScriptedApi
) -> None:
    rows = [record_of("achievements", id=n) for n in range(1, 351)]
    api.script[ACHIEVEMENTS] = Pretended(rows)
    run = tap.pointed_at(api).run("achievements")
    assert set(run.ids("achievements")) == set(range(1, 351))
    assert behind_the_first(api) == [1, 2, 3]


def test_a_total_that_is_capped_hides_no_row(tap: Tap, api: ScriptedApi) -> None:
    whole = Pretended([record_of("achievements", id=n) for n in range(1, 651)])

    def answer(asked: Asked) -> Reply:
        reply = whole(asked)
        return Reply(reply.content, headers={**reply.headers, "X-Total": capped(reply)})

    def capped(reply: Reply) -> str:
        return str(min(int(reply.headers["X-Total"]), 300))

    api.script[ACHIEVEMENTS] = answer
    run = tap.pointed_at(api).run("achievements")
    assert set(run.ids("achievements")) == set(range(1, 651))


def test_an_empty_list_is_no_failure(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus"] = paged([])
    assert tap.pointed_at(api).run("cursus").records("cursus") == []


def test_projects_come_in_pages_that_the_api_can_make_in_time(
    tap: Tap, api: ScriptedApi
) -> None:
    # A hundred are 4 MB, and often time out.
    api.script["/v2/cursus/21/projects"] = paged([])
    tap.pointed_at(api).run("projects")
    tap.pointed_at(api, page_size=10).run("projects")
    assert {asked.size for asked in api.asked_for("/v2/cursus/21/projects")} == {30, 10}


def test_pages_stay_put_while_rows_change(tap: Tap, api: ScriptedApi) -> None:
    # Lists are asked for in a total order of columns that no change moves.
    for path in ("/v2/cursus", "/v2/achievements", "/v2/cursus/21/users", "/v2/blocs"):
        api.script[path] = paged([])
    tap.pointed_at(api).run("cursus", "achievements", "users", "blocs")
    lists = [asked for asked in api.asked if asked.path.startswith("/v2/")]
    for asked in lists:
        columns = asked.query["sort"].replace("-", "").split(",")
        assert columns[-1] == "id"
        assert set(columns) <= {"created_at", "id"}
