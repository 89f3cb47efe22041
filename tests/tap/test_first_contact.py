"""An API that is otherwise than assumed is read completely, told of, and remembered."""

from __future__ import annotations

import copy
import json
from codecs import BOM_UTF8
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.pretended import LATELY, Pretended, Row, dated, record_of
from tests.tap.proofs import a_day_later, known, named, remembered
from tests.tap.scripted import TOKEN_PATH, Reply, always, in_turn, paged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import Asked, ScriptedApi

BADGES = "/v2/achievements_users"


def badge(number: int) -> Row:
    return dated("achievements_users", number)


def badges(**deviations: Any) -> Pretended:  # noqa: ANN401 - those of `Pretended`
    return Pretended([badge(number) for number in range(1, 251)], **deviations)


UNWILLING = Reply({"error": "no"}, 422)


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "deviations",
    [
        {"refused": ["sort"]},
        {"refused": ["range[id]"]},
        {"refused": ["range[updated_at]"]},
        {"refused": ["range[id]", "range[updated_at]"], "refusal": UNWILLING},
        {"refused": ["sort", "range[id]"], "refusal": UNWILLING},
        {"refused": ["sort", "range[id]", "range[updated_at]"]},
        {"ignored": ["sort", "range[id]"]},
        {"heaviest": 30},
        {"widest": {"range[id]": 90}},
        {"widest": {"range[id]": 60, "range[updated_at]": 90}, "refused": ["sort"]},
        {"widest": {"range[updated_at]": 90}, "refused": ["range[id]"]},
        {"numbers_pages": False},
        {"most_pages": 2},
        {"most_pages": 2, "beyond": 400},
        {"most_pages": 2, "beyond": 404, "refused": ["sort"]},
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


@pytest.mark.few(1)
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_row_that_42_cannot_show_makes_neither_pages_nor_lists_shorter(
    tap: Tap, api: ScriptedApi, status: int
) -> None:
    rows = [dated("coalitions_users", one, coalition_id=one % 3 + 1) for one in range(1, 251)]
    there = Pretended(rows)

    def broken(one: Asked) -> Reply:
        reply = there(one)
        shown = [row["id"] for row in json.loads(reply.body)]
        return Reply(b"<html>", status) if 170 in shown else reply

    api.script["/v2/coalitions"] = paged(
        [record_of("coalitions", id=one, score=1) for one in (1, 2, 3)]
    )
    api.script["/v2/coalitions_users"] = broken
    here = tap.pointed_at(api)
    failed = here.fail("coalitions_users", page_size=50)
    assert failed.ids("coalitions_users") == [row["id"] for row in rows if row["id"] != 170]
    assert "coalitions_users of id 170" in failed.last_word
    assert remembered(failed) == []
    assert len(there.asked) < 60


def pages_of_30(asked: Asked) -> bool:
    return asked.size > 30


def one_sort(asked: Asked) -> bool:
    return "," in asked.query.get("sort", "")


def years_of_42(asked: Asked) -> bool:
    """Ranges of other years than 42 has had."""
    bounds = asked.query.get("range[updated_at]", "2025,2026").split(",")
    return not all("2013" <= bound[:4] <= "2100" for bound in bounds)


def wide_ids(asked: Asked) -> bool:
    lower, upper = map(int, asked.query.get("range[id]", "0,0").split(","))
    return upper - lower > 90


def without_ids(asked: Asked) -> bool:
    return "range[id]" in asked.query


def unsorted(asked: Asked) -> bool:
    return "sort" in asked.query


FOUND: dict[Callable[[Asked], bool], Row] = {
    pages_of_30: {"page_size": 25},
    one_sort: {"sorts_by_several": False},
    wide_ids: {"widest_ranges": {"id": 50}},
    without_ids: {"ranges": ["updated_at"]},
    unsorted: {"sorts": ["updated_at"]},
    years_of_42: {},
}
NOTHING: Row = {}
MISLEADING = [
    {"error": "Range Error", "message": "page[size] is out of the range of updated_at"},
    {"error": "argument out of range"},
    {"error": "Sort Error", "message": "The updated_at,id field is not sortable"},
    {"error": "Filter Error", "message": "Attributes x doesn't exists. There are: sort"},
]


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("refuses", "said"),
    [
        *(([one], NOTHING) for one in FOUND),
        *(([one], said) for one in (pages_of_30, one_sort, wide_ids) for said in MISLEADING),
        ([pages_of_30, one_sort], NOTHING),
        ([one_sort, without_ids], NOTHING),
        ([unsorted, pages_of_30], NOTHING),
        ([without_ids, years_of_42], NOTHING),
    ],
    ids=lambda one: "-".join(each.__name__ if callable(each) else each for each in one),
)
def test_what_a_refusal_is_about_is_proven_whatever_it_says(
    tap: Tap, api: ScriptedApi, refuses: Sequence[Callable[[Asked], bool]], said: Row
) -> None:
    there = badges(
        refuses=lambda asked: any(one(asked) for one in refuses), refusal=Reply(said, 400)
    )
    api.script[BADGES] = there
    here = tap.pointed_at(api)
    first = here.run("achievements_users", page_size=50)
    assert sorted(set(first.ids("achievements_users"))) == list(range(1, 251))
    there.rows = [*there.rows[1:], badge(1) | {"updated_at": LATELY}]
    second = here.run("achievements_users", page_size=50, state=first.state)
    assert 1 in second.ids("achievements_users")
    seen = {
        name: value["is"]
        for run in (first, second)
        for name, value in known(run, "achievements_users").get(BADGES, {}).items()
        if name not in {"bounds", "whole_ranges"}
    }
    assert seen == {name: value for one in refuses for name, value in FOUND[one].items()}
    there.asked.clear()
    third = here.run("achievements_users", page_size=50, state=second.state)
    assert remembered(third) == []
    assert len(there.asked) <= 2


def test_a_request_that_is_refused_for_good_is_sent_twice(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus/21/users"] = there = Pretended([], refuses=lambda _: True)
    run = tap.pointed_at(api).fail("users")
    assert "42 answered 400" in run.last_word
    assert len(there.asked) <= 2


@pytest.mark.few(1)
@pytest.mark.parametrize("said", [None, {"error": "Bad Request"}])
def test_rows_of_one_instant_are_all_read_where_one_column_sorts(
    tap: Tap, api: ScriptedApi, said: Row | None
) -> None:
    there = badges(sorts_ties=False, refuses=lambda asked: said is not None and one_sort(asked))
    api.script[BADGES] = there
    here = tap.pointed_at(api)
    first = here.run("achievements_users", page_size=50)
    news = [badge(number) | {"updated_at": LATELY} for number in range(1, 121)]
    there.rows = [*news, *there.rows[len(news) :]]
    there.asked.clear()
    second = here.run("achievements_users", page_size=20, state=first.state)
    assert set(second.ids("achievements_users")) >= {row["id"] for row in news}
    sorts = {asked.query["sort"] for asked in there.asked if "sort" in asked.query}
    assert ("updated_at" in sorts) is (said is not None)
    assert len(there.asked) <= 30


def test_an_empty_answer_that_counts_nothing_moves_no_bookmark_by_itself(
    tap: Tap, api: ScriptedApi
) -> None:
    there = api.script[BADGES] = badges()
    here = tap.pointed_at(api)
    first = here.run("achievements_users")
    there.rows = [*there.rows[1:], badge(1) | {"updated_at": LATELY}]
    api.script[BADGES] = in_turn(always(Reply([])), there)
    second = here.run("achievements_users", state=first.state)
    assert second.ids("achievements_users") == [1]
    assert remembered(second) == []


def test_empty_answers_that_never_count_are_told_of_once_and_cost_a_request_each(
    tap: Tap, api: ScriptedApi
) -> None:
    there = badges()

    def uncounted(asked: Asked) -> Reply:
        answer = there(asked)
        return answer if answer.content else Reply([])

    api.script[BADGES] = uncounted
    here = tap.pointed_at(api)
    first = here.run("achievements_users")
    second = here.run("achievements_users", state=first.state)
    there.asked.clear()
    third = here.run("achievements_users", state=second.state)
    assert len(there.asked) == 2
    told = [line for run in (first, second, third) for line in remembered(run)]
    assert len(told) == 1
    assert "asked for twice" in told[0]


def too_many(there: Pretended) -> Callable[[Asked], Reply]:
    """The list, which counts a row more than it shows."""

    def answer(asked: Asked) -> Reply:
        reply = there(asked)
        return replace(
            reply, headers={**reply.headers, "X-Total": f"{int(reply.headers['X-Total']) + 1}"}
        )

    return answer


def days_later(state: Row, stream: str, days: int) -> Row:
    """The state as it will be when observations of a stream are so old."""
    later = copy.deepcopy(state)
    for routes in later["bookmarks"][stream]["capabilities"].values():
        for seen in routes.values():
            seen["on"] = (date.fromisoformat(seen["on"]) - timedelta(days=days)).isoformat()
    return a_day_later(later)


def doubted(run: Run) -> list[str]:
    return [line for line in run.warnings if "counts other rows than it shows" in line]


def test_totals_that_contradict_the_rows_take_nothing_for_gone_until_they_are_proven_again(
    tap: Tap, api: ScriptedApi
) -> None:
    there = badges()
    api.script[BADGES] = too_many(there)
    here, streams = tap.pointed_at(api), ("achievements_users", "census")
    first = here.run(*streams)
    assert ["remembered until tomorrow" in line for line in doubted(first)] == [True]

    api.script[BADGES], there.rows = there, there.rows[1:]
    night = here.run(*streams, state=a_day_later(first.state))
    assert doubted(night) == []
    assert named(night, "achievements_users", set(range(1, 251))) == set()
    assert [line for line in night.warnings if "none is found to be gone" in line]

    tomorrow = days_later(night.state, "achievements_users", 1)
    assert named(here.run(*streams, state=tomorrow), "achievements_users", {1, 2}) == {1}

    api.script[BADGES] = too_many(there)
    api.asked.clear()
    again = here.run(*streams, state=tomorrow)
    assert len(api.asked_for(BADGES)) < 10
    assert ["remembered for a month" in line for line in doubted(again)] == [True]
    api.script[BADGES] = there
    assert 1 not in here.run(*streams, state=again.state).ids("achievements_users")
    still = here.run(*streams, state=days_later(again.state, "achievements_users", 29))
    assert named(still, "achievements_users", {1, 2}) == set()
    month = days_later(again.state, "achievements_users", 30)
    assert named(here.run(*streams, state=month), "achievements_users", {1, 2}) == {1}


def test_a_full_read_proves_nothing_until_the_day_after_totals_were_wrong(
    tap: Tap, api: ScriptedApi
) -> None:
    there = Pretended([record_of("blocs", id=number) for number in range(1, 4)])
    api.script["/v2/blocs"] = too_many(there)
    here = tap.pointed_at(api, refresh_hours={"blocs": 0})
    first = here.run("blocs", "census")
    assert len(doubted(first)) == 1
    api.script["/v2/blocs"] = there
    second = here.run("blocs", "census", state=first.state)
    assert second.records("census") == []
    third = here.run("blocs", "census", state=days_later(second.state, "blocs", 1))
    assert third.records("census")


@pytest.mark.few(1)
@pytest.mark.parametrize("cap", [100, 30])
def test_without_totals_a_page_that_is_less_full_than_others_is_the_last_one(
    tap: Tap, api: ScriptedApi, cap: int
) -> None:
    there = badges()
    there.tells_totals = False

    def answer(asked: Asked) -> Reply:
        size = asked.size
        asked.query["page[size]"] = str(min(size, cap))
        reply = there(asked)
        return replace(reply, headers={"X-Per-Page": str(size)})

    api.script[BADGES] = answer
    here = tap.pointed_at(api)
    state = here.run("achievements_users").state
    for changed, most in ((5, 2), (60, 25)):
        lately = [row | {"updated_at": LATELY} for row in there.rows[:changed]]
        there.rows = [*lately, *there.rows[changed:]]
        api.asked.clear()
        run = here.run("achievements_users", state=state)
        assert set(run.ids("achievements_users")) >= {row["id"] for row in lately}
        assert len(api.asked_for(BADGES)) <= most


def marked(answer: Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
    """The same answers, marked as UTF-8."""

    def with_mark(asked: Asked) -> Reply:
        reply = answer(asked)
        return replace(reply, content=BOM_UTF8 + reply.body)

    return with_mark


def test_answers_that_are_marked_as_utf_8_are_read(tap: Tap, api: ScriptedApi) -> None:
    api.script[BADGES], api.script[TOKEN_PATH] = badges(), marked(api.script[TOKEN_PATH])
    api.script[BADGES] = marked(api.script[BADGES])
    run = tap.pointed_at(api).run("achievements_users")
    assert sorted(set(run.ids("achievements_users"))) == list(range(1, 251))


WRAPPED = Reply({"data": [], "meta": {"total": 0}})


def test_a_list_in_another_shape_fails_alone_and_at_once(tap: Tap, api: ScriptedApi) -> None:
    there = api.script[BADGES] = badges()
    api.script["/v2/blocs"] = paged([])
    here, streams = tap.pointed_at(api), ("blocs", "achievements_users")
    first = here.run(*streams)
    api.script[BADGES] = always(WRAPPED)
    there.rows = [*there.rows[1:], badge(1) | {"updated_at": LATELY}]
    api.asked.clear()
    second = here.fail(*streams, state=first.state)
    assert "not a list of records" in second.last_word
    assert "blocs" not in second.last_word
    assert "42 is down" not in second.log
    assert remembered(second) == []
    assert len(api.asked_for(BADGES)) == 1
    api.script[BADGES] = there
    assert 1 in here.run(*streams, state=second.state).ids("achievements_users")


@pytest.mark.parametrize("odd", [0, 2**31])
def test_ids_for_which_no_range_asks_are_told_of_each_time(
    tap: Tap, api: ScriptedApi, odd: int
) -> None:
    api.script[BADGES] = Pretended([badge(number) for number in (odd, *range(1, 250))])
    here = tap.pointed_at(api, page_size=50)
    first = here.fail("achievements_users")
    second = here.fail("achievements_users", state=first.state)
    for run in (first, second):
        assert "ids below 1 or above 2,147,483,647. Rows with such ids may" in run.last_word
