"""JSON forms of people: users, their campuses and their cursus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ft42_sandbox.columns import NULL_INT
from ft42_sandbox.instants import local_json_texts
from ft42_sandbox.render.details import API, NO_IMAGE, Dice, image, skills
from ft42_sandbox.render.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.store import Positions, Store

# Columns that stand unchanged in a user's JSON, and their places.
USER_COLUMNS = (
    "id",
    "email",
    "login",
    "first_name",
    "last_name",
    "usual_full_name",
    "usual_first_name",
    "displayname",
    "kind",
    "staff?",
    "correction_point",
    "pool_month",
    "pool_year",
    "location",
    "wallet",
    "created_at",
    "updated_at",
    "alumnized_at",
    "alumni?",
    "active?",
)
USER = (
    '{"id":%s,"email":%s,"login":%s,"first_name":%s,"last_name":%s,"usual_full_name":%s,'
    f'"usual_first_name":%s,"url":"{API}/users/%s","phone":"hidden","displayname":%s,'
    '"kind":%s,"image":%s,"staff?":%s,"correction_point":%s,"pool_month":%s,"pool_year":%s,'
    '"location":%s,"wallet":%s,"anonymize_date":%s,"data_erasure_date":%s,"created_at":%s,'
    '"updated_at":%s,"alumnized_at":%s,"alumni?":%s,"active?":%s}'
)


CURSUS_COLUMNS = (
    "id",
    "begin_at",
    "end_at",
    "grade",
    "level",
    "cursus_id",
    "has_coalition",
    "blackholed_at",
    "created_at",
    "updated_at",
)
CURSUS_USER = (
    '{"id":%s,"begin_at":%s,"end_at":%s,"grade":%s,"level":%s,"skills":%s,"cursus_id":%s,'
    '"has_coalition":%s,"blackholed_at":%s,"created_at":%s,"updated_at":%s,"user":%s,'
    '"cursus":%s}'
)


class PeopleForms:
    """Renders people."""

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
        return [orjson.Fragment(user) for user in self.users_json(positions)]

    def users_json(self, positions: Positions) -> list[str]:
        """The short form of users as JSON, kept until the user changes."""
        table = self.store["users"]
        wanted = positions.tolist()
        users = {p: table.rendered[p] for p in wanted if p in table.rendered}
        missing = [position for position in wanted if position not in users]
        if missing:
            fresh = self._users(np.asarray(missing, dtype=np.int32))
            for position, user in zip(missing, fresh, strict=True):
                table.keep_rendered(position, user)
                users[position] = user
        return [users[position] for position in wanted]

    def users_by_id(self, user_ids: NDArray[Any]) -> list[str]:
        """The short form of users by id as JSON; null for one that does not exist."""
        found = self.store["users"].find_many(user_ids)
        exists = found >= 0
        users = iter(self.users_json(found[exists].astype(np.int32)))
        return [next(users) if there else "null" for there in exists.tolist()]

    def cursus_users(self, positions: Positions) -> list[Json]:
        """Who follows which cursus, with the user and the cursus inside.

        The long form of a user has them in this form, too, with the user inside.
        """
        table, cursus = self.store["cursus_users"], self.store["cursus"]
        columns = tokens(table, positions, CURSUS_COLUMNS)
        drawn = self.dice.numbers("skills", table.array("id")[positions]).tolist()
        every = self.store.derived(
            "cursus by id",
            ("cursus",),
            lambda: {
                row["id"]: orjson.dumps(row).decode() for row in self._cursus(cursus.positions)
            },
        )
        parts = [
            *columns[:5],
            map(skills, drawn, table.array("level")[positions].tolist()),
            *columns[5:],
            self.users_by_id(table.array("user_id")[positions]),
            [every.get(number, "null") for number in columns[5]],
        ]
        return [orjson.Fragment(CURSUS_USER % row) for row in zip(*parts, strict=True)]

    def _users(self, positions: Positions) -> list[str]:
        table = self.store["users"]
        columns = dict(zip(USER_COLUMNS, tokens(table, positions, USER_COLUMNS), strict=True))
        logins = [login[1:-1] for login in columns["login"]]
        images = [
            image(folder, login) if exists == 1 else NO_IMAGE
            for folder, login, exists in zip(
                self.dice.digits("image", table.array("id")[positions]),
                logins,
                table.array("has_image")[positions].tolist(),
                strict=True,
            )
        ]
        offsets = table.array("utc_offset")[positions]
        erasure = local_json_texts(
            table.array("erasure_date")[positions], np.where(offsets == NULL_INT, 0, offsets)
        )
        names = list(columns)
        parts = [
            *(columns[name] for name in names[:7]),
            logins,
            *(columns[name] for name in names[7:9]),
            images,
            *(columns[name] for name in names[9:15]),
            erasure,
            erasure,
            *(columns[name] for name in names[15:]),
        ]
        return [USER % row for row in zip(*parts, strict=True)]
