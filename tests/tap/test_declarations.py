"""What streams declare: mistakes are told, and rows of every shape come out of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.copies import STRANGERS, CopiedTap, copied, sandbox_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.copies import Copy

Schema = dict[str, Any]

LIST = {"type": ["array", "null"], "description": "Others."}
WORD = {"type": ["string", "null"], "description": "A word."}
MISTAKES: dict[str, tuple[Callable[[Schema], object], str]] = {
    "key": (lambda s: s.pop("x-primary-key"), '"x-primary-key" is a required property'),
    "no_key": (lambda s: s.update({"x-primary-key": ["nr"]}), "x-primary-key: nr is no column"),
    "word": (lambda s: s.update({"x-person": {}}), "x-person is none of $schema, title"),
    "title": (lambda s: s.update(title="other"), "title is not 'title'"),
    "types": (
        lambda s: s["properties"]["event_id"].update(type=["string", "integer"]),
        'properties.event_id.type: ["string", "integer"] is none of "array", "boolean", ',
    ),
    "meaning": (
        lambda s: s["properties"]["event_id"].pop("description"),
        'properties.event_id: "description" is a required property',
    ),
    "person": (
        lambda s: s["x-persons"].update(corrector_id="id"),
        "x-persons: corrector_id is no column, not in x-embedded, and not in x-items",
    ),
    "member": (
        lambda s: s["x-persons"].update({"team/*/id": "id"}),
        "x-persons: team/*/id is no column",
    ),
    "other_person": (
        lambda s: s["x-persons"].update(event_id="id"),
        "x-persons: event_id has to allow null, or be the first to refer to users",
    ),
    "untold": (
        lambda s: s["x-persons"].pop("user_id"),
        "x-persons: user_id refers to users, and is not said to be an id",
    ),
    "misplaced": (
        lambda s: s["properties"]["event_id"].update({"x-items": ["id"]}),
        "x-references, x-source; x-items stands beside properties",
    ),
    "kind_of_person": (
        lambda s: s["x-persons"].update(user_id="person"),
        'x-persons.user_id: "person" is none of "id", "login", "name", "mail", ',
    ),
    "source": (
        lambda s: s["properties"]["event_id"].update({"x-source": "event.id"}),
        "event_id: x-source: write event/id, not event.id",
    ),
    "nobody": (
        lambda s: s["properties"].update(author=WORD) or s["x-persons"].update(author="login"),
        "x-persons: nobody knows whose login author is: call it author_login beside author_id",
    ),
    "wrapped": (
        lambda s: s["properties"]["id"].update({"x-source": "row/id"}),
        "wrapped: id has to be a key of the record, without x-source",
    ),
    "whole_person": (
        lambda s: s["properties"]["user_id"].update({"x-source": "user/id"}),
        "x-persons: user is a person: add it as users, and to x-embedded",
    ),
    "item": (
        lambda s: (
            s["properties"].update(mates=LIST) or s.update({"x-items": {"mates": ["*/id"]}})
        ),
        "x-items: mates: write id, as */id begins at the list",
    ),
    "items": (lambda s: s.update({"x-items": {"id": ["id"]}}), "x-items: id is neither"),
    "partition": (lambda s: s.update({"x-partition": "x"}), "x-partition: x is no column"),
}
"""What is wrong with the schema of a stream, and what is said."""
LISTINGS = {
    "cursor": ('cursor=Cursor("at")', "its cursor, at, is no column"),
    "kind": ('cursor=Cursor("id")', "its cursor, id, is no instant"),
    "orphan": (
        'parent=Listing(name="moons", path="/v2/moons"), parent_id="moon_id"',
        "its parent, moons, is no stream's listing",
    ),
    "added": ('added=("campus_id",)', "added: campus_id is no column"),
    "people": (
        'people_filter="filter[x]", people_column="person_id"',
        "people_column needs the column person_id, and that it is required",
    ),
    "curricula": ("by_cursus=True", "by_cursus needs the column cursus_id"),
    "parted": (
        'parent=CampusesStream.listing, parent_id="event_id", parent_filter="filter[event_id]"',
        "its schema needs x-partition: event_id",
    ),
    "route": ('all_path="/v2/a"', "path: nothing tells moon_id"),
}
"""What is wrong with a listing, and what is said."""


def add(copy: Copy, name: str, schema: Schema | None, listing: str = "") -> None:
    """Add a stream to a copy, without an endpoint."""
    path = "/v2/{moon_id}" if name == "route" else "/v2/rows"
    (copy.root / f"tap-ft42/tap_ft42/streams/{name}.py").write_text(
        "from tap_ft42.declared.listing import Cursor, Listing\n"
        "from tap_ft42.singer.stream import FT42Stream\n"
        "from tap_ft42.streams.reference import CampusesStream\n"
        "class Stream(FT42Stream):\n"
        f"    listing = Listing(name={name!r}, path={path!r}, {listing})\n"
    )
    if schema is not None:
        text = json.dumps({**schema, "title": schema["title"] if name == "title" else name})
        (copy.root / f"schemas/{name}.json").write_text(text)


def said_by(copy: Copy) -> str:
    """Return what the tap of a copy says when it starts."""
    done = subprocess.run(
        [sys.executable, "-m", "tap_ft42", "--about"],
        cwd=copy.root,
        env={**copy.environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    return done.stderr


def schema_of(name: str) -> Schema:
    found: Schema = json.loads((STRANGERS / name / "schema.json").read_text(encoding="utf-8"))
    return found


def test_each_mistake_in_a_declaration_is_told_at_once(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    for name, (mistake, _) in MISTAKES.items():
        schema = schema_of("events_users")
        mistake(schema)
        add(copy, name, schema)
    for name, (listing, _) in LISTINGS.items():
        add(copy, name, schema_of("events_users"), listing)
    add(copy, "missing", None)
    add(copy, "broken", None)
    (copy.root / "schemas/broken.json").write_text("{")
    said = said_by(copy)
    for name, (_, fault) in MISTAKES.items():
        assert f"- schemas/{name}.json: {fault}" in said or fault in said, name
    for name, (_, fault) in LISTINGS.items():
        assert f"- {name}: {fault}" in said
    assert "- schemas/missing.json is missing" in said
    assert "- schemas/broken.json is no JSON: " in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("parent", ["moons", "again"])
def test_a_reference_to_nothing_or_to_itself_is_told(tmp_path: Path, parent: str) -> None:
    copy, schema = copied(tmp_path), schema_of("events_users")
    schema["properties"]["event_id"]["x-references"] = parent
    add(copy, "again", schema)
    said = said_by(copy)
    assert (
        "event_id refers to moons, which is no stream" in said
        or "x-references: again refers to again" in said
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return copied(tmp_path_factory.mktemp("project"), "scale_teams", "titles_users")


@pytest.fixture(scope="module")
def there(copy: Copy) -> Iterator[RunningSandbox]:
    """The sandbox of the copy."""
    with sandbox_of(copy, users=60, enrolments=60, achievements_per_user=0) as running:
        yield running


def rows_of(tap: CopiedTap, stream: str) -> list[dict[str, Any]]:
    messages = tap.run("campuses", "scale_teams", "rejected_records")
    return [
        message["record"]
        for message in messages
        if message["type"] == "RECORD" and message["stream"] == stream
    ]


@pytest.mark.slow
def test_people_in_objects_and_lists_may_be_hidden_by_a_word(
    copy: Copy, there: RunningSandbox, tmp_path: Path
) -> None:
    truth = {row["id"]: row for row in there.truth("scale_teams")}
    rows = rows_of(CopiedTap.at(there, copy, tmp_path), "scale_teams")
    hidden = [row for row in rows if truth[row["id"]]["correcteds"] == "invisible"]
    deleted = [row for row in rows if truth[row["id"]]["corrector"] == {}]
    assert hidden
    for row in hidden:
        assert row["extra"] == {"corrector": "invisible", "correcteds": "invisible"}
        assert not {"corrector_id", "correcteds"} & set(row)
    assert deleted
    for row in deleted:
        assert "corrector_id" not in row
        assert not row.get("extra")


@pytest.mark.slow
@pytest.mark.parametrize("is_settled", [True, False], ids=["settled", "in no settled order"])
def test_a_list_that_heeds_no_parameter_is_read_whole(
    copy: Copy, there: RunningSandbox, tmp_path: Path, is_settled: bool
) -> None:
    there.control("POST", "settings", {"unstable_ties": not is_settled})
    tap = CopiedTap.at(there, copy, tmp_path)
    done = copy.python(*tap.words("titles_users"))
    read = {
        message["record"]["id"]
        for message in map(json.loads, done.stdout.splitlines())
        if message["type"] == "RECORD"
    }
    there_are = {row["id"] for row in there.truth("titles_users")}
    assert read == there_are
    assert "counts other rows than it shows" not in done.stderr


def test_a_preset_keeps_those_in_lists_from_leaving(
    copy: Copy, there: RunningSandbox, tmp_path: Path
) -> None:
    rows = rows_of(CopiedTap.at(there, copy, tmp_path, privacy="none"), "scale_teams")
    text = json.dumps(rows)
    assert not [row["login"] for row in there.truth("users") if f'"{row["login"]}"' in text]
    assert {one["id"] for row in rows for one in row.get("correcteds") or ()} == {None}
