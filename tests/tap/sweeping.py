"""Requests that many parents share: what they named, and what landed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run

Row = dict[str, Any]

AT_ONCE: Row = {"settle_seconds": 0, "overlap_seconds": 0, "census_hour": -1}
CAMPUSES = "filter[campus]"


def queries(sandbox: RunningSandbox, path: str) -> list[dict[str, str]]:
    """The parameters of the requests for a list since the last reset."""
    split = [urlsplit(entry["target"]) for entry in sandbox.log()]
    return [
        {name: values[0] for name, values in parse_qs(target.query).items()}
        for target in split
        if target.path == path
    ]


def parents(sandbox: RunningSandbox, path: str, name: str) -> list[set[int]]:
    """The ids that each request for a list named in a filter."""
    named = [query[name].split(",") for query in queries(sandbox, path) if name in query]
    return [{int(number) for number in ids} for ids in named]


class Table:
    """What a target that upserts has of the enrolments."""

    def __init__(self, *runs: Run) -> None:
        self.rows: dict[int, Row] = {}
        for run in runs:
            self.load(run)

    def load(self, run: Run) -> None:
        self.state = run.state
        self.rows |= {row["id"]: row for row in run.records("projects_users")}

    @property
    def campuses(self) -> dict[int, int]:
        return {row: columns["campus_id"] for row, columns in self.rows.items()}


def asked_one_by_one(
    sandbox: RunningSandbox, campuses: set[int] | None = None
) -> dict[int, int]:
    """The campus of each enrolment when every campus is asked, in the order of ids.

    Those that the API does not list come first, as they keep only what no other one has.
    """
    listed = {campus["id"] for campus in sandbox.truth("campus")}
    hidden = {tie["campus_id"] for tie in sandbox.truth("campus_users")} - listed
    return {
        row["id"]: campus
        for campus in (*sorted(hidden), *sorted(listed))
        if campuses is None or campus in campuses
        for row in sandbox.truth_of(
            f"/v2/projects_users?filter[campus]={campus}&filter[cursus]=21", columns="id"
        )
    }


def several(sandbox: RunningSandbox) -> set[int]:
    """People who belong to several campuses."""
    users = [row["user_id"] for row in sandbox.truth("campus_users")]
    return {user for user in users if users.count(user) > 1}


def happen(sandbox: RunningSandbox, **events: int) -> None:
    """Let some of each happen, after all that has been read."""
    named = {name.replace("_", " "): count for name, count in events.items()}
    sandbox.live(events=named, within=0.2)
