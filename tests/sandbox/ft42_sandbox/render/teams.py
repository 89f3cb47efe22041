"""Teams of enrolments, derived from the enrolment's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ft42_sandbox.instants import DAY, HOUR, to_text
from ft42_sandbox.render.details import API, Dice, uuid

if TYPE_CHECKING:
    from ft42_sandbox.store import Positions, Store

KEYS = (
    "id",
    "user_id",
    "project_id",
    "occurrence",
    "final_mark",
    "status",
    "validated?",
    "current_team_id",
    "earlier_team_id",
    "marked_at",
    "created_at",
    "updated_at",
)
OPEN = {"in_progress": "in_progress", "waiting_for_correction": "waiting_for_correction"}
CHEATING = -42


class Teams:
    """Who worked together: an enrolment has one team a try, the last one its present team."""

    def __init__(self, store: Store, dice: Dice) -> None:
        """Look up enrolments here, and draw names and repositories from the dice."""
        self._store = store
        self._dice = dice

    def of(self, positions: Positions) -> list[list[dict[str, Any]]]:
        """For each enrolment the list of its teams, oldest first."""
        table, projects = self._store["projects_users"], self._store["projects"]
        sessions = self._store.derived(
            "first sessions",
            ("projects",),
            lambda: dict(
                zip(
                    projects.values(projects.positions, "id"),
                    (
                        1
                        + np.cumsum(projects.array("sessions")[projects.positions])
                        - projects.array("sessions")[projects.positions]
                    ).tolist(),
                    strict=True,
                )
            ),
        )
        slugs = self._store.derived(
            "slugs",
            ("projects",),
            lambda: dict(projects.records(projects.positions, ("id", "slug"))),
        )
        result = []
        for record in table.records(positions, KEYS):
            row = dict(zip(KEYS, record, strict=True))
            row["session"] = sessions.get(row["project_id"], 1)
            row["slug"] = slugs.get(row["project_id"], "")
            result.append(self._teams(row))
        return result

    def _teams(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        current = row["current_team_id"]
        if current is None:
            return []
        retried = self._store.retried_teams.get(row["id"])
        earlier = retried or list(
            range(
                row["earlier_team_id"] or 0, (row["earlier_team_id"] or 0) + row["occurrence"]
            )
        )
        mates = self._members(current, row)
        # Who retries alone led every try; earlier teams are not told by any table.
        solo = [{**m, "leader": True} for m in mates if m["id"] == row["user_id"]]
        step = max(DAY, (row["updated_at"] - row["created_at"]) // (len(earlier) + 1))
        teams = [
            self._team(row, number, n, solo, row["created_at"] + n * step, last=False)
            for n, number in enumerate(earlier)
        ]
        begun = row["created_at"] + len(earlier) * step
        return [*teams, self._team(row, current, len(earlier), mates, begun, last=True)]

    def _team(  # noqa: PLR0913 - what a team is made of
        self,
        row: dict[str, Any],
        number: int,
        nth: int,
        members: list[dict[str, Any]],
        begun: int,
        *,
        last: bool,
    ) -> dict[str, Any]:
        drawn = self._dice.numbers("team", number)
        finished = not last or row["status"] == "finished"
        mark: int | None = None
        if finished:
            mark = row["final_mark"] if last else CHEATING if drawn[0] < 4 else drawn[0] % 80
        leader = next((m["login"] for m in members if m["leader"]), "")
        status = "finished" if finished else OPEN.get(row["status"], "creating_group")
        forming = status == "creating_group"
        begun = min(begun, row["updated_at"])
        closed = min(begun + drawn[1] * HOUR, row["updated_at"])
        repository = f"intra-uuid-{uuid(self._dice, 'repo', number)}-{number}"
        return {
            "id": number,
            "name": f"{leader}'s group" + (f"-{nth}" if nth else ""),
            "url": f"{API}/teams/{number}",
            "final_mark": mark,
            "project_id": row["project_id"],
            "created_at": to_text(begun),
            "updated_at": to_text(closed if finished and not last else row["updated_at"]),
            "status": status,
            "terminating_at": to_text(begun + 60 * DAY) if drawn[2] < 93 else None,
            "users": [
                {
                    **member,
                    "occurrence": nth,
                    "validated": bool(mark is not None and mark >= 80),
                }
                | {"projects_user_id": member["projects_user_id"]}
                for member in members
            ],
            "locked?": not forming,
            "validated?": None if mark is None else mark >= 80,
            "closed?": finished or status == "waiting_for_correction",
            "repo_url": None
            if drawn[3] < 65
            else f"git@vogsphere.sandbox.example:vogsphere/{repository}-{leader}",
            "repo_uuid": f"{repository}-{leader}",
            "locked_at": None if forming else to_text(begun),
            "closed_at": to_text(closed) if finished else None,
            "project_session_id": row["session"],
            "project_gitlab_path": None
            if drawn[4] < 44
            else f"pedago_world/42-cursus/{row['slug']}"[:81],
        }

    def _members(self, team: int, row: dict[str, Any]) -> list[dict[str, Any]]:
        """The members of a present team: whoever's enrolment names it, the first one leads."""
        table, users = self._store["projects_users"], self._store["users"]
        found = [
            p
            for p in self._by_team().get(team, ())
            if table.alive[p] and table.array("current_team_id")[p] == team
        ]
        own = table.find(row["id"])
        if own is not None and own not in found:
            found.append(own)
        members: list[dict[str, Any]] = []
        for position in found:
            user_id = int(table.array("user_id")[position])
            user = users.find(user_id)
            if user is None:
                continue
            login = users.array("login")[user]
            members.append(
                {
                    "id": user_id,
                    "login": login,
                    "url": f"{API}/users/{login}",
                    "leader": not members,
                    "occurrence": 0,
                    "validated": False,
                    "projects_user_id": int(table.array("id")[position]),
                }
            )
        return members

    def _by_team(self) -> dict[int, list[int]]:
        """The enrolments of each team of more than one, as generated."""

        def build() -> dict[int, list[int]]:
            teams = self._store["projects_users"].array("current_team_id")
            order = np.argsort(teams, kind="stable")
            same = teams[order][1:] == teams[order][:-1]
            shared = np.r_[same, False] | np.r_[False, same]
            groups: dict[int, list[int]] = {}
            for position in order[shared].tolist():
                groups.setdefault(int(teams[position]), []).append(position)
            return groups

        return self._store.derived("groups", (), build)
