"""What must stand in each table, worked out from the sandbox's truth alone.

Deliberately not the tap's code and not its schema files: the record rules are
written a second time, so that one mistake does not confirm itself.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ft42_sandbox.testing import RunningSandbox

CURSUS = 21

Row = dict[str, Any]
Table = dict[tuple[Any, ...], Row]

_SPREAD = {
    "endpoint": ("id", "url", "description", "created_at", "updated_at"),
    "language": ("id", "name", "identifier"),
    "title": ("id", "name"),
}
_PARENTS = ("parent", "project", "user")
_IMAGE_SIZES = ("large", "medium", "small", "micro")


def expected_tables(sandbox: RunningSandbox) -> dict[str, Table]:
    """Return each table's rows by primary key."""
    campuses = sandbox.truth("campus")
    achievements = sandbox.truth("achievements")
    campuses_of: dict[int, set[int]] = {}
    for membership in sandbox.truth("campus_users"):
        campuses_of.setdefault(membership["user_id"], set()).add(membership["campus_id"])
    listed = {campus["id"] for campus in campuses}
    cursus_users = [row for row in sandbox.truth("cursus_users") if row["cursus_id"] == CURSUS]
    followers = {row["user"]["id"] for row in cursus_users}

    projects_users = []
    for record in sandbox.truth("projects_users"):
        own = campuses_of.get(record["user"]["id"], set())
        if own and CURSUS in record["cursus_ids"]:
            added = {"campus_id": max(own & listed or own), "cursus_id": CURSUS}
            projects_users.append(flat(record) | added)

    ids_by_name = {campus["name"]: campus["id"] for campus in campuses}
    return {
        "cursus": by_id(map(flat, sandbox.truth("cursus"))),
        "campuses": by_id(map(flat, campuses)),
        "projects": by_id(
            flat(record)
            for record in sandbox.truth("projects")
            if any(cursus["id"] == CURSUS for cursus in record["cursus"])
        ),
        "achievements": by_id(map(flat, achievements)),
        "campus_achievements": {
            (ids_by_name[name], badge["id"]): {
                "campus_id": ids_by_name[name],
                "achievement_id": badge["id"],
            }
            for badge in achievements
            for name in badge["campus"]
            if name in ids_by_name
        },
        "blocs": by_id(map(flat, sandbox.truth("blocs"))),
        "coalitions": by_id(map(flat, sandbox.truth("coalitions"))),
        "users": by_id(
            flat(record)
            for record in sandbox.truth("users")
            if record["id"] in followers
            and record["kind"] == "student"
            and not record["alumni?"]
        ),
        "cursus_users": by_id(
            {name: value for name, value in flat(row).items() if name != "cursus"}
            for row in cursus_users
        ),
        "projects_users": by_id(projects_users),
        "achievements_users": by_id(map(flat, sandbox.truth("achievements_users"))),
        "coalitions_users": by_id(map(flat, sandbox.truth("coalitions_users"))),
        "campus_users": by_id(map(flat, sandbox.truth("campus_users"))),
    }


def expected_to_land(sandbox: RunningSandbox) -> dict[str, Table]:
    """Return the same as it lands: of teams, no logins and no texts."""
    tables = expected_to_be_sent(sandbox)
    for row in tables["projects_users"].values():
        row["teams"] = [without(team) for team in row["teams"]]
    return tables


def expected_to_be_sent(sandbox: RunningSandbox) -> dict[str, Table]:
    """Return the same as the tap sends it, with the cursus that rows were read for."""
    tables = expected_tables(sandbox)
    for name in ("users", "projects"):
        tables[name] = {key: {**row, "cursus_id": CURSUS} for key, row in tables[name].items()}
    return tables


def without(team: Row, persons: Collection[int] = ()) -> Row:
    """Take persons out of a team, and logins, addresses and texts of all."""
    return {
        **{
            name: value
            for name, value in team.items()
            if name not in {"name", "repo_url", "repo_uuid"}
        },
        "users": [
            {name: value for name, value in member.items() if name not in {"login", "url"}}
            for member in team["users"]
            if member["id"] not in persons
        ],
    }


def by_id(rows: Iterable[Row]) -> Table:
    """Index rows by their id."""
    return {(row["id"],): row for row in rows}


def flat(record: Row) -> Row:
    """Apply the record rules to a record of the API."""
    row: Row = {}
    for key, value in record.items():
        column = key.removesuffix("?")
        if key in _SPREAD:
            for part in _SPREAD[key]:
                row[f"{column}_{part}"] = None if value is None else value[part]
        elif key in _PARENTS:
            row[f"{column}_id"] = None if value is None else value["id"]
        elif key == "image" and isinstance(value, dict):
            row["image_link"] = value["link"]
            row |= {f"image_{size}": value["versions"][size] for size in _IMAGE_SIZES}
        else:
            row[column] = value
    return row


def differences(expected: Table, landed: Table) -> list[str]:
    """List what differs, column by column; instants are compared as instants."""
    found = [f"{key} is missing" for key in expected.keys() - landed.keys()]
    found += [f"{key} should not be there" for key in landed.keys() - expected.keys()]
    for key in expected.keys() & landed.keys():
        for column in expected[key].keys() | landed[key].keys():
            wanted = expected[key].get(column)
            got = landed[key].get(column)
            if not _same(wanted, got):
                found.append(f"{key}.{column}: {wanted!r} became {got!r}")
    return found


def _same(wanted: object, got: object) -> bool:
    if isinstance(got, datetime):
        return isinstance(wanted, str) and datetime.fromisoformat(wanted) == got
    if isinstance(got, Decimal):
        return isinstance(wanted, int | float) and Decimal(str(wanted)) == got
    return type(wanted) is type(got) and wanted == got
