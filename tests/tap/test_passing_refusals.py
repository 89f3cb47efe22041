"""A refusal that passes is no finding: nothing is remembered of it, and no row is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.campuses import ENROLMENTS, MEMBERSHIPS, campuses, expected
from tests.tap.houses import houses_of
from tests.tap.pretended import LATELY, Pretended, dated
from tests.tap.proofs import remembered
from tests.tap.scripted import Reply, always

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi

BADGES = "/v2/achievements_users"


@pytest.mark.few(1)
@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("deviations", [{}, {"tells_totals": False}], ids=str)
def test_each_request_for_rows_may_be_refused_once(
    tap: Tap, api: ScriptedApi, deviations: dict[str, Any], status: int
) -> None:
    rows = [dated("achievements_users", number) for number in range(1, 251)]
    there, refused = Pretended(rows, **deviations), set[str]()

    def once_refused(asked: Asked) -> Reply:
        request = str(sorted(asked.query.items()))
        if request in refused or asked.size == 1:
            return there(asked)
        refused.add(request)
        return Reply({"error": "Bad Request", "message": "Please try again"}, status)

    api.script[BADGES] = once_refused
    here = tap.pointed_at(api, page_size=50)
    first = here.run("achievements_users")
    assert set(first.ids("achievements_users")) == set(range(1, 251))
    assert remembered(first) == []
    there.rows = [rows[0] | {"updated_at": LATELY}, *rows[1:]]
    second = here.run("achievements_users", state=first.state)
    assert 1 in second.ids("achievements_users")
    assert remembered(second) == []


def once(is_meant: Callable[[Asked], bool], there: Pretended, status: int) -> Any:  # noqa: ANN401 - an answer of a script
    refused: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        if refused or not is_meant(asked):
            return there(asked)
        refused.append(asked)
        return Reply({}, status)

    return answer


@pytest.mark.few(1)
@pytest.mark.parametrize("status", [302, 403, 404])
def test_a_list_of_parents_that_is_refused_once_is_not_taken_for_too_long(
    tap: Tap, api: ScriptedApi, status: int
) -> None:
    there = houses_of(api, range(1, 9))
    rows = there.rows
    here = tap.pointed_at(api)
    first = here.run("coalitions_users")
    there.rows = [row | {"updated_at": LATELY} for row in rows]
    api.script["/v2/coalitions_users"] = once(
        lambda asked: "filter[coalition_id]" in asked.query, there, status
    )
    second = here.run("coalitions_users", state=first.state)
    assert {row["id"] for row in rows} == set(second.ids("coalitions_users"))
    assert remembered(second) == []


@pytest.mark.few(1)
@pytest.mark.parametrize("status", [302, 403, 404])
def test_a_filter_by_ids_that_is_refused_once_counts_on(
    tap: Tap, api: ScriptedApi, there: Pretended, status: int
) -> None:
    api.script[MEMBERSHIPS] = always(Reply({}, 403))
    api.script[ENROLMENTS] = once(lambda asked: "filter[id]" in asked.query, there, status)
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run) == expected(there)
    assert not [line for line in remembered(run) if "filter[id]" in line]


def test_a_login_page_in_the_place_of_a_list_is_forgotten_with_the_run(
    tap: Tap, api: ScriptedApi, there: Pretended
) -> None:
    api.script[MEMBERSHIPS] = always(Reply(status=302, headers={"Location": "/login"}))
    run = tap.pointed_at(api).run("projects_users")
    assert campuses(run) == expected(there)
    assert remembered(run) == []
