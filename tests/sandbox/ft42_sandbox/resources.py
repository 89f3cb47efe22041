"""The table of resources: every route of the API and what it allows.

A `Model` says what can be asked of a table wherever it is listed; a `Listing` is one
route that lists it, a `Single` one that shows a row. Adding a route is adding a line.
The allow-lists are those of the official documentation as of September 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ft42_sandbox.columns import NULL_INSTANT
from ft42_sandbox.conditions import Condition, equals, is_set, linked, one_of, read_int
from ft42_sandbox.store import Store

BOOLEANS = ("true", "false")
# A filter that is not simply a column: makes a condition from its values and the clock.
Special = Callable[[Sequence[str], int], Condition | None]
# What a parent in the path narrows a list to: makes a condition from the parent's id.
Scope = Callable[[int], Condition]


@dataclass(frozen=True)
class Model:
    """What can be asked of one table.

    Attributes:
        table: the store's table.
        filters: names allowed in `filter[…]`; None if filters are ignored.
        ranges: names allowed in `range[…]`; None if ranges are ignored.
        sorts: names allowed in `sort`; None if sorting is ignored.
        order: the default order, in the syntax of `sort`.
        words: filters with fixed values instead of a column's values.
        specials: filters that are not simply a column.
        columns: names that differ from their column.
        bare: plain parameters (`cursus_id=21`) that count like a filter of another name.
    """

    table: str
    filters: tuple[str, ...] | None
    ranges: tuple[str, ...] | None
    sorts: tuple[str, ...] | None
    order: str
    specials: Mapping[str, Special] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    columns: Mapping[str, str] = field(default_factory=dict)
    bare: Mapping[str, Scope] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """A route that lists rows.

    Attributes:
        path: with `:id` where the parent's id, slug or login stands.
        model: what is listed.
        parent: the parent's table.
        scope: what the parent narrows the list to.
        always: a condition that always holds.
        latency: the name of its latency profile, that of the table if empty.
    """

    path: str
    model: Model
    parent: str = ""
    scope: Scope | None = None
    always: Condition | None = None
    latency: str = ""


@dataclass(frozen=True)
class Single:
    """A route that shows one row: `form` is a name in the renderer's forms."""

    path: str
    table: str
    form: str


def _flag(table: str, column: str) -> Special:
    """A filter that asks whether a column is set."""
    return lambda values, _now: is_set(table, column, wanted=values[0] == "true")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _active(values: Sequence[str], now: int) -> Condition:
    """Enrolled in the cursus now: begun, and neither ended nor blackholed away."""

    def mask(store: Store) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        table = store["cursus_users"]
        end = table.array("end_at")
        active = (table.array("begin_at") <= now) & ((end == NULL_INSTANT) | (end > now))
        return np.asarray(active if values[0] == "true" else ~active)

    # Rounded to the minute, so that the answer can be kept for that long.
    return Condition(("active", values[0], now // 60_000_000), mask)


def _future(values: Sequence[str], now: int) -> Condition:
    wanted = values[0] == "true"
    return Condition(
        ("future", wanted, now // 60_000_000),
        lambda store: (store["cursus_users"].array("begin_at") >= now) == wanted,
    )


def _primary_campus_of_user(values: Sequence[str], _now: int) -> Condition:
    """`filter[campus_id]` on cursus_users: the user's primary campus only."""
    return linked(
        "cursus_users", "user_id", "users", "id",
        one_of("users", "primary_campus_id", values), ("primary", *values),
    )  # fmt: skip


def _campuses_of_user(values: Sequence[str], _now: int) -> Condition:
    """`filter[campus]` on projects_users: any campus that the user belongs to."""
    return linked(
        "projects_users", "user_id", "campus_users", "user_id",
        one_of("campus_users", "campus_id", values), ("campus", *values),
    )  # fmt: skip


def _cursus_of_enrolment(values: Sequence[str], _now: int) -> Condition:
    return one_of("projects_users", "cursus_id", values)


def _users_linked(link: str, column: str, *, key: str = "user_id") -> Scope:
    """Users who have a row in a link table."""
    return lambda parent: linked(
        "users", "id", link, key, equals(link, column, parent), (link, column, parent)
    )


def _of(table: str, column: str) -> Scope:
    """Rows that name the parent in a column."""
    return lambda parent: equals(table, column, parent)


def _coalitions_of_user(parent: int) -> Condition:
    return linked(
        "coalitions", "id", "coalitions_users", "coalition_id",
        equals("coalitions_users", "user_id", parent), ("of user", parent),
    )  # fmt: skip


def _achievements_of_campus(parent: int) -> Condition:
    def mask(store: Store) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        lists = store["achievements"].array("campus_ids")
        return np.fromiter((parent in (ids or ()) for ids in lists), bool, len(lists))

    return Condition(("of campus", parent), mask)


_CURSUS = _names("id name created_at updated_at slug kind restricted is_subscriptable")
CURSUS = Model("cursus", _CURSUS, _CURSUS, _CURSUS, "-id")

_CAMPUS = _names(
    "id name created_at updated_at time_zone language_id slug main_email endpoint_id "
    "vogsphere_id votes_count moodle_id users_count country address zip city website facebook "
    "twitter public active email_extension default_hidden_phone"
)
CAMPUS = Model("campus", _CAMPUS, _CAMPUS, _CAMPUS, "-id")

_PROJECTS = _names(
    "id name created_at updated_at visible exam parent_id slug inherited_team position has_git "
    "has_mark repository git_id cached_repository_path"
)
PROJECTS = Model(
    "projects",
    (*_PROJECTS, "description", "difficulty"),
    _names("id name created_at updated_at parent_id slug position description difficulty"),
    _PROJECTS,
    "position,-id",
    bare={"cursus_id": _of("projects", "cursus_id")},
)

_ACHIEVEMENTS = _names(
    "id name internal_name kind tier description pedago visible nbr_of_success parent_id image "
    "created_at updated_at slug position reward title_id"
)
ACHIEVEMENTS = Model(
    "achievements", _ACHIEVEMENTS, _ACHIEVEMENTS, _ACHIEVEMENTS, "id",
    bare={"campus_id": _achievements_of_campus, "cursus_id": _of("achievements", "cursus_id")},
)  # fmt: skip

_BLOCS = _names(
    "id cursus_id campus_id squad_size created_at updated_at coalition_delay repeat_deadline_delay"
)
BLOCS = Model("blocs", _BLOCS, None, _BLOCS, "-created_at,-id")

COALITIONS = Model(
    "coalitions", None, None,
    _names("id bloc_id user_id name image slug created_at updated_at color cover"),
    "-created_at,-id", columns={"image": "image_url", "cover": "cover_url"},
)  # fmt: skip

_USERS = _names("id login email created_at updated_at pool_year pool_month kind status")
USERS = Model(
    "users",
    (*_USERS, *_names("primary_campus_id first_name last_name alumni? staff?")),
    _USERS,
    (*_USERS, *_names(
        "primary_campus_id first_name last_name alumni? staff? usual_full_name usual_first_name "
        "correction_point wallet location alumnized_at active? anonymize_date data_erasure_date"
    )),
    "-id",
    columns={"anonymize_date": "erasure_date", "data_erasure_date": "erasure_date"},
    bare={
        "cursus_id": _users_linked("cursus_users", "cursus_id"),
        "campus_id": _users_linked("campus_users", "campus_id"),
    },
)  # fmt: skip

_CURSUS_USERS = _names(
    "id cursus_id user_id created_at updated_at end_at begin_at has_coalition blackholed_at level"
)
CURSUS_USERS = Model(
    "cursus_users",
    (*_CURSUS_USERS, "active", "campus_id", "end", "future", "blackholed"),
    _CURSUS_USERS,
    _CURSUS_USERS,
    "-created_at,-id",
    specials={
        "active": _active, "campus_id": _primary_campus_of_user, "future": _future,
        "end": _flag("cursus_users", "end_at"),
        "blackholed": _flag("cursus_users", "blackholed_at"),
    },
    words=frozenset({"active", "end", "future", "blackholed"}),
    bare={
        "cursus_id": _of("cursus_users", "cursus_id"),
        "campus_id": lambda parent: _primary_campus_of_user([str(parent)], 0),
    },
)  # fmt: skip

_PROJECTS_USERS = _names(
    "id project_id user_id created_at updated_at occurrence final_mark retriable_at marked_at status"
)
PROJECTS_USERS = Model(
    "projects_users",
    (*_PROJECTS_USERS, "cursus", "campus", "retriable", "marked"),
    _PROJECTS_USERS,
    _PROJECTS_USERS,
    "-updated_at",
    specials={
        "cursus": _cursus_of_enrolment, "campus": _campuses_of_user,
        "retriable": _flag("projects_users", "retriable_at"),
        "marked": _flag("projects_users", "marked_at"),
    },
    words=frozenset({"retriable", "marked"}),
    bare={
        "cursus_id": _of("projects_users", "cursus_id"),
        "campus_id": lambda parent: _campuses_of_user([str(parent)], 0),
    },
)  # fmt: skip

_ACHIEVEMENTS_USERS = _names(
    "id user_id achievement_id nbr_of_success created_at updated_at rewarded"
)
ACHIEVEMENTS_USERS = Model(
    "achievements_users", _ACHIEVEMENTS_USERS, _ACHIEVEMENTS_USERS, _ACHIEVEMENTS_USERS, "-id"
)

_COALITIONS_USERS = _names(
    "id coalition_id user_id created_at updated_at this_year_score this_year_score_updated_at"
)
COALITIONS_USERS = Model(
    "coalitions_users",
    (*_COALITIONS_USERS, "this_year_score_updated"),
    _COALITIONS_USERS,
    _COALITIONS_USERS,
    "-created_at,-id",
    specials={
        "this_year_score_updated": _flag("coalitions_users", "this_year_score_updated_at")
    },
    words=frozenset({"this_year_score_updated"}),
)

_CAMPUS_USERS = _names("id user_id campus_id is_primary created_at updated_at")
CAMPUS_USERS = Model(
    "campus_users", _CAMPUS_USERS, _CAMPUS_USERS, _CAMPUS_USERS, "-created_at,-id"
)

LISTED_CAMPUS = Condition(
    ("listed",), lambda s: (s["campus"].array("public") == 1) & (s["campus"].array("active") == 1)
)

LISTINGS: tuple[Listing, ...] = (
    Listing("/v2/cursus", CURSUS),
    Listing("/v2/campus", CAMPUS, always=LISTED_CAMPUS),
    Listing("/v2/projects", PROJECTS),
    Listing("/v2/cursus/:id/projects", PROJECTS, "cursus", _of("projects", "cursus_id")),
    Listing("/v2/projects/:id/projects", PROJECTS, "projects", _of("projects", "parent_id")),
    Listing("/v2/achievements", ACHIEVEMENTS),
    Listing("/v2/cursus/:id/achievements", ACHIEVEMENTS, "cursus", _of("achievements", "cursus_id")),
    Listing("/v2/campus/:id/achievements", ACHIEVEMENTS, "campus", _achievements_of_campus),
    Listing("/v2/blocs", BLOCS),
    Listing("/v2/coalitions", COALITIONS),
    Listing("/v2/blocs/:id/coalitions", COALITIONS, "blocs", _of("coalitions", "bloc_id"), latency="one"),
    Listing("/v2/users/:id/coalitions", COALITIONS, "users", _coalitions_of_user, latency="one"),
    Listing("/v2/users", USERS),
    Listing("/v2/cursus/:id/users", USERS, "cursus", _users_linked("cursus_users", "cursus_id")),
    Listing("/v2/campus/:id/users", USERS, "campus", _users_linked("campus_users", "campus_id")),
    Listing("/v2/projects/:id/users", USERS, "projects", _users_linked("projects_users", "project_id")),
    Listing("/v2/coalitions/:id/users", USERS, "coalitions", _users_linked("coalitions_users", "coalition_id")),
    Listing("/v2/achievements/:id/users", USERS, "achievements", _users_linked("achievements_users", "achievement_id")),
    Listing("/v2/cursus_users", CURSUS_USERS),
    Listing("/v2/cursus/:id/cursus_users", CURSUS_USERS, "cursus", _of("cursus_users", "cursus_id")),
    Listing("/v2/users/:id/cursus_users", CURSUS_USERS, "users", _of("cursus_users", "user_id"), latency="one"),
    Listing("/v2/projects_users", PROJECTS_USERS),
    Listing("/v2/projects/:id/projects_users", PROJECTS_USERS, "projects", _of("projects_users", "project_id")),
    Listing("/v2/users/:id/projects_users", PROJECTS_USERS, "users", _of("projects_users", "user_id"), latency="one"),
    Listing("/v2/achievements_users", ACHIEVEMENTS_USERS),
    Listing("/v2/achievements/:id/achievements_users", ACHIEVEMENTS_USERS, "achievements", _of("achievements_users", "achievement_id")),
    Listing("/v2/coalitions_users", COALITIONS_USERS),
    Listing("/v2/coalitions/:id/coalitions_users", COALITIONS_USERS, "coalitions", _of("coalitions_users", "coalition_id")),
    Listing("/v2/users/:id/coalitions_users", COALITIONS_USERS, "users", _of("coalitions_users", "user_id"), latency="one"),
    Listing("/v2/campus_users", CAMPUS_USERS),
    Listing("/v2/users/:id/campus_users", CAMPUS_USERS, "users", _of("campus_users", "user_id"), latency="one"),
)  # fmt: skip

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
    Single("/v2/campus_users/:id", "campus_users", "campus_users"),
)

# Routes that exist but refuse an ordinary application, and one project that does so.
FORBIDDEN = (
    "/v2/campus/:id/stats", "/v2/cursus/:id/levels", "/v2/slots", "/v2/scales", "/v2/evaluations",
)  # fmt: skip
FORBIDDEN_ROWS = frozenset({("projects", 1000)})
# By what other than its id a row is found in a path.
NAMES = {
    "cursus": "slug", "campus": "slug", "projects": "slug", "achievements": "slug",
    "coalitions": "slug", "users": "login",
}  # fmt: skip


def find_row(store: Store, table: str, text: str) -> int | None:
    """The position of the row that a path names by id, slug or login; None if there is none."""
    if text.isdigit():
        found = store[table].find(int(text)) if len(text) < 10 else None
        if found is not None or table not in NAMES:
            return found
    name = NAMES.get(table)
    return store[table].find_by(name, text) if name else None


def scope_of_bare(model: Model, name: str, value: str) -> Condition | None:
    """What a plain parameter such as `cursus_id=21` narrows a list to."""
    scope = model.bare.get(name)
    return scope(read_int(value)) if scope and value else None
