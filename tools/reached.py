"""Notes what tests reach, in a copy of the project in which each statement says that it runs.

`tools/mutants.py` makes the copy. As a plugin of pytest this also takes tests in the order in
which they are named.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where Git does not see it: some tests ask which files there are.
_LOG = Path(__file__).resolve().parents[1] / ".git/reached"
_seen = set[str]()


def at(place: str, log: str) -> None:
    """Note in a file that a process has come to a place."""
    if place not in _seen:
        _seen.add(place)
        _note("at", place, Path(log))


def _note(kind: str, what: str, log: Path = _LOG) -> None:
    # At once: a test may kill the process.
    with log.open("a", encoding="utf-8") as notes:
        notes.write(f"{time.monotonic()} {kind} {what}\n")


def _name_of(nodeid: str) -> str:
    return nodeid.partition("[")[0]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take tests in the order in which they, or their files, were named."""
    places = {name: place for place, name in enumerate(config.args)}
    items.sort(
        key=lambda item: (
            places.get(_name_of(item.nodeid)) or places.get(item.nodeid.partition("::")[0], 0)
        )
    )


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
    """Note when something begins and ends that is done for several tests."""
    if fixturedef.scope == "function":
        return (yield)
    _seen.clear()
    _note("shares", str(fixturedef.argname))
    try:
        return (yield)
    finally:
        _seen.clear()
        _note("shared", str(fixturedef.argname))


def pytest_runtest_logstart(nodeid: str) -> None:
    """Note when a test begins."""
    _seen.clear()
    _note("begins", _name_of(nodeid))


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Note when it ends."""
    _note("ends", _name_of(nodeid))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what fails."""
    if report.failed:
        _note("fails", _name_of(report.nodeid))
