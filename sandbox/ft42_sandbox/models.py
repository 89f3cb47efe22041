"""The names that filters, ranges and sorts of each table may use.

They are those of the official documentation of September 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ft42_sandbox.columns import NULL_INSTANT
from ft42_sandbox.conditions import Condition, equals, is_set, linked, one_of

if TYPE_CHECKING:
    from ft42_sandbox.store import Store

BOOLEANS = ("true", "false")
# A filter that is more than a column: makes a condition from its values and the time.
Special = Callable[[Sequence[str], int], Condition | None]
# Makes the condition by which a parent in the path narrows a list, from the parent's id.
Scope = Callable[[int], Condition]


@dataclass(frozen=True)
class Model:
    """The filters, ranges and sorts of one table.

    Attributes:
        table: the store's table.
        filters: names allowed in `filter[…]`; None if filters are ignored.
        ranges: names allowed in `range[…]`; None if ranges are ignored.
        sorts: names allowed in `sort`; None if sorting is ignored.
        order: the default order, in the syntax of `sort`.
        words: filters with fixed values instead of a column's values.
        known: filters whose values must be ids of a table.
        specials: filters that are more than a column.
        columns: the column of each name that differs from it.
        bare: plain parameters (`campus_id=1`) that narrow the list, though no route has such
            a parent in its path.
    """

    table: str
    filters: tuple[str, ...] | None
    ranges: tuple[str, ...] | None
    sorts: tuple[str, ...] | None
    order: str
    specials: Mapping[str, Special] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    known: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    bare: Mapping[str, Scope] = field(default_factory=dict)


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

    # Rounded to the minute, so that the result can be cached for that long.
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
        "cursus_users",
        "user_id",
        "users",
        "id",
        one_of("users", "primary_campus_id", values),
        ("primary", *values),
    )


def _campuses_of_user(values: Sequence[str], _now: int) -> Condition:
    """`filter[campus]` on projects_users: any campus that the user belongs to."""
    return linked(
        "projects_users",
        "user_id",
        "campus_users",
        "user_id",
        one_of("campus_users", "campus_id", values),
        ("campus", *values),
    )


def _cursus_of_enrolment(values: Sequence[str], _now: int) -> Condition:
    return one_of("projects_users", "cursus_id", values)


def users_linked(link: str, column: str, *, key: str = "user_id") -> Scope:
    """Users who have a row in a link table."""
    return lambda parent: linked(
        "users", "id", link, key, equals(link, column, parent), (link, column, parent)
    )


def rows_of(table: str, column: str) -> Scope:
    """Rows that name the parent in a column."""
    return lambda parent: equals(table, column, parent)


def coalitions_of_user(parent: int) -> Condition:
    """Coalitions that a user is a member of."""
    return linked(
        "coalitions",
        "id",
        "coalitions_users",
        "coalition_id",
        equals("coalitions_users", "user_id", parent),
        ("of user", parent),
    )


def projects_of_cursus(parent: int) -> Condition:
    """Projects of a cursus, alone or together with other cursus."""

    def mask(store: Store) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        table = store["projects"]
        more = (parent in (ids or ()) for ids in table.array("more_cursus"))
        also = np.fromiter(more, bool, len(table.alive))
        return np.asarray((table.array("cursus_id") == parent) | also)

    return Condition(("of cursus", parent), mask)


def achievements_of_campus(parent: int) -> Condition:
    """Achievements that a campus names."""

    def mask(store: Store) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        lists = store["achievements"].array("campus_ids")
        return np.fromiter((parent in (ids or ()) for ids in lists), bool, len(lists))

    return Condition(("of campus", parent), mask)


_CURSUS = _names("id name created_at updated_at slug kind restricted is_subscriptable")
CURSUS = Model("cursus", _CURSUS, _CURSUS, _CURSUS, "-id")

_CAMPUS = _names(
    "id name created_at updated_at time_zone language_id slug main_email endpoint_id "
    "vogsphere_id content_email time_of_community_service_started companies_mail address zip "
    "city country pro_needs_validation logo website facebook twitter display_name "
    "email_extension help_url active open_to_job_offers default_hidden_phone tig_email "
    "minimum_slot_duration alumni_system manual_alumnization_before_first_internship public"
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
)

_ACHIEVEMENTS = _names(
    "id name internal_name kind tier description pedago visible nbr_of_success parent_id image "
    "created_at updated_at slug position reward title_id"
)
ACHIEVEMENTS = Model(
    "achievements",
    _ACHIEVEMENTS,
    _ACHIEVEMENTS,
    _ACHIEVEMENTS,
    "id",
)

_BLOCS = _names(
    "id cursus_id campus_id squad_size created_at updated_at "
    "coalition_delay repeat_deadline_delay"
)
BLOCS = Model("blocs", _BLOCS, None, _BLOCS, "-created_at,-id")

COALITIONS = Model(
    "coalitions",
    None,
    None,
    _names("id bloc_id user_id name image slug created_at updated_at color cover"),
    "-created_at,-id",
    columns={"image": "image_url", "cover": "cover_url"},
)

_USERS = _names("id login email created_at updated_at pool_year pool_month kind status")
USERS = Model(
    "users",
    (*_USERS, *_names("primary_campus_id first_name last_name alumni? staff?")),
    _USERS,
    # The documentation really lists the columns of passwords here.
    (
        *_USERS,
        *_names(
            "first_name last_name image encrypted_password reset_password_token "
            "reset_password_sent_at otp_secret_key otp_tmp otp_activated otp_backup_passwords "
            "slack_team slack_login slack_mail slack_code_validation slack_validated_at "
            "token_id email_stop"
        ),
    ),
    "-id",
)

_CURSUS_USERS = _names(
    "id cursus_id user_id created_at updated_at end_at begin_at "
    "has_coalition blackholed_at level"
)
CURSUS_USERS = Model(
    "cursus_users",
    (*_CURSUS_USERS, "active", "campus_id", "end", "future", "blackholed"),
    _CURSUS_USERS,
    _CURSUS_USERS,
    "-created_at,-id",
    specials={
        "active": _active,
        "campus_id": _primary_campus_of_user,
        "future": _future,
        "end": _flag("cursus_users", "end_at"),
        "blackholed": _flag("cursus_users", "blackholed_at"),
    },
    words=frozenset({"active", "end", "future", "blackholed"}),
    bare={"campus_id": lambda parent: _primary_campus_of_user([str(parent)], 0)},
)

_PROJECTS_USERS = _names(
    "id project_id user_id created_at updated_at occurrence final_mark "
    "retriable_at marked_at status"
)
PROJECTS_USERS = Model(
    "projects_users",
    (*_PROJECTS_USERS, "cursus", "campus", "retriable", "marked"),
    _PROJECTS_USERS,
    _PROJECTS_USERS,
    "-updated_at",
    specials={
        "cursus": _cursus_of_enrolment,
        "campus": _campuses_of_user,
        "retriable": _flag("projects_users", "retriable_at"),
        "marked": _flag("projects_users", "marked_at"),
    },
    words=frozenset({"retriable", "marked"}),
    known={"cursus": "cursus", "campus": "campus"},
    bare={
        "cursus_id": rows_of("projects_users", "cursus_id"),
        "campus_id": lambda parent: _campuses_of_user([str(parent)], 0),
    },
)

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
