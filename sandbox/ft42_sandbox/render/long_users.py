"""The long form of a user: everything about one person in one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ft42_sandbox.endpoints import campus_users
from ft42_sandbox.render.reference import ReferenceForms, title_name

if TYPE_CHECKING:
    from ft42_sandbox.render.activity import ActivityForms
    from ft42_sandbox.render.people import PeopleForms
    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.store import Positions, Store


class LongUsers:
    """Users with all their related rows."""

    def __init__(
        self,
        store: Store,
        reference: ReferenceForms,
        people: PeopleForms,
        activity: ActivityForms,
    ) -> None:
        """Take the forms of which a long user consists."""
        self.store = store
        self._reference = reference
        self._people = people
        self._activity = activity

    def long_users(self, positions: Positions) -> list[Json]:
        """Users in the long form of 39 keys, as one user is shown."""
        return [self._long_user(position) for position in positions.tolist()]

    def _long_user(self, position: int) -> Json:
        table = self.store["users"]
        user_id = int(table.array("id")[position])
        short = orjson.loads(
            orjson.dumps(self._people.users(np.asarray([position], dtype=np.int32))[0])
        )
        campuses = self._rows_of("campus_users", user_id)
        campus = self.store["campus"]
        places = campus.find_many(self.store["campus_users"].array("campus_id")[campuses])
        badges = self.store["achievements_users"].array("achievement_id")[
            self._rows_of("achievements_users", user_id)
        ]
        won = self.store["achievements"].find_many(np.unique(badges))
        return short | {
            "groups": [],
            "cursus_users": self._people.cursus_users(self._rows_of("cursus_users", user_id)),
            "projects_users": self._activity.embedded_projects_users(
                self._rows_of("projects_users", user_id)[::-1]
            ),
            **self._belongings(user_id, short["created_at"], won),
            "campus": self._reference.embedded_campus(places[places >= 0].astype(np.int32)),
            "campus_users": campus_users.render(self.store, campuses),
        }

    def _belongings(self, user_id: int, created: str, won: Any) -> dict[str, Json]:  # noqa: ANN401 - an array
        """The parts of a long user that have no table in the sandbox, and the badges."""
        titled = user_id % 5 == 0
        title = 8 + user_id % 300
        return {
            "languages_users": [
                {
                    "id": user_id * 2,
                    "language_id": 1 + user_id % 2,
                    "user_id": user_id,
                    "position": 1,
                    "created_at": created,
                }
            ],
            "achievements": self._reference.embedded_achievements(
                won[won >= 0].astype(np.int32)
            ),
            "titles": [{"id": title, "name": title_name(title)}] if titled else [],
            "titles_users": [
                {
                    "id": user_id * 3,
                    "user_id": user_id,
                    "title_id": title,
                    "selected": True,
                    "created_at": created,
                    "updated_at": created,
                }
            ]
            if titled
            else [],
            "partnerships": [],
            "patroned": [],
            "patroning": [],
            "expertises_users": [
                {
                    "id": user_id * 4,
                    "expertise_id": 3,
                    "interested": False,
                    "value": 2,
                    "contact_me": False,
                    "created_at": created,
                    "user_id": user_id,
                }
            ]
            if user_id % 7 == 0
            else [],
            "roles": [],
        }

    def _rows_of(self, name: str, user_id: int) -> Positions:
        table = self.store[name]
        return np.flatnonzero((table.array("user_id") == user_id) & table.alive).astype(
            np.int32
        )
