"""The application's limits: kept when they are on, survived when they are not."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from ft42_warehouse.embedded import NAME
from psycopg import sql

from tests.tap.quotas import application, postgresql, redis
from tests.tap.scripted import Reply, always, in_turn, paged
from tests.waiting import away_from_the_end_of_the_hour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Started, Tap
    from tests.tap.scripted import Asked, ScriptedApi

    StoreOf: TypeAlias = Callable[[], AbstractContextManager[str]]

CURSUS = {"id": 21, "created_at": None, "name": "42", "slug": "42", "kind": "main"}

# Pairs of requests a second and an hour; 0 means no limit.
LIMITS = ((0, 0), (0, 1200), (2, 0), (2, 1200), (5, 5), (8, 6), (1, 3600), (1, 7200))


@pytest.mark.few(3)
@pytest.mark.parametrize(("per_second", "per_hour"), LIMITS)
def test_any_pair_of_limits_is_possible(
    tap: Tap, sandbox: RunningSandbox, per_second: int, per_hour: int
) -> None:
    credentials = application(sandbox, f"pair-{per_second}-{per_hour}")
    run = tap.pointed_at(sandbox, **credentials).run(
        "cursus", requests_per_second=per_second, requests_per_hour=per_hour
    )
    assert len(run.records("cursus")) == len(sandbox.truth("cursus"))


def sent(store: Path) -> list[list[int]]:
    """When each application sent its requests, in milliseconds, as their accounts say.

    On a busy machine, late requests may meet earlier ones in one second of the API, which
    refuses some. Only the accounts tell what the runs meant.
    """
    with closing(sqlite3.connect(store)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
        queries = [
            f'SELECT item_timestamp FROM "{name}" ORDER BY 1'  # noqa: S608 - the store's own name
            for name in names
            if name.endswith("_second")
        ]
        return [[at for (at,) in database.execute(query)] for query in queries]


def keeps(per_second: int, times: list[int]) -> bool:
    """Whether a second, whenever it begins, never has more; even if one is 20 ms late."""
    return all(later - at > 1020 for at, later in zip(times, times[per_second:], strict=False))


def test_a_run_sends_no_more_in_any_second_than_the_limit_allows(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    credentials, store = (
        application(sandbox, "quiet", requests_per_second=5),
        tmp_path / "quota",
    )
    here = tap.pointed_at(sandbox, **credentials, quota_store=str(store))
    run = here.run(
        "cursus", "blocs", page_size=10, requests_per_second=5, requests_per_hour=1200
    )
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]
    (times,) = sent(store)
    assert len(times) == sandbox.requests()["total"] > 15
    assert keeps(5, times)


def test_a_run_that_knows_no_limit_is_refused_and_loses_nothing(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    credentials = application(sandbox, "hasty", requests_per_second=4)
    run = tap.pointed_at(sandbox, **credentials).run("cursus", page_size=10)
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]
    assert "429" in sandbox.requests()["routes"]["GET /v2/cursus"]["statuses"]


def test_stray_refusals_at_a_legal_pace_cost_no_row(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("429", after=3, every=5, count=2, query="page[size]=9")
    run = tap.pointed_at(sandbox, page_size=9).run("cursus")
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]


def test_refusals_that_name_no_time_are_followed_by_ever_longer_pauses(
    tap: Tap, api: ScriptedApi
) -> None:
    away_from_the_end_of_the_hour(15)  # no wait goes beyond it
    refused = always(Reply({}, 429))
    api.script["/v2/cursus"] = in_turn(refused, refused, paged([CURSUS]))
    run = tap.pointed_at(api).run("cursus")
    assert run.ids("cursus") == [21]
    times = [asked.at for asked in api.asked_for("/v2/cursus")]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] >= 1
    assert pauses[1] >= 2


def test_two_applications_do_not_wait_for_each_other(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    started: list[Started] = []
    for name in ("one", "other"):
        credentials = application(sandbox, name, requests_per_second=5)
        here = tap.pointed_at(sandbox, **credentials, quota_store=str(tmp_path / "quota"))
        started.append(here.start("cursus", page_size=20, requests_per_second=5))
    for process in started:
        run = process.finish()
        assert run.exit_code == 0, run.log
        assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]
    accounts = sent(tmp_path / "quota")
    assert len(accounts) == 2
    assert all(len(times) > 4 and keeps(5, times) for times in accounts)


def test_two_runs_of_one_application_share_its_limits(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    credentials = application(sandbox, "shared", requests_per_second=8)
    here = tap.pointed_at(sandbox, **credentials, quota_store=str(tmp_path / "quota.sqlite"))
    started = [here.start("cursus", page_size=4, requests_per_second=8) for _ in range(2)]
    for process in started:
        run = process.finish()
        assert run.exit_code == 0, run.log
        assert set(run.ids("cursus")) == {row["id"] for row in sandbox.truth("cursus")}
    statuses = sandbox.requests()["routes"]["GET /v2/cursus"]["statuses"]
    assert statuses["200"] >= 2 * 19
    assert statuses.get("429", 0) <= 4


def test_what_others_use_of_the_hour_is_left_to_them(tap: Tap, sandbox: RunningSandbox) -> None:
    away_from_the_end_of_the_hour()
    credentials = application(sandbox, "crowded", requests_per_hour=100)
    sandbox.control("POST", "quota", {"use": 80})
    here = tap.pointed_at(sandbox, **credentials)
    run = here.run(
        "cursus", page_size=1, requests_per_hour=100, reserve_percent=10, max_minutes=1
    )
    assert "The run ends here: the quota is used up until" in run.log
    statuses = sandbox.requests()["routes"]["GET /v2/cursus"]["statuses"]
    assert "429" not in statuses
    # Ten are the reserve; what is on its way when the first answer comes may exceed it.
    assert statuses["200"] <= 20


def test_an_hour_that_is_used_up_ends_a_bounded_run_well_and_without_a_storm(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    away_from_the_end_of_the_hour()
    credentials = application(sandbox, "late", requests_per_hour=100)
    sandbox.control("POST", "quota", {"use": 100})
    here = tap.pointed_at(sandbox, **credentials)
    run = here.run("cursus", "blocs", "users", requests_per_hour=100, max_minutes=1)
    assert "The run ends here: the quota is used up until" in run.log
    assert run.records("cursus") == []
    assert sandbox.requests()["total"] <= 4


def test_an_account_that_is_wrong_is_set_right_by_the_api(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    # As after the API has forgotten, or has raised the limit.
    credentials = application(sandbox, "forgiven", requests_per_hour=400)
    store = str(tmp_path / "quota.sqlite")
    here = tap.pointed_at(sandbox, **credentials, quota_store=store)
    sandbox.control("POST", "quota", {"use": 400})
    here.run("cursus", requests_per_hour=400, max_minutes=1)
    sandbox.control("POST", "quota", {"reset": True})
    run = here.run("cursus", page_size=10, requests_per_hour=400, max_minutes=1)
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]


@pytest.mark.few(1)
@pytest.mark.parametrize("store_of", [postgresql, redis])
def test_machines_share_an_account_in(
    tap: Tap, sandbox: RunningSandbox, store_of: StoreOf
) -> None:
    with store_of() as store:
        credentials = application(sandbox, store_of.__name__, requests_per_second=8)
        here = tap.pointed_at(sandbox, **credentials, quota_store=store)
        started = [here.start("cursus", page_size=4, requests_per_second=8) for _ in range(2)]
        for process in started:
            run = process.finish()
            assert run.exit_code == 0, run.log
            assert NAME * 2 not in run.log
            assert set(run.ids("cursus")) == {row["id"] for row in sandbox.truth("cursus")}
        assert sandbox.requests()["routes"]["GET /v2/cursus"]["statuses"].get("429", 0) <= 4


@contextmanager
def written_to_by_others(store: str) -> Iterator[None]:
    """Hold the account in PostgreSQL locked for most of the time, as other workers do."""
    over = Event()

    def write() -> None:
        with psycopg.connect(store, autocommit=True) as connection:
            (table,) = connection.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE '%_hour'"
            ).fetchone() or ("",)
            while not over.wait(0.01):
                with connection.transaction():
                    connection.execute(
                        sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.Identifier(table))
                    )
                    time.sleep(0.05)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        try:
            yield
        finally:
            over.set()
    writing.result()


@pytest.mark.slow
def test_an_account_that_others_write_to_is_not_taken_for_one_that_is_used_up(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    with postgresql() as store:
        credentials = application(sandbox, "contended", requests_per_second=8)
        here = tap.pointed_at(
            sandbox, **credentials, quota_store=store, requests_per_second=8, page_size=8
        )
        here.run("blocs", requests_per_hour=1200)
        with written_to_by_others(store):
            run = here.run("cursus", requests_per_hour=1200, max_minutes=2)
        assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]
        assert "used up" not in run.log


@pytest.mark.parametrize(
    "store", ["/proc/nowhere/quota.sqlite", "redis://127.0.0.1:9", "postgresql://127.0.0.1:9/x"]
)
def test_a_store_that_cannot_be_opened_is_named(
    tap: Tap, sandbox: RunningSandbox, store: str
) -> None:
    here = tap.pointed_at(sandbox, requests_per_second=2, requests_per_hour=1200)
    run = here.fail("cursus", quota_store=store)
    assert any("quota_store" in line for line in run.log.splitlines() if "| ERROR " in line)
    assert sandbox.requests()["total"] == 0


@contextmanager
def in_a_file() -> Iterator[str]:
    """A store in a file, which loses its tables."""
    with tempfile.TemporaryDirectory(prefix="ft42-quota-") as folder:
        store = Path(folder) / "quota.sqlite"
        yield str(store)
        with closing(sqlite3.connect(store, timeout=60)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                database.execute(f"DROP TABLE {table}")


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "store_of", [in_a_file, redis, pytest.param(postgresql, marks=pytest.mark.long)]
)
def test_a_store_that_is_lost_in_mid_run_costs_no_row(
    tap: Tap, api: ScriptedApi, store_of: StoreOf
) -> None:
    rows = [CURSUS | {"id": number} for number in range(1, 41)]
    limits = {"requests_per_second": 20, "requests_per_hour": 1200}
    with ExitStack() as stack:
        store = stack.enter_context(store_of())

        def lost(asked: Asked) -> Reply:
            stack.close()
            return pages(asked)

        pages = paged(rows)
        api.script["/v2/cursus"] = in_turn(lost, pages)
        run = tap.pointed_at(api, **limits, page_size=10, quota_store=store).run("cursus")
    assert set(run.ids("cursus")) == {row["id"] for row in rows}
    assert len([line for line in run.warnings if "counts only its own" in line]) == 1


OFFICIAL: dict[str, Any] = {
    "X_Secondly_RateLimit_Limit": "8",
    "X_Hourly_RateLimit_Limit": "3600",
    "X_Application_Roles": "Official App",
}


def test_limits_that_are_not_set_are_those_that_42_tells(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus"] = paged([], **OFFICIAL)
    here = tap.pointed_at(api, requests_per_second=None, requests_per_hour=None)
    run = here.run("cursus", "sync_runs")
    (row,) = run.records("sync_runs")
    assert (row["requests_per_second"], row["requests_per_hour"]) == (8, 3600)
    assert "8 requests a second and 3600 an hour (roles: Official App)" in run.log


@pytest.mark.few(1)
@pytest.mark.parametrize("roles", ["", "a" * 101, "r\xf4le", "a\trole"])
def test_roles_that_no_log_should_hold_are_not_told(
    tap: Tap, api: ScriptedApi, roles: str
) -> None:
    api.script["/v2/cursus"] = paged([], **OFFICIAL | {"X_Application_Roles": roles})
    here = tap.pointed_at(api, requests_per_second=None, requests_per_hour=None)
    assert "3600 an hour (roles: unknown)" in here.run("cursus").log


def test_roles_of_a_hundred_characters_are_told(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus"] = paged([], **OFFICIAL | {"X_Application_Roles": "a" * 100})
    here = tap.pointed_at(api, requests_per_second=None, requests_per_hour=None)
    assert f"(roles: {'a' * 100})" in here.run("cursus").log


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("ceiling", "kept"), [((4, 1000), (4, 1000)), ((20, 9000), (8, 3600)), ((0, 0), (0, 0))]
)
def test_a_limit_that_is_set_is_a_ceiling(
    tap: Tap, api: ScriptedApi, ceiling: tuple[int, int], kept: tuple[int, int]
) -> None:
    api.script["/v2/cursus"] = paged([], **OFFICIAL)
    second, hour = ceiling
    here = tap.pointed_at(api, requests_per_second=second, requests_per_hour=hour)
    (row,) = here.run("cursus", "sync_runs").records("sync_runs")
    assert (row["requests_per_second"], row["requests_per_hour"]) == kept
