"""Closed accounts, with the person and who closed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from ft42_sandbox.columns import Column, Kind
from ft42_sandbox.endpoint import Endpoint, Listing
from ft42_sandbox.instants import DAY, at, to_text
from ft42_sandbox.models import Model
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import UsersById
    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.settings import World
    from ft42_sandbox.store import Positions, Store

NAMES = ("id", "user_id", "closer_id", "reason", "kind", "created_at", "updated_at")
MODEL = Model("closes", (*NAMES, "campus_id"), NAMES, NAMES, "-created_at")


def generate(world: World, store: Store) -> Table:
    """Close accounts of anybody, by anybody."""
    rng = np.random.default_rng([world.seed, 4646])
    count, ids = 120, store["users"].array("id")
    when = np.sort(at(world.epoch) - rng.integers(DAY, 900 * DAY, size=count))
    return Table(
        "closes",
        {
            "id": Column(Kind.INT, np.cumsum(rng.integers(1, 4, size=count))),
            "user_id": Column(Kind.INT, rng.choice(ids, size=count)),
            "closer_id": Column(Kind.INT, rng.choice(ids, size=count)),
            "campus_id": Column(Kind.INT, np.ones(count)),
            "reason": Column(Kind.TEXT, ["asked for it"] * count),
            "kind": Column(Kind.TEXT, ["other"] * count),
            "created_at": Column(Kind.INSTANT, when),
            "updated_at": Column(Kind.INSTANT, when),
        },
    )


def render(store: Store, positions: Positions, _users: UsersById) -> list[Json]:
    """Render rows as the API shows them."""
    people = store["users"]

    def person(number: int | None) -> dict[str, Any]:
        position = None if number is None else people.find(number)
        login = None if position is None else people.value(position, "login")
        return {} if login is None else {"id": number, "login": login}

    records = store["closes"].records(positions, NAMES)
    return [
        orjson.Fragment(
            orjson.dumps(
                {
                    "id": number,
                    "reason": reason,
                    "kind": kind,
                    "created_at": to_text(created),
                    "updated_at": to_text(updated),
                    "user": person(user),
                    "closer": person(closer),
                }
            )
        )
        for number, user, closer, reason, kind, created, updated in records
    ]


ENDPOINT = Endpoint(MODEL, (Listing("/v2/closes", MODEL),), render, generate, owner="user_id")
