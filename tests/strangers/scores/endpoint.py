"""What coalitions gained: rows of nobody, which hang on those of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ft42_sandbox.columns import Column, Kind
from ft42_sandbox.endpoint import Endpoint, Listing
from ft42_sandbox.instants import DAY, at
from ft42_sandbox.models import Model, rows_of
from ft42_sandbox.render.rows import columns_as_json
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import UsersById
    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.settings import World
    from ft42_sandbox.store import Positions, Store

NAMES = (
    "id",
    "coalition_id",
    "coalitions_user_id",
    "value",
    "reason",
    "created_at",
    "updated_at",
)
MODEL = Model("scores", None, None, NAMES, "-created_at,-id")


def generate(world: World, store: Store) -> Table:
    """Make gains."""
    rng = np.random.default_rng([world.seed, 4646])
    members = store["coalitions_users"]
    count = 400
    picked = rng.integers(0, len(members.array("id")), size=count)
    when = np.sort(at(world.epoch) - rng.integers(DAY, 900 * DAY, size=count))
    return Table(
        "scores",
        {
            "id": Column(Kind.INT, np.cumsum(rng.integers(1, 5, size=count))),
            "coalition_id": Column(Kind.INT, members.array("coalition_id")[picked]),
            "coalitions_user_id": Column(Kind.INT, members.array("id")[picked]),
            "value": Column(Kind.INT, rng.integers(1, 60, size=count)),
            "reason": Column(Kind.TEXT, [f"Gain {n}" for n in range(count)]),
            "created_at": Column(Kind.INSTANT, when),
            "updated_at": Column(Kind.INSTANT, when),
        },
    )


def render(store: Store, positions: Positions, _users: UsersById) -> list[Json]:
    """Render rows as the API shows them."""
    return columns_as_json(store["scores"], positions, NAMES)


ENDPOINT = Endpoint(
    MODEL,
    (
        Listing(
            "/v2/coalitions/:id/scores", MODEL, "coalitions", rows_of("scores", "coalition_id")
        ),
    ),
    render,
    generate,
)
