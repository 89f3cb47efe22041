"""A refusal that passes is no finding: nothing is remembered of it, and no row is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.pretended import LATELY, Pretended, dated
from tests.tap.proofs import remembered
from tests.tap.scripted import Reply

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi

BADGES = "/v2/achievements_users"


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
