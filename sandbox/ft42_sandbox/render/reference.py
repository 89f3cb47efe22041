"""JSON forms of the reference data: cursus, campuses, projects, achievements, coalitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ft42_sandbox.generate.reference import LANGUAGES
from ft42_sandbox.instants import at, texts, to_text
from ft42_sandbox.render.details import API, Dice
from ft42_sandbox.render.projects import project_dict
from ft42_sandbox.render.rows import Json, kept_rows

if TYPE_CHECKING:
    from ft42_sandbox.store import Positions, Store

CAMPUS_KEYS = (
    "id",
    "name",
    "time_zone",
    "language",
    "users_count",
    "vogsphere_id",
    "country",
    "address",
    "zip",
    "city",
    "website",
    "facebook",
    "twitter",
    "active",
    "public",
    "email_extension",
    "default_hidden_phone",
)
ACHIEVEMENT_KEYS = (
    "id",
    "name",
    "description",
    "tier",
    "kind",
    "visible",
    "image",
    "nbr_of_success",
)
COALITION_KEYS = ("id", "name", "slug", "image_url", "cover_url", "color", "score", "user_id")
LANGUAGE_DATES = {
    "created_at": "2014-11-02T16:43:38.466Z",
    "updated_at": "2026-09-01T09:12:00.120Z",
}


class ReferenceForms:
    """Renders data that seldom changes."""

    def __init__(self, store: Store, dice: Dice) -> None:
        """Render rows of this store, with details from the dice."""
        self.store = store
        self.dice = dice

    def cursus(self, positions: Positions) -> list[Json]:
        """Cursus: they have no `updated_at`, though the API can sort by it."""
        table = self.store["cursus"]
        return [
            {"id": i, "created_at": created, "name": name, "slug": slug, "kind": kind}
            for (i, name, slug, kind), created in zip(
                table.records(positions, ("id", "name", "slug", "kind")),
                texts(table.array("created_at")[positions]),
                strict=True,
            )
        ]

    def campus(self, positions: Positions) -> list[Json]:
        """Campuses as listed: with `endpoint`, and a language without dates."""
        table = self.store["campus"]
        return [
            self._campus_dict(record, dated=False)
            | {"endpoint": _endpoint(endpoint, record[0], record[1])}
            for *record, endpoint in table.records(positions, (*CAMPUS_KEYS, "endpoint_id"))
        ]

    def embedded_campus(self, positions: Positions) -> list[Json]:
        """Campuses as other records embed them: no endpoint, a language with dates."""
        records = self.store["campus"].records(positions, CAMPUS_KEYS)
        return [self._campus_dict(record, dated=True) for record in records]

    def projects(self, positions: Positions) -> list[Json]:
        """Projects with everything inside; a page of 100 is megabytes in a big world."""
        store = self.store
        campuses, parents, children, sessions = store.derived(
            "project parts", ("projects", "campus", "cursus"), self._project_parts
        )
        table = store["projects"]

        def build(position: int) -> Json:
            return project_dict(
                table.row(position), campuses, parents, children, sessions, self.dice
            )

        return kept_rows(store, table, positions, build, ("campus", "cursus"))

    def achievements(self, positions: Positions) -> list[Json]:
        """Achievements: children and campuses come as names."""
        return kept_rows(
            self.store, self.store["achievements"], positions, self._achievement, ("campus",)
        )

    def embedded_achievements(self, positions: Positions) -> list[Json]:
        """Achievements as users and parents embed them: the first nine keys."""
        return [self._short_achievement(position) for position in positions.tolist()]

    def blocs(self, positions: Positions) -> list[Json]:
        """Blocs with their coalitions inside."""
        table, coalitions = self.store["blocs"], self.store["coalitions"]
        keys = ("id", "campus_id", "cursus_id", "squad_size")
        bloc_ids = coalitions.array("bloc_id")
        return [
            dict(zip(keys, record, strict=True))
            | {"created_at": created, "updated_at": updated}
            | {
                "coalitions": self.coalitions(
                    np.flatnonzero((bloc_ids == record[0]) & coalitions.alive).astype(np.int32)
                )
            }
            for record, created, updated in zip(
                table.records(positions, keys),
                texts(table.array("created_at")[positions]),
                texts(table.array("updated_at")[positions]),
                strict=True,
            )
        ]

    def coalitions(self, positions: Positions) -> list[Json]:
        """Coalitions: neither dates nor a campus."""
        return [
            dict(zip(COALITION_KEYS, record, strict=True))
            for record in self.store["coalitions"].records(positions, COALITION_KEYS)
        ]

    def _campus_dict(self, record: Any, *, dated: bool) -> dict[str, Json]:  # noqa: ANN401 - a row of many kinds
        row = dict(zip(CAMPUS_KEYS, record, strict=True))
        number, name = LANGUAGES[row["language"]]
        language = {"id": number, "name": name, "identifier": row["language"]}
        row["language"] = language | LANGUAGE_DATES if dated else language
        return row

    def _achievement(self, position: int) -> Json:
        table = self.store["achievements"]
        row = table.row(position)
        names = self.store.derived(
            "campus names",
            ("campus",),
            lambda: dict(
                self.store["campus"].records(self.store["campus"].positions, ("id", "name"))
            ),
        )
        children = np.flatnonzero((table.array("parent_id") == row["id"]) & table.alive)
        parent = table.find(row["parent_id"]) if row["parent_id"] else None
        title = row["title_id"]
        return self._short_achievement(position) | {
            "achievements": [table.array("name")[child] for child in children[:4]],
            "campus": [names[c] for c in row["campus_ids"] if c in names],
            "parent": None if parent is None else self._short_achievement(parent),
            "title": None if title is None else {"id": title, "name": title_name(title)},
        }

    def _short_achievement(self, position: int) -> dict[str, Json]:
        table = self.store["achievements"]
        short: dict[str, Json] = {key: table.value(position, key) for key in ACHIEVEMENT_KEYS}
        return short | {"users_url": f"{API}/achievements/{short['id']}/users"}

    def _project_parts(self) -> tuple[Json, Json, Json, Json]:
        """The data that projects share: campuses and cursus, parents, children, sessions."""
        store = self.store
        campus, cursus, table = store["campus"], store["cursus"], store["projects"]
        shared = {
            "campus": {
                c: orjson.Fragment(orjson.dumps(row))
                for c, row in zip(
                    campus.values(campus.positions, "id"),
                    self.embedded_campus(campus.positions),
                    strict=True,
                )
            },
            "cursus": {row["id"]: row for row in self.cursus(cursus.positions)},
        }
        parents = {
            number: {"name": name, "id": number, "slug": slug, "url": f"{API}/projects/{slug}"}
            for number, name, slug in table.records(table.positions, ("id", "name", "slug"))
        }
        children: dict[int, list[Json]] = {}
        for number, parent in table.records(table.positions, ("id", "parent_id")):
            if parent is not None:
                children.setdefault(parent, []).append(parents[number])
        first_session, next_session = {}, 1
        for number, count in table.records(table.positions, ("id", "sessions")):
            first_session[number] = next_session
            next_session += count or 0
        return shared, parents, children, first_session


def title_name(title_id: int) -> str:
    """The name of a title. Titles have no table, so it follows from the number."""
    return ("Altruist %login", "%login, keeper of the logs", "Dr. %login")[title_id % 3]


def _endpoint(endpoint_id: int | None, campus_id: int, name: str) -> Json:
    if endpoint_id is None:
        return None
    created = at("2016-05-10T09:30:00.214Z") + campus_id * 86_400_000_000
    return {
        "id": endpoint_id,
        "url": f"https://endpoint-{campus_id}.sandbox.example/",
        "description": f"Accounts of {name}",
        "created_at": to_text(created),
        "updated_at": to_text(created + 3_600_000_000),
    }
