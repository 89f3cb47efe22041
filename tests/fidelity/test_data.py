"""The generated data has the shapes, null shares, ranges and oddities of the real one.

`figures.json` holds what was counted over captures of the real API: types, null shares,
extremes and vocabularies by field.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ft42_sandbox.generate import generate
from ft42_sandbox.renderer import Renderer
from ft42_sandbox.settings import World

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

FIGURES: dict[str, Any] = json.loads(Path(__file__).with_name("figures.json").read_text())
JSON_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
# Captures big enough for their shares to mean something.
SHARES = ("users", "coalitions", "coalitions_users", "campus", "cursus", "achievements")
TOLERANCE = 0.06
ENROLMENTS = 8_000
# Captures that cover all there is, so that their extremes bind the generated data.
COMPLETE = ("users", "coalitions", "campus", "cursus", "achievements", "coalitions_users")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LOCAL_MIDNIGHT = re.compile(r"\d{4}-\d\d-\d\dT00:00:00\.000[+-]\d\d:\d\d")
# What facts beyond the counted captures say may be null, or have more values.
ALSO_NULL = {
    # Anonymised accounts have neither date.
    "users": {"anonymize_date", "data_erasure_date"},
}


class Captured:
    """A world with projects as heavy as the real ones, each table asked for once."""

    def __init__(self, running: RunningSandbox) -> None:
        """Look at this sandbox, which does not change."""
        self.truth = cache(running.truth)
        self.rows_of = cache(self._rows_of)
        self.values_by_field = cache(lambda table: values_by_field(self.rows_of(table)))

    def _rows_of(self, table: str) -> list[dict[str, Any]]:
        """The rows that the captures cover: for users the students who are not alumni."""
        rows = self.truth(table)
        if table == "users":
            return [u for u in rows if u["kind"] == "student" and not u["alumni?"]]
        return rows


@pytest.fixture(scope="module")
def world() -> Iterator[Captured]:
    with running_sandbox(users=1500, enrolments=ENROLMENTS, project_detail="full") as running:
        yield Captured(running)


def values_by_field(rows: list[Any]) -> dict[str, list[Any]]:
    """All values of each field, nested ones under dotted names."""
    found: dict[str, list[Any]] = defaultdict(list)

    def walk(value: object, path: str) -> None:
        if path:
            found[path].append(value)
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, f"{path}.{name}" if path else name)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, f"{path}[]")

    for row in rows:
        walk(row, "")
    return found


@pytest.mark.few(1)
@pytest.mark.parametrize("table", FIGURES)
def test_every_field_of_the_captures_exists_and_no_other(world: Captured, table: str) -> None:
    found = world.values_by_field(table)
    assert set(found) == set(FIGURES[table]["fields"])


@pytest.mark.parametrize("table", FIGURES)
def test_every_type_that_was_captured_occurs(world: Captured, table: str) -> None:
    found = world.values_by_field(table)
    for path, figures in FIGURES[table]["fields"].items():
        types = {JSON_TYPES[type(value)] for value in found[path]}
        captured = set(figures.get("types", types))
        if path.endswith("usual_first_name"):
            # Null in captures of 2022 and 2023, never since.
            captured -= {"null"}
        assert captured <= types, path
        if table in COMPLETE:
            allowed = captured | ({"null"} if path in ALSO_NULL.get(table, ()) else set())
            assert types <= allowed, path


@pytest.mark.parametrize("table", SHARES)
def test_fields_are_null_as_often_as_in_the_captures(world: Captured, table: str) -> None:
    found = world.values_by_field(table)
    for path, figures in FIGURES[table]["fields"].items():
        if path.startswith("parent."):
            continue
        share = sum(value is None for value in found[path]) / len(found[path])
        assert share == pytest.approx(figures.get("null_share", 0), abs=TOLERANCE), path


@pytest.mark.parametrize("table", COMPLETE)
def test_values_lie_within_the_extremes_of_the_captures(world: Captured, table: str) -> None:
    found = world.values_by_field(table)
    for path, figures in FIGURES[table]["fields"].items():
        values = [value for value in found[path] if value is not None]
        if "seen" in figures:
            assert set(values) == set(figures["seen"]), path
        if "max_length" in figures and not path.startswith(("achievements[", "parent.")):
            assert max(map(len, values)) <= figures["max_length"], path
        if "min" in figures and not path.endswith("id") and not path.startswith("parent."):
            assert figures["min"] <= min(values), path
            assert max(values) <= figures["max"], path


@pytest.mark.parametrize("table", FIGURES)
def test_instants_are_written_as_the_api_writes_them(world: Captured, table: str) -> None:
    found = world.values_by_field(table)
    for path, figures in FIGURES[table]["fields"].items():
        if "utc" in figures:
            form = INSTANT if figures["utc"] else LOCAL_MIDNIGHT
            assert all(form.fullmatch(value) for value in found[path] if value), path


def test_the_extremes_of_users_occur(world: Captured) -> None:
    users = world.rows_of("users")
    points = [u["correction_point"] for u in users]
    wallets = [u["wallet"] for u in users]
    assert (min(points), max(points)) == (-6_497, 1_027)
    assert (min(wallets), max(wallets)) == (-19_100, 827_942_872)
    assert any(u["image"]["link"] is None for u in users)
    offsets = {u["anonymize_date"][23:] for u in users if u["anonymize_date"]}
    assert {"-08:00", "+10:30", "+09:00", "-03:00"} <= offsets
    assert any(not u["usual_full_name"].isascii() for u in users)
    assert any(u["login"] == f"3b3-{u['id']}" and u["first_name"] == "3b3" for u in users)
    assert len({u["login"] for u in users}) == len(users)


def test_the_dirt_of_coalitions_occurs(world: Captured) -> None:
    coalitions = world.truth("coalitions")
    assert 346 <= len(coalitions) <= 373
    colours = {c["color"] for c in coalitions}
    assert {"\t#ff7400", " #1ba211", "FFFFFF", "0e23b2"} <= colours
    slugs = Counter(c["slug"] for c in coalitions)
    assert [slug for slug, times in slugs.items() if times > 1] == ["analysts"]
    assert " SIGKILL Bill" in {c["name"] for c in coalitions}
    assert any(c["cover_url"] is None for c in coalitions)


def test_memberships_are_doubled_negative_and_ranked(world: Captured) -> None:
    rows = world.truth("coalitions_users")
    pairs = Counter((r["coalition_id"], r["user_id"]) for r in rows)
    assert sum(times > 1 for times in pairs.values()) == 7
    assert min(r["score"] for r in rows) == -17
    same = sum(r["created_at"] == r["updated_at"] for r in rows)
    assert len(rows) - same <= 2
    by_coalition: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_coalition[row["coalition_id"]].append(row)
    for members in by_coalition.values():
        for member in members:
            better = sum(other["score"] > member["score"] for other in members)
            assert member["rank"] == better + 1


def test_enrolments_have_the_marks_and_states_of_the_captures(world: Captured) -> None:
    rows = world.truth("projects_users")
    assert len(rows) == ENROLMENTS
    marks = {r["final_mark"] for r in rows}
    assert {None, 0, -42, 125} <= marks
    assert {len(r["cursus_ids"]) for r in rows} == {1}
    pairs = {(r["user"]["id"], r["project"]["id"]) for r in rows}
    assert len(pairs) == len(rows)
    shares = Counter(r["status"] for r in rows)
    assert shares["finished"] / len(rows) == pytest.approx(606 / 642, abs=0.02)
    assert len(shares) == 7
    assert any(r["status"] == "in_progress" and r["validated?"] for r in rows)
    assert all(len(r["teams"]) == 0 for r in rows if r["status"] == "parent")
    assert any(len(team["users"]) > 1 for r in rows for team in r["teams"])
    assert max(r["occurrence"] for r in rows) <= 11


def test_link_rows_lead_out_of_the_scope_of_a_reader(world: Captured) -> None:
    users = world.truth("users")
    known = {u["id"] for u in users}
    scope = {u["id"] for u in world.rows_of("users")}
    assert {r["user"]["id"] for r in world.truth("projects_users")} - scope
    assert {r["user_id"] for r in world.truth("achievements_users")} - scope
    assert {r["user_id"] for r in world.truth("coalitions_users")} - known
    assert {u["kind"] for u in users} == {"student", "external", "admin"}


def test_everybody_has_one_primary_campus_and_some_a_former_one(
    world: Captured,
) -> None:
    links = world.truth("campus_users")
    primaries = Counter(link["user_id"] for link in links if link["is_primary"])
    assert set(primaries.values()) == {1}
    assert set(primaries) == {u["id"] for u in world.truth("users")}
    assert len(links) / len(primaries) == pytest.approx(1.2, abs=0.1)


def test_reference_data_has_the_size_of_the_real_one(world: Captured) -> None:
    assert len(world.truth("cursus")) == 76
    assert len(world.truth("campus")) == 54
    assert len(world.truth("achievements")) == 1_152
    assert 90 <= len(world.truth("blocs")) <= 110
    of_cursus = [p for p in world.truth("projects") if 21 in {c["id"] for c in p["cursus"]}]
    assert len(of_cursus) == 538


def bodies(seed: int) -> list[bytes]:
    """The bytes of some tables of a small world."""
    store = generate(World(users=50, enrolments=500, seed=seed))
    renderer = Renderer(store)
    tables = ("users", "projects_users", "coalitions_users", "achievements_users", "projects")
    return [renderer.page(table, store[table].positions) for table in tables]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rows_and_another_one_others() -> None:
    first, second, other = bodies(3), bodies(3), bodies(4)
    assert first == second
    assert all(a != b for a, b in zip(first, other, strict=True))


@pytest.mark.slow
def test_a_process_of_its_own_generates_the_same_rows() -> None:
    with running_sandbox(users=50, enrolments=500, seed=3) as sandbox:
        reply = sandbox.send(
            "GET",
            "/_sandbox/truth/users",
            {"Authorization": f"Bearer {sandbox.control_token}"},
        )
    assert reply.body == bodies(3)[0]
