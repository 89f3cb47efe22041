"""What tests of several folders share."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import NAME
from hypothesis import settings
from typing_extensions import override
from xdist.scheduler import LoadFileScheduling

# What tests share compares too, and its failures are shown as those of tests are.
pytest.register_assert_rewrite("tests.end_to_end", "tests.tap", "tests.warehouse")

from tests.ports import free_port  # noqa: E402 - what is registered comes first
from tests.postgres import TIME_ZONE, AdministeredPostgres, Database  # noqa: E402

# An example that takes long on a busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

MEMORY, ROOM = Path("/dev/shm"), 3 * 2**30  # noqa: S108 - not for temporary files, but fast
"""A file system in memory, and how much of it has to be free for the tests' servers."""

LONG = (
    "tests/airflow/test_dags.py",
    "tests/end_to_end/test_crashes.py",
    "tests/end_to_end/test_kills.py",
    "tests/end_to_end/test_places.py",
    "tests/end_to_end/test_erasure.py",
    "tests/end_to_end/test_applications.py",
    "tests/end_to_end/test_other_targets.py",
    "tests/end_to_end/test_dbt.py",
    "tests/end_to_end/test_jobs.py",
    "tests/docs/test_following.py",
    "tests/tap/test_settled.py",
    "tests/tap/test_first_contact.py",
    "tests/end_to_end/test_published.py",
    "tests/tap/test_partial_success.py",
    "tests/warehouse/test_shards.py",
    "tests/tap/test_windows.py",
    "tests/tap/test_first_loads.py",
    "tests/warehouse/test_connecting.py",
    "tests/warehouse/erasure/test_who_is_erased.py",
    "tests/warehouse/erasure/test_names.py",
    "tests/warehouse/test_shared_servers.py",
    "tests/warehouse/test_publish.py",
    "tests/warehouse/test_health.py",
    "tests/warehouse/test_alerts.py",
)
"""Files that take longest, longest first: no process is left with one at the end."""

APART = ("tests/docs/test_following.py", "tests/tap/test_living.py")
"""Files of long tests that need nothing of each other: any process takes any of them."""


class Shares(LoadFileScheduling):  # type: ignore[misc]  # a library without types
    """Gives each process whole files, and tests one by one where these are apart."""

    @override
    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(APART):
            return nodeid
        scope: str = super()._split_scope(nodeid)
        return scope


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Share the tests out by files, as `--dist loadfile` does."""
    return Shares(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Let two processes share a processor, as they mostly wait; long tests need it whole."""
    processors = os.cpu_count() or 1
    return processors if config.option.markexpr == "slow" else 2 * processors


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONG)))


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """A folder for a server's data that another run of the tests leaves alone.

    In memory, where there is room: on a disk it takes ten times the CPU to bring a database
    back, which most tests begin with. For root the server runs as a user of its own, and every
    pytest that starts shuts other users out of the folders that ``tmp_path`` hands out, of
    earlier runs too.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    place = MEMORY if has_room else None
    with tempfile.TemporaryDirectory(prefix="ft42-postgres-", dir=place) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def database(postgres_folder: Path) -> Iterator[Database]:
    postgres = AdministeredPostgres(
        postgres_folder / "tests",
        f"ALTER ROLE {NAME} CREATEDB",
        # DROP DATABASE ... WITH (FORCE) also meets other accounts' sessions, and autovacuum.
        f"GRANT pg_signal_backend TO {NAME}",
    )
    port = free_port()
    postgres.start(port)
    database = Database(port)
    with database.connect() as connection:
        connection.execute(f"ALTER DATABASE ft42 SET timezone = '{TIME_ZONE}'")
    yield database
    postgres.stop()
