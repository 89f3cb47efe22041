"""While 42 is down the tap waits, and tells no more of it than when it began and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.pretended import Pretended, dated
from tests.tap.proofs import known
from tests.tap.scripted import Reply, always, in_turn, paged

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi

BADGES = "/v2/achievements_users"
OUTAGE = 20.0
DOWN = Reply(b"<html>Maintenance</html>", 502)


def badges() -> Pretended:
    return Pretended([dated("achievements_users", number) for number in range(1, 251)])


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "answer",
    [DOWN, Reply(b"<html>Maintenance</html>"), Reply(b"<html>Just a moment</html>", 403)],
    ids=["502", "html", "challenge"],
)
def test_a_maintenance_is_waited_for_and_told_in_two_lines(
    tap: Tap, api: ScriptedApi, answer: Reply
) -> None:
    there = badges()
    began: list[float] = []

    def maintained(asked: Asked) -> Reply:
        if asked.page == 1 and not began:
            return there(asked)
        began.append(asked.at)
        return answer if asked.at < began[0] + OUTAGE else there(asked)

    api.script[BADGES] = maintained
    run = tap.pointed_at(api).run("achievements_users")
    assert sorted(set(run.ids("achievements_users"))) == list(range(1, 251))
    assert len(run.warnings) == 2, run.warnings
    begins, ends = run.warnings
    assert "42 is down" in begins
    assert "42 answers again" in ends
    assert all(
        set(seen) <= {"bounds", "whole_ranges"}
        for seen in known(run, "achievements_users").values()
    )


@pytest.mark.slow
def test_a_maintenance_that_outlasts_the_run_ends_it_well(tap: Tap, api: ScriptedApi) -> None:
    there = badges()
    api.script[BADGES] = in_turn(there, always(DOWN))
    run = tap.pointed_at(api, max_minutes=1).run("achievements_users", page_size=50)
    assert "42 is down" in run.log
    assert "max_minutes" in run.log


@pytest.mark.slow
def test_a_route_of_its_own_that_is_down_is_not_taken_for_a_maintenance(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script["/v2/cursus"] = paged([])
    api.script[BADGES] = always(Reply(b"<html>", 503))
    run = tap.pointed_at(api).fail("cursus", "achievements_users")
    assert "42 is down" not in run.log
    assert "achievements_users" in run.last_word
