"""Who may call themselves what: a list that heeds no parameter, in no settled order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ft42_sandbox.columns import Column, Kind
from ft42_sandbox.endpoint import Endpoint, Listing
from ft42_sandbox.instants import DAY, at
from ft42_sandbox.models import Model
from ft42_sandbox.render.rows import columns_as_json
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import UsersById
    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.settings import World
    from ft42_sandbox.store import Positions, Store

NAMES = ("id", "user_id", "title_id", "selected", "created_at", "updated_at")
MODEL = Model("titles_users", None, None, None, "selected")


def generate(world: World, store: Store) -> Table:
    """Make titles of anybody."""
    rng = np.random.default_rng([world.seed, 4545])
    count, ids = 450, store["users"].array("id")
    when = np.sort(at(world.epoch) - rng.integers(DAY, 900 * DAY, size=count))
    return Table(
        "titles_users",
        {
            "id": Column(Kind.INT, np.cumsum(rng.integers(1, 5, size=count))),
            "user_id": Column(Kind.INT, rng.choice(ids, size=count)),
            "title_id": Column(Kind.INT, rng.integers(1, 60, size=count)),
            "selected": Column(Kind.BOOL, rng.integers(2, size=count)),
            "created_at": Column(Kind.INSTANT, when),
            "updated_at": Column(Kind.INSTANT, when),
        },
    )


def render(store: Store, positions: Positions, _users: UsersById) -> list[Json]:
    """Render rows as the API shows them."""
    return columns_as_json(store["titles_users"], positions, NAMES)


ENDPOINT = Endpoint(
    MODEL, (Listing("/v2/titles_users", MODEL),), render, generate, owner="user_id"
)
