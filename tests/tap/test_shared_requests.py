"""Where one request asks for the rows of many parents, none of them loses a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.houses import houses_of
from tests.tap.pretended import LATELY, Pretended
from tests.tap.proofs import a_day_later, known, named, remembered
from tests.tap.scripted import Reply, always, paged

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi

MEMBERS = "/v2/coalitions_users"


@pytest.fixture
def houses(api: ScriptedApi) -> Pretended:
    """Nine coalitions with three members each."""
    api.script["/v2/cursus"] = paged([])
    return houses_of(api, range(1, 10))


def changed(there: Pretended) -> list[int]:
    """Let a member of each coalition change."""
    news = [row for row in there.rows if row["id"] % 10 == 0]
    for row in news:
        row["updated_at"] = LATELY
    return [row["id"] for row in news]


def shared(there: Pretended) -> list[Asked]:
    """The requests that named several parents."""
    return [one for one in there.asked if "," in one.query.get("filter[coalition_id]", "")]


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
    # Where each row names its parent, no list of them is needed.
    assert {asked.query.get("filter[coalition_id]") for asked in houses.asked} == {None}


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


def test_what_hangs_on_a_parent_that_is_refused_is_not_taken_for_gone(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    here, streams = tap.pointed_at(api), ("coalitions_users", "census")
    first = here.run(*streams)
    changed(houses)
    houses.forbidden = ["7"]
    api.script["/v2/coalitions/7/coalitions_users"] = always(Reply({"error": "No"}, 403))
    members = {row["id"] for row in houses.rows}
    second = here.fail(*streams, state=a_day_later(first.state))
    assert named(second, "coalitions_users", members) == set()


@pytest.mark.usefixtures("houses")
def test_a_parent_that_disappears_after_it_was_listed_fails_no_run(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    houses.honours = 1  # so that each of them is asked for by itself: all at once is dearer
    api.script["/v2/coalitions/7/coalitions_users"] = always(Reply({}, 404))
    run = tap.pointed_at(api, page_size=2).run("coalitions_users")
    assert {number // 10 for number in run.ids("coalitions_users")} == {1, 2, 3, 4, 5, 6, 8, 9}
    assert [line for line in run.warnings if "coalition_id 7 has disappeared" in line]


@pytest.mark.usefixtures("houses")
def test_where_every_parent_seems_to_have_disappeared_the_stream_is_not_allowed(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script[MEMBERS] = always(Reply({}, 404))
    for house in range(1, 10):
        api.script[f"/v2/coalitions/{house}/coalitions_users"] = always(Reply({}, 404))
    run = tap.pointed_at(api).fail("coalitions_users")
    assert "may not read it" in run.last_word


@pytest.mark.few(1)
@pytest.mark.parametrize("honours", [1, 4, 8])
def test_a_list_of_which_only_the_first_ids_count_loses_no_row(
    tap: Tap, api: ScriptedApi, houses: Pretended, honours: int
) -> None:
    houses.honours = honours
    here = tap.pointed_at(api)
    first = here.run("coalitions_users")
    assert set(first.ids("coalitions_users")) == {row["id"] for row in houses.rows}
    assert len(remembered(first)) == 1
    news = changed(houses)
    second = here.run("coalitions_users", state=first.state)
    assert set(second.ids("coalitions_users")) >= set(news)
    assert remembered(second) == []
    assert {one.size for one in shared(houses)} == {1}


def test_a_list_of_which_all_ids_count_is_looked_at_once(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    here = tap.pointed_at(api)
    first = here.run("coalitions_users")
    assert set(first.ids("coalitions_users")) == {row["id"] for row in houses.rows}
    assert [one.size for one in shared(houses)].count(1) == 2
    assert remembered(first) == []
    houses.asked.clear()
    second = here.run("coalitions_users", state=first.state)
    assert 1 not in [one.size for one in shared(houses)]
    assert remembered(second) == []


def test_a_list_of_parents_that_is_not_counted_is_read_all_the_same(
    tap: Tap, api: ScriptedApi, houses: Pretended
) -> None:
    def uncounted(asked: Asked) -> Reply:
        answer = houses(asked)
        return Reply(answer.content, answer.status)

    api.script[MEMBERS] = uncounted
    run = tap.pointed_at(api).run("coalitions_users")
    assert set(run.ids("coalitions_users")) == {row["id"] for row in houses.rows}
