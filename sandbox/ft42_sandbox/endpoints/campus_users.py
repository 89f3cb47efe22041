"""Which person belongs to which campus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ft42_sandbox.endpoint import Endpoint, Listing
from ft42_sandbox.models import Model, rows_of
from ft42_sandbox.render.rows import Json, columns_as_json

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import UsersById
    from ft42_sandbox.store import Positions, Store

COLUMNS = ("id", "user_id", "campus_id", "is_primary", "created_at", "updated_at")
MODEL = Model("campus_users", COLUMNS, COLUMNS, COLUMNS, "-created_at,-id")


def render(store: Store, positions: Positions, _users: UsersById | None = None) -> list[Json]:
    """Render rows as the API shows them."""
    return columns_as_json(store["campus_users"], positions, COLUMNS)


ENDPOINT = Endpoint(
    MODEL,
    listings=(
        Listing("/v2/campus_users", MODEL),
        Listing(
            "/v2/users/:id/campus_users",
            MODEL,
            "users",
            rows_of("campus_users", "user_id"),
            latency="one",
        ),
    ),
    render=render,
    owner="user_id",
)
