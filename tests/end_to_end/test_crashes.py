"""Whatever crashes, and whenever: the published tables stay whole, and come right again.

Every case loads a first time, lets 42 live for a while, breaks something during the next
load or publish, looks at the tables, and then runs what the schedule would run next.
"""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest
from ft42_sandbox.testing import RunningSandbox
from ft42_warehouse.embedded import HOST, EmbeddedPostgres

from tests.end_to_end.conftest import BIN
from tests.end_to_end.pair import Pair, pair
from tests.end_to_end.published import assert_published
from tests.ports import free_port, is_open
from tests.postgres import Database
from tests.waiting import until
from tests.warehouse.conftest import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

LIFE = {"mark": 30, "visit": 40, "enrol": 15, "badge": 15, "join": 3}


class Api:
    """A sandbox that can be killed, and comes back as it was at its beginning."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._token = secrets.token_hex(8)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                BIN / "ft42-sandbox", "serve", "--port", str(self._port), "--users", "150",
                "--enrolments", "1500", "--achievements-per-user", "10",
                "--requests-per-second", "0", "--requests-per-hour", "0",
            ],
            env={**os.environ, "FT42_SANDBOX_CONTROL_TOKEN": self._token},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.sandbox = RunningSandbox(
            f"http://{HOST}:{self._port}", "sandbox", "sandbox", self._token, None
        )
        until(lambda: is_open(self._port), seconds=20)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class World:
    """Everything that can break."""

    api: Api
    postgres: EmbeddedPostgres
    database: Database
    pair: Pair

    def warehouse(self, command: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own, which something happens to."""
        return subprocess.Popen(
            [BIN / "warehouse", command],
            env={**os.environ, **self.database.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def done(self, command: str) -> str:
        return Warehouse(self.database).run(command)

    def run(self) -> None:
        """Do what a job does, to a good end."""
        self.done("init")
        self.pair.finish()
        self.done("publish")

    def assert_whole(self) -> None:
        """See that the published tables are neither empty nor half of something."""
        for table in ("users", "projects_users", "coalitions_users", "campuses"):
            (row,) = self.database.query(f"SELECT count(*) AS n FROM ft42.{table}")  # noqa: S608 - names are above
            assert row["n"] > 0, table
        said = Warehouse(self.database).attempt("check").output
        assert "run `warehouse init`" not in said

    def assert_right(self) -> None:
        """See that they are what 42 has."""
        assert_published(self.database, self.api.sandbox)
        assert self.done("check") == "All promises hold\n"


@pytest.fixture(scope="module")
def server(memory: Path) -> Iterator[tuple[EmbeddedPostgres, Database]]:
    """A server of these tests' own: they treat it badly."""
    postgres = EmbeddedPostgres(memory / "crashes")
    port = free_port()
    postgres.start(port)
    database = Database(port)
    with database.connect() as connection:
        connection.execute("ALTER DATABASE ft42 SET timezone = 'Asia/Kolkata'")
        connection.execute("ALTER DATABASE ft42 SET client_encoding = 'LATIN1'")
    yield postgres, database
    postgres.stop()


@contextmanager
def loaded_world(server: tuple[EmbeddedPostgres, Database], folder: Path) -> Iterator[World]:
    """Everything, after a first load."""
    postgres, database = server
    api = Api(free_port())
    try:
        load = pair(folder, api.sandbox, database, settle_seconds=0, overlap_seconds=0)
        world = World(api, postgres, database, load)
        world.run()
        world.assert_right()
        yield world
    finally:
        api.kill()


@pytest.fixture(scope="module")
def world(
    server: tuple[EmbeddedPostgres, Database], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One for all that comes right again, which every test sees at its end."""
    with loaded_world(server, tmp_path_factory.mktemp("world") / "pair") as world:
        yield world


def live(world: World) -> None:
    world.api.sandbox.live(events=LIFE)


def processes_of(load: subprocess.Popen[bytes], name: str) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(load.pid).children(recursive=True)
        if any(name in word for word in child.cmdline())
    ]


@pytest.mark.parametrize("victim", ["tap-ft42", "target-postgres"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_tap_or_the_target_is_killed(world: World, victim: str, seed: int) -> None:
    live(world)
    load = world.pair.start()
    time.sleep(random.Random(seed).uniform(0.5, 4))  # noqa: S311 - no secret
    for process in processes_of(load, victim):
        process.kill()
    load.wait(60)
    world.assert_whole()
    world.run()
    world.assert_right()


def test_a_publish_is_killed_again_and_again(world: World) -> None:
    luck = random.Random(7)  # noqa: S311 - no secret
    for _ in range(8):
        live(world)
        world.pair.finish()
        with world.warehouse("publish") as publish:
            time.sleep(luck.uniform(0.2, 0.6))
            publish.kill()
        world.assert_whole()
    world.run()
    world.assert_right()


@pytest.mark.parametrize("during", ["load", "publish"])
def test_the_server_crashes(world: World, during: str) -> None:
    live(world)
    if during == "publish":
        world.pair.finish()
        running: subprocess.Popen[bytes] | subprocess.Popen[str] = world.warehouse("publish")
        time.sleep(0.35)
    else:
        running = world.pair.start()
        time.sleep(2)
    world.postgres.stop("immediate")
    running.communicate(timeout=60)
    world.postgres.start(world.database.port)
    world.assert_whole()
    world.run()
    world.assert_right()


@contextmanager
def full_disk(world: World, table: str) -> Iterator[None]:
    """Let every write that makes a table's file longer meet a full disk."""
    (row,) = world.database.query("SELECT pg_relation_filepath(%s) AS path", table)
    world.postgres.stop()
    file = world.postgres.directory / row["path"]
    kept = file.rename(f"{file}.kept")
    file.symlink_to("/dev/full")
    world.postgres.start(world.database.port)
    try:
        yield
    finally:
        world.postgres.stop()
        file.unlink()
        kept.rename(file)
        world.postgres.start(world.database.port)


def test_the_disk_is_full(world: World) -> None:
    live(world)
    # The file is empty to the server, so each row makes it longer.
    with full_disk(world, "ft42_raw.projects_users"):
        assert world.pair.start().wait(60) != 0
    assert "No space left on device" in (world.pair.folder / "target.log").read_text()
    world.assert_whole()
    world.run()
    world.assert_right()


def test_the_server_has_no_connection_left(world: World) -> None:
    live(world)
    world.database.end_session()
    with world.database.connect() as owner:
        owner.execute("ALTER DATABASE ft42 CONNECTION LIMIT 3")
        owner.commit()
        with world.database.connect(), world.database.connect():
            assert world.pair.start().wait(60) != 0
            publish = world.warehouse("publish")
            assert "too many connections" in publish.communicate()[0]
        owner.execute("ALTER DATABASE ft42 CONNECTION LIMIT -1")
    world.run()
    world.assert_right()


@pytest.mark.parametrize("table", ["ft42_raw.users", "ft42.users"])
def test_another_session_holds_a_lock(world: World, table: str) -> None:
    live(world)
    with world.database.connect() as other:
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        load = world.pair.start()
        publish = world.warehouse("publish")
        time.sleep(3)
        assert publish.poll() is None
        other.rollback()
    assert load.wait(60) == 0
    publish.communicate(timeout=60)
    assert publish.returncode == 0
    world.run()
    world.assert_right()


def test_a_lock_is_held_until_the_job_is_killed(world: World) -> None:
    live(world)
    with world.database.connect() as other:
        other.execute("LOCK TABLE ft42_raw.users IN ACCESS EXCLUSIVE MODE")
        assert world.pair.is_killed_after(4)
        other.rollback()
    world.run()
    world.assert_right()


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE ft42_raw.users DROP COLUMN wallet",
        "ALTER TABLE ft42_raw.users DROP COLUMN created_at CASCADE",
        "ALTER TABLE ft42_raw.projects_users DROP COLUMN user_id CASCADE",
        "ALTER TABLE ft42_raw.projects_users DROP COLUMN landed_in CASCADE",
        "ALTER TABLE ft42.users DROP COLUMN wallet",
        "ALTER TABLE ft42.projects_users DROP COLUMN user_id CASCADE",
        "ALTER TABLE ft42.users DROP CONSTRAINT users_pkey CASCADE",
        "DROP TABLE ft42.coalitions CASCADE",
        "DROP TRIGGER ft42_stamp ON ft42_raw.users",
        "DROP SCHEMA ft42 CASCADE",
    ],
)
def test_something_is_dropped_by_hand(world: World, damage: str) -> None:
    world.database.execute(damage)
    live(world)
    world.run()
    world.assert_right()


def test_the_api_dies_and_comes_back(
    server: tuple[EmbeddedPostgres, Database], tmp_path: Path
) -> None:
    # The last test: another world takes the database.
    with loaded_world(server, tmp_path / "pair") as world:
        world.api.sandbox.fault("drip", seconds=20)  # it dies before it has answered
        load = world.pair.start()
        time.sleep(1.5)
        world.api.kill()
        time.sleep(10)
        assert load.poll() is None, "it did not wait"
        world.assert_whole()
        world.api.start()
        assert load.wait(200) == 0
        world.run()
        world.assert_right()
