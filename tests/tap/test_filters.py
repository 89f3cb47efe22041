"""A filter that 42 refuses or does not heed is left to the tap, told of, and remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.campuses import HIDDEN, LISTED, four_campuses
from tests.tap.pretended import LATELY, Pretended, Row, dated, record_of
from tests.tap.proofs import a_day_later, named, remembered
from tests.tap.scripted import DENIED, Held, Reply, always, paged

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi


def enrolment(number: int, campus: int) -> Row:
    user = {"id": number, "login": "somebody"}
    return dated("projects_users", number, cursus_ids=[21], user=user, campus=campus)


def campus(number: int) -> Row:
    return record_of("campuses", id=number)


def test_what_a_filter_lets_through_is_left_out_by_the_tap(tap: Tap, api: ScriptedApi) -> None:
    kinds = ["student", "external"] * 5
    people = [
        dated("users", number, kind=kind, **{"alumni?": False})
        for number, kind in enumerate(kinds, 1)
    ]
    api.script["/v2/cursus/21/users"] = Pretended(people, ignored=["filter[kind]"])
    run = tap.pointed_at(api).run("users")
    assert set(run.ids("users")) == {1, 3, 5, 7, 9}
    assert any("does not narrow it by filter[kind]" in line for line in run.warnings)


@pytest.mark.few(2)
@pytest.mark.parametrize("refused", ["filter[kind]", "filter[alumni?]"])
@pytest.mark.parametrize(
    "said", ["Attributes {} doesn't exists or aren't filterables", "Bad Request", "No {}"]
)
def test_what_a_filter_would_leave_out_is_left_out_by_the_tap_if_42_refuses_it(
    tap: Tap, api: ScriptedApi, refused: str, said: str
) -> None:
    people = [
        dated("users", number, kind=kind, **{"alumni?": number > 7})
        for number, kind in enumerate(["student", "external"] * 5, 1)
    ]
    column = refused.removeprefix("filter[").removesuffix("]")
    message = {"error": "Filter Error", "message": said.format(column)}
    refusal = Reply(message, 400)
    there = Pretended(people, refused=[refused], refusal=refusal)
    api.script["/v2/cursus/21/users"] = there
    here = tap.pointed_at(api)
    first = here.run("users")
    assert set(first.ids("users")) == {1, 3, 5, 7}
    assert any(f"does not narrow it by {refused}" in line for line in first.warnings)
    there.asked.clear()
    second = here.run("users", state=first.state)
    assert all(refused not in asked.query for asked in there.asked)
    assert remembered(second) == []


@pytest.mark.parametrize("others", [set(), {23}], ids=["alone", "as another one leaves"])
@pytest.mark.parametrize("is_refused", [True, False])
def test_who_graduated_is_found_though_42_does_not_heed_the_filter_that_tells(
    tap: Tap, api: ScriptedApi, others: set[int], is_refused: bool
) -> None:
    people = [
        dated("users", number, kind="student", **{"alumni?": number > 40})
        for number in range(1, 46)
    ]
    message = "Attributes alumni? doesn't exists or aren't filterables"
    refusal = Reply({"error": "Filter Error", "message": message}, 400)
    refused, ignored = (["filter[alumni?]"], []) if is_refused else ([], ["alumni?"])
    there = Pretended(people, refused=refused, refusal=refusal, ignored=ignored)
    api.script["/v2/cursus/21/users"] = there
    here = tap.pointed_at(api, page_size=10, census_hour=0)
    first = here.run("users", "census")
    there.rows = [
        row | {"alumni?": row["id"] != 36, "updated_at": LATELY}
        if row["id"] in {36, 37}
        else row
        for row in people
        if row["id"] not in others
    ]
    quarter = here.run("users", "census", state=first.state)
    night = here.run("users", "census", state=a_day_later(quarter.state))
    known = set(range(1, 41))
    assert named(quarter, "users", known) | named(night, "users", known) == {37} | others
    assert not any("cannot be counted" in line for line in night.warnings)


@pytest.mark.few(1)
@pytest.mark.parametrize("ignored", [[], ["alumni?"]], ids=["heeded", "ignored"])
def test_who_graduated_is_found_though_42_counts_nothing(
    tap: Tap, api: ScriptedApi, ignored: list[str]
) -> None:
    people = [
        dated("users", number, kind="student", **{"alumni?": False}) for number in range(1, 41)
    ]
    there = Pretended(people, tells_totals=False, ignored=ignored)
    api.script["/v2/cursus/21/users"] = there
    here = tap.pointed_at(api, page_size=10, census_hour=0)
    first = here.run("users", "census")
    there.rows = [
        row | {"alumni?": row["id"] != 36, "updated_at": LATELY}
        if row["id"] in {36, 37}
        else row
        for row in people
    ]
    quarter = here.run("users", "census", state=first.state)
    night = here.run("users", "census", state=a_day_later(quarter.state))
    known = set(range(1, 41))
    assert named(quarter, "users", known) | named(night, "users", known) == {37}
    assert any("cannot be counted" in line for line in night.warnings)


@pytest.mark.parametrize("is_of_campus", [True, False], ids=["of a campus", "of all"])
def test_a_filter_that_another_request_found_refused_convicts_no_other_filter(
    tap: Tap, api: ScriptedApi, is_of_campus: bool
) -> None:
    """Two requests are sent at once, and 42 refuses both for the same reason."""
    rows = [enrolment(10 * place + one, place) for place in (1, 9) for one in range(6)]
    api.script["/v2/campus"] = paged([campus(1), campus(9)])
    ties = [dated("campus_users", row["id"], campus_id=row["campus"]) for row in rows]
    api.script["/v2/campus_users"] = Pretended(ties)
    there = Pretended(rows)

    def answer(asked: Asked) -> Reply:
        if "filter[cursus]" not in asked.query:
            return there(asked)
        is_late = ("filter[campus]" in asked.query) == is_of_campus
        said = {"message": "Attributes cursus doesn't exists"}
        return Held(said, 400, seconds=0.3) if is_late else Reply(said, 400)

    api.script["/v2/projects_users"] = answer
    first = tap.pointed_at(api).run("projects_users")
    assert first.ids("projects_users") == [row["id"] for row in rows]
    (line,) = remembered(first)
    assert "does not narrow it by filter[cursus]" in line


@pytest.mark.few(1)
@pytest.mark.parametrize("said", [{}, {"message": "Attributes cursus doesn't exists"}], ids=str)
def test_a_filter_of_the_cursus_that_42_refuses_is_left_to_the_tap_and_remembered(
    tap: Tap, api: ScriptedApi, said: Row
) -> None:
    rows = [enrolment(10 * place + one, place) for place in (1, 9) for one in range(6)]
    for row in rows:
        row["cursus_ids"] = [row["cursus"]] = [21 if row["id"] % 2 else 9]
    api.script["/v2/campus"] = paged([campus(1), campus(9)])
    ties = [dated("campus_users", row["id"], campus_id=row["campus"]) for row in rows]
    api.script["/v2/campus_users"] = Pretended(ties)
    there = Pretended(rows, refused=["filter[cursus]"], refusal=Reply(said, 400))
    api.script["/v2/projects_users"] = there
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert first.ids("projects_users") == [row["id"] for row in rows if row["id"] % 2]
    assert any("does not narrow it by filter[cursus]" in line for line in first.warnings)
    there.asked.clear()
    second = here.run("projects_users", state=first.state)
    assert all("filter[cursus]" not in asked.query for asked in there.asked)
    assert remembered(second) == []


def test_a_filter_that_42_has_heeded_is_not_blamed_for_an_id_that_it_refuses(
    tap: Tap, api: ScriptedApi
) -> None:
    there = four_campuses(api)
    api.script["/v2/campus_users"] = always(DENIED)

    def answer(asked: Asked) -> Reply:
        places = map(int, asked.query.get("filter[campus]", "1").split(","))
        return there(asked) if {*LISTED, *HIDDEN}.issuperset(places) else Reply({}, 400)

    api.script["/v2/projects_users"] = answer
    run = tap.pointed_at(api).fail("projects_users")  # the far campus is not found
    _, far = HIDDEN
    expected = sorted(row["id"] for row in there.rows if row["campus"] != far)
    assert run.ids("projects_users") == expected
    asked = api.asked_for("/v2/projects_users")
    assert len([one for one in asked if "filter[cursus]" not in one.query]) <= 1


def test_changes_that_no_row_shows_are_not_asked_for_where_nothing_narrows(
    tap: Tap, api: ScriptedApi
) -> None:
    rows = [record_of("achievements", id=number) for number in range(1, 151)]
    there = Pretended(rows, ignored=["range[updated_at]"])
    api.script["/v2/achievements"] = there
    here = tap.pointed_at(api)
    first = here.run("achievements")
    second = here.run("achievements", state=first.state)
    (line,) = remembered(second)
    assert "does not narrow it by ranges of updated_at" in line
    there.asked.clear()
    third = here.run("achievements", state=second.state)
    assert there.asked == []
    assert remembered(third) == []


def test_an_application_that_may_not_look_up_campuses_reads_on_incrementally(
    tap: Tap, api: ScriptedApi
) -> None:
    rows = [enrolment(10 * place + one, place) for place in (1, 9) for one in range(3)]
    api.script["/v2/campus"] = paged([campus(1), campus(9)])
    api.script["/v2/projects_users"] = there = Pretended(rows)
    api.script["/v2/campus_users"] = always(DENIED)
    here = tap.pointed_at(api)
    first = here.run("projects_users")
    assert (
        len([line for line in first.warnings if "does not let this application" in line]) == 1
    )
    places = {row["id"]: row["campus_id"] for row in first.records("projects_users")}
    assert places == {row["id"]: row["campus"] for row in rows}
    rows[-1]["updated_at"] = LATELY
    second = here.run("projects_users", state=first.state)
    places = {row["id"]: row["campus_id"] for row in second.records("projects_users")}
    assert places[92] == 9
    there.asked.clear()
    third = here.run("projects_users", state=second.state)
    assert remembered(third) == []
    assert len(api.asked_for("/v2/campus_users")) == 2  # by the first run: it may have passed


def test_graduates_who_come_within_other_rows_do_not_make_a_filter_count_as_ignored(
    tap: Tap, api: ScriptedApi
) -> None:
    def person(number: int, *, graduates: bool) -> Row:
        return dated("users", number, kind="student", **{"alumni?": graduates})

    def level(number: int, *, graduates: bool) -> Row:
        user = person(number, graduates=graduates)
        return dated("cursus_users", number, cursus_id=21, user=user, user_id=number)

    people = Pretended([person(number, graduates=False) for number in range(1, 41)])
    levels = Pretended([level(number, graduates=False) for number in range(1, 41)])
    api.script["/v2/cursus/21/users"] = people
    api.script["/v2/cursus/21/cursus_users"] = levels
    here = tap.pointed_at(api, census_hour=0, page_size=10)
    first = here.run("users", "cursus_users", "census")
    people.rows = [person(number, graduates=number < 7) for number in range(1, 41)]
    levels.rows = [level(number, graduates=number < 7) for number in range(1, 41)]
    api.ahead = 24 * 3600.0
    night = here.run("users", "cursus_users", "census", state=first.state)
    assert remembered(night) == []
    assert named(night, "users", set(range(1, 41))) == set(range(1, 7))
