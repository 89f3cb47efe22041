"""What the API leaves out in silence is found, or told: of wide windows, of shuffled pages."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.pretended import Pretended, Row, dated, record_of
from tests.tap.proofs import AT_ONCE, a_day_later, named
from tests.tap.scripted import Held, Reply, paged

if TYPE_CHECKING:
    from tests.tap.running import Run, Tap
    from tests.tap.scripted import Asked, ScriptedApi

STREAM = "achievements_users"
BADGES = "/v2/achievements_users"
WINDOW = "range[updated_at]"
ROWS = 250
PAUSE = "2025-02-01T00:00:00.000Z"
"""When the last run was."""


def day(number: int) -> str:
    return f"2025-{1 + number // 28:02}-{1 + number % 28:02}T00:00:00.000Z"


def badge(number: int) -> Row:
    return record_of(STREAM, id=number, created_at=day(number), updated_at=day(number))


def now_written() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def badges(**deviations: Any) -> Pretended:  # noqa: ANN401 - those of `Pretended`
    return Pretended([badge(number) for number in range(1, ROWS + 1)], **deviations)


def after_a_pause(run: Run) -> Row:
    """The state as it would be if the run had been long ago."""
    state = copy.deepcopy(run.state)
    state["bookmarks"][STREAM] |= {"replication_key_value": PAUSE, "read_until": PAUSE}
    return state


def changed(there: Pretended) -> set[int]:
    return {row["id"] for row in there.rows if row["updated_at"] > PAUSE}


def probes(there: Pretended) -> list[Asked]:
    """Requests that ask for one row in a wide window."""
    return [asked for asked in there.asked if {"range[id]", WINDOW} <= asked.query.keys()]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("cuts", "days", "deviations"),
    [
        ("end", 1, {}),
        ("end", 40, {"refused": ["sort"]}),
        ("beginning", 40, {}),
        ("beginning", 200, {"refused": ["sort"]}),
    ],
)
def test_all_changes_of_a_long_pause_come(
    tap: Tap, api: ScriptedApi, cuts: str, days: int, deviations: dict[str, Any]
) -> None:
    api.script[BADGES] = there = badges(widest={WINDOW: days}, cuts=cuts, **deviations)
    here = tap.pointed_at(api)
    first = here.run(STREAM)
    second = here.run(STREAM, state=after_a_pause(first))
    assert set(second.ids(STREAM)) >= changed(there)
    assert "wider ranges of updated_at" in first.log + second.log


def test_a_night_tests_no_range_again_because_new_rows_have_greater_ids(
    tap: Tap, api: ScriptedApi
) -> None:
    rows = [{**badge(number), "id": 100 * number} for number in range(1, ROWS + 1)]
    api.script[BADGES] = there = Pretended(rows)
    here = tap.pointed_at(api, **AT_ONCE)
    state = here.run(STREAM, "census").state
    assert probes(there)
    for new in (100 * ROWS + 100, 100 * ROWS + 200):
        rows.append({**badge(ROWS), "id": new, "updated_at": now_written()})
        there.asked.clear()
        night = here.run(STREAM, "census", state=a_day_later(state))
        assert new in night.ids(STREAM)
        assert not probes(there)
        state = night.state


def test_a_cut_window_is_not_believed_because_another_read_found_the_width_meanwhile(
    tap: Tap, api: ScriptedApi
) -> None:
    """Two wide windows of one route are in flight; what the first one shows counts for both."""
    rows = [
        dated("users", number, kind="student", **{"alumni?": False}) for number in range(ROWS)
    ]
    lists = {
        cursus: Pretended(rows[cursus::2], widest={WINDOW: 40}, cuts="end") for cursus in (1, 2)
    }
    api.script = {f"/v2/cursus/{cursus}/users": lists[cursus] for cursus in (1, 2)} | api.script
    here = tap.pointed_at(api, cursus_ids=[1, 2])
    state = copy.deepcopy(here.run("users").state)
    for partition in state["bookmarks"]["users"]["partitions"]:
        partition |= {"replication_key_value": PAUSE, "read_until": PAUSE}
    is_known = Event()

    def first(asked: Asked) -> Reply:
        if asked.size > 1 and WINDOW not in asked.query:
            is_known.set()  # it looks how long the whole list is, as the window was cut
        return lists[1](asked)

    def second(asked: Asked) -> Reply:
        reply = lists[2](asked)
        return Held(reply.content, reply.status, reply.headers, until=is_known)

    api.script |= {"/v2/cursus/1/users": first, "/v2/cursus/2/users": second}
    run = here.run("users", state=state)
    assert is_known.is_set()
    assert set(run.ids("users")) >= changed(lists[1]) | changed(lists[2])


@pytest.mark.few(1)
@pytest.mark.parametrize("cuts", ["beginning", "end"])
@pytest.mark.parametrize(
    ("size", "deviations"),
    [
        (10, {"refused": ["range[id]"], "tells_totals": False}),
        (10, {"refused": ["range[id]", "sort"]}),
        (10, {"ignored": ["range[id]", "sort"]}),
        (100, {"ignored": ["range[id]", "sort"], "tells_totals": False}),
    ],
)
def test_all_rows_come_where_no_range_of_ids_shows_what_is_cut(
    tap: Tap, api: ScriptedApi, cuts: str, size: int, deviations: dict[str, Any]
) -> None:
    api.script[BADGES] = there = badges(widest={WINDOW: 40}, cuts=cuts, **deviations)
    here = tap.pointed_at(api, page_size=size)
    first = here.run(STREAM)
    assert len(set(first.ids(STREAM))) == ROWS
    there.asked.clear()
    second = here.run(STREAM, state=after_a_pause(first))
    assert set(second.ids(STREAM)) >= changed(there)


@pytest.mark.slow
def test_windows_that_are_whole_are_believed_without_ranges_of_ids(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script[BADGES] = there = badges(refused=["range[id]", "sort"])
    here = tap.pointed_at(api, page_size=10)
    first = here.run(STREAM)
    assert len(set(first.ids(STREAM))) == ROWS
    there.asked.clear()
    second = here.run(STREAM, state=after_a_pause(first))
    assert set(second.ids(STREAM)) >= changed(there)
    assert all(WINDOW in asked.query for asked in there.asked)
    assert "wider ranges" not in first.log + second.log


def test_what_cannot_be_found_out_any_more_is_not_believed(tap: Tap, api: ScriptedApi) -> None:
    api.script[BADGES] = there = badges(refused=["range[id]", "sort"], tells_totals=False)
    here = tap.pointed_at(api)
    state = after_a_pause(here.run(STREAM))
    assert "whole_ranges" not in state["bookmarks"][STREAM]["capabilities"][BADGES]
    there.widest, there.cuts = {WINDOW: 40}, "end"
    assert set(here.run(STREAM, state=state).ids(STREAM)) >= changed(there)


def test_a_quiet_window_is_not_believed_either(tap: Tap, api: ScriptedApi) -> None:
    api.script[BADGES] = there = badges(widest={WINDOW: 40}, cuts="end")
    here = tap.pointed_at(api)
    first = here.run(STREAM)
    last = there.rows[-1]
    there.rows = [*(badge(number) | {"updated_at": day(1)} for number in range(1, ROWS)), last]
    second = here.run(STREAM, state=after_a_pause(first))
    assert last["id"] in second.ids(STREAM)


def test_an_api_that_cuts_nothing_is_asked_once_a_month(tap: Tap, api: ScriptedApi) -> None:
    api.script[BADGES] = there = badges()
    here = tap.pointed_at(api)
    first = here.run(STREAM)
    assert len(probes(there)) == 2  # whether it cuts, and whether instants are understood
    there.asked.clear()
    second = here.run(STREAM, state=after_a_pause(first))
    assert set(second.ids(STREAM)) >= changed(there)
    assert not second.warnings
    assert len(probes(there)) == 1  # so long a pause is looked at by itself
    there.asked.clear()
    here.run(STREAM, state=after_a_pause(second))
    assert probes(there) == []


def test_one_question_tells_of_bounds_and_of_wide_windows(tap: Tap, api: ScriptedApi) -> None:
    api.script[BADGES] = there = badges()
    tap.pointed_at(api).run(STREAM)
    alone = [one.query for one in there.asked if one.query.get("range[id]") == f"{ROWS},{ROWS}"]
    assert [WINDOW in asked for asked in alone] == [True]


def test_changes_that_no_row_shows_are_read_in_full_after_a_pause(
    tap: Tap, api: ScriptedApi
) -> None:
    rows = [record_of("achievements", id=one, updated_at=day(one)) for one in range(1, ROWS)]
    api.script["/v2/achievements"] = Pretended(rows, widest={WINDOW: 40}, cuts="end")
    here = tap.pointed_at(api)
    first = here.run("achievements")
    state = copy.deepcopy(first.state)
    state["bookmarks"]["achievements"]["read_until"] = PAUSE
    assert set(here.run("achievements", state=state).ids("achievements")) == {*range(1, ROWS)}


def test_enrolments_come_from_a_list_that_is_cut_in_silence(tap: Tap, api: ScriptedApi) -> None:
    user = {"id": 7, "login": "somebody"}
    rows = [
        record_of(
            "projects_users", id=number, created_at=day(number), updated_at=day(number),
            cursus_ids=[21], user=user, campus=1,
        )
        for number in range(1, ROWS + 1)
    ]  # fmt: skip
    tie = record_of("campus_users", id=1, user_id=7, campus_id=1, updated_at=day(1))
    api.script |= {
        "/v2/campus": paged([record_of("campuses", id=1)]),
        "/v2/campus_users": Pretended([tie]),
        "/v2/projects_users": Pretended(rows, widest={WINDOW: 40}, cuts="end"),
    }
    run = tap.pointed_at(api).run("projects_users")
    assert set(run.ids("projects_users")) == {row["id"] for row in rows}


def test_a_row_that_no_page_shows_in_the_place_of_another_one_is_told(
    tap: Tap, api: ScriptedApi
) -> None:
    there = Pretended([record_of("blocs", id=number) for number in range(1, 31)])

    def shuffled(asked: Asked) -> Reply:
        shown = there(asked).content
        assert isinstance(shown, list)
        rows = [row | {"id": 9} if row["id"] == 7 else row for row in shown]
        return Reply(rows, headers={"X-Total": "30", "X-Per-Page": str(asked.size)})

    api.script["/v2/blocs"] = shuffled
    run = tap.pointed_at(api, page_size=10).fail("blocs")
    assert "counts 30 rows, and shows 29 of them" in run.last_word


def test_no_row_is_gone_because_a_range_of_ids_is_cut_in_silence(
    tap: Tap, api: ScriptedApi
) -> None:
    rows = [badge(number) | {"id": 30_000 * number} for number in range(1, ROWS)]
    there = Pretended(rows, widest={"range[id]": 1_000_000}, cuts="end")
    api.script[BADGES] = there
    here, known = tap.pointed_at(api), {row["id"] for row in rows}
    first = here.run(STREAM, "census")
    assert set(first.ids(STREAM)) == known
    left = rows.pop(200)["id"]
    there.rows = rows
    night = here.run(STREAM, "census", state=a_day_later(first.state))
    assert named(night, STREAM, known) <= {left}
