"""What ``meltano.yml`` wants run, and when: its schedules, each a graph of tasks.

The jobs and schedules stay where they are; nothing of them is written down a second
time. What they cannot say stands beside them as annotations of the tool ``airflow``,
which Meltano keeps and ignores, so that ``meltano run`` goes on to work without Airflow:

- of the project, ``max_minutes``: the budget of each load. A load that spends it ends
  well, and the next turn of the schedule goes on there.
- of an extractor, ``split_into``: extractors that load its streams in its stead, side by
  side.
- of an extractor, ``groups``: its loads fan out over so many groups of campuses.

Nothing here needs Airflow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_TOOL = "airflow"
_NEVER = {"@manual", "@none", "@once"}
"""Intervals at which Meltano's own schedulers never run a job."""


@dataclass(frozen=True)
class Task:
    """A ``meltano run`` of its own, with a state of its own if it loads something.

    Attributes:
        blocks: what is run: an extractor and a loader, or a command of a plugin.
        groups: number of groups of campuses over which it fans out; 0 if it does not.
    """

    blocks: tuple[str, ...]
    groups: int = 0

    @property
    def name(self) -> str:
        """What it is called: ``tap-ft42-live-to-target-postgres``, ``warehouse-check``."""
        return re.sub(r"[^\w.-]+", "-", "-to-".join(self.blocks))

    @property
    def is_load(self) -> bool:
        """Whether it asks the API, rather than the database."""
        return ":" not in self.blocks[0]

    @property
    def is_outcome(self) -> bool:
        """Whether it tells what loads missed, which the next turn tries again."""
        return re.match(r"warehouse:.*\boutcome\b", self.blocks[0]) is not None


@dataclass(frozen=True)
class Schedule:
    """A job and its times.

    Attributes:
        name: of the schedule.
        job: whose tasks are run.
        interval: cron expression or an alias of one, in UTC; None if only by hand.
        steps: the tasks: a step begins when the one before it is over, and those of one
            step run side by side.
        environment: variables that the schedule sets.
        max_minutes: budget of each load; None for none.
    """

    name: str
    job: str
    interval: str | None
    steps: tuple[tuple[Task, ...], ...]
    environment: dict[str, str] = field(default_factory=dict)
    max_minutes: int | None = None


@dataclass(frozen=True)
class Group:
    """Campuses whose data one task loads."""

    number: int
    campus_ids: tuple[int, ...]


def group_name(number: int) -> str:
    """Return what a group is called: its shard, and the end of its state's id."""
    return f"group{number}"


def groups(campus_ids: list[int], count: int) -> list[Group]:
    """Deal campuses to groups.

    A campus is in the same group every time, whichever others there are: its bookmark
    lies in the state of its group.

    Args:
        campus_ids: Ids of the campuses.
        count: Number of groups.

    Returns:
        The groups that have a campus.
    """
    dealt = [
        Group(number, tuple(sorted(i for i in campus_ids if i % count == number)))
        for number in range(count)
    ]
    return [group for group in dealt if group.campus_ids]


def schedules(project: Path) -> list[Schedule]:
    """Read the schedules of a Meltano project.

    Args:
        project: Folder with ``meltano.yml``.

    Raises:
        OSError: A file cannot be read.
        KeyError: A schedule names a job that does not exist, or none.
        yaml.YAMLError: A file is no YAML.
    """
    files = _files(project)
    jobs = {job["name"]: job["tasks"] for file in files for job in file.get("jobs") or ()}
    extractors = {
        plugin["name"]: _annotation(plugin)
        for file in files
        for plugin in (file.get("plugins") or {}).get("extractors") or ()
    }
    max_minutes = _annotation(files[0]).get("max_minutes")
    return [
        Schedule(
            name=schedule["name"],
            job=schedule["job"],
            interval=None if schedule["interval"] in _NEVER else schedule["interval"],
            steps=tuple(_step(task, extractors) for task in jobs[schedule["job"]]),
            environment={k: str(v) for k, v in (schedule.get("env") or {}).items()},
            max_minutes=max_minutes,
        )
        for file in files
        for schedule in file.get("schedules") or ()
    ]


def _files(project: Path) -> list[dict[str, Any]]:
    first = project / "meltano.yml"
    main: dict[str, Any] = yaml.safe_load(first.read_text(encoding="utf-8"))
    included = {
        file
        for pattern in main.get("include_paths") or ()
        for file in project.glob(pattern)
        if file != first
    }
    return [main, *(yaml.safe_load(f.read_text(encoding="utf-8")) for f in sorted(included))]


def _annotation(entry: dict[str, Any]) -> dict[str, Any]:
    noted: dict[str, Any] = (entry.get("annotations") or {}).get(_TOOL) or {}
    return noted


def _step(task: str | list[str], extractors: dict[str, dict[str, Any]]) -> tuple[Task, ...]:
    """Return what a task of a job becomes: itself, or those that it is split into."""
    first, *rest = (task if isinstance(task, str) else " ".join(task)).split()
    parts = extractors.get(first, {}).get("split_into") or [first]
    return tuple(
        Task((part, *rest), groups=int(extractors.get(part, {}).get("groups") or 0))
        for part in parts
    )
