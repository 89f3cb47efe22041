"""No row is lost when the whole API lives while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap

WORLDS, RUNS = 8, 25
EVENTS = ("unregister", "disappear", "give up", "mark", "enrol", "visit", "badge", "join")
READ = {
    "users": "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false",
    "achievements_users": "/v2/achievements_users",
    "projects_users": "/v2/projects_users?filter[campus]=1&filter[cursus]=21",
}
SIZE: dict[str, Any] = {"users": 300, "enrolments": 2000, "achievements_per_user": 2}
LONG_AGO = {
    "replication_key": "updated_at",
    "replication_key_value": "2001-01-01T00:00:00.000Z",
}


@pytest.fixture(params=range(WORLDS))
def living(request: pytest.FixtureRequest) -> Iterator[RunningSandbox]:
    """An API in which something happens before each page."""
    with running_sandbox(seed=request.param, **SIZE) as running:
        yield running


def shown(living: RunningSandbox, stream: str) -> set[int]:
    """The ids of all rows that a list shows."""
    return {row["id"] for row in living.truth_of(READ[stream], columns="id")}


def before_each_page(living: RunningSandbox, happening: dict[str, int]) -> None:
    """Let so many of each event happen before each page."""
    living.control(
        "POST", "settings", {"life": "requests", "life_events_per_request": happening}
    )


def settle(living: RunningSandbox) -> None:
    living.control("POST", "settings", {"life": "off"})


def test_no_row_that_stood_still_is_lost_where_pages_at_the_end_run_dry(tap: Tap) -> None:
    # So many disappear that the last pages that were called for are empty.
    with running_sandbox(seed=1, users=300, enrolments=2000, achievements_per_user=2) as living:
        before = {row["id"] for row in living.truth_of("/v2/achievements_users", columns="id")}
        living.control(
            "POST",
            "settings",
            {"life": "requests", "life_events_per_request": {"disappear": 2}},
        )
        run = tap.pointed_at(living, page_size=15).run("achievements_users")
        settle(living)
        after = shown(living, "achievements_users")
    assert len(after) < len(before) - 20
    assert before & after <= set(run.ids("achievements_users"))


@pytest.mark.long
def test_no_row_that_stood_still_is_lost_in_hundreds_of_runs(
    tap: Tap, living: RunningSandbox
) -> None:
    here = tap.pointed_at(living, page_size=15, settle_seconds=0)
    lost = []
    for number in range(RUNS):
        stream = list(READ)[number % len(READ)]
        # Those who left are replaced: in an API without people nothing would happen.
        left = SIZE["users"] - len(shown(living, "users"))
        living.live(events={"join": max(0, left), "enrol": 40, "badge": 40})
        before = shown(living, stream)
        last_change = max((change["seq"] for change in living.changes()), default=0)
        happening = {event: 1 for place, event in enumerate(EVENTS) if number >> place & 1}
        before_each_page(living, happening)
        run = here.run(
            stream,
            # By turns a first load, which goes by ids, and a long window.
            state={"bookmarks": {stream: LONG_AGO}} if number % 2 else None,
            campus_ids=[1] if stream == "projects_users" else None,
        )
        settle(living)
        after = shown(living, stream)
        touched = {
            change["id"]
            for change in living.changes(after=last_change)
            if change["table"] == stream
        }
        missed = (before & after) - touched - set(run.ids(stream))
        lost += [(number, stream, row) for row in missed]
    assert lost == []
