"""Forms of what people do and win: enrolments, badges, memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ft42_sandbox.instants import texts
from ft42_sandbox.render.details import API, Dice
from ft42_sandbox.render.rows import Json, plain_rows
from ft42_sandbox.render.teams import Teams

if TYPE_CHECKING:
    from collections.abc import Callable

    from ft42_sandbox.store import Positions, Store


class ActivityForms:
    """What the API shows of enrolments, badges and memberships."""

    def __init__(
        self, store: Store, dice: Dice, users_by_id: Callable[[Any], list[Json]]
    ) -> None:
        """Render rows of this store.

        Args:
            store: where the rows are.
            dice: where their details come from.
            users_by_id: renders the users that an enrolment embeds.
        """
        self.store = store
        self.teams = Teams(store, dice)
        self._users_by_id = users_by_id

    def coalitions_users(self, positions: Positions) -> list[Json]:
        """Memberships: no campus, and dates that do not move with the score."""
        return plain_rows(
            self.store["coalitions_users"],
            positions,
            ("id", "coalition_id", "user_id", "score", "rank"),
        )

    def achievements_users(self, positions: Positions) -> list[Json]:
        """Badges, with the login and the address of their owner."""
        table, users = self.store["achievements_users"], self.store["users"]
        owners = users.find_many(table.array("user_id")[positions]).tolist()
        logins = [None if p < 0 else users.array("login")[p] for p in owners]
        rows = plain_rows(
            table,
            positions,
            ("id", "achievement_id", "user_id", "nbr_of_success"),
        )
        return [
            {
                **{k: row[k] for k in ("id", "achievement_id", "user_id")},
                "login": login,
                "nbr_of_success": row["nbr_of_success"],
                "url": f"{API}/users/{login}",
                "created_at": row["created_at"],
                "updated_at": row["updated_at"],
            }
            for row, login in zip(rows, logins, strict=True)
        ]

    def projects_users(self, positions: Positions) -> list[Json]:
        """Enrolments with the user and all teams inside."""
        users = self._users_by_id(self.store["projects_users"].array("user_id")[positions])
        teams = self.teams.of(positions)
        return [
            {**row, "user": user, "teams": group}
            for row, user, group in zip(
                self.embedded_projects_users(positions), users, teams, strict=True
            )
        ]

    def embedded_projects_users(self, positions: Positions) -> list[Json]:
        """Enrolments inside a user: neither user nor teams."""
        table = self.store["projects_users"]
        projects = self.store.derived("short projects", ("projects",), self._short_projects)
        instants = [
            texts(table.array(c)[positions])
            for c in ("marked_at", "retriable_at", "created_at", "updated_at")
        ]
        keys = (
            "id",
            "occurrence",
            "final_mark",
            "status",
            "validated?",
            "current_team_id",
            "project_id",
            "cursus_id",
            "marked",
        )
        return [
            {
                "id": i,
                "occurrence": occurrence,
                "final_mark": mark,
                "status": status,
                "validated?": validated,
                "current_team_id": team,
                "project": projects.get(project),
                "cursus_ids": [cursus],
                "marked_at": marked_at,
                "marked": marked,
                "retriable_at": retriable,
                "created_at": created,
                "updated_at": updated,
            }
            for (
                i,
                occurrence,
                mark,
                status,
                validated,
                team,
                project,
                cursus,
                marked,
            ), marked_at, retriable, created, updated in zip(
                table.records(positions, keys), *instants, strict=True
            )
        ]

    def _short_projects(self) -> dict[int, dict[str, Json]]:
        table = self.store["projects"]
        keys = ("id", "name", "slug", "parent_id")
        return {
            record[0]: dict(zip(keys, record, strict=True))
            for record in table.records(table.positions, keys)
        }
