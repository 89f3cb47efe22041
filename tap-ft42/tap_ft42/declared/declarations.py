"""Checks that listings and schemas fit together, so mistakes are reported at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from string import Formatter
from typing import Any, TypeAlias

import jsonschema_rs

from tap_ft42.declared.listing import ID, Cursor, Listing
from tap_ft42.declared.records import EXTRA, types_of

PERSONS = "users"
"""The stream that has one row for each person."""

Schema: TypeAlias = Mapping[str, Any]

_NAMES_OF_PEOPLE = ("login", "name", "mail", "phone", "picture", "url", "host")
_KINDS = ("id", *_NAMES_OF_PEOPLE, "text", "record", PERSONS)
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_NAMES = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
_TYPE = {"enum": [*_TYPES, *([one, "null"] for one in _TYPES)]}
_COLUMN = {
    "type": "object",
    "required": ["type", "description"],
    "additionalProperties": False,
    "properties": {
        "type": _TYPE,
        "description": {"type": "string"},
        "format": {"const": "date-time"},
        "items": {"type": "object"},
        "x-references": {"type": "string"},
        "x-source": {"type": "string"},
    },
}
_ROWS = {
    "type": "object",
    "required": ["title", "description", "x-primary-key", "properties"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string"},
        "description": {"type": "string"},
        "x-primary-key": {**_NAMES, "minItems": 1},
        "properties": {"type": "object", "additionalProperties": _COLUMN},
    },
}
_RULES: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["title", "description", "x-primary-key", "required", "properties"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "type": {"const": "object"},
        "required": _NAMES,
        "properties": {
            "type": "object",
            "required": [EXTRA],
            "propertyNames": {"pattern": "^[a-z_][a-z0-9_]*$"},
            "additionalProperties": _COLUMN,
        },
        "x-embedded": _NAMES,
        "x-items": {"type": "object", "additionalProperties": _NAMES},
        "x-job": {"enum": ["incremental", "nightly"]},
        "x-partition": {"type": "string"},
        "x-persons": {"type": "object", "additionalProperties": {"enum": _KINDS}},
        "x-primary-key": {**_NAMES, "minItems": 1},
        "x-rows": {"type": "object", "additionalProperties": _ROWS},
        "x-scope": _NAMES,
    },
}
_SCHEMA = jsonschema_rs.validator_for(_RULES)
_ABOVE = frozenset(_RULES["properties"])


class DeclarationError(Exception):
    """The declarations of streams contradict each other."""

    def __init__(self, faults: Sequence[str]) -> None:
        lines = "".join(f"\n- {fault}" for fault in faults)
        super().__init__(f"What streams declare does not fit together:{lines}")


def checked(listings: Sequence[Listing], texts: Mapping[str, str | None]) -> dict[str, Schema]:
    """Return the schemas of all streams, if they fit together with the listings.

    Args:
        listings: The listings of all streams.
        texts: The text of each stream's schema file; None if the file is missing.

    Raises:
        DeclarationError: They do not fit together.
    """
    schemas: dict[str, Schema] = {}
    faults = [*_of_listings(listings)]
    for listing in listings:
        file = f"schemas/{listing.name}.json"
        if (text := texts[listing.name]) is None:
            faults.append(f"{file} is missing")
            continue
        try:
            schema = schemas[listing.name] = json.loads(text)
        except json.JSONDecodeError as error:
            faults.append(f"{file} is no JSON: {error}")
            continue
        found = [*_of_schema(listing, schema)]
        faults += [f"{file}: {fault}" for fault in found]
        if not found:
            faults += [f"{listing.name}: {fault}" for fault in _of_listing(listing, schema)]
    faults = faults or [*_of_references(schemas)]
    if faults:
        raise DeclarationError(faults)
    return schemas


def _of_schema(listing: Listing, schema: Schema) -> Iterator[str]:
    in_form = [*_of_form(schema)]
    yield from in_form
    if not in_form:
        yield from _of_columns(schema)
        yield from _of_persons(schema)
        yield from _of_names(schema)
        if schema["title"] != listing.name:
            yield f"title is not {listing.name!r}"


def _of_listings(listings: Sequence[Listing]) -> Iterator[str]:
    names = [listing.name for listing in listings]
    yield from (
        f"{name}: two streams have this name" for name in {*names} if names.count(name) > 1
    )
    for listing in listings:
        if listing.parent is not None and listing.parent not in listings:
            yield f"{listing.name}: its parent, {listing.parent.name}, is no stream's listing"
        if listing.movers is not None and listing.movers.marks not in names:
            yield f"{listing.name}: movers: {listing.movers.marks} is no stream"


def _of_form(schema: Schema) -> Iterator[str]:
    for error in _SCHEMA.iter_errors(schema):
        place = ".".join(map(str, error.instance_path))
        message = _message(error)
        yield f"{place}: {message}" if place else message


def _message(error: jsonschema_rs.ValidationError) -> str:
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties(unexpected=names):
            rules: Any = _RULES
            for step in error.schema_path[:-1]:
                rules = rules[step]
            known = rules["properties"]
            above = [name for name in names if name not in known and name in _ABOVE]
            hint = f"; {', '.join(above)} stands beside properties" if above else ""
            return f"{', '.join(names)} is none of {', '.join(known)}{hint}"
        case jsonschema_rs.ValidationErrorKind.Enum(options=options):
            words = ", ".join(map(json.dumps, options))
            return f"{json.dumps(error.instance)} is none of {words}"
    return str(error.message)


def _of_columns(schema: Schema) -> Iterator[str]:
    columns: Mapping[str, Any] = schema["properties"]
    named = {
        **{
            word: schema.get(word, ())
            for word in ("required", "x-primary-key", "x-scope", "x-items")
        },
        "x-partition": [schema[word] for word in ("x-partition",) if word in schema],
        "x-rows": schema.get("x-rows", ()),
    }
    for word, names in named.items():
        for name in names:
            if name not in columns:
                yield f"{word}: {name} is no column"
            elif word == "x-primary-key" and not _is_given(schema, name):
                yield f"{word}: {name} has to be required, and never null"
            elif word == "x-items" and not _is_nested(columns[name]):
                yield f"{word}: {name} is neither an object nor a list without items"
            elif word == "x-items" and (paths := [p for p in names[name] if p[:2] == "*/"]):
                yield f"{word}: {name}: write {paths[0][2:]}, as {paths[0]} begins at the list"
    for name, column in columns.items():
        if "." in (source := column.get("x-source", "")):
            yield f"{name}: x-source: write {source.replace('.', '/')}, not {source}"


def _of_persons(schema: Schema) -> Iterator[str]:
    columns: Mapping[str, Any] = schema["properties"]
    persons: Mapping[str, str] = schema.get("x-persons", {})
    embedded = schema.get("x-embedded", ())
    inside = {
        f"{column}/{'*/' if 'array' in types_of(columns[column]) else ''}{path}"
        for column, paths in schema.get("x-items", {}).items()
        if column in columns
        for path in paths
    }
    people = [name for name, one in columns.items() if one.get("x-references") == PERSONS]
    # When a person is erased, their id becomes null in the rows of others.
    others = {path for path, kind in persons.items() if kind == "id"} - {ID, *people[:1]}
    for path, kind in persons.items():
        if path not in {*columns, *embedded, *inside}:
            yield f"x-persons: {path} is no column, not in x-embedded, and not in x-items"
        elif (kind == PERSONS) is not (path in embedded):
            yield f"x-persons: {path} is {PERSONS} if it is in x-embedded, and only then"
        elif path in others & {*columns} and "null" not in types_of(columns[path]):
            yield f"x-persons: {path} has to allow null, or be the first to refer to {PERSONS}"
    for name in people:
        if persons.get(name) != "id":
            yield f"x-persons: {name} refers to {PERSONS}, and is not said to be an id"
    if persons and persons.get(EXTRA) != "text":
        yield f"x-persons: {EXTRA} has to be text, as it can name anybody"


def _of_names(schema: Schema) -> Iterator[str]:
    columns: Mapping[str, Any] = schema["properties"]
    persons: Mapping[str, str] = schema.get("x-persons", {})
    ids = [path for path, kind in persons.items() if kind == "id" and path in columns]
    has_owner = any(one.get("x-references") == PERSONS for one in columns.values())
    for name, kind in persons.items():
        if name in columns and kind in _NAMES_OF_PEOPLE:
            is_beside_id = any(name.startswith(one.removesuffix("id")) for one in ids)
            if not is_beside_id and not (has_owner and name == kind):
                yield (
                    f"x-persons: nobody knows whose {kind} {name} is: call it author_{kind} "
                    f"beside author_id, or say that it is a text"
                )
    for name in ids:
        above, *below = columns[name].get("x-source", name).split("/")
        if below == [ID] and persons.get(above) != PERSONS:
            yield f"x-persons: {above} is a person: add it as {PERSONS}, and to x-embedded"


def _of_listing(listing: Listing, schema: Schema) -> Iterator[str]:
    columns: Mapping[str, Any] = schema["properties"]
    if listing.cursor is not None:
        yield from _of_cursor(listing.cursor, schema)
    # Proofs and censuses look at these two in the records themselves.
    for name in {ID, listing.key} & {*columns}:
        if "x-source" in columns[name]:
            yield f"{name} has to be a key of the record, without x-source"
    for name in listing.added:
        if name not in columns:
            yield f"added: {name} is no column"
    needed = {
        "cursor": ID if listing.cursor else None,
        "filters": ID if listing.filters else None,
        "people_column": listing.people_column if listing.people_filter else None,
        "cursus_column": listing.cursus_column,
        "by_cursus": "cursus_id" if listing.by_cursus else None,
    }
    for field, column in needed.items():
        if column is not None and column not in schema["required"]:
            yield f"{field} needs the column {column}, and that it is required"
    yield from _of_parent(listing, schema)


def _of_cursor(cursor: Cursor, schema: Schema) -> Iterator[str]:
    columns: Mapping[str, Any] = schema["properties"]
    type_, form = {"instant": ("string", "date-time"), "id": ("integer", None)}[cursor.kind]
    column = columns.get(cursor.column)
    if column is None:
        yield f"its cursor, {cursor.column}, is no column"
    elif not _is_given(schema, cursor.column):
        yield f"its cursor, {cursor.column}, has to be required, and never null"
    elif types_of(column) != {type_} or column.get("format") != form:
        yield f"its cursor, {cursor.column}, is no {cursor.kind}"


def _of_parent(listing: Listing, schema: Schema) -> Iterator[str]:
    known = {listing.parent_id} if listing.parent else set[str]()
    in_path = {field for _, field, *_ in Formatter().parse(listing.path) if field}
    for field in in_path - known - ({"cursus_id"} if listing.by_cursus else set()):
        yield f"path: nothing tells {field}, which is neither parent_id nor cursus_id"
    partition = schema.get("x-partition")
    if listing.parent is None:
        if partition is not None:
            yield f"x-partition is {partition}, and the listing has no parent"
    elif not listing.parent_id:
        yield "parent needs parent_id"
    elif listing.parent_filter is None and not in_path & known:
        yield f"path does not name {listing.parent_id}, and there is no parent_filter"
    elif ID in schema["x-primary-key"] and partition != listing.parent_id:
        # A census of one parent's rows would delete those of all others.
        yield f"its schema needs x-partition: {listing.parent_id}"


def _of_references(schemas: Mapping[str, Schema]) -> Iterator[str]:
    needs: dict[str, set[str]] = {}
    for name, schema in schemas.items():
        needs[name] = set()
        for column, one in schema["properties"].items():
            parent = one.get("x-references")
            if parent is not None and parent not in schemas:
                yield f"schemas/{name}.json: {column} refers to {parent}, which is no stream"
            elif parent is not None:
                needs[name].add(parent)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield f"x-references: {' refers to '.join(reversed(error.args[1]))}"


def _is_given(schema: Schema, name: str) -> bool:
    return name in schema["required"] and "null" not in types_of(schema["properties"][name])


def _is_nested(column: Schema) -> bool:
    return bool(types_of(column) & {"array", "object"}) and "items" not in column
