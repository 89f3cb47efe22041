"""Achievements, blocs, coalitions and who belongs to which coalition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ft42_sandbox.columns import NULL_INSTANT, Column, Kind
from ft42_sandbox.generate.people import PISCINER, People
from ft42_sandbox.generate.reference import MAIN_CURSUS, PISCINE, read_tsv, table
from ft42_sandbox.instants import DAY, HOUR, at
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ft42_sandbox.settings import World

ACHIEVEMENTS = 1_152
LAST_ACHIEVEMENT_ID = 1_620
MOST_SUCCESSES = 1_010
TIERS = ("none", "easy", "medium", "hard", "challenge")
TIER_SHARES = (0.55, 0.17, 0.13, 0.1, 0.05)
ACHIEVEMENT_KINDS = ("project", "social", "scolarity", "pedagogy")
_WHAT = [
    "Rank Up!",
    "Code Explorer",
    "Bill Gates",
    "Attendee",
    "I have no time",
    "It's a rich man's world",
    "Home is where the code is",
    "Curious wanderer",
    "Vacuum",
    "Welcome, Learner",
    "Sleepless in the lab",
    "Photogenic",
    "All work and no play",
    "Keep calm",
    "Love me, I'm famous",
    "Peer pleasure",
    "Night owl",
    "Logtime guru",
    "Bonus hunter",
    "Perfect score",
    "Éternel étudiant",
    "Mapa do tesouro",
]
_COALITIONS = [
    "Assembly",
    "Federation",
    "Alliance",
    "Order",
    "Capybaras",
    "Blobfishes",
    "Quokkas",
    "Axolotls",
    "Lava",
    "Tide",
    "Gale",
    "Terra",
    "Segfault",
    "Kernel",
    "Bits",
    "Bytes",
    "Nebula",
    "Comet",
    "Quasar",
    "Pulsar",
    "Vela",
    "Pyxis",
    "Cetus",
    "Ravens",
    "Foxes",
    "Wolves",
    "Lynx",
    "Otters",
    "Makers",
    "Menders",
    "Drifters",
    "Pirates",
    "Gardiens du Nœud",
    "Os Corsários",
]
# Unclean colours of the captures: with a space, with a tab, without a hash.
DIRTY_COLOURS = ("\t#ff7400", " #1ba211", "FFFFFF", "0e23b2")
DUPLICATE_PAIRS = 7
NEGATIVE_SCORE, HIGHEST_SCORE = -17, 72_004


def achievements_table(world: World, campus: Table, projects: Table) -> Table:
    """1,152 achievements with parents, titles and the campuses that give them."""
    rng = np.random.default_rng([world.seed, 5])
    ids = np.sort(
        rng.choice(np.arange(2, LAST_ACHIEVEMENT_ID), ACHIEVEMENTS - 2, replace=False)
    )
    ids = np.concatenate([[1], ids, [LAST_ACHIEVEMENT_ID]])
    campus_ids = campus.array("id")
    project_names = projects.array("name")
    cities = [row["city"] for row in read_tsv("campuses.tsv")]
    rows: list[dict[str, Any]] = []
    for n, number in enumerate(ids.tolist()):
        pick = int(rng.integers(1_000_000))
        kind = ACHIEVEMENT_KINDS[int(rng.choice(4, p=(0.45, 0.25, 0.2, 0.1)))]
        subject = (
            project_names[pick % len(project_names)] if kind == "project" else cities[pick % 54]
        )
        tier = TIERS[int(rng.choice(5, p=TIER_SHARES))]
        spread = int(rng.geometric(0.25)) if n else 73
        parent = rows[pick % n] if n and rng.random() < 0.09 else None
        titled = rng.random() < 0.231
        created = at("2014-12-01T08:00:00Z") + int(number * 2.6 * DAY) + pick
        rows.append(
            {
                "id": number,
                "name": f"{_WHAT[pick % len(_WHAT)]} - {subject}"[:151],
                "description": f"What one does at {subject}, {tier} way."[:140],
                "tier": tier,
                "kind": kind,
                "visible": rng.random() < 0.95,
                "image": None
                if rng.random() < 0.105
                else f"/uploads/achievement/image/{number}/{kind[:3]}{pick % 900:03d}.svg",
                "nbr_of_success": None if rng.random() < 0.7292 else pick % 60,
                "campus_ids": sorted(
                    rng.choice(campus_ids, size=min(spread, 74), replace=False).tolist()
                ),
                "parent_id": parent["id"] if parent else None,
                "title_id": 8 + pick % 2691 if titled else None,
                "cursus_id": MAIN_CURSUS if rng.random() < 0.9 else PISCINE,
                "internal_name": f"sandbox-{number}",
                "pedago": kind == "pedagogy",
                "slug": f"sandbox-{number}",
                "position": 0,
                "reward": pick % 100,
                "created_at": created,
                "updated_at": created + pick % 90 * DAY,
            }
        )
    rows[7]["nbr_of_success"] = MOST_SUCCESSES
    text = ("name", "description", "tier", "kind", "image", "internal_name", "slug")
    numbers = ("nbr_of_success", "parent_id", "title_id", "cursus_id", "position", "reward")
    return table(
        "achievements",
        rows,
        {
            "id": Kind.INT,
            **dict.fromkeys(text, Kind.TEXT),
            **dict.fromkeys(numbers, Kind.INT),
            "visible": Kind.BOOL,
            "pedago": Kind.BOOL,
            "campus_ids": Kind.JSON,
            "created_at": Kind.INSTANT,
            "updated_at": Kind.INSTANT,
        },
    )


def blocs_and_coalitions(world: World, campus: Table, people: People) -> tuple[Table, Table]:
    """A bloc for each campus and cursus, with three to four coalitions each."""
    rng = np.random.default_rng([world.seed, 7])
    listed = campus.array("id")[campus.array("public") == 1].tolist()
    places = [(c, MAIN_CURSUS) for c in listed] + [(c, PISCINE) for c in listed[:46]]
    blocs: list[dict[str, Any]] = []
    coalitions: list[dict[str, Any]] = []
    epoch = at(world.epoch)
    numbers = np.cumsum(rng.integers(1, 3, size=400)).tolist()
    user_ids = people.users.array("id")
    for n, (campus_id, cursus_id) in enumerate(places):
        created = at("2017-09-01T12:00:00Z") + n * 30 * DAY + int(rng.integers(DAY))
        blocs.append(
            {
                "id": 1 + 2 * n - n // 2,
                "campus_id": campus_id,
                "cursus_id": cursus_id,
                "squad_size": None if rng.random() < 0.9 else 6,
                "created_at": created,
                "updated_at": created + int(rng.integers(0, 100 * DAY)),
                "coalition_delay": 0,
                "repeat_deadline_delay": 30,
            }
        )
        for _ in range(3 if rng.random() < 0.5 else 4):
            c = len(coalitions)
            name = _COALITIONS[int(rng.integers(len(_COALITIONS)))]
            created += int(rng.integers(1, HOUR))
            colour = f"#{int(rng.integers(1 << 24)):06x}"
            coalitions.append(
                {
                    "id": numbers[c],
                    "name": name,
                    "slug": _slug(name, campus_id, c),
                    "image_url": f"https://cdn.intra.42.fr/coalition/image/{numbers[c]}/sandbox.svg",
                    "cover_url": None
                    if rng.random() < 0.0905
                    else f"https://cdn.intra.42.fr/coalition/cover/{numbers[c]}/sandbox_cover.jpg",
                    "color": DIRTY_COLOURS[c // 22 % 4] if c % 22 == 5 else colour,
                    "score": 0 if rng.random() < 109 / 346 else int(rng.exponential(60_000)),
                    "user_id": int(rng.choice(user_ids)),
                    "bloc_id": blocs[-1]["id"],
                    "created_at": created,
                    "updated_at": min(created + int(rng.integers(1, 900 * DAY)), epoch - HOUR),
                }
            )
    coalitions[3]["slug"] = coalitions[90]["slug"] = "analysts"
    coalitions[40]["name"] = " SIGKILL Bill"
    coalitions[41]["score"] = 4_954_125
    dates = {"created_at": Kind.INSTANT, "updated_at": Kind.INSTANT}
    bloc_numbers = "id campus_id cursus_id squad_size coalition_delay repeat_deadline_delay"
    texts = ("name", "slug", "image_url", "cover_url", "color")
    return (
        table("blocs", blocs, {**dict.fromkeys(bloc_numbers.split(), Kind.INT), **dates}),
        table(
            "coalitions",
            coalitions,
            {
                **dict.fromkeys(("id", "score", "user_id", "bloc_id"), Kind.INT),
                **dict.fromkeys(texts, Kind.TEXT),
                **dates,
            },
        ),
    )


def _slug(name: str, campus_id: int, number: int) -> str:
    plain = "-".join(name.lower().encode("ascii", "ignore").decode().split())
    return f"42cursus-{campus_id}-{plain}-{number}"


def coalitions_users_table(
    world: World, people: People, blocs: Table, coalitions: Table
) -> Table:
    """Memberships: the coalition of the main cursus, of the piscine, and for some a third."""
    rng = np.random.default_rng([world.seed, 8])
    users = people.users
    member, place = _memberships(people, blocs, coalitions, rng)
    epoch = at(world.epoch)
    joined = np.maximum(
        users.array("created_at")[member] + 45 * DAY, coalitions.array("created_at")[place]
    )
    # Whole promotions are put into their coalitions at once, within the same milliseconds.
    joined = np.minimum(joined // (30 * DAY) * (30 * DAY) + 9 * HOUR, epoch - DAY)
    joined += (rng.integers(0, 40, size=len(member)) * 1000) + rng.integers(
        0, 1000, size=len(member)
    ) * (rng.random(len(member)) < 0.3)
    order = np.argsort(joined // 1000, kind="stable")
    again = order[rng.choice(len(order), size=min(DUPLICATE_PAIRS, len(order)), replace=False)]
    order = np.concatenate([order, again])
    member, place, joined = member[order], place[order], joined[order]
    joined[-len(again) :] = epoch - 3 * DAY
    user_ids = users.array("id")[member].copy()
    # Accounts that were deleted later: their memberships still name them.
    gone = rng.random(len(user_ids)) < 0.005
    user_ids[gone] = rng.integers(1_000, 10_000, size=int(gone.sum()))
    score = np.where(
        rng.random(len(member)) < 0.45, 0, rng.exponential(400, size=len(member))
    ).astype(np.int64)
    score[rng.random(len(member)) < 0.01] *= 60
    score = np.minimum(score, HIGHEST_SCORE)
    score[3] = NEGATIVE_SCORE
    gap = max(2, 106_921 * 2 // max(1, len(member)))
    coalition_ids = coalitions.array("id")[place]
    scored = score != 0
    changed = joined.copy()
    changed[5] = epoch - 2 * DAY
    return Table(
        "coalitions_users",
        {
            "id": Column(Kind.INT, 84 + np.cumsum(rng.integers(1, gap, size=len(member)))),
            "coalition_id": Column(Kind.INT, coalition_ids),
            "user_id": Column(Kind.INT, user_ids),
            "score": Column(Kind.INT, score),
            "rank": Column(Kind.INT, ranks(coalition_ids, score)),
            "created_at": Column(Kind.INSTANT, joined),
            "updated_at": Column(Kind.INSTANT, changed),
            "this_year_score": Column(Kind.INT, np.where(scored, score // 3, 0)),
            "this_year_score_updated_at": Column(
                Kind.INSTANT,
                np.where(
                    scored,
                    epoch - rng.integers(HOUR, 300 * DAY, size=len(member)),
                    NULL_INSTANT,
                ),
            ),
        },
    )


def _memberships(
    people: People, blocs: Table, coalitions: Table, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The positions of users and of their coalitions, each pair once."""
    choices: dict[tuple[int, int], NDArray[Any]] = {}
    for bloc, campus_id, cursus_id in blocs.records(
        blocs.positions, ("id", "campus_id", "cursus_id")
    ):
        choices[campus_id, cursus_id] = np.flatnonzero(coalitions.array("bloc_id") == bloc)
    primary, members, where = people.users.array("primary_campus_id").tolist(), [], []
    drawn = rng.random((len(primary), 3)).tolist()
    in_main = (people.roles < PISCINER).tolist()
    for n, campus_id in enumerate(primary):
        for cursus_id, share, chance in (
            (MAIN_CURSUS, 0.97, drawn[n][0]),
            (PISCINE, 0.95, drawn[n][1]),
        ):
            offered = choices.get((campus_id, cursus_id))
            if (
                offered is None
                or chance > share
                or (cursus_id == MAIN_CURSUS and not in_main[n])
            ):
                continue
            members.append(n)
            where.append(int(offered[int(chance * 1e6) % len(offered)]))
        if drawn[n][2] < 0.4:
            members.append(n)
            where.append(int(drawn[n][2] * 1e7) % len(coalitions))
    member, place = np.asarray(members), np.asarray(where)
    _, first = np.unique(member * 1_000 + place, return_index=True)
    return member[np.sort(first)], place[np.sort(first)]


def ranks(coalition_ids: NDArray[Any], scores: NDArray[Any]) -> NDArray[np.int64]:
    """Competition ranks in each coalition: equal scores share one, the next are skipped."""
    order = np.lexsort((-scores.astype(np.int64), coalition_ids))
    groups, values = coalition_ids[order], scores[order]
    index = np.arange(len(order))
    starts = np.r_[True, groups[1:] != groups[:-1]]
    changes = starts | np.r_[True, values[1:] != values[:-1]]
    first_of_group = np.maximum.accumulate(np.where(starts, index, 0))
    first_of_tie = np.maximum.accumulate(np.where(changes, index, 0))
    result = np.empty(len(order), dtype=np.int64)
    result[order] = first_of_tie - first_of_group + 1
    return result
