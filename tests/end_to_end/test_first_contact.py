"""Against other APIs than the one assumed, all of it comes, or what is missing is told.

Each is an invented report of the doctor, which the sandbox behaves like. The rows are taken
in here as a target would: the last one of a key wins, and the census takes rows away.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.landed import KEYS
from tests.end_to_end.oracle import differences, expected_to_be_sent
from tests.sandboxes import running_sandbox
from tests.tap.proofs import AT_ONCE, a_day_later
from tests.tap.running import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.end_to_end.oracle import Row, Table
    from tests.tap.running import Run

pytestmark = pytest.mark.long

REPORTS = Path(__file__).resolve().parents[1] / "reports"
NAMES = ("broken", "official", "stingy", "strict")
"""Reports of an API that does not do as it says, of an application with a role, of an API that
gives less of everything, and of one that refuses much."""
SIZE: dict[str, Any] = {"users": 60, "enrolments": 450, "achievements_per_user": 4}
READ = (
    "cursus", "campuses", "projects", "achievements", "blocs", "coalitions", "users",
    "projects_users", "achievements_users", "coalitions_users",
)  # fmt: skip
"""What is read unless somebody says otherwise."""
MOST_TIMES = 3
"""How many times the requests of the API as assumed another one may cost."""
APART = {"strict": 54, "stingy": 8}
"""Requests a load needs besides: one a campus, where nothing tells who studies where; one for
each empty answer that does not count, as only a second one proves that there are no rows."""
_UNCOUNTED = re.compile(r"(\w+): the rows cannot be counted, so none is found to be gone")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass
class Landing:
    """What has come in so far."""

    tables: dict[str, Table] = field(default_factory=dict)
    extracted: dict[tuple[str, tuple[Any, ...]], str] = field(default_factory=dict)

    def take(self, run: Run) -> None:
        """Take a run's rows in, and away what its census does not find."""
        for message in run.messages:
            if message["type"] == "RECORD" and message["stream"] in READ:
                stream, row = message["stream"], message["record"]
                key = tuple(row[name] for name in KEYS.get(stream, ("id",)))
                self.tables.setdefault(stream, {})[key] = _typed(row)
                self.extracted[stream, key] = message["time_extracted"]
        for proof in run.records("census"):
            if isinstance(proof["ids"], list):
                self._take_away(proof)

    def _take_away(self, proof: Row) -> None:
        ids, stream = set(proof["ids"]), proof["stream"]
        counted = datetime.fromisoformat(proof["counted_at"])
        for key in list(self.tables.get(stream, ())):
            is_in_range = proof["first_id"] <= key[-1] <= proof["last_id"]
            is_older = datetime.fromisoformat(self.extracted[stream, key]) < counted
            if is_in_range and is_older and key[-1] not in ids:
                del self.tables[stream][key]


def _typed(row: Row) -> Row:
    """A row with instants, as a table has it."""
    return {
        name: datetime.fromisoformat(value)
        if isinstance(value, str) and _INSTANT.fullmatch(value)
        else value
        for name, value in row.items()
    }


def untold(landing: Landing, sandbox: RunningSandbox, run: Run) -> dict[str, list[str]]:
    """What is wrong in the tables, and no run has said so.

    A run names the streams that it has not read completely, and those of which it cannot find
    out what is gone.
    """
    (told,) = run.records("sync_runs")[-1:]
    expected = expected_to_be_sent(sandbox)
    found = {
        stream: differences(expected[stream], landing.tables.get(stream, {}))
        for stream in READ
        if stream not in (told["failed_streams"] or ())
    }
    for stream in _UNCOUNTED.findall(run.log):
        left = found.get(stream, ())
        found[stream] = [line for line in left if not line.endswith("should not be there")]
    return {stream: wrong[:5] for stream, wrong in found.items() if wrong}


@dataclass
class Life:
    """A load, a quarter-hour and a night of one API, and what they left behind."""

    loaded: dict[str, list[str]]
    changed: dict[str, list[str]]
    gone: dict[str, list[str]]
    requests: list[int]
    runs: list[Run]


@pytest.fixture(scope="module")
def tap(tmp_path_factory: pytest.TempPathFactory) -> Tap:
    return Tap(tmp_path_factory.mktemp("runs"))


def lived(tap: Tap, sandbox: RunningSandbox) -> Life:
    """Load, change some rows, delete some, and look at the tables after each run."""
    here, landing = tap.pointed_at(sandbox, **AT_ONCE), Landing()
    life = Life({}, {}, {}, [], [])

    def run(state: dict[str, Any] | None) -> Run:
        sandbox.reset_requests()
        done = here.start(*READ, "census", "sync_runs", state=state).finish()
        assert "Traceback" not in done.log, done.log[-3000:]
        landing.take(done)
        life.requests.append(sandbox.requests()["total"])
        life.runs.append(done)
        return done

    first = run(None)
    life.loaded = untold(landing, sandbox, first)
    people = sorted(key for (key,) in landing.tables["users"])
    enrolments = sorted(key for (key,) in landing.tables["projects_users"])
    for person in people[:3]:
        sandbox.update("users", person, wallet=1_000_001)
    for enrolment in enrolments[:4]:
        sandbox.update("projects_users", enrolment, final_mark=42)
    # What the tap knows of the API's clock is a whole second.
    sandbox.control("POST", "clock", {"move": 2})
    second = run(first.state)
    life.changed = untold(landing, sandbox, second)
    badges = sorted(key for (key,) in landing.tables["achievements_users"])
    for table, row in (("projects_users", enrolments[9]), ("achievements_users", badges[5])):
        sandbox.delete(table, row)
    night = run(a_day_later(second.state))
    life.gone = untold(landing, sandbox, night)
    return life


@pytest.fixture(scope="module")
def as_assumed(tap: Tap) -> Life:
    with running_sandbox(**SIZE) as sandbox:
        return lived(tap, sandbox)


@pytest.fixture(scope="module", params=NAMES)
def otherwise(tap: Tap, request: pytest.FixtureRequest) -> Iterator[tuple[str, Life]]:
    file = REPORTS / f"{request.param}.json"
    with running_sandbox(**SIZE, **{"as": str(file)}) as sandbox:
        yield request.param, lived(tap, sandbox)


def test_the_api_as_assumed_is_read_completely(as_assumed: Life) -> None:
    assert (as_assumed.loaded, as_assumed.changed, as_assumed.gone) == ({}, {}, {})


def test_another_api_is_read_completely_or_what_is_missing_is_told(
    otherwise: tuple[str, Life],
) -> None:
    _, life = otherwise
    assert life.loaded == {}
    assert life.changed == {}
    assert life.gone == {}


def test_another_api_costs_no_more_than_it_makes_necessary(
    otherwise: tuple[str, Life], as_assumed: Life
) -> None:
    name, life = otherwise
    load, *later = life.requests
    for requests, usual in zip(
        [load - APART.get(name, 0), *later], as_assumed.requests, strict=True
    ):
        assert requests <= MOST_TIMES * usual, (life.requests, as_assumed.requests)


def test_meltano_asks_the_doctor_as_the_job_would_ask(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    done = pipeline.attempt("invoke", "tap-ft42:doctor", "--report", str(file))
    assert done.returncode == 0, done.stdout
    assert "All can be read." in done.stdout
    assert json.loads(file.read_text())["routes"]["/v2/projects_users"]["status"] == 200
