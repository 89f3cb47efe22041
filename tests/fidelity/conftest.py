"""A small sandbox that the fidelity tests share, left as it was after each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

SIZE: dict[str, Any] = {"users": 400, "enrolments": 6_000, "seed": 7}


@pytest.fixture(scope="session")
def _shared() -> Iterator[RunningSandbox]:
    with running_sandbox(**SIZE) as running:
        yield running


@pytest.fixture
def sandbox(_shared: RunningSandbox) -> Iterator[RunningSandbox]:
    """A sandbox whose data no test may change; settings and faults are reset afterwards."""
    settings = _shared.control("GET", "settings")
    yield _shared
    _shared.clear_faults()
    _shared.control("POST", "settings", settings)
    _shared.control("POST", "quota", {"reset": True})
    _shared._token.clear()  # noqa: SLF001 - a test may have let it expire


@pytest.fixture(scope="module")
def mutable() -> Iterator[RunningSandbox]:
    """A sandbox of a test module's own, whose data may be changed."""
    with running_sandbox(users=200, enrolments=2_000, seed=8) as running:
        yield running
