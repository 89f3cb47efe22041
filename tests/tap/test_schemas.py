"""The schema files: the contract between the tap, the target and the tables."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from tap_ft42.declared.records import types_of

from tests.tap.running import ROOT, STREAMS, discovered

Schema = dict[str, Any]

SCHEMAS: dict[str, Schema] = {
    stream: json.loads((ROOT / "schemas" / f"{stream}.json").read_text(encoding="utf-8"))
    for stream in STREAMS
}
KNOWN = {"type", "description", "format", "items", "x-references", "x-source"}


@pytest.fixture(params=STREAMS)
def schema(request: pytest.FixtureRequest) -> Schema:
    """The schema of each stream."""
    return SCHEMAS[request.param]


def test_each_is_called_like_its_stream() -> None:
    assert {name: schema["title"] for name, schema in SCHEMAS.items()} == {
        name: name for name in STREAMS
    }


def test_it_is_a_json_schema(schema: Schema) -> None:
    jsonschema_rs.meta.validate(schema)
    assert schema["type"] == "object"


def test_it_says_what_it_and_each_column_means(schema: Schema) -> None:
    for meaning in (schema, *schema["properties"].values()):
        assert meaning["description"].endswith(".")
        assert meaning["description"][0].isupper()


def test_its_key_is_required_and_never_null(schema: Schema) -> None:
    assert schema["x-primary-key"]
    for column in schema["x-primary-key"]:
        assert column in schema["required"]
        assert "null" not in types_of(schema["properties"][column])


def test_what_is_required_exists(schema: Schema) -> None:
    assert set(schema["required"]) <= set(schema["properties"])
    assert len(set(schema["required"])) == len(schema["required"])


def test_it_has_a_place_for_what_nobody_declared(schema: Schema) -> None:
    if schema["title"] in {"census", "rejected_records", "sync_requests", "sync_runs"}:
        return
    assert types_of(schema["properties"]["extra"]) == {"object", "null"}
    assert "extra" not in schema["required"]


def test_its_columns_have_names_that_sql_needs_no_quotes_for(schema: Schema) -> None:
    for column in schema["properties"]:
        assert column.isidentifier()
        assert column == column.lower()


def test_a_column_has_one_type_besides_null(schema: Schema) -> None:
    for name, column in schema["properties"].items():
        assert len(types_of(column) - {"null"}) == 1, name


def test_no_word_is_fixed(schema: Schema) -> None:
    # 42 renames grades and statuses: there are no enums, patterns or lengths.
    for name, column in schema["properties"].items():
        assert set(column) <= KNOWN, name


def test_instants_are_marked_as_such(schema: Schema) -> None:
    for name, column in schema["properties"].items():
        is_instant = name.endswith(("_at", "_date", "_until"))
        assert (column.get("format") == "date-time") is is_instant, name


def test_lists_of_objects_say_nothing_of_their_items(schema: Schema) -> None:
    # The stock target lands an array with items as jsonb[], one without as jsonb.
    for name, column in schema["properties"].items():
        for inside in types_of(column.get("items", {"type": "integer"})):
            assert inside in {"integer", "string", "null"}, name


def test_a_bookmark_s_column_is_never_null(schema: Schema) -> None:
    entries = {entry["stream"]: entry for entry in json.loads(discovered())["streams"]}
    if column := entries[schema["title"]].get("replication_key"):
        assert types_of(schema["properties"][column]) <= {"string", "integer"}
        assert column in schema["required"]


KINDS = {"id", "login", "name", "mail", "phone", "picture", "url", "host", "text", "record"}


def test_what_speaks_of_people_is_a_path_that_exists_and_a_kind(schema: Schema) -> None:
    items = schema.get("x-items", {})
    exist = {*schema["properties"], *schema.get("x-embedded", ())}
    exist |= {f"{column}/*/{path}" for column, paths in items.items() for path in paths}
    persons = schema.get("x-persons", {})
    assert set(persons) <= exist
    assert set(persons.values()) <= KINDS | {"users"}
    for path, kind in persons.items():
        assert (kind == "users") is (path in schema.get("x-embedded", ())), path


def test_each_reference_to_a_person_is_said_to_be_one(schema: Schema) -> None:
    persons = schema.get("x-persons", {})
    for name, column in schema["properties"].items():
        if name == "user_id" or column.get("x-references") == "users":
            assert persons[name] == "id"
    if "user" in schema.get("x-embedded", ()):
        assert persons["user"] == "users"
    # An undeclared field of a person can be anything.
    if persons and "extra" in schema["properties"]:
        assert persons["extra"] == "text"
