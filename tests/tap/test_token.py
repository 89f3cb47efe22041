"""The access token: one a run, renewed when it must be, its secret never shown."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.tap.pretended import record_of
from tests.tap.scripted import TOKEN_PATH, Reply, always, in_turn, paged
from tests.waiting import away_from_the_end_of_the_hour

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.scripted import Asked, ScriptedApi

SECRET = "s-s4t2ud-hunter2"  # noqa: S105 - made up
CURSUS = {"id": 21, "created_at": None, "name": "42cursus", "slug": "42cursus", "kind": "main"}


def ids_of(sandbox: RunningSandbox, table: str) -> list[int]:
    return [row["id"] for row in sandbox.truth(table)]


def test_a_run_asks_for_one_token_however_many_streams_it_reads(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    tap.pointed_at(sandbox).run("cursus", "blocs", "achievements", "campuses")
    assert sandbox.requests()["token"] == 1


@pytest.mark.few(1)
@pytest.mark.parametrize("refused", [0, 1, 3])
def test_a_token_that_expires_in_the_middle_costs_no_row_and_repeats_none(
    tap: Tap, sandbox: RunningSandbox, refused: int
) -> None:
    sandbox.fault("expire_token", after=refused, count=1)
    run = tap.pointed_at(sandbox, page_size=20).run("cursus")
    assert run.ids("cursus") == ids_of(sandbox, "cursus")
    assert sandbox.requests()["token"] == 2


def test_a_token_that_is_as_good_as_expired_is_renewed(tap: Tap, api: ScriptedApi) -> None:
    # 42 hands out the token it has, with what is left of its time: that may be nothing.
    granted = count(1)
    list_cursus = paged([CURSUS | {"id": number} for number in range(1, 5)], largest=1)
    api.script[TOKEN_PATH] = lambda _: Reply(
        {"access_token": str(next(granted)), "expires_in": 0}
    )
    api.script["/v2/cursus"] = lambda asked: (
        Reply({}, 401) if asked.headers["Authorization"] == "Bearer 2" else list_cursus(asked)
    )
    assert tap.pointed_at(api).run("cursus").ids("cursus") == [1, 2, 3, 4]


def test_a_token_that_is_refused_again_and_again_ends_the_run(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script["/v2/cursus"] = always(Reply({}, 401))
    run = tap.pointed_at(api).fail("cursus")
    assert "401" in run.last_word
    assert "application" in run.last_word


def test_a_token_endpoint_that_fails_for_a_moment_is_asked_again(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    sandbox.fault("500", route="token", count=1)
    run = tap.pointed_at(sandbox).run("blocs")
    assert run.ids("blocs") == ids_of(sandbox, "blocs")


def test_a_token_endpoint_that_answers_with_a_page_is_asked_again(
    tap: Tap, api: ScriptedApi
) -> None:
    good = api.script[TOKEN_PATH]
    api.script[TOKEN_PATH] = in_turn(always(Reply(b"<html>Just a moment</html>")), good)
    api.script["/v2/cursus"] = paged([])
    tap.pointed_at(api).run("cursus")
    assert len(api.asked_for(TOKEN_PATH)) == 2


def test_a_run_that_never_gets_a_token_ends_in_one_line_and_says_so_in_its_record(
    tap: Tap, api: ScriptedApi
) -> None:
    away_from_the_end_of_the_hour()
    api.script[TOKEN_PATH] = always(Reply(b"<html>", 503, {"Retry-After": "300"}))
    here = tap.pointed_at(api, max_minutes=1)
    run = here.fail("cursus", "blocs", "achievements", "sync_runs", state={"bookmarks": {}})
    assert "42 gives no token" in run.last_word
    assert "503" in run.last_word
    assert "start the run again when 42 answers" in run.last_word
    assert len(api.asked) <= 2
    (closing,) = [line for line in run.log.splitlines() if "The run failed: 0 rows" in line]
    assert closing
    (row,) = run.records("sync_runs")
    assert (row["outcome"], row["reason"]) == (
        "failed",
        "42 gives no token: 42 answered 503",
    )


PASSING = [Reply({}, 500), Reply(b"<html>", 502), Reply(b"<html>Just a moment</html>")]


def with_trouble(
    api: ScriptedApi, path: str, trouble: Reply, failing: Collection[int]
) -> Callable[[Asked], Reply]:
    """Lets requests for a token fail, counted from the first answer to a path.

    Each request for data needs a token of its own.
    """
    since = count()
    token = Reply({"access_token": "f" * 64, "expires_in": 0})

    def answer(_: Asked) -> Reply:
        return trouble if api.asked_for(path) and next(since) in failing else token

    return answer


@pytest.fixture
def lists(api: ScriptedApi) -> ScriptedApi:
    dates = dict.fromkeys(("created_at", "updated_at"), "2025-03-01T00:00:00.000Z")
    people = [record_of("users", id=number, kind="student", **dates) for number in range(1, 4)]
    api.script["/v2/blocs"] = paged([{"id": number} for number in range(1, 6)], largest=2)
    api.script["/v2/campus"] = paged([record_of("campuses", id=number) for number in (1, 9)])
    api.script["/v2/cursus/21/users"] = paged(people, largest=2)
    return api


@pytest.mark.few(2)
@pytest.mark.parametrize("trouble", PASSING, ids=["500", "502", "html"])
@pytest.mark.parametrize("scope", [{}, {"campus_ids": [1, 9]}], ids=["page", "ids"])
def test_trouble_with_tokens_is_blamed_on_no_list(
    tap: Tap, lists: ScriptedApi, trouble: Reply, scope: dict[str, list[int]]
) -> None:
    path = "/v2/cursus/21/users"
    # What is asked for in order to find out why is answered, and the request itself is not.
    lists.script[TOKEN_PATH] = with_trouble(lists, path, trouble, {0, 1, 3})
    run = tap.pointed_at(lists, **scope).run("users")
    assert run.ids("users") == [1, 2, 3]
    seen = run.state["bookmarks"]["users"]["capabilities"]
    assert not any({"page_size", "longest_list"}.intersection(known) for known in seen.values())


@pytest.mark.few(2)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_credentials_that_are_refused_in_the_middle_cost_no_page(
    tap: Tap, lists: ScriptedApi, status: int
) -> None:
    refusal = Reply({"error": "invalid_client"}, status)
    lists.script[TOKEN_PATH] = with_trouble(lists, "/v2/blocs", refusal, {0})
    run = tap.pointed_at(lists).fail("blocs")
    assert f"{status}" in run.last_word
    assert TOKEN_PATH in run.last_word


@pytest.mark.slow
def test_a_token_endpoint_that_stays_down_in_the_middle_ends_the_run_as_an_outage_does(
    tap: Tap, lists: ScriptedApi
) -> None:
    trouble = with_trouble(lists, "/v2/blocs", Reply({}, 500), range(1000))
    lists.script[TOKEN_PATH] = trouble
    run = tap.pointed_at(lists, max_minutes=1).run("blocs", "users")
    told = [line for line in run.warnings if "42 is down" in line]
    assert told
    assert all(TOKEN_PATH in line for line in told)
    assert "max_minutes" in run.log


def test_a_wrong_secret_ends_in_one_line_that_says_what_to_do(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox, client_secret=SECRET).fail("cursus")
    assert "secret has expired" in run.last_word
    assert "wrong" in run.last_word
    assert "28 days" in run.last_word
    assert not run.records("cursus")


@pytest.mark.few(1)
@pytest.mark.parametrize("right", [True, False])
def test_the_secret_is_in_nothing_that_leaves_the_tap(
    tap: Tap, sandbox: RunningSandbox, *, right: bool
) -> None:
    secret = SECRET if right else SECRET + "-of-last-month"
    sandbox.control("POST", "applications", {"client_id": "u-1", "client_secret": SECRET})
    settings = {"client_id": "u-1", "client_secret": secret}
    run = tap.pointed_at(sandbox, **settings).start("cursus").finish()
    assert (run.exit_code == 0) is right
    assert "hunter2" not in run.output + run.log


def test_every_request_names_the_client(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus"] = paged([CURSUS])
    tap.pointed_at(api).run("cursus")
    own = {asked.path: asked.headers["User-Agent"] for asked in api.asked}
    assert set(own) == {TOKEN_PATH, "/v2/cursus"}
    assert all(name.startswith("tap-ft42/") for name in own.values())

    api.asked.clear()
    tap.pointed_at(api, user_agent="Ecole 42/1.0").run("cursus")
    assert {asked.headers["User-Agent"] for asked in api.asked} == {"Ecole 42/1.0"}
