"""A world that lives by a clock of its own, and the jobs that follow it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ft42_sandbox.testing import running_sandbox

from tests.tap.running import Tap
from tools.benchmarks.replica import OF_PEOPLE, Drift, Replica, Rows, stamps_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ft42_sandbox.testing import RunningSandbox

    from tools.benchmarks.replica import Said

LIVE = ("users", "projects_users", "achievements_users", "cursus_users")
REFERENCE = (
    "cursus", "projects", "achievements", "campuses", "blocs", "coalitions", "coalitions_users",
)  # fmt: skip
OWN = ("rejected_records", "census", "sync_runs", "sync_requests")
PER_HOUR = 1200
SETTLE_SECONDS = 30
LONGEST_LOAD = 3600

_STUDENTS = "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false"
_STEP = timedelta(minutes=15)


@dataclass(frozen=True)
class Scale:
    """How large the world is, and how much of it is read.

    Attributes:
        name: what it is called.
        world: the sandbox's sizes.
        campus_ids: the campuses that are read; all if empty.
    """

    name: str
    world: dict[str, Any]
    campus_ids: tuple[int, ...] = ()


@dataclass
class Simulation:
    """Two schedules over one world.

    Attributes:
        sandbox: the world; its clock stands still but for `wait`.
        scale: what is read of it.
        replica: what the runs have brought.
    """

    sandbox: RunningSandbox
    scale: Scale
    tap: Tap
    replica: Replica = field(default_factory=Replica)
    _states: dict[Sequence[str], dict[str, Any] | None] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """What time it is in the world."""
        return datetime.fromisoformat(self.sandbox.control("GET", "clock")["now"])

    def wait(self, span: timedelta) -> None:
        """Let the world live for some time, as busily as the hours are."""
        while span > timedelta():
            step = min(span, _STEP)
            self.sandbox.control("POST", "clock", {"move": step.total_seconds()})
            span -= step

    def incremental(self) -> Said:
        """Run what reads the API in the job `incremental`."""
        return self._run(LIVE)

    def nightly(self) -> Said:
        """Run what reads the API in the job `nightly`."""
        return self._run(REFERENCE) + self._run(LIVE)

    def drift(self) -> dict[str, Drift]:
        """Compare every table with the world."""
        truth = self.truth()
        return {stream: self.replica.drift(stream, rows) for stream, rows in truth.items()}

    def truth(self) -> dict[str, Rows]:
        """Return what the tables should hold now."""
        sandbox, campuses = self.sandbox, self.scale.campus_ids
        people = self._list(_STUDENTS + _listed("primary_campus_id", campuses), "id,updated_at")
        students = {row["id"] for row in people}
        blocs = [
            row
            for row in sandbox.truth("blocs", columns="id,campus_id")
            if not campuses or row["campus_id"] in campuses
        ]
        squad = {row["id"] for row in blocs}
        coalitions = [
            row
            for row in sandbox.truth("coalitions", columns="id,bloc_id")
            if not campuses or row["bloc_id"] in squad
        ]
        sides = {row["id"] for row in coalitions}
        listed = [row["id"] for row in self._list("/v2/campus", "id")]
        found = {
            "cursus": self._list("/v2/cursus", "id"),
            "projects": self._list("/v2/cursus/21/projects", "id,updated_at"),
            "achievements": self._list("/v2/achievements", "id"),
            "campuses": [{"id": number} for number in listed],
            "blocs": blocs,
            "coalitions": coalitions,
            "users": people,
            "projects_users": self._list(
                "/v2/projects_users?filter[cursus]=21" + _listed("campus", campuses),
                "id,user_id,updated_at",
            ),
            "cursus_users": self._list(
                "/v2/cursus_users?filter[cursus_id]=21",
                "id,user_id,updated_at,level,grade,blackholed_at",
            ),
            "achievements_users": sandbox.truth(
                "achievements_users", columns="id,user_id,updated_at"
            ),
            "coalitions_users": [
                row
                for row in sandbox.truth(
                    "coalitions_users", columns="id,coalition_id,user_id,updated_at,score"
                )
                if row["coalition_id"] in sides
            ],
        }
        return {
            stream: {
                row["id"]: stamps_of(stream, row)
                for row in rows
                if stream not in OF_PEOPLE or row["user_id"] in students
            }
            for stream, rows in found.items()
        }

    def requests_by_parent(self) -> tuple[int, int]:
        """Requests of a quarter-hour and a night that ask each parent by itself.

        Returns:
            At least so many, if nothing changed: one a list for each parent and each
            stream without one, and what the night reads in full.
        """
        campuses = len(self.scale.campus_ids) or len(self.replica.published("campuses"))
        coalitions = len(self.replica.published("coalitions"))
        quarter = 2 + campuses
        return quarter, quarter + coalitions + sum(map(self._pages, REFERENCE[:-1]))

    def requests_in_full(self) -> int:
        """Requests of a scan of every list."""
        return sum(map(self._pages, (*REFERENCE, *LIVE)))

    def _pages(self, stream: str) -> int:
        return ceil(len(self.replica.published(stream)) / 100)

    def _list(self, path: str, columns: str) -> list[dict[str, Any]]:
        return self.sandbox.truth_of(path, columns=columns)

    def _run(self, streams: Sequence[str]) -> Said:
        state = self._states.get(streams)
        # Nothing changes any more in what the run is to settle.
        now = self.now.timestamp() + SETTLE_SECONDS + 1
        started = replace(self.tap, now=now).start(
            *streams,
            *OWN,
            state=state,
            # Later, counts are held to a part of it. A first load would wait for hours.
            requests_per_hour=PER_HOUR if state else 0,
        )
        exit_code = started.wait(LONGEST_LOAD)
        said = self.replica.take(started.folder / "output")
        if exit_code:
            message = (started.folder / "log").read_text(encoding="utf-8")[-2000:]
            raise RuntimeError(message)
        self._states[streams] = said.state
        return said


@contextmanager
def simulation(
    scale: Scale, *, begins: datetime, seed: int, **settings: object
) -> Iterator[Simulation]:
    """Make a world of which nothing has been read yet.

    Args:
        scale: how large it is.
        begins: when.
        seed: what it is drawn from.
        **settings: of the tap.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ft42-cost-") as folder,
        running_sandbox(
            **scale.world, seed=seed, epoch=_written(begins - timedelta(minutes=1))
        ) as sandbox,
    ):
        sandbox.control("POST", "clock", {"freeze": True})
        sandbox.control("POST", "clock", {"set": _written(begins)})
        sandbox.configure(life="clock")
        tap = Tap(Path(folder)).pointed_at(
            sandbox,
            quota_store=f"{folder}/quota.sqlite",
            spool=f"{folder}/spool",
            campus_ids=list(scale.campus_ids) or None,
            **settings,
        )
        yield Simulation(sandbox, scale, tap)


def _listed(name: str, ids: Sequence[int]) -> str:
    return f"&filter[{name}]={','.join(map(str, ids))}" if ids else ""


def _written(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
