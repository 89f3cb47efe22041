"""People: accounts, the campuses they belong to and the cursus they follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from ft42_sandbox.columns import NULL_INSTANT, Column, Kind
from ft42_sandbox.generate.names import NameMaker
from ft42_sandbox.generate.reference import MAIN_CURSUS, PISCINE
from ft42_sandbox.instants import DAY, HOUR, at
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ft42_sandbox.settings import World

# The roles of accounts. The scope of the project's `users` stream is the first and the second.
STUDENT, ANONYMISED, ALUMNUS, PISCINER, EXTERNAL, STAFF = range(6)
ROLE_SHARES = (0.80, 0.01, 0.08, 0.06, 0.03, 0.02)
KINDS = ("student", "external", "admin")
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
GRADES = ("Pisciner", "Learner", "Cadet", "Member", "Transcender", "Alumni")
HIGHEST_LEVEL = 21.0
FIRST_ID, LAST_ID = 10_231, 250_717

# Shares and extremes counted over 40,341 students.
IMAGE_NULL = 0.0269
LOCATION_SET = 730 / 40_341
NEGATIVE_POINTS = 2_163 / 40_341
EXTREME_POINTS = (-6_497, 1_027)
EXTREME_WALLETS = (-19_100, 827_942_872)
# These students (by their place among all) have the extreme offsets that were seen in
# anonymize_date: -08:00 and, in an Australian summer, +10:30.
FARTHEST = slice(5, 9)
FARTHEST_CAMPUSES = (7, 7, 36, 36)


@dataclass(frozen=True)
class People:
    """The three tables about people, and each account's role by position."""

    users: Table
    campus_users: Table
    cursus_users: Table
    roles: NDArray[np.int8]


def people(world: World, campus: Table, cursus: Table) -> People:
    """Generate all accounts with their campuses and cursus."""
    rng = np.random.default_rng([world.seed, 3])
    roles = rng.choice(6, size=world.users, p=ROLE_SHARES).astype(np.int8)
    # Each role occurs, even in the smallest world.
    roles[rng.choice(world.users, size=12, replace=False)] = np.tile(np.arange(6), 2)
    users = _users(world, campus, roles, rng)
    return People(
        users,
        _campus_users(world, users, campus, rng),
        _cursus_users(world, users, cursus, roles, rng),
        roles,
    )


def _users(
    world: World, campus: Table, roles: NDArray[np.int8], rng: np.random.Generator
) -> Table:
    count, epoch = len(roles), at(world.epoch)
    ids, created = _joined(count, epoch, rng)
    ordinary = np.flatnonzero(roles == STUDENT)
    primary = _primary_campuses(campus, count, rng)
    primary[ordinary[FARTHEST]] = FARTHEST_CAMPUSES
    updated = _last_changes(created, epoch, rng)
    anonymised = roles == ANONYMISED
    names = _names(ids, campus, primary, roles, rng)
    points = np.where(
        rng.random(count) < NEGATIVE_POINTS,
        -rng.integers(1, 40, size=count),
        rng.poisson(5, size=count),
    )
    wallet = (rng.exponential(220, size=count)).astype(np.int64) * 5
    points[ordinary[:2]] = EXTREME_POINTS
    wallet[ordinary[2:4]] = EXTREME_WALLETS
    months = created.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12
    years = created.astype("datetime64[us]").astype("datetime64[Y]").astype(int) + 1970
    no_pool = (roles >= EXTERNAL) & (rng.random(count) < 0.9)
    days = _erasure_days(created, epoch, ordinary[FARTHEST], rng)
    erasure, offsets = _local_midnights(campus, primary, days)
    erasure[anonymised | (roles >= EXTERNAL)] = NULL_INSTANT
    alumnized = np.where(
        roles == ALUMNUS, updated - rng.integers(0, 400 * DAY, count), NULL_INSTANT
    )
    return Table(
        "users",
        {
            "id": Column(Kind.INT, ids),
            **names,
            "kind": Column.of_codes(
                KINDS, np.select([roles == EXTERNAL, roles == STAFF], [1, 2], 0)
            ),
            "has_image": Column(Kind.BOOL, (rng.random(count) >= IMAGE_NULL) & ~anonymised),
            "staff?": Column(Kind.BOOL, roles == STAFF),
            "correction_point": Column(Kind.INT, points),
            "pool_month": Column(
                Kind.CHOICE,
                [
                    None if none else MONTHS[m]
                    for m, none in zip(months.tolist(), no_pool, strict=True)
                ],
            ),
            "pool_year": Column(
                Kind.CHOICE,
                [
                    None if none else str(y)
                    for y, none in zip(years.tolist(), no_pool, strict=True)
                ],
            ),
            "location": Column(Kind.TEXT, _locations(roles, rng)),
            "wallet": Column(Kind.INT, wallet),
            "erasure_date": Column(Kind.INSTANT, erasure),
            "utc_offset": Column(Kind.INT, offsets),
            "created_at": Column(Kind.INSTANT, created),
            "updated_at": Column(Kind.INSTANT, updated),
            "alumnized_at": Column(Kind.INSTANT, alumnized),
            "alumni?": Column(Kind.BOOL, roles == ALUMNUS),
            "active?": Column(
                Kind.BOOL, rng.random(count) < np.where(roles == ANONYMISED, 0, 0.45)
            ),
            "primary_campus_id": Column(Kind.INT, primary),
            "status": Column(Kind.CHOICE, ["none"] * count),
        },
    )


def _joined(
    count: int, epoch: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids of accounts, and when each was made: both rise."""
    gaps = rng.integers(1, max(2, 2 * (LAST_ID - FIRST_ID) // count), size=count)
    ids = FIRST_ID + np.cumsum(gaps)
    # More people join every year, so the dates rise faster at first.
    first = at("2013-11-04T09:00:00Z")
    created = first + (
        ((ids - ids[0]) / max(1, int(ids[-1] - ids[0]))) ** 0.6 * (epoch - 2 * DAY - first)
    ).astype(np.int64)
    created += rng.integers(0, HOUR, size=count)
    created.sort()
    return ids, created


def _names(
    ids: NDArray[np.int64],
    campus: Table,
    primary: NDArray[np.int64],
    roles: NDArray[np.int8],
    rng: np.random.Generator,
) -> dict[str, Column]:
    """The columns that name people."""
    firsts, lasts, logins = map(list, zip(*NameMaker(rng).people(len(ids)), strict=True))
    usual = rng.random(len(ids)) < 0.06
    extensions = dict(
        zip(campus.array("id").tolist(), campus.array("email_extension"), strict=True)
    )
    emails = [
        f"{login}@{'student.' if student else ''}{extensions[int(c)] or '42.fr'}"
        for login, student, c in zip(logins, roles <= PISCINER, primary, strict=True)
    ]
    for n in np.flatnonzero(roles == ANONYMISED).tolist():
        firsts[n], lasts[n], logins[n], emails[n] = anonymous(int(ids[n]))
    full = [f"{f} {last}" for f, last in zip(firsts, lasts, strict=True)]
    shown = [
        GIVEN_USUAL[n % len(GIVEN_USUAL)] if odd else f
        for n, (f, odd) in enumerate(zip(firsts, usual, strict=True))
    ]
    return {
        "email": Column(Kind.TEXT, emails),
        "login": Column(Kind.TEXT, logins),
        "first_name": Column(Kind.TEXT, firsts),
        "last_name": Column(Kind.TEXT, lasts),
        "usual_full_name": Column(Kind.TEXT, full),
        "usual_first_name": Column(Kind.TEXT, shown),
        "displayname": Column(Kind.TEXT, full),
    }


GIVEN_USUAL = ("Sam", "Alex", "Charlie", "Max", "Noa", "Robin", "Eden", "Andrea")


def anonymous(user_id: int) -> tuple[str, str, str, str]:
    """First name, last name, login and email of an account that 42 anonymised."""
    return "3b3", str(user_id), f"3b3-{user_id}", f"3b3-{user_id}@student.42.fr"


def _primary_campuses(campus: Table, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    weights = campus.array("users_count").astype(float)
    weights[campus.array("public") == 0] *= 0.15
    ids = campus.array("id").astype(np.int64)
    return np.asarray(rng.choice(ids, size=count, p=weights / weights.sum()))


def _last_changes(
    created: NDArray[np.int64], epoch: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """When rows last changed: one in six within a day (6,746 of 40,341), others long ago."""
    count = len(created)
    ages = np.where(
        rng.random(count) < 6_746 / 40_341,
        rng.integers(1, DAY, size=count),
        (rng.exponential(150, size=count) * DAY).astype(np.int64) + DAY,
    )
    return np.asarray(np.maximum(epoch - ages, created))


def _locations(roles: NDArray[np.int8], rng: np.random.Generator) -> list[str | None]:
    here = (rng.random(len(roles)) < LOCATION_SET) & (roles != ANONYMISED)
    here[np.flatnonzero(roles == STUDENT)[4]] = True
    seats = rng.integers(1, 25, size=(len(roles), 3)).tolist()
    return [
        None if not seated else f"c{c % 5 + 1}r{r}s{s}" if c % 7 else f"made-f0r{r % 9}s{s % 9}"
        for seated, (c, r, s) in zip(here.tolist(), seats, strict=True)
    ]


def _erasure_days(
    created: NDArray[np.int64],
    epoch: int,
    in_january: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The days since 1970 on which accounts will be erased, for some in a January."""
    kept = np.where(rng.random(len(created)) < 0.85, epoch, created)
    days = kept // DAY + rng.integers(60, 3 * 365, size=len(created))
    year = days[in_january].astype("datetime64[D]").astype("datetime64[Y]")
    days[in_january] = year.astype("datetime64[D]").astype(np.int64) + 370
    return days


def _local_midnights(
    campus: Table, primary: NDArray[np.int64], days: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When days begin in the campuses' own time, and its offsets in minutes."""
    zones = dict(zip(campus.array("id").tolist(), campus.array("time_zone"), strict=True))
    winter, summer = (
        {c: _offset_minutes(zone, month) for c, zone in zones.items()} for month in (1, 7)
    )
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1
    offsets = np.asarray(
        [
            (summer if 4 <= m <= 9 else winter)[int(c)]
            for m, c in zip(month.tolist(), primary.tolist(), strict=True)
        ]
    )
    return days * DAY - offsets * (HOUR // 60), offsets


def _offset_minutes(zone: str, month: int) -> int:
    offset = datetime(2027, month, 15, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


def _campus_users(world: World, users: Table, campus: Table, rng: np.random.Generator) -> Table:
    """One primary campus a user, and for one in five a former one too."""
    user_ids, primary = users.array("id"), users.array("primary_campus_id")
    moved = np.flatnonzero(rng.random(len(user_ids)) < 0.2)
    sizes = campus.array("users_count") + 500.0
    former = rng.choice(campus.array("id"), size=len(moved), p=sizes / sizes.sum())
    moved, former = moved[former != primary[moved]], former[former != primary[moved]]
    owner = np.concatenate([np.arange(len(user_ids)), moved])
    campuses = np.concatenate([primary, former])
    is_primary = np.arange(len(owner)) < len(user_ids)
    joined = users.array("created_at")[owner] + np.where(
        is_primary, rng.integers(HOUR, 60 * DAY, size=len(owner)), HOUR // 2
    )
    joined = np.minimum(joined, at(world.epoch) - HOUR)
    order = np.argsort(joined, kind="stable")
    ids = np.cumsum(rng.integers(1, 4, size=len(order)))
    changed = np.where(
        rng.random(len(order)) < 0.8,
        joined[order],
        np.minimum(
            joined[order] + rng.integers(DAY, 500 * DAY, size=len(order)),
            at(world.epoch) - HOUR,
        ),
    )
    return Table(
        "campus_users",
        {
            "id": Column(Kind.INT, ids),
            "user_id": Column(Kind.INT, user_ids[owner[order]]),
            "campus_id": Column(Kind.INT, campuses[order]),
            "is_primary": Column(Kind.BOOL, is_primary[order]),
            "created_at": Column(Kind.INSTANT, joined[order]),
            "updated_at": Column(Kind.INSTANT, np.maximum(changed, joined[order])),
        },
    )


def _cursus_users(
    world: World, users: Table, cursus: Table, roles: NDArray[np.int8], rng: np.random.Generator
) -> Table:
    """The main cursus for students and alumni, the piscine for most, others for a few."""
    owner, which, made = _enrolments(world, users, cursus, roles, rng)
    count, epoch = len(owner), at(world.epoch)
    is_main = which == MAIN_CURSUS
    alumni = roles[owner] == ALUMNUS
    level = _levels(is_main, rng)
    member = is_main & (level > 9) & ~alumni
    newer = rng.random(count) < 0.7
    grade = np.select(
        [
            ~is_main & (which != PISCINE),
            which == PISCINE,
            alumni,
            member & newer,
            member,
            newer,
        ],
        [-1, 0, 5, 4, 3, 2],
        1,
    )
    ended = (
        alumni | ((which == PISCINE) & (made < epoch - 40 * DAY)) | (rng.random(count) < 0.1)
    )
    begin = (made // HOUR) * HOUR
    end = np.where(
        ended,
        np.minimum(begin + np.where(which == PISCINE, 26 * DAY, 700 * DAY), epoch - HOUR),
        NULL_INSTANT,
    )
    hole = np.where(
        is_main & ~member & ~alumni,
        np.maximum(begin + rng.integers(60 * DAY, 900 * DAY, size=count), begin),
        NULL_INSTANT,
    )
    words = [None if g < 0 else GRADES[g] for g in grade.tolist()]
    changed = _changed(made, epoch, rng)
    return Table(
        "cursus_users",
        {
            "id": Column(Kind.INT, 101_786 + np.cumsum(rng.integers(1, 5, size=count))),
            "user_id": Column(Kind.INT, users.array("id")[owner]),
            "cursus_id": Column(Kind.INT, which),
            "grade": Column(Kind.CHOICE, words),
            "level": Column(Kind.FLOAT, level),
            "begin_at": Column(Kind.INSTANT, begin),
            "end_at": Column(Kind.INSTANT, end),
            "has_coalition": Column(Kind.BOOL, is_main | (which == PISCINE)),
            "blackholed_at": Column(Kind.INSTANT, hole),
            "created_at": Column(Kind.INSTANT, made),
            "updated_at": Column(Kind.INSTANT, changed),
        },
    )


def _enrolments(
    world: World, users: Table, cursus: Table, roles: NDArray[np.int8], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Who is enrolled (by position), in which cursus, and since when, the oldest first."""
    everyone = np.arange(len(roles))
    main = everyone[roles <= ALUMNUS]
    piscine = everyone[
        (roles == PISCINER) | ((roles <= ALUMNUS) & (rng.random(len(roles)) < 0.8))
    ]
    others = everyone[rng.random(len(roles)) < 0.1]
    elsewhere = cursus.array("id")[~np.isin(cursus.array("id"), (MAIN_CURSUS, PISCINE))]
    owner = np.concatenate([main, piscine, others])
    which = np.concatenate(
        [
            np.full(len(main), MAIN_CURSUS),
            np.full(len(piscine), PISCINE),
            rng.choice(elsewhere, size=len(others)),
        ]
    )
    made = np.minimum(
        users.array("created_at")[owner]
        + np.where(
            which == MAIN_CURSUS,
            rng.integers(40 * DAY, 90 * DAY, size=len(owner)),
            rng.integers(HOUR, 20 * DAY, size=len(owner)),
        ),
        at(world.epoch) - HOUR,
    )
    order = np.argsort(made, kind="stable")
    return owner[order], which[order], made[order]


def _levels(is_main: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Levels, by whether the cursus is the main one: most have two digits, some are 0."""
    count = len(is_main)
    level = np.where(is_main, rng.gamma(2.5, 2.2, size=count), rng.gamma(2, 1.5, size=count))
    level = np.where(rng.random(count) < 0.9, np.round(level, 2), level)
    level[rng.random(count) < 0.05] = 0.0
    return np.minimum(level, HIGHEST_LEVEL)


def _changed(
    made: NDArray[np.int64], epoch: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """When enrolments were changed: a few all at once, some by themselves, others never."""
    count, batch = len(made), at("2025-04-15T08:30:00.517Z")
    changed = np.where((rng.random(count) < 0.06) & (made < batch), batch, made)
    single = rng.random(count) < 0.16
    changed = np.where(
        single,
        np.minimum(made + rng.integers(DAY, 600 * DAY, size=count), epoch - HOUR),
        changed,
    )
    return np.maximum(changed, made)
