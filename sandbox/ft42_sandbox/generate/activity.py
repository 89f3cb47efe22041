"""Generates enrolments and badges: the two tables that can have millions of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ft42_sandbox.columns import NULL_BOOL, NULL_INSTANT, NULL_INT, Column, Kind
from ft42_sandbox.generate.people import ALUMNUS, PISCINER, STUDENT, People
from ft42_sandbox.generate.reference import MAIN_CURSUS, PISCINE
from ft42_sandbox.instants import DAY, HOUR, at
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ft42_sandbox.settings import World

STATUSES = (
    "finished",
    "in_progress",
    "waiting_for_correction",
    "creating_group",
    "searching_a_group",
    "parent",
    "waiting_to_start",
)
# 642 captured enrolments: 606, 24, 8, 2, 1 and 1; the last one is known from elsewhere.
STATUS_SHARES = np.asarray([606, 24, 8, 2, 1, 1, 1]) / 643
CHEATING = -42
LAST_ENROLMENT_ID, LAST_BADGE_ID = 5_100_000, 2_000_000
MAX_RETRIES = 11
GROUP_SIZES = (1, 1, 1, 1, 1, 2, 3)


def projects_users_table(world: World, people: People, projects: Table) -> Table:
    """Enrolments: at most one for each user and project, older ones first.

    If a small world has fewer pairs of user and project than wanted enrolments, it gets as many
    as it has pairs.
    """
    rng = np.random.default_rng([world.seed, 4])
    who, what = _pairs(world, people, projects, rng)
    count, epoch = len(who), at(world.epoch)
    users = people.users
    joined = users.array("created_at")[who]
    begun = joined + (
        rng.beta(1.2, 2.2, size=count) * np.maximum(epoch - DAY - joined, DAY)
    ).astype(np.int64)
    begun = np.minimum(begun, epoch - HOUR)
    order = np.argsort(begun, kind="stable")
    who, what, begun = who[order], what[order], begun[order]
    gap = max(1, LAST_ENROLMENT_ID // max(1, count))
    ids = 177 + np.cumsum(rng.integers(1, 2 * gap, size=count)) - 1
    status = rng.choice(len(STATUSES), size=count, p=STATUS_SHARES)
    status[: len(STATUSES)] = np.arange(len(STATUSES))[: len(status)]
    done = status == 0
    retries = np.minimum(rng.geometric(0.72, size=count) - 1, MAX_RETRIES)
    retries[status == STATUSES.index("parent")] = 0
    kept = (status == 1) & (rng.random(count) < 0.15)
    retries[kept] = np.maximum(retries[kept], 1)
    marked = done | kept
    mark = _marks(count, rng)
    took = (rng.exponential(14, size=count) * DAY).astype(np.int64) + HOUR
    marked_at = np.minimum(begun + took, epoch - HOUR // 2)
    late = np.minimum(
        marked_at + (rng.exponential(2, size=count) * DAY).astype(np.int64), epoch - HOUR // 4
    )
    updated = np.where(
        marked,
        np.where(rng.random(count) < 0.3, late, marked_at),
        np.minimum(begun + rng.integers(0, 9 * DAY, size=count), epoch - HOUR // 3),
    )
    # A share of the rows has an odd number of microseconds, so that rows which show the
    # same millisecond are not always ordered by id.
    updated = updated // 1000 * 1000 + rng.integers(0, 1000, size=count) * (
        rng.random(count) < 0.5
    )
    project_ids, cursus_ids = projects.array("id"), projects.array("cursus_id")
    teams = _current_teams(what, people.users.array("primary_campus_id")[who], rng)
    earlier = 160 + np.cumsum(retries) - retries
    return Table(
        "projects_users",
        {
            "id": Column(Kind.INT, ids),
            "user_id": Column(Kind.INT, users.array("id")[who]),
            "project_id": Column(Kind.INT, project_ids[what]),
            "cursus_id": Column(Kind.INT, cursus_ids[what]),
            "occurrence": Column(Kind.INT, retries),
            "final_mark": Column(Kind.INT, np.where(marked, mark, NULL_INT)),
            "status": Column.of_codes(STATUSES, status),
            "validated?": Column(Kind.BOOL, np.where(marked, mark >= 80, NULL_BOOL)),
            "current_team_id": Column(
                Kind.INT,
                np.where(
                    (status == 5) | (status == 6), NULL_INT, teams + 200 + int(retries.sum())
                ),
            ),
            "earlier_team_id": Column(Kind.INT, earlier),
            "marked_at": Column(Kind.INSTANT, np.where(marked, marked_at, NULL_INSTANT)),
            "marked": Column(Kind.BOOL, marked),
            "retriable_at": Column(
                Kind.INSTANT,
                np.where(
                    marked & (rng.random(count) < 0.87), marked_at + 3 * DAY, NULL_INSTANT
                ),
            ),
            "created_at": Column(Kind.INSTANT, begun),
            "updated_at": Column(Kind.INSTANT, np.maximum(updated, begun)),
        },
    )


def _pairs(
    world: World, people: People, projects: Table, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of user and project, as positions; no pair twice."""
    projects_count, users_count = len(projects), len(people.users)
    cursus = projects.array("cursus_id")
    popularity = rng.permutation(projects_count)
    weights = 1.0 / (popularity + 3.0)
    weights[(projects.array("id") < 1350) & (cursus == MAIN_CURSUS)] *= 6
    weights[cursus == PISCINE] *= 2
    weights[(cursus != MAIN_CURSUS) & (cursus != PISCINE)] *= 0.12
    activity = rng.gamma(1.5, 1.0, size=users_count) + 0.15
    activity[people.roles == ALUMNUS] *= 2
    activity[people.roles >= PISCINER] *= 0.25
    wanted = min(world.enrolments, users_count * projects_count * 3 // 5)
    project_odds = np.cumsum(weights) / weights.sum()
    user_odds = np.cumsum(activity) / activity.sum()
    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < wanted:
        missing = (wanted - len(pairs)) * 4 // 3 + 64
        what = np.searchsorted(project_odds, rng.random(missing), side="right")
        who = np.searchsorted(user_odds, rng.random(missing), side="right")
        # A pisciner has never been in the main cursus.
        fits = (people.roles[who] != PISCINER) | (cursus[what] != MAIN_CURSUS)
        pairs = np.unique(np.concatenate([pairs, (who * projects_count + what)[fits]]))
        # When the popular pairs are used up, all pairs become equally likely, step by step.
        project_odds, user_odds = _flatter(project_odds), _flatter(user_odds)
    pairs = np.sort(rng.permutation(pairs)[:wanted])
    return pairs // projects_count, pairs % projects_count


def _flatter(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cumulated odds, moved by a tenth towards equal ones."""
    return 0.9 * odds + 0.1 * np.linspace(1 / len(odds), 1, len(odds))


def _marks(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Final marks: mostly 80 to 125, some failures, zeros, and -42 for cheating."""
    drawn = rng.random(count)
    passed = np.minimum(80 + rng.integers(0, 46, size=count), 125)
    marks = np.select(
        [drawn < 0.30, drawn < 0.50, drawn < 0.88, drawn < 0.93, drawn < 0.993],
        [100, 125, passed, 0, rng.integers(1, 80, size=count)],
        CHEATING,
    )
    marks[: min(count, 24)] = np.resize((100, 0, CHEATING, 125, 80, 42), min(count, 24))
    return np.asarray(marks, dtype=np.int64)


def _current_teams(
    what: NDArray[np.int64], campus: NDArray[np.int32], rng: np.random.Generator
) -> NDArray[np.int64]:
    """A team number for each row; in group projects, neighbours of one campus share theirs."""
    count = len(what)
    sizes = np.asarray(GROUP_SIZES)[what % len(GROUP_SIZES)]
    order = np.lexsort((campus, what))
    group = np.cumsum(np.r_[True, (np.diff(what[order]) != 0) | (np.diff(campus[order]) != 0)])
    starts = np.r_[0, np.flatnonzero(np.diff(group)) + 1]
    within = np.arange(count) - starts[group - 1] if count else np.empty(0, dtype=np.int64)
    opens = within % sizes[order] == 0
    teams = np.empty(count, dtype=np.int64)
    teams[order] = np.cumsum(opens)
    shuffled = np.cumsum(rng.integers(1, 3, size=count + 1))
    return np.asarray(shuffled[teams])


def achievements_users_table(world: World, people: People, achievements: Table) -> Table:
    """Badges that people won; some of these people are outside of the scope."""
    rng = np.random.default_rng([world.seed, 6])
    count = world.users * world.achievements_per_user
    activity = rng.gamma(1.2, 1.0, size=world.users) + 0.1
    activity[people.roles > STUDENT] *= 0.5
    who = np.searchsorted(np.cumsum(activity) / activity.sum(), rng.random(count), side="right")
    popularity = 1.0 / (rng.permutation(len(achievements)) + 4.0)
    what = np.searchsorted(
        np.cumsum(popularity) / popularity.sum(), rng.random(count), side="right"
    )
    epoch = at(world.epoch)
    joined = people.users.array("created_at")[who]
    won = joined + (rng.random(count) * np.maximum(epoch - HOUR - joined, HOUR)).astype(
        np.int64
    )
    won = np.minimum(won, epoch - HOUR)
    order = np.argsort(won, kind="stable")
    who, what, won = who[order], what[order], won[order]
    gap = max(1, LAST_BADGE_ID // max(1, count))
    again = rng.random(count) < 0.15
    counted = np.where(
        rng.random(count) < 0.0667, NULL_INT, again * rng.integers(1, 30, size=count)
    )
    return Table(
        "achievements_users",
        {
            "id": Column(Kind.INT, 1_000 + np.cumsum(rng.integers(1, 2 * gap, size=count))),
            "achievement_id": Column(Kind.INT, achievements.array("id")[what]),
            "user_id": Column(Kind.INT, people.users.array("id")[who]),
            "nbr_of_success": Column(Kind.INT, counted),
            "rewarded": Column(Kind.BOOL, again),
            "created_at": Column(Kind.INSTANT, won),
            "updated_at": Column(
                Kind.INSTANT,
                np.where(
                    again,
                    np.minimum(
                        won + rng.integers(HOUR, 90 * DAY, size=count), epoch - HOUR // 2
                    ),
                    won,
                ),
            ),
        },
    )
