"""JSON forms of enrolments, badges and memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ft42_sandbox.render.details import API, Dice
from ft42_sandbox.render.rows import plain_rows
from ft42_sandbox.render.teams import Teams
from ft42_sandbox.render.tokens import column_tokens, tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.store import Positions, Store

ENROLMENT_COLUMNS = (
    "id",
    "occurrence",
    "final_mark",
    "status",
    "validated?",
    "current_team_id",
    "cursus_id",
    "marked_at",
    "marked",
    "retriable_at",
    "created_at",
    "updated_at",
)
# Without its last brace, as a list adds the user and the teams.
ENROLMENT = (
    '{"id":%s,"occurrence":%s,"final_mark":%s,"status":%s,"validated?":%s,'
    '"current_team_id":%s,"project":%s,"cursus_ids":[%s],"marked_at":%s,"marked":%s,'
    '"retriable_at":%s,"created_at":%s,"updated_at":%s'
)
PROJECT = '{"id":%s,"name":%s,"slug":%s,"parent_id":%s}'
BADGE = (
    '{"id":%s,"achievement_id":%s,"user_id":%s,"login":%s,"nbr_of_success":%s,'
    f'"url":"{API}/users/%s","created_at":%s,"updated_at":%s}}'
)
MEMBERSHIP = (
    '{"id":%s,"coalition_id":%s,"user_id":%s,"score":%s,"rank":%s,'
    '"created_at":%s,"updated_at":%s}'
)


class ActivityForms:
    """Renders enrolments, badges and memberships."""

    def __init__(
        self, store: Store, dice: Dice, users_by_id: Callable[[NDArray[Any]], list[str]]
    ) -> None:
        """Render rows of this store.

        Args:
            store: where the rows are.
            dice: where their details come from.
            users_by_id: the JSON of the users that an enrolment embeds.
        """
        self.store = store
        self.teams = Teams(store, dice)
        self._users_by_id = users_by_id

    def coalitions_users(self, positions: Positions) -> list[Json]:
        """Memberships: no campus, and dates that do not move with the score."""
        return plain_rows(
            self.store["coalitions_users"],
            positions,
            MEMBERSHIP,
            ("id", "coalition_id", "user_id", "score", "rank", "created_at", "updated_at"),
        )

    def achievements_users(self, positions: Positions) -> list[Json]:
        """Badges, with the login and the address of their owner."""
        table, users = self.store["achievements_users"], self.store["users"]
        owners = users.find_many(table.array("user_id")[positions])
        held = users.array("login")[owners]
        held[owners < 0] = None
        logins = column_tokens(users.columns["login"], held)
        names = (
            "id",
            "achievement_id",
            "user_id",
            "nbr_of_success",
            "created_at",
            "updated_at",
        )
        ids, badges, user_ids, counts, created, updated = tokens(table, positions, names)
        ends = ["" if login == "null" else login[1:-1] for login in logins]
        return [
            orjson.Fragment(BADGE % row)
            for row in zip(
                ids, badges, user_ids, logins, counts, ends, created, updated, strict=True
            )
        ]

    def projects_users(self, positions: Positions) -> list[Json]:
        """Enrolments with the user and all teams inside."""
        users = self._users_by_id(self.store["projects_users"].array("user_id")[positions])
        return [
            orjson.Fragment(f'{start},"user":{user},"teams":{teams}}}')
            for start, user, teams in zip(
                self._enrolments(positions), users, self.teams.of(positions), strict=True
            )
        ]

    def embedded_projects_users(self, positions: Positions) -> list[Json]:
        """Enrolments inside a user: neither user nor teams."""
        return [orjson.Fragment(start + "}") for start in self._enrolments(positions)]

    def _enrolments(self, positions: Positions) -> list[str]:
        table = self.store["projects_users"]
        columns = tokens(table, positions, ENROLMENT_COLUMNS)
        known = self.store.derived("short projects", ("projects",), self._short_projects)
        projects = [
            known.get(project, "null")
            for project in table.array("project_id")[positions].tolist()
        ]
        parts = [*columns[:6], projects, *columns[6:]]
        return [ENROLMENT % row for row in zip(*parts, strict=True)]

    def _short_projects(self) -> dict[int, str]:
        table = self.store["projects"]
        columns = tokens(table, table.positions, ("id", "name", "slug", "parent_id"))
        return {row[0]: PROJECT % row for row in zip(*columns, strict=True)}
