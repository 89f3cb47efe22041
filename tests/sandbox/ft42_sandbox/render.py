"""Rows to JSON: keys, their order and their forms as captured from the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from ft42_sandbox.details import API, Dice, image, skills
from ft42_sandbox.generate.reference import LANGUAGES
from ft42_sandbox.instants import at, local_text, texts, to_text
from ft42_sandbox.render_projects import project_dict
from ft42_sandbox.store import Positions, Store, Table
from ft42_sandbox.teams import Teams

Json = Any
USER_KEYS = (
    "id", "email", "login", "first_name", "last_name", "usual_full_name", "usual_first_name",
    "displayname", "kind", "has_image", "staff?", "correction_point", "pool_month", "pool_year",
    "location", "wallet", "erasure_date", "utc_offset", "created_at", "updated_at",
    "alumnized_at", "alumni?", "active?",
)  # fmt: skip
CAMPUS_KEYS = (
    "id", "name", "time_zone", "language", "users_count", "vogsphere_id", "country", "address",
    "zip", "city", "website", "facebook", "twitter", "active", "public", "email_extension",
    "default_hidden_phone",
)  # fmt: skip
ACHIEVEMENT_KEYS = (
    "id", "name", "description", "tier", "kind", "visible", "image", "nbr_of_success",
)  # fmt: skip
COALITION_KEYS = ("id", "name", "slug", "image_url", "cover_url", "color", "score", "user_id")
LANGUAGE_DATES = {
    "created_at": "2014-11-02T16:43:38.466Z", "updated_at": "2026-09-01T09:12:00.120Z",
}  # fmt: skip


class Renderer:
    """Turns rows of the store into what the API would send for them."""

    def __init__(self, store: Store) -> None:
        """Render rows of this store."""
        self.store = store
        self.dice = Dice(store.seed)
        self.teams = Teams(store, self.dice)

    def page(self, form: str, positions: Positions) -> bytes:
        """A JSON list of rows in a list form, named as in `FORMS`."""
        return orjson.dumps(FORMS[form](self, positions))

    def one(self, form: str, position: int) -> bytes:
        """A JSON object: one row in a form."""
        return orjson.dumps(FORMS[form](self, np.asarray([position], dtype=np.int32))[0])

    def cursus(self, positions: Positions) -> list[Json]:
        """Cursus: no `updated_at` although the API lets one sort by it."""
        table = self.store["cursus"]
        return [
            {"id": i, "created_at": created, "name": name, "slug": slug, "kind": kind}
            for (i, name, slug, kind), created in zip(
                table.records(positions, ("id", "name", "slug", "kind")),
                texts(table.array("created_at")[positions]), strict=True)
        ]  # fmt: skip

    def campus(self, positions: Positions) -> list[Json]:
        """Campuses as listed: with `endpoint`, and a language without dates."""
        table = self.store["campus"]
        return [
            self._campus_dict(record, dated=False) | {"endpoint": _endpoint(endpoint, record[0], record[1])}
            for *record, endpoint in table.records(positions, (*CAMPUS_KEYS, "endpoint_id"))
        ]  # fmt: skip

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

        return self._fragments(table, positions, build, ("campus", "cursus"))

    def achievements(self, positions: Positions) -> list[Json]:
        """Achievements: children and campuses come as names."""
        return self._fragments(
            self.store["achievements"], positions, self._achievement, ("campus",)
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
            | {"coalitions": self.coalitions(np.flatnonzero(
                (bloc_ids == record[0]) & coalitions.alive).astype(np.int32))}
            for record, created, updated in zip(
                table.records(positions, keys), texts(table.array("created_at")[positions]),
                texts(table.array("updated_at")[positions]), strict=True)
        ]  # fmt: skip

    def coalitions(self, positions: Positions) -> list[Json]:
        """Coalitions: neither dates nor a campus."""
        return [
            dict(zip(COALITION_KEYS, record, strict=True))
            for record in self.store["coalitions"].records(positions, COALITION_KEYS)
        ]

    def users(self, positions: Positions) -> list[Json]:
        """Users in the short form of 25 keys, as listed and as embedded everywhere."""
        table = self.store["users"]
        missing = [p for p in positions.tolist() if p not in table.rendered]
        if missing:
            rows = np.asarray(missing, dtype=np.int32)
            fresh = {
                p: orjson.Fragment(orjson.dumps(user))
                for p, user in zip(missing, self._users(rows), strict=True)
            }
            for position, fragment in fresh.items():
                table.keep_rendered(position, fragment)
            return [table.rendered.get(p) or fresh[p] for p in positions.tolist()]
        return [table.rendered[p] for p in positions.tolist()]

    def users_by_id(self, user_ids: Any) -> list[Json]:  # noqa: ANN401 - an array of ids
        """The short form of users by id; None for one that does not exist."""
        found = self.store["users"].find_many(user_ids)
        known = self.users(np.unique(found[found >= 0]).astype(np.int32))
        by_position = dict(zip(np.unique(found[found >= 0]).tolist(), known, strict=True))
        return [by_position.get(position) for position in found.tolist()]

    def campus_users(self, positions: Positions) -> list[Json]:
        """Which campus a user belongs to."""
        return self._plain("campus_users", positions, ("id", "user_id", "campus_id", "is_primary"))

    def coalitions_users(self, positions: Positions) -> list[Json]:
        """Memberships: no campus, and dates that do not move with the score."""
        return self._plain(
            "coalitions_users", positions, ("id", "coalition_id", "user_id", "score", "rank")
        )

    def achievements_users(self, positions: Positions) -> list[Json]:
        """Badges, with the login and the address of their owner."""
        table, users = self.store["achievements_users"], self.store["users"]
        owners = users.find_many(table.array("user_id")[positions]).tolist()
        logins = [None if p < 0 else users.array("login")[p] for p in owners]
        rows = self._plain(
            "achievements_users", positions, ("id", "achievement_id", "user_id", "nbr_of_success")
        )
        return [
            {**{k: row[k] for k in ("id", "achievement_id", "user_id")}, "login": login,
             "nbr_of_success": row["nbr_of_success"], "url": f"{API}/users/{login}",
             "created_at": row["created_at"], "updated_at": row["updated_at"]}
            for row, login in zip(rows, logins, strict=True)
        ]  # fmt: skip

    def cursus_users(self, positions: Positions) -> list[Json]:
        """Who follows which cursus, with the user and the cursus inside."""
        users = self.users_by_id(self.store["cursus_users"].array("user_id")[positions])
        return [
            {**{k: v for k, v in row.items() if k != "cursus"}, "user": user, "cursus": row["cursus"]}
            for row, user in zip(self.embedded_cursus_users(positions), users, strict=True)
        ]  # fmt: skip

    def embedded_cursus_users(self, positions: Positions) -> list[Json]:
        """The same inside a user: without the user."""
        table, cursus = self.store["cursus_users"], self.store["cursus"]
        instants = [
            texts(table.array(c)[positions])
            for c in ("begin_at", "end_at", "blackholed_at", "created_at", "updated_at")
        ]
        every = self.store.derived("cursus by id", ("cursus",), lambda: {
            row["id"]: row for row in self.cursus(cursus.positions)})  # fmt: skip
        return [
            {"id": i, "begin_at": begin, "end_at": end, "grade": grade, "level": level,
             "skills": skills(self.dice, i, level), "cursus_id": c, "has_coalition": has,
             "blackholed_at": hole, "created_at": created, "updated_at": updated,
             "cursus": every.get(c)}
            for (i, grade, level, c, has), begin, end, hole, created, updated in zip(
                table.records(positions, ("id", "grade", "level", "cursus_id", "has_coalition")),
                *instants, strict=True)
        ]  # fmt: skip

    def projects_users(self, positions: Positions) -> list[Json]:
        """Enrolments with the user and all teams inside."""
        users = self.users_by_id(self.store["projects_users"].array("user_id")[positions])
        teams = self.teams.of(positions)
        return [
            {**row, "user": user, "teams": group}
            for row, user, group in zip(
                self.embedded_projects_users(positions), users, teams, strict=True)
        ]  # fmt: skip

    def embedded_projects_users(self, positions: Positions) -> list[Json]:
        """Enrolments inside a user: neither user nor teams."""
        table = self.store["projects_users"]
        projects = self.store.derived("short projects", ("projects",), self._short_projects)
        instants = [
            texts(table.array(c)[positions])
            for c in ("marked_at", "retriable_at", "created_at", "updated_at")
        ]
        keys = (
            "id", "occurrence", "final_mark", "status", "validated?", "current_team_id",
            "project_id", "cursus_id", "marked",
        )  # fmt: skip
        return [
            {"id": i, "occurrence": occurrence, "final_mark": mark, "status": status,
             "validated?": validated, "current_team_id": team, "project": projects.get(project),
             "cursus_ids": [cursus], "marked_at": marked_at, "marked": marked,
             "retriable_at": retriable, "created_at": created, "updated_at": updated}
            for (i, occurrence, mark, status, validated, team, project, cursus, marked),
            marked_at, retriable, created, updated in zip(
                table.records(positions, keys), *instants, strict=True)
        ]  # fmt: skip

    def long_users(self, positions: Positions) -> list[Json]:
        """Users in the long form of 39 keys, as one user is shown."""
        return [self._long_user(position) for position in positions.tolist()]

    def _long_user(self, position: int) -> Json:
        table = self.store["users"]
        user_id = int(table.array("id")[position])
        short = orjson.loads(orjson.dumps(self.users(np.asarray([position], dtype=np.int32))[0]))
        campuses = self._rows_of("campus_users", user_id)
        campus = self.store["campus"]
        places = campus.find_many(self.store["campus_users"].array("campus_id")[campuses])
        badges = self.store["achievements_users"].array("achievement_id")[
            self._rows_of("achievements_users", user_id)
        ]
        won = self.store["achievements"].find_many(np.unique(badges))
        return short | {
            "groups": [],
            "cursus_users": self.embedded_cursus_users(self._rows_of("cursus_users", user_id)),
            "projects_users": self.embedded_projects_users(
                self._rows_of("projects_users", user_id)[::-1]),
            **self._belongings(user_id, short["created_at"], won),
            "campus": self.embedded_campus(places[places >= 0].astype(np.int32)),
            "campus_users": self.campus_users(campuses),
        }  # fmt: skip

    def _belongings(self, user_id: int, created: str, won: Any) -> dict[str, Json]:  # noqa: ANN401
        """The parts of a long user that have no table in the sandbox, and the badges."""
        titled = user_id % 5 == 0
        title = 8 + user_id % 300
        return {
            "languages_users": [
                {"id": user_id * 2, "language_id": 1 + user_id % 2, "user_id": user_id,
                 "position": 1, "created_at": created}
            ],
            "achievements": self.embedded_achievements(won[won >= 0].astype(np.int32)),
            "titles": [{"id": title, "name": title_name(title)}] if titled else [],
            "titles_users": [
                {"id": user_id * 3, "user_id": user_id, "title_id": title, "selected": True,
                 "created_at": created, "updated_at": created}
            ] if titled else [],
            "partnerships": [], "patroned": [], "patroning": [],
            "expertises_users": [
                {"id": user_id * 4, "expertise_id": 3, "interested": False, "value": 2,
                 "contact_me": False, "created_at": created, "user_id": user_id}
            ] if user_id % 7 == 0 else [],
            "roles": [],
        }  # fmt: skip

    def _rows_of(self, name: str, user_id: int) -> Positions:
        table = self.store[name]
        return np.flatnonzero((table.array("user_id") == user_id) & table.alive).astype(np.int32)

    def _plain(self, name: str, positions: Positions, keys: tuple[str, ...]) -> list[Json]:
        table = self.store[name]
        return [
            dict(zip(keys, record, strict=True)) | {"created_at": created, "updated_at": updated}
            for record, created, updated in zip(
                table.records(positions, keys), texts(table.array("created_at")[positions]),
                texts(table.array("updated_at")[positions]), strict=True)
        ]  # fmt: skip

    def _users(self, positions: Positions) -> list[Json]:
        table = self.store["users"]
        instants = {
            c: texts(table.array(c)[positions]) for c in ("created_at", "updated_at", "alumnized_at")
        }
        rendered = []
        for n, record in enumerate(table.records(positions, USER_KEYS)):
            row = dict(zip(USER_KEYS, record, strict=True))
            erasure = local_text(row["erasure_date"], row["utc_offset"] or 0)
            rendered.append({
                "id": row["id"], "email": row["email"], "login": row["login"],
                "first_name": row["first_name"], "last_name": row["last_name"],
                "usual_full_name": row["usual_full_name"],
                "usual_first_name": row["usual_first_name"],
                "url": f"{API}/users/{row['login']}", "phone": "hidden",
                "displayname": row["displayname"], "kind": row["kind"],
                "image": image(self.dice, row["id"], row["login"], row["has_image"]),
                "staff?": row["staff?"], "correction_point": row["correction_point"],
                "pool_month": row["pool_month"], "pool_year": row["pool_year"],
                "location": row["location"], "wallet": row["wallet"],
                "anonymize_date": erasure, "data_erasure_date": erasure,
                "created_at": instants["created_at"][n], "updated_at": instants["updated_at"][n],
                "alumnized_at": instants["alumnized_at"][n], "alumni?": row["alumni?"],
                "active?": row["active?"],
            })  # fmt: skip
        return rendered

    def _fragments(
        self, table: Table, positions: Positions, build: Callable[[int], Json],
        depends: tuple[str, ...],
    ) -> list[Json]:  # fmt: skip
        """Rows whose JSON is kept until they, or any row of `depends`, change."""
        def forget() -> None:
            table.rendered.clear()

        self.store.derived(f"parts of {table.name}", depends, forget)
        for position in positions.tolist():
            if position not in table.rendered:
                table.keep_rendered(position, orjson.Fragment(orjson.dumps(build(position))))
        return [table.rendered[position] for position in positions.tolist()]

    def _campus_dict(self, record: Any, *, dated: bool) -> dict[str, Json]:  # noqa: ANN401
        row = dict(zip(CAMPUS_KEYS, record, strict=True))
        number, name = LANGUAGES[row["language"]]
        language = {"id": number, "name": name, "identifier": row["language"]}
        row["language"] = language | LANGUAGE_DATES if dated else language
        return row

    def _achievement(self, position: int) -> Json:
        table = self.store["achievements"]
        row = table.row(position)
        names = self.store.derived("campus names", ("campus",), lambda: dict(
            self.store["campus"].records(self.store["campus"].positions, ("id", "name"))))  # fmt: skip
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

    def _short_projects(self) -> dict[int, dict[str, Json]]:
        table = self.store["projects"]
        keys = ("id", "name", "slug", "parent_id")
        return {
            record[0]: dict(zip(keys, record, strict=True))
            for record in table.records(table.positions, keys)
        }

    def _project_parts(self) -> tuple[Json, Json, Json, Json]:
        """What projects share: campuses and cursus, parents, children, session numbers."""
        store = self.store
        campus, cursus, table = store["campus"], store["cursus"], store["projects"]
        shared = {
            "campus": {
                c: orjson.Fragment(orjson.dumps(row))
                for c, row in zip(
                    campus.values(campus.positions, "id"),
                    self.embedded_campus(campus.positions), strict=True)
            },
            "cursus": {row["id"]: row for row in self.cursus(cursus.positions)},
        }  # fmt: skip
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
    """The name of a title; titles have no table, so it is told by the number."""
    return ("Altruist %login", "%login, keeper of the logs", "Dr. %login")[title_id % 3]


def _endpoint(endpoint_id: int | None, campus_id: int, name: str) -> Json:
    if endpoint_id is None:
        return None
    created = at("2016-05-10T09:30:00.214Z") + campus_id * 86_400_000_000
    return {
        "id": endpoint_id, "url": f"https://endpoint-{campus_id}.sandbox.example/",
        "description": f"Accounts of {name}", "created_at": to_text(created),
        "updated_at": to_text(created + 3_600_000_000),
    }  # fmt: skip


FORMS: dict[str, Callable[[Renderer, Positions], list[Json]]] = {
    "cursus": Renderer.cursus,
    "campus": Renderer.campus,
    "projects": Renderer.projects,
    "achievements": Renderer.achievements,
    "blocs": Renderer.blocs,
    "coalitions": Renderer.coalitions,
    "users": Renderer.users,
    "campus_users": Renderer.campus_users,
    "cursus_users": Renderer.cursus_users,
    "projects_users": Renderer.projects_users,
    "achievements_users": Renderer.achievements_users,
    "coalitions_users": Renderer.coalitions_users,
    "long_users": Renderer.long_users,
}
