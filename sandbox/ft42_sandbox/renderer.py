"""Turns rows into JSON: the keys, their order and their forms are those of captures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import orjson

from ft42_sandbox.endpoints import ENDPOINTS
from ft42_sandbox.render.activity import ActivityForms
from ft42_sandbox.render.details import Dice
from ft42_sandbox.render.long_users import LongUsers
from ft42_sandbox.render.people import PeopleForms
from ft42_sandbox.render.reference import ReferenceForms

if TYPE_CHECKING:
    from collections.abc import Callable

    from ft42_sandbox.endpoint import Endpoint, UsersById
    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.store import Positions, Store


class Renderer:
    """Turns rows of the store into the JSON that the API would send.

    Attributes:
        forms: the functions that render rows, by form. A table's list form has its name.
    """

    def __init__(self, store: Store) -> None:
        """Render rows of this store."""
        dice = Dice(store.seed)
        reference = ReferenceForms(store, dice)
        people = PeopleForms(store, dice, reference.cursus)
        activity = ActivityForms(store, dice, people.users_by_id)
        self.forms: dict[str, Callable[[Positions], list[Json]]] = {
            "cursus": reference.cursus,
            "campus": reference.campus,
            "projects": reference.projects,
            "achievements": reference.achievements,
            "blocs": reference.blocs,
            "coalitions": reference.coalitions,
            "users": people.users,
            "cursus_users": people.cursus_users,
            "projects_users": activity.projects_users,
            "achievements_users": activity.achievements_users,
            "coalitions_users": activity.coalitions_users,
            "long_users": LongUsers(store, reference, people, activity).long_users,
            **{
                endpoint.table: partial(_rendered, endpoint, store, people.users_by_id)
                for endpoint in ENDPOINTS
            },
        }

    def page(self, form: str, positions: Positions) -> bytes:
        """A JSON list of rows in a form."""
        return orjson.dumps(self.forms[form](positions))

    def one(self, form: str, position: int) -> bytes:
        """A JSON object: one row in a form."""
        return orjson.dumps(self.forms[form](np.asarray([position], dtype=np.int32))[0])


def _rendered(
    endpoint: Endpoint, store: Store, users_by_id: UsersById, positions: Positions
) -> list[Json]:
    return endpoint.render(store, positions, users_by_id)
