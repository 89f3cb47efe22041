"""Who comes to what: registrations to events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ft42_sandbox.columns import Column, Kind
from ft42_sandbox.endpoint import Endpoint, Listing
from ft42_sandbox.models import Model
from ft42_sandbox.render.rows import columns_as_json
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import UsersById
    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.settings import World
    from ft42_sandbox.store import Positions, Store

NAMES = ("id", "event_id", "user_id")
MODEL = Model("events_users", NAMES, NAMES, NAMES, "-id")


def generate(world: World, store: Store) -> Table:
    """Make registrations of anybody to one of fifty events."""
    rng = np.random.default_rng([world.seed, 4343])
    count, ids = 350, store["users"].array("id")
    return Table(
        "events_users",
        {
            "id": Column(Kind.INT, np.cumsum(rng.integers(1, 4, size=count))),
            "event_id": Column(Kind.INT, rng.integers(1, 50, size=count)),
            "user_id": Column(Kind.INT, rng.choice(ids, size=count)),
        },
    )


def render(store: Store, positions: Positions, _users: UsersById) -> list[Json]:
    """Render rows as the API shows them."""
    return columns_as_json(store["events_users"], positions, NAMES)


ENDPOINT = Endpoint(
    MODEL, (Listing("/v2/events_users", MODEL),), render, generate, owner="user_id"
)
