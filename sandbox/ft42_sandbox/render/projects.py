"""A project with its sessions: the API's biggest record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ft42_sandbox.instants import DAY, at, to_text

if TYPE_CHECKING:
    from ft42_sandbox.render.details import Dice

OBJECTIVES = (
    "Unix logic",
    "Rigor",
    "Memory management",
    "Network programming",
    "Écrire du code que d'autres relisent",
    "Group work",
)
DESCRIPTION = (
    "This project of the sandbox asks you to build something small with great care, "
    "to explain it to your peers and to defend every line of it."
)
BEHAVIOURS = ("user", "user", "user", "by_rule", "upload", "none")


def project_dict(  # noqa: PLR0913, PLR0917 - what projects share
    row: dict[str, Any],
    shared: dict[str, Any],
    parents: dict[int, Any],
    children: dict[int, Any],
    first_session: dict[int, int],
    dice: Dice,
) -> dict[str, Any]:
    """A project's JSON.

    Args:
        row: the project's columns.
        shared: rendered campuses and cursus by id.
        parents: each project's short form by id.
        children: the short forms of each parent's children.
        first_session: the number of each project's first session.
        dice: where the sessions' details come from.
    """
    return {
        "id": row["id"],
        "name": row["name"],
        "slug": row["slug"],
        "difficulty": row["difficulty"],
        "parent": parents.get(row["parent_id"]),
        "children": children.get(row["id"], []),
        "attachments": [],
        "created_at": to_text(row["created_at"]),
        "updated_at": to_text(row["updated_at"]),
        "exam": row["exam"],
        "git_id": row["git_id"],
        "repository": row["repository"],
        "recommendation": "forbidden",
        "cursus": [
            shared["cursus"][c]
            for c in dict.fromkeys((row["cursus_id"], *(row["more_cursus"] or ())))
            if c in shared["cursus"]
        ],
        "campus": [
            shared["campus"][c] for c in row["campus_ids"] or () if c in shared["campus"]
        ],
        "videos": [],
        "project_sessions": _sessions(row, first_session[row["id"]], dice),
    }


def _sessions(row: dict[str, Any], first: int, dice: Dice) -> list[dict[str, Any]]:
    """All sessions of a project, numbered from the first one's number."""
    numbers = np.arange(first, first + (row["sessions"] or 0))
    return [
        _session(row, number, place, drawn, commit)
        for place, (number, drawn, commit) in enumerate(
            zip(
                numbers.tolist(),
                dice.numbers("session", numbers).tolist(),
                dice.digits("commit", numbers),
                strict=True,
            )
        )
    ]


def _session(
    row: dict[str, Any], number: int, place: int, drawn: list[int], commit: str
) -> dict[str, Any]:
    """One session; the first of a project is the default one, without a campus."""
    begin = at("2019-09-02T06:00:00.000Z") + drawn[0] * 9 * DAY
    dated = drawn[1] < 86
    campuses = row["campus_ids"] or [None]
    created = row["created_at"] + drawn[2] * DAY // 8
    return {
        "id": number,
        "solo": None if number % 5_000 == 7 else drawn[3] < 190,
        "begin_at": to_text(begin) if dated else None,
        "end_at": to_text(begin + 90 * DAY) if dated else None,
        "estimate_time": None if drawn[5] < 29 else f"{1 + drawn[5] % 30} days",
        "difficulty": None if drawn[6] < 9 else row["difficulty"] or 0,
        "objectives": None
        if drawn[7] < 6
        else [OBJECTIVES[(drawn[7] + k) % len(OBJECTIVES)] for k in range(drawn[7] % 4)],
        "description": None if drawn[7] < 6 else DESCRIPTION,
        "duration_days": 1 + drawn[8] % 240 if drawn[8] > 249 else None,
        "terminating_after": None if drawn[9] < 138 else drawn[9] % 123,
        "project_id": row["id"],
        "campus_id": None if place == 0 or drawn[10] < 30 else campuses[place % len(campuses)],
        "cursus_id": None if drawn[11] < 67 else row["cursus_id"],
        "created_at": to_text(created),
        "updated_at": to_text(created + drawn[12] * DAY // 4),
        "max_people": 1 + drawn[13] % 132 if drawn[13] == 255 else None,
        "is_subscriptable": None if number % 2_500 == 9 else drawn[13] < 240,
        "scales": [
            {"id": number * 3 + k, "correction_number": 3, "is_primary": k == 0}
            for k in range(drawn[14] % 3)
        ],
        "uploads": [{"id": 34 + number % 1600, "name": "Peer video"}] if drawn[15] < 20 else [],
        "team_behaviour": BEHAVIOURS[drawn[14] % len(BEHAVIOURS)],
        "commit": None if drawn[15] < 94 else f"{commit}0a1b2c3d",
    }
