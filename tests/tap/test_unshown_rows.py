"""A row that 42 cannot show is missing alone: the rows around it come, and that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.houses import houses_of
from tests.tap.pretended import LATELY, Pretended, dated
from tests.tap.proofs import AT_ONCE, a_day_later, named
from tests.tap.scripted import scripted_api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

pytestmark = pytest.mark.slow  # a request that fails is tried for half a minute

STREAM, BADGES = "achievements_users", "/v2/achievements_users"
ROWS, PAGE = 120, 20
RANGES = ["range[id]", "range[updated_at]"]
LOADS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "the first row": ((1,), {}),
    "the last row": ((ROWS,), {}),
    "a row": ((57,), {}),
    "two rows of a page": ((57, 58), {}),
    "both ends": ((1, ROWS), {}),
    "no ranges of ids": ((57,), {"refused": RANGES[:1]}),
    "ranges of ids are ignored": ((57,), {"ignored": RANGES[:1]}),
    "no order": ((57,), {"refused": ["sort"]}),
    "no order, no ranges": ((57,), {"refused": ["sort", *RANGES]}),
    "no totals": ((57,), {"tells_totals": False}),
    "no totals, the last row": ((ROWS,), {"tells_totals": False}),
}
MOST = 80
"""Requests of a load that meets two such rows: 7 without them."""


def badges(*broken: int, **deviations: Any) -> Pretended:  # noqa: ANN401 - those of `Pretended`
    rows = [dated(STREAM, number) for number in range(1, ROWS + 1)]
    return Pretended(rows, broken=broken, **deviations)


def here(tap: Tap, api: ScriptedApi, name: str, there: Pretended) -> Tap:
    """The tap for a list that lies below a name of its own."""
    api.script[f"/{name}/oauth/token"] = api.script["/oauth/token"]
    api.script[f"/{name}{BADGES}"] = there
    return tap.pointed_at(api, api_url=f"{api.url}/{name}", page_size=PAGE, **AT_ONCE)


def missing(run: Run) -> set[int]:
    return set(range(1, ROWS + 1)).difference(run.ids(STREAM))


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedApi]:
    with scripted_api() as api:
        yield api


@pytest.fixture(scope="module")
def lives(tap: Tap, server: ScriptedApi) -> dict[str, tuple[list[Run], list[int]]]:
    """A load, a night and a night in which 42 shows the rows, of each case; with requests."""
    lists = {
        name: badges(*broken, **deviations) for name, (broken, deviations) in LOADS.items()
    }
    taps = {
        name: here(tap, server, str(number), there)
        for number, (name, there) in enumerate(lists.items())
    }
    lives: dict[str, tuple[list[Run], list[int]]] = {name: ([], []) for name in LOADS}
    for turn in ("load", "night", "healed night"):
        started = {}
        for name, (runs, _) in lives.items():
            lists[name].asked.clear()
            if turn == "healed night":
                lists[name].broken = ()
            state = a_day_later(runs[-1].state) if runs else None
            started[name] = taps[name].start(STREAM, state=state)
        for name, run in started.items():
            lives[name][0].append(run.finish())
            lives[name][1].append(len(lists[name].asked))
    return lives


@pytest.mark.parametrize("name", LOADS)
def test_a_load_lacks_only_the_rows_that_42_cannot_show(
    lives: dict[str, tuple[list[Run], list[int]]], name: str
) -> None:
    (load, *_), (requests, *_) = lives[name]
    broken, deviations = LOADS[name]
    assert missing(load) == set(broken)
    assert load.exit_code == 1
    assert "Traceback" not in load.log
    assert requests <= MOST
    if "range[id]" not in (*deviations.get("refused", ()), *deviations.get("ignored", ())):
        assert (
            f"achievements_users of id {', id '.join(map(str, broken))}: 42" in load.last_word
        )
    else:
        assert "achievements_users of a row" in load.last_word


@pytest.mark.parametrize("name", LOADS)
def test_each_night_asks_for_these_rows_alone_until_they_come(
    lives: dict[str, tuple[list[Run], list[int]]], name: str
) -> None:
    (_, night, healed), (_, requests, _) = lives[name]
    broken, deviations = LOADS[name]
    assert night.exit_code == 1
    assert "achievements_users of" in night.last_word
    assert not named(night, STREAM, set(broken))
    if RANGES[1] not in deviations.get("refused", ()):  # else each run reads the whole list
        assert requests <= 2 + 2 * len(broken)
    assert healed.exit_code == 0, healed.log
    assert set(broken) <= set(healed.ids(STREAM))
    assert "unshown" not in healed.state["bookmarks"][STREAM]


def test_a_row_that_42_shows_no_more_is_not_taken_for_gone(
    tap: Tap, server: ScriptedApi
) -> None:
    there = badges()
    run = here(tap, server, "known", there)
    state = run.run(STREAM, "census").state
    there.broken = (57,)
    there.rows = [row for row in there.rows if row["id"] not in {50, 90}]
    night = run.start(STREAM, "census", state=a_day_later(state)).finish()
    assert named(night, STREAM, {50, 57, 90}) == {50, 90}


def test_what_changed_beside_such_a_row_comes_in_the_same_run(
    tap: Tap, server: ScriptedApi
) -> None:
    there = badges()
    run = here(tap, server, "changed", there)
    state = run.run(STREAM).state
    there.broken = (57,)
    there.rows = [
        row | {"updated_at": LATELY} if row["id"] in {12, 57, 99} else row for row in there.rows
    ]
    there.asked.clear()
    later = run.fail(STREAM, state=state)
    assert {12, 99} <= set(later.ids(STREAM))
    assert len(there.asked) <= MOST
    there.asked.clear()
    night = run.fail(STREAM, state=a_day_later(later.state))
    there.broken = ()
    healed = run.run(STREAM, state=a_day_later(night.state))
    assert 57 in healed.ids(STREAM)


@pytest.mark.parametrize("number", [10, 41, 72])
def test_a_list_below_parents_lacks_only_such_a_row(
    tap: Tap, api: ScriptedApi, number: int
) -> None:
    everybody = houses_of(api, range(1, 8))
    everybody.broken = (number,)
    for own in range(1, 8):
        api.script[f"/v2/coalitions/{own}/coalitions_users"].broken = (number,)  # type: ignore[attr-defined]
    run = tap.pointed_at(api, page_size=PAGE, **AT_ONCE)
    load = run.fail("coalitions", "coalitions_users")
    known = {row["id"] for row in everybody.rows}
    assert known.difference(load.ids("coalitions_users")) == {number}
    assert f"id {number}" in load.last_word
    everybody.broken = ()
    for own in range(1, 8):
        api.script[f"/v2/coalitions/{own}/coalitions_users"].broken = ()  # type: ignore[attr-defined]
    healed = run.run("coalitions", "coalitions_users", state=a_day_later(load.state))
    assert number in healed.ids("coalitions_users")


def test_what_lies_below_such_a_row_comes_with_the_others(tap: Tap, api: ScriptedApi) -> None:
    everybody = houses_of(api, range(1, 8))
    api.script["/v2/coalitions"] = Pretended(
        [dated("coalitions", own, score=3) for own in range(1, 8)], broken=(4,)
    )
    load = tap.pointed_at(api, page_size=PAGE, **AT_ONCE).fail(
        "coalitions", "coalitions_users", "sync_runs"
    )
    (row,) = load.records("sync_runs")
    assert row["lacking_streams"] == ["coalitions"]
    assert set(load.ids("coalitions")) == set(range(1, 8)) - {4}
    assert set(load.ids("coalitions_users")) == {row["id"] for row in everybody.rows}


def test_a_long_list_lacks_only_such_rows_however_many_and_no_night_asks_for_all_of_them(
    tap: Tap, server: ScriptedApi
) -> None:
    broken = range(30, 2400, 100)
    there = badges(*broken)
    there.rows = [dated(STREAM, number) for number in range(1, 2401)]
    run = here(tap, server, "long", there)
    load = run.fail(STREAM)
    assert set(load.ids(STREAM)) == set(range(1, 2401)).difference(broken)
    there.asked.clear()
    night = run.fail(STREAM, state=a_day_later(load.state))
    assert "and 14 more" in night.last_word
    assert len(there.asked) <= 45
    there.broken = ()
    nights = [run.fail(STREAM, state=a_day_later(night.state))]
    nights.append(run.run(STREAM, state=a_day_later(nights[0].state)))
    assert {row for one in nights for row in one.ids(STREAM)} >= set(broken)


def test_a_list_that_lacks_many_rows_of_a_page_fails_for_few_requests(
    tap: Tap, server: ScriptedApi
) -> None:
    there = badges(*range(3, ROWS, 3))
    run = here(tap, server, "dense", there)
    failed = run.fail(STREAM)
    assert "42 answered 500" in failed.last_word
    assert len(there.asked) <= MOST
