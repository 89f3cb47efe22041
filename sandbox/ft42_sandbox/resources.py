"""The table of resources: every route of the API.

A `Listing` is a route that lists a model's rows, a `Single` one that shows a row. Adding
a route is adding a line; adding a table is adding a file to `ft42_sandbox.endpoints`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ft42_sandbox.conditions import Condition
from ft42_sandbox.endpoint import Listing, Single
from ft42_sandbox.endpoints import ENDPOINTS
from ft42_sandbox.models import (
    ACHIEVEMENTS,
    ACHIEVEMENTS_USERS,
    BLOCS,
    CAMPUS,
    COALITIONS,
    COALITIONS_USERS,
    CURSUS,
    CURSUS_USERS,
    PROJECTS,
    PROJECTS_USERS,
    USERS,
    achievements_of_campus,
    coalitions_of_user,
    projects_of_cursus,
    rows_of,
    users_linked,
)

if TYPE_CHECKING:
    from ft42_sandbox.store import Store


LISTED_CAMPUS = Condition(
    ("listed",),
    lambda s: (s["campus"].array("public") == 1) & (s["campus"].array("active") == 1),
)

# The fields that can be graphed, according to the documentation.
CREATED_OR_UPDATED = ("created_at", "updated_at")
OF_ENROLMENTS = (*CREATED_OR_UPDATED, "retriable_at")

LISTINGS: tuple[Listing, ...] = (
    Listing("/v2/cursus", CURSUS),
    Listing("/v2/campus", CAMPUS, always=LISTED_CAMPUS),
    Listing("/v2/projects", PROJECTS),
    Listing("/v2/cursus/:id/projects", PROJECTS, "cursus", projects_of_cursus),
    Listing(
        "/v2/projects/:id/projects", PROJECTS, "projects", rows_of("projects", "parent_id")
    ),
    Listing("/v2/achievements", ACHIEVEMENTS),
    Listing(
        "/v2/cursus/:id/achievements",
        ACHIEVEMENTS,
        "cursus",
        rows_of("achievements", "cursus_id"),
    ),
    Listing("/v2/campus/:id/achievements", ACHIEVEMENTS, "campus", achievements_of_campus),
    Listing("/v2/blocs", BLOCS),
    Listing("/v2/coalitions", COALITIONS),
    Listing(
        "/v2/blocs/:id/coalitions",
        COALITIONS,
        "blocs",
        rows_of("coalitions", "bloc_id"),
        latency="one",
    ),
    Listing("/v2/users/:id/coalitions", COALITIONS, "users", coalitions_of_user, latency="one"),
    Listing("/v2/users", USERS, graphed=CREATED_OR_UPDATED),
    Listing("/v2/cursus/:id/users", USERS, "cursus", users_linked("cursus_users", "cursus_id")),
    Listing("/v2/campus/:id/users", USERS, "campus", users_linked("campus_users", "campus_id")),
    Listing(
        "/v2/projects/:id/users",
        USERS,
        "projects",
        users_linked("projects_users", "project_id"),
    ),
    Listing(
        "/v2/coalitions/:id/users",
        USERS,
        "coalitions",
        users_linked("coalitions_users", "coalition_id"),
    ),
    Listing(
        "/v2/achievements/:id/users",
        USERS,
        "achievements",
        users_linked("achievements_users", "achievement_id"),
    ),
    Listing(
        "/v2/cursus_users", CURSUS_USERS, graphed=(*CREATED_OR_UPDATED, "begin_at", "end_at")
    ),
    Listing(
        "/v2/cursus/:id/cursus_users",
        CURSUS_USERS,
        "cursus",
        rows_of("cursus_users", "cursus_id"),
    ),
    Listing(
        "/v2/users/:id/cursus_users",
        CURSUS_USERS,
        "users",
        rows_of("cursus_users", "user_id"),
        latency="one",
    ),
    Listing("/v2/projects_users", PROJECTS_USERS, graphed=OF_ENROLMENTS),
    Listing(
        "/v2/projects/:id/projects_users",
        PROJECTS_USERS,
        "projects",
        rows_of("projects_users", "project_id"),
        graphed=OF_ENROLMENTS,
    ),
    Listing(
        "/v2/users/:id/projects_users",
        PROJECTS_USERS,
        "users",
        rows_of("projects_users", "user_id"),
        latency="one",
        graphed=OF_ENROLMENTS,
    ),
    Listing("/v2/achievements_users", ACHIEVEMENTS_USERS),
    Listing(
        "/v2/achievements/:id/achievements_users",
        ACHIEVEMENTS_USERS,
        "achievements",
        rows_of("achievements_users", "achievement_id"),
    ),
    Listing("/v2/coalitions_users", COALITIONS_USERS),
    Listing(
        "/v2/coalitions/:id/coalitions_users",
        COALITIONS_USERS,
        "coalitions",
        rows_of("coalitions_users", "coalition_id"),
    ),
    Listing(
        "/v2/users/:id/coalitions_users",
        COALITIONS_USERS,
        "users",
        rows_of("coalitions_users", "user_id"),
        latency="one",
    ),
    *(listing for endpoint in ENDPOINTS for listing in endpoint.listings),
)

SINGLES: tuple[Single, ...] = (
    Single("/v2/cursus/:id", "cursus", "cursus"),
    Single("/v2/campus/:id", "campus", "campus"),
    Single("/v2/projects/:id", "projects", "projects"),
    Single("/v2/achievements/:id", "achievements", "achievements"),
    Single("/v2/blocs/:id", "blocs", "blocs"),
    Single("/v2/coalitions/:id", "coalitions", "coalitions"),
    Single("/v2/users/:id", "users", "long_users"),
    Single("/v2/cursus_users/:id", "cursus_users", "cursus_users"),
    Single("/v2/projects_users/:id", "projects_users", "projects_users"),
    Single("/v2/achievements_users/:id", "achievements_users", "achievements_users"),
    Single("/v2/coalitions_users/:id", "coalitions_users", "coalitions_users"),
    *(single for endpoint in ENDPOINTS for single in endpoint.singles),
)

# Routes that exist but refuse an ordinary application, and one project that does the same.
FORBIDDEN = (
    "/v2/campus/:id/stats",
    "/v2/cursus/:id/levels",
    "/v2/slots",
    "/v2/scales",
    "/v2/evaluations",
)
FORBIDDEN_ROWS = frozenset({("projects", "1000")})
# Plain parameters that name a parent, instead of the path.
PARENTS = {
    "cursus_id": "cursus",
    "campus_id": "campus",
    "project_id": "projects",
    "achievement_id": "achievements",
    "bloc_id": "blocs",
    "coalition_id": "coalitions",
    "user_id": "users",
}
_SCOPES = {(each.model.table, each.parent): each.scope for each in LISTINGS if each.scope}
# Columns by which a path can name a row, besides its id.
NAMES = {
    "cursus": "slug",
    "campus": "slug",
    "projects": "slug",
    "achievements": "slug",
    "coalitions": "slug",
    "users": "login",
}


def find_row(store: Store, table: str, text: str) -> int | None:
    """The position of the row that a path names by id, slug or login; None if there is none."""
    if text.isdigit():
        found = store[table].find(int(text)) if len(text) < 10 else None
        if found is not None or table not in NAMES:
            return found
    name = NAMES.get(table)
    return store[table].find_by(name, text) if name else None


def plain_scope(store: Store, listing: Listing, name: str, value: str) -> Condition | None:
    """The condition of a plain parameter such as `cursus_id=21`; None if it has no effect.

    A parent can be named in the path or behind the question mark, by id or by slug:
    `/v2/users?cursus_id=21` is `/v2/cursus/21/users`.
    """
    parent = PARENTS.get(name)
    if not value or parent is None or parent == listing.parent:
        return None
    scope = listing.model.bare.get(name) or _SCOPES.get((listing.model.table, parent))
    if scope is None:
        return None
    position = find_row(store, parent, value)
    return scope(-1 if position is None else int(store[parent].array("id")[position]))
