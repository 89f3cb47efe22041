"""Who sits where: sessions at the computers of a campus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson
from ft42_sandbox.columns import NULL_INSTANT, Column, Kind
from ft42_sandbox.endpoint import Endpoint, Listing
from ft42_sandbox.instants import DAY, HOUR, MINUTE, at
from ft42_sandbox.models import Model
from ft42_sandbox.render.tokens import tokens
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import UsersById
    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.settings import World
    from ft42_sandbox.store import Positions, Store

NAMES = ("id", "user_id", "begin_at", "end_at", "primary", "host", "campus_id")
MODEL = Model("locations", NAMES, NAMES, NAMES, "-begin_at,-id")
ROW = (
    '{"end_at":%s,"id":%s,"begin_at":%s,"primary":%s,"floor":null,"row":null,"post":null,'
    '"host":%s,"campus_id":%s,"user":%s}'
)


def generate(world: World, store: Store) -> Table:
    """Make sessions of the last month; the latest of them have not ended."""
    rng = np.random.default_rng([world.seed, 4242])
    users, count = store["users"], 400
    epoch = at(world.epoch)
    who = rng.integers(len(users.array("id")), size=count)
    begin = np.sort(epoch - rng.integers(HOUR, 30 * DAY, size=count))
    end = np.minimum(begin + rng.integers(MINUTE, 9 * HOUR, size=count), epoch - MINUTE)
    is_open = (np.arange(count) >= count - 20).astype(bool)
    seats = [f"c{n % 4 + 1}r{n % 9 + 1}s{n % 12 + 1}" for n in range(count)]
    return Table(
        "locations",
        {
            "id": Column(Kind.INT, np.cumsum(rng.integers(1, 5, size=count))),
            "user_id": Column(Kind.INT, users.array("id")[who]),
            "begin_at": Column(Kind.INSTANT, begin),
            "end_at": Column(Kind.INSTANT, np.where(is_open, NULL_INSTANT, end)),
            "primary": Column(Kind.BOOL, np.ones(count)),
            "host": Column(Kind.TEXT, seats),
            "campus_id": Column(Kind.INT, users.array("primary_campus_id")[who]),
        },
    )


def render(store: Store, positions: Positions, users: UsersById) -> list[Json]:
    """Render rows as the API shows them, with the person inside."""
    table = store["locations"]
    columns = ("end_at", "id", "begin_at", "primary", "host", "campus_id")
    parts = [*tokens(table, positions, columns), users(table.array("user_id")[positions])]
    return [orjson.Fragment(ROW % row) for row in zip(*parts, strict=True)]


ENDPOINT = Endpoint(
    MODEL, (Listing("/v2/locations", MODEL),), render, generate, owner="user_id"
)
