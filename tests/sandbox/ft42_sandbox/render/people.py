"""Forms of people: users, their campuses and their cursus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ft42_sandbox.instants import local_text, texts
from ft42_sandbox.render.details import API, Dice, image, skills
from ft42_sandbox.render.rows import Json, plain_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ft42_sandbox.store import Positions, Store

USER_KEYS = (
    "id",
    "email",
    "login",
    "first_name",
    "last_name",
    "usual_full_name",
    "usual_first_name",
    "displayname",
    "kind",
    "has_image",
    "staff?",
    "correction_point",
    "pool_month",
    "pool_year",
    "location",
    "wallet",
    "erasure_date",
    "utc_offset",
    "created_at",
    "updated_at",
    "alumnized_at",
    "alumni?",
    "active?",
)


class PeopleForms:
    """What the API shows of people."""

    def __init__(
        self, store: Store, dice: Dice, cursus: Callable[[Positions], list[Json]]
    ) -> None:
        """Render rows of this store.

        Args:
            store: where the rows are.
            dice: where their details come from.
            cursus: renders the cursus that a link embeds.
        """
        self.store = store
        self.dice = dice
        self._cursus = cursus

    def users(self, positions: Positions) -> list[Json]:
        """Users in the short form of 25 keys, as listed and as embedded everywhere."""
        table = self.store["users"]
        missing = [p for p in positions.tolist() if p not in table.rendered]
        if missing:
            rows = np.asarray(missing, dtype=np.int32)
            fresh = {
                p: orjson.Fragment(orjson.dumps(user))
                for p, user in zip(missing, self._users(rows), strict=True)
            }
            for position, fragment in fresh.items():
                table.keep_rendered(position, fragment)
            return [table.rendered.get(p) or fresh[p] for p in positions.tolist()]
        return [table.rendered[p] for p in positions.tolist()]

    def users_by_id(self, user_ids: Any) -> list[Json]:  # noqa: ANN401 - an array
        """The short form of users by id; None for one that does not exist."""
        found = self.store["users"].find_many(user_ids)
        known = self.users(np.unique(found[found >= 0]).astype(np.int32))
        by_position = dict(zip(np.unique(found[found >= 0]).tolist(), known, strict=True))
        return [by_position.get(position) for position in found.tolist()]

    def campus_users(self, positions: Positions) -> list[Json]:
        """Which campus a user belongs to."""
        return plain_rows(
            self.store["campus_users"], positions, ("id", "user_id", "campus_id", "is_primary")
        )

    def cursus_users(self, positions: Positions) -> list[Json]:
        """Who follows which cursus, with the user and the cursus inside.

        A user in the long form holds them in this form too, the user included.
        """
        table, cursus = self.store["cursus_users"], self.store["cursus"]
        users = self.users_by_id(table.array("user_id")[positions])
        instants = [
            texts(table.array(c)[positions])
            for c in ("begin_at", "end_at", "blackholed_at", "created_at", "updated_at")
        ]
        every = self.store.derived(
            "cursus by id",
            ("cursus",),
            lambda: {row["id"]: row for row in self._cursus(cursus.positions)},
        )
        return [
            {
                "id": i,
                "begin_at": begin,
                "end_at": end,
                "grade": grade,
                "level": level,
                "skills": skills(self.dice, i, level),
                "cursus_id": c,
                "has_coalition": has,
                "blackholed_at": hole,
                "created_at": created,
                "updated_at": updated,
                "user": user,
                "cursus": every.get(c),
            }
            for (i, grade, level, c, has), begin, end, hole, created, updated, user in zip(
                table.records(
                    positions, ("id", "grade", "level", "cursus_id", "has_coalition")
                ),
                *instants,
                users,
                strict=True,
            )
        ]

    def _users(self, positions: Positions) -> list[Json]:
        table = self.store["users"]
        instants = {
            c: texts(table.array(c)[positions])
            for c in ("created_at", "updated_at", "alumnized_at")
        }
        rendered = []
        for n, record in enumerate(table.records(positions, USER_KEYS)):
            row = dict(zip(USER_KEYS, record, strict=True))
            erasure = local_text(row["erasure_date"], row["utc_offset"] or 0)
            rendered.append(
                {
                    "id": row["id"],
                    "email": row["email"],
                    "login": row["login"],
                    "first_name": row["first_name"],
                    "last_name": row["last_name"],
                    "usual_full_name": row["usual_full_name"],
                    "usual_first_name": row["usual_first_name"],
                    "url": f"{API}/users/{row['login']}",
                    "phone": "hidden",
                    "displayname": row["displayname"],
                    "kind": row["kind"],
                    "image": image(self.dice, row["id"], row["login"], row["has_image"]),
                    "staff?": row["staff?"],
                    "correction_point": row["correction_point"],
                    "pool_month": row["pool_month"],
                    "pool_year": row["pool_year"],
                    "location": row["location"],
                    "wallet": row["wallet"],
                    "anonymize_date": erasure,
                    "data_erasure_date": erasure,
                    "created_at": instants["created_at"][n],
                    "updated_at": instants["updated_at"][n],
                    "alumnized_at": instants["alumnized_at"][n],
                    "alumni?": row["alumni?"],
                    "active?": row["active?"],
                }
            )
        return rendered
