"""Generates reference data: cursus, campuses and projects with their real public names."""

from __future__ import annotations

import csv
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from ft42_sandbox.columns import Column, Kind
from ft42_sandbox.instants import DAY, at
from ft42_sandbox.store import Table

if TYPE_CHECKING:
    from ft42_sandbox.settings import World

MAIN_CURSUS = 21
PISCINE = 9
# Cursus 21 has 533 to 538 projects in the captures; not all of their names are public.
WORLD_PROJECTS = 538

LANGUAGES: dict[str, tuple[int, str]] = {
    "fr": (1, "Français"),
    "en": (2, "English"),
    "ro": (3, "Romanian"),
    "uk": (5, "Ukrainian"),
    "ru": (6, "Russian"),
    "es": (11, "Spanish"),
    "it": (12, "Italian"),
    "ja": (13, "Japanese"),
    "pt_br": (14, "Brazilian Portuguese"),
    "pt": (15, "Portuguese"),
    "ko": (16, "Korean"),
    "tr": (18, "Turkish"),
}
_BY_COUNTRY = {
    "France": "fr",
    "Spain": "es",
    "Italy": "it",
    "Brazil": "pt_br",
    "Portugal": "pt",
    "Turkey": "tr",
    "Japan": "ja",
    "Korea, Republic of": "ko",
    "Romania": "ro",
    "Ukraine": "uk",
    "Russian Federation": "ru",
}
# Campuses that other records embed but `/v2/campus` does not list: closed or internal.
UNLISTED: tuple[tuple[int, str, str, str, str], ...] = (
    (2, "Internal North", "Paris", "France", "Europe/Paris"),
    (3, "Internal South", "Cluj-Napoca", "Romania", "Europe/Bucharest"),
    (4, "Closed Cluj", "Cluj-Napoca", "Romania", "Europe/Bucharest"),
    (5, "Closed Johannesburg", "Johannesburg", "South Africa", "Africa/Johannesburg"),
    (6, "Closed Cape Town", "Cape Town", "South Africa", "Africa/Johannesburg"),
    (7, "Closed Fremont", "Fremont", "United States", "America/Los_Angeles"),
    (8, "Closed Kyiv", "Kyiv", "Ukraine", "Europe/Kiev"),
    (10, "Closed Chisinau", "Chisinau", "Romania", "Europe/Bucharest"),
    (11, "Closed Tijuana", "Tijuana", "Mexico", "America/Tijuana"),
    (15, "Closed Jakarta", "Jakarta", "Indonesia", "Asia/Bangkok"),
    (17, "Closed Moscow", "Moscow", "Russian Federation", "Europe/Moscow"),
    (18, "Internal East", "Paris", "France", "Europe/Paris"),
    (23, "Closed Kazan", "Kazan", "Russian Federation", "Europe/Moscow"),
    (27, "Closed Santo Domingo", "Santo Domingo", "Dominican Republic", "America/New_York"),
    (42, "Internal Network", "Paris", "France", "Europe/Paris"),
    (45, "Closed Cairo", "Cairo", "Egypt", "Africa/Cairo"),
    (54, "Internal Test", "Paris", "France", "Europe/Paris"),
    (63, "Closed Novosibirsk", "Novosibirsk", "Russian Federation", "Asia/Novosibirsk"),
    (66, "Planned Campus", "Brussels", "Belgium", "Europe/Brussels"),
    (74, "Planned Second Campus", "Berlin", "Germany", "Europe/Berlin"),
)
# In the captures these two have neither vogsphere_id nor endpoint.
WITHOUT_ENDPOINT = frozenset({61, 70})
SMALL_SESSIONS, SMALL_CAMPUSES = 3, 4


def read_tsv(name: str) -> list[dict[str, str]]:
    """The rows of a data file of this package."""
    text = resources.files("ft42_sandbox").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def table(name: str, rows: list[dict[str, Any]], kinds: dict[str, Kind]) -> Table:
    """A table from rows as dicts, sorted by id."""
    ordered = sorted(rows, key=lambda row: int(row["id"]))
    return Table(
        name, {c: Column(kind, [row.get(c) for row in ordered]) for c, kind in kinds.items()}
    )


def cursus_table() -> Table:
    """All 76 cursus."""
    rows = [
        {
            **row,
            "id": int(row["id"]),
            "created_at": at(row["created_at"]),
            "updated_at": at(row["created_at"]),
        }
        for row in read_tsv("cursus.tsv")
    ]
    return table(
        "cursus",
        rows,
        {
            "id": Kind.INT,
            "created_at": Kind.INSTANT,
            "name": Kind.TEXT,
            "slug": Kind.TEXT,
            "kind": Kind.TEXT,
            "updated_at": Kind.INSTANT,
        },
    )


def campus_table(world: World) -> Table:
    """The 54 listed campuses, and 20 that only other records embed."""
    rng = np.random.default_rng([world.seed, 1])
    listed = [
        (
            int(r["id"]),
            r["name"],
            r["city"],
            r["country"],
            r["time_zone"],
            int(r["users_count"]),
            r["email_extension"] or None,
        )
        for r in read_tsv("campuses.tsv")
    ]
    unlisted = [
        (number, name, city, country, zone, int(rng.integers(1, 900)), "42.example.org")
        for number, name, city, country, zone in UNLISTED
    ]
    rows = []
    for number, name, city, country, zone, users, extension in listed + unlisted:
        created = at("2015-05-19T10:53:31.459Z") + number * 53 * DAY
        bare = number in WITHOUT_ENDPOINT
        slug = "".join(c for c in name.lower() if c.isalnum())
        rows.append(
            {
                "id": number,
                "name": name,
                "time_zone": zone,
                "users_count": users,
                "language": _BY_COUNTRY.get(country, "en"),
                "vogsphere_id": None if bare else 1 + number % 69,
                "country": country,
                "city": city,
                "email_extension": extension,
                "address": f"{1 + number * 7 % 140} {_street(country)} of the Sandbox, {city}",
                "zip": f"{number * 1117 % 90000 + 1000:05d}" if number % 9 else f"{number} 42A",
                "website": f"https://www.{extension or '42.example.org'}/",
                "facebook": "" if number % 3 else f"https://facebook.com/42{slug}",
                "twitter": "" if number % 4 == 1 else f"https://twitter.com/42{slug[:11]}",
                "active": number < 77 and number in {r[0] for r in listed},
                "public": number in {r[0] for r in listed},
                "default_hidden_phone": number % 5 == 2,
                "endpoint_id": None if bare else 8 + number % 61,
                "slug": slug,
                "created_at": created,
                "updated_at": created + 400 * DAY,
            }
        )
    text = "name time_zone country city email_extension address zip website facebook twitter"
    return table(
        "campus",
        rows,
        {
            "id": Kind.INT,
            **dict.fromkeys(text.split(), Kind.TEXT),
            "language": Kind.TEXT,
            "users_count": Kind.INT,
            "vogsphere_id": Kind.INT,
            "active": Kind.BOOL,
            "public": Kind.BOOL,
            "default_hidden_phone": Kind.BOOL,
            "endpoint_id": Kind.INT,
            "slug": Kind.TEXT,
            "created_at": Kind.INSTANT,
            "updated_at": Kind.INSTANT,
        },
    )


def _street(country: str) -> str:
    return "rue" if country == "France" else "Street"


def projects_table(world: World, campus: Table, cursus: Table) -> Table:
    """Projects of cursus 21 and of others, with the campuses and sessions they list."""
    rng = np.random.default_rng([world.seed, 2])
    sources = [{**row, "cursus_id": str(MAIN_CURSUS)} for row in read_tsv("projects.tsv")]
    sources += read_tsv("more_projects.tsv")
    sources += _other_cursus_projects(cursus)
    if world.full_projects:
        sources += _invented_projects(rng, sources)
    campus_ids = campus.array("id")
    weights = np.where(campus.array("public") == 1, 8.0, 1.0)
    epoch = at(world.epoch)
    others = cursus.array("id")[~np.isin(cursus.array("id"), (MAIN_CURSUS, PISCINE))]
    rows = []
    for source in sources:
        number = int(source["id"])
        created = at("2014-11-03T10:00:00Z") + int(number * 1.62 * DAY) + int(rng.integers(DAY))
        wanted, sessions = int(source["campuses"]), int(source["sessions"])
        if not world.full_projects:
            wanted = min(wanted, SMALL_CAMPUSES)
            sessions = min(sessions, SMALL_SESSIONS)
        chosen = rng.choice(
            campus_ids, size=min(wanted, 73), replace=False, p=weights / weights.sum()
        )
        gitless = rng.random() < 0.515
        # Some projects belong to several cursus, five at most.
        more = sorted(rng.choice(others, size=int(rng.integers(1, 5)), replace=False).tolist())
        rows.append(
            {
                "id": number,
                "name": source["name"],
                "slug": source["slug"],
                "difficulty": int(source["difficulty"]) if source["difficulty"] else None,
                "parent_id": int(source["parent_id"]) if source["parent_id"] else None,
                "exam": source["exam"] == "True",
                "git_id": None if gitless else 1,
                "repository": None if gitless else str(int(rng.integers(100, 9999))),
                "cursus_id": int(source["cursus_id"]),
                "more_cursus": more if rng.random() < 0.12 else [],
                "campus_ids": sorted(chosen.tolist()),
                "sessions": sessions,
                "description": "A project of the sandbox.",
                "position": int(rng.random() < 0.06),
                "visible": rng.random() < 0.95,
                "inherited_team": False,
                "has_git": not gitless,
                "has_mark": True,
                "cached_repository_path": None,
                "created_at": created,
                "updated_at": min(created + int(rng.integers(1, 2000 * DAY)), epoch - DAY),
            }
        )
    text = ("name", "slug", "repository", "description", "cached_repository_path")
    flags = ("exam", "visible", "inherited_team", "has_git", "has_mark")
    numbers = ("difficulty", "parent_id", "git_id", "cursus_id", "sessions", "position")
    return table(
        "projects",
        rows,
        {
            "id": Kind.INT,
            **dict.fromkeys(text, Kind.TEXT),
            **dict.fromkeys(numbers, Kind.INT),
            **dict.fromkeys(flags, Kind.BOOL),
            "campus_ids": Kind.JSON,
            "more_cursus": Kind.JSON,
            "created_at": Kind.INSTANT,
            "updated_at": Kind.INSTANT,
        },
    )


def _other_cursus_projects(cursus: Table) -> list[dict[str, str]]:
    """Two projects for each cursus that would have none."""
    rows = []
    for n, (number, name, slug) in enumerate(
        cursus.records(cursus.positions, ("id", "name", "slug"))
    ):
        if number in {MAIN_CURSUS, PISCINE}:
            continue
        rows += [
            {
                "id": str(100 + n * 3 + day),
                "name": f"{name} - Day {day:02d}"[:59],
                "slug": f"{slug}-day-{day:02d}",
                "difficulty": "0",
                "parent_id": "",
                "exam": "False",
                "campuses": "2",
                "sessions": "2",
                "cursus_id": str(number),
            }
            for day in range(2)
        ]
    return rows


def _invented_projects(
    rng: np.random.Generator, known: list[dict[str, str]]
) -> list[dict[str, str]]:
    """Projects that fill cursus 21 up to the world's number."""
    taken = {int(row["id"]) for row in known}
    have = sum(row["cursus_id"] == str(MAIN_CURSUS) for row in known)
    free = [number for number in range(1381, 2662) if number not in taken]
    chosen = sorted(rng.choice(free, size=WORLD_PROJECTS - have, replace=False).tolist())
    return [
        {
            "id": str(number),
            "name": f"sandbox_{number}",
            "slug": f"42cursus-sandbox_{number}",
            "difficulty": str(int(rng.integers(0, 40)) * 525),
            "parent_id": "",
            "exam": "False",
            "campuses": str(int(rng.integers(1, 70))),
            "sessions": str(int(rng.integers(1, 22))),
            "cursus_id": str(MAIN_CURSUS),
        }
        for number in chosen
    ]
