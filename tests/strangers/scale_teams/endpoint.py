"""Who corrects whom: evaluations, with people in objects and in lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from ft42_sandbox.columns import Column, Kind
from ft42_sandbox.conditions import Condition, linked, one_of
from ft42_sandbox.endpoint import Endpoint, Listing
from ft42_sandbox.instants import DAY, HOUR, at
from ft42_sandbox.models import Model
from ft42_sandbox.render.tokens import tokens
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ft42_sandbox.endpoint import UsersById
    from ft42_sandbox.render.rows import Json
    from ft42_sandbox.settings import World
    from ft42_sandbox.store import Positions, Store

KEYS = ("id", "user_id", "begin_at", "created_at", "updated_at", "final_mark", "comment")
URL = "https://api.intra.42.fr/v2/users/"


def of_campus(values: Sequence[str], _now: int) -> Condition:
    """Evaluations whose corrector belongs to one of the campuses."""
    campus = one_of("users", "primary_campus_id", values)
    return linked("scale_teams", "user_id", "users", "id", campus, ("campus_id", *values))


MODEL = Model(
    "scale_teams",
    (*KEYS, "campus_id"),
    KEYS,
    KEYS,
    "-begin_at,-id",
    specials={"campus_id": of_campus},
)


def generate(world: World, store: Store) -> Table:
    """Make evaluations; of some the people are not shown, or no longer exist."""
    rng = np.random.default_rng([world.seed, 4444])
    count, ids = 400, store["users"].array("id")
    begin = np.sort(at(world.epoch) - rng.integers(HOUR, 90 * DAY, size=count))
    evaluated = [rng.choice(ids, size=1 + n % 3, replace=False).tolist() for n in range(count)]
    shown = [("", "invisible", "deleted")[n % 40 if n % 40 < 3 else 0] for n in range(count)]
    return Table(
        "scale_teams",
        {
            "id": Column(Kind.INT, np.cumsum(rng.integers(1, 5, size=count))),
            "user_id": Column(Kind.INT, rng.choice(ids, size=count)),
            "correcteds": Column(Kind.JSON, evaluated),
            "shown": Column(Kind.TEXT, shown),
            "comment": Column(Kind.TEXT, [f"Well done, {n}" for n in range(count)]),
            "final_mark": Column(Kind.INT, rng.integers(-42, 126, size=count)),
            "begin_at": Column(Kind.INSTANT, begin),
            "created_at": Column(Kind.INSTANT, begin - HOUR),
            "updated_at": Column(Kind.INSTANT, begin + HOUR),
        },
    )


def render(store: Store, positions: Positions, _users: UsersById) -> list[Json]:
    """Render rows as the API shows them."""
    table, people = store["scale_teams"], store["users"]
    instants = tokens(table, positions, ("begin_at", "created_at", "updated_at"))
    plain = ("id", "user_id", "correcteds", "shown", "comment", "final_mark")

    def person(number: int) -> dict[str, Any]:
        position = people.find(number)
        login = None if position is None else people.value(position, "login")
        return {"id": number, "login": login, "url": f"{URL}{login}"}

    def row(values: tuple[Any, ...], dates: tuple[str, ...]) -> dict[str, Any]:
        number, corrector, evaluated, shown, comment, mark = values
        hidden = {"invisible": "invisible", "deleted": {}}
        begun, created, updated = map(orjson.Fragment, dates)
        correcteds = [person(one) for one in evaluated or ()]
        return {
            "id": number,
            "scale_id": 7085,
            "comment": comment,
            "created_at": created,
            "updated_at": updated,
            "final_mark": mark,
            "begin_at": begun,
            "correcteds": "invisible" if shown == "invisible" else correcteds,
            "corrector": hidden[shown] if shown else person(corrector),
            "truant": correcteds[0] if correcteds and not shown and mark < 0 else {},
            "team": {
                "id": number + 1000,
                "name": f"{person(corrector)['login']}'s group",
                "users": [{**one, "leader": True, "validated": True} for one in correcteds],
            },
            "feedbacks": [
                {"id": number, "user": one, "comment": "Thanks", "rating": 5}
                for one in correcteds
            ],
        }

    records = table.records(positions, plain)
    return [
        orjson.Fragment(orjson.dumps(row(*both)))
        for both in zip(records, zip(*instants, strict=True), strict=True)
    ]


ENDPOINT = Endpoint(
    MODEL, (Listing("/v2/scale_teams", MODEL),), render, generate, owner="user_id"
)
