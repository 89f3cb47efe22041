"""What tests of several folders share."""

from __future__ import annotations

import gc
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import NAME
from hypothesis import settings
from typing_extensions import override
from xdist.scheduler import LoadFileScheduling

# What is imported and collected stays. To search it for cycles again and again would take a
# sixth of the CPU of the tests that start no process.
gc.disable()

# What tests share compares too, and its failures are shown as those of tests are.
pytest.register_assert_rewrite("tests.end_to_end", "tests.tap", "tests.warehouse")

from tests.ports import free_port  # noqa: E402 - what is registered comes first
from tests.postgres import (  # noqa: E402
    TIME_ZONE,
    AdministeredPostgres,
    Database,
    folder_in_memory,
)

# An example that takes long on a busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

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
    "tests/tap/test_outages.py",
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
    """Take a process more than processors, as some tests wait; long ones need theirs whole."""
    processors = os.cpu_count() or 1
    return processors if config.option.markexpr in {"slow", "long"} else processors + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the cases that are too many to `make test-slow`, and begin with the long files."""
    seen = Counter[str]()
    for item in items:
        if few := item.get_closest_marker("few"):
            test = item.nodeid.partition("[")[0]
            seen[test] += 1
            if seen[test] > few.args[0]:
                item.add_marker("slow")
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONG)))


def pytest_collection_finish() -> None:
    """Look for cycles from now on, and only in what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    with folder_in_memory() as folder:
        yield folder


@pytest.fixture(scope="session")
def database(memory: Path) -> Iterator[Database]:
    postgres = AdministeredPostgres(
        memory / "tests",
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
