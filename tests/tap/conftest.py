"""A small sandbox and a scripted server, and the tap to point at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.campuses import four_campuses
from tests.tap.running import Tap
from tests.tap.scripted import Reply, always, scripted_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.pretended import Pretended
    from tests.tap.running import Started
    from tests.tap.scripted import ScriptedApi

SIZE: dict[str, Any] = {"users": 100, "enrolments": 600, "achievements_per_user": 5}


@pytest.fixture(scope="session")
def tap(memory: Path) -> Tap:
    """The tap without settings."""
    (memory / "runs").mkdir()
    return Tap(memory / "runs")


@pytest.fixture(scope="session")
def quiet_sandbox() -> Iterator[RunningSandbox]:
    """A sandbox that nobody may change in any way."""
    with running_sandbox(**SIZE) as running:
        yield running


@pytest.fixture
def sandbox(quiet_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    """A sandbox whose data nobody may change; settings and faults go back afterwards."""
    settings = quiet_sandbox.control("GET", "settings")
    quiet_sandbox.reset_requests()
    yield quiet_sandbox
    quiet_sandbox.clear_faults()
    quiet_sandbox.control("POST", "settings", settings)
    quiet_sandbox.control("POST", "quota", {"reset": True})


@pytest.fixture(scope="module")
def mutable() -> Iterator[RunningSandbox]:
    """A sandbox of a test module's own, whose data may be changed."""
    with running_sandbox(**SIZE) as running:
        yield running


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    """A server that says what the test tells it."""
    with scripted_api() as running:
        yield running


@pytest.fixture
def there(api: ScriptedApi) -> Pretended:
    """Enrolments at four campuses, of which 42 lists two."""
    return four_campuses(api)


@pytest.fixture(scope="session", autouse=True)
def hopeless_first(request: pytest.FixtureRequest) -> None:
    """Start the hopeless runs before all tests, if one asks for them: they take a while."""
    if any("hopeless" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("hopeless")


@pytest.fixture(scope="session")
def hopeless(tap: Tap) -> Iterator[dict[str, Started]]:
    """Runs against servers that never recover: the tap gives up after half a minute."""
    answers = {
        f"{status}": Reply(b"<html></html>", status) for status in (403, 404, 500, 502, 503)
    }
    answers["object"] = Reply({"error": "Some Error"})
    answers["html"] = Reply(b"<html>We will be back soon</html>")
    with scripted_api() as api:
        for name, answer in answers.items():
            api.script[f"/{name}/oauth/token"] = api.script["/oauth/token"]
            api.script[f"/{name}/v2/cursus"] = always(answer)
        api.script["/token/oauth/token"] = always(Reply(b"<html></html>", 403))
        urls = {name: f"{api.url}/{name}" for name in (*answers, "token")}
        urls["missing"] = "http://127.0.0.1:9"
        started = {
            name: tap.pointed_at(api, api_url=url).start("cursus") for name, url in urls.items()
        }
        yield started
        for run in started.values():
            run.stop()
