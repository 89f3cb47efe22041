"""The tables that people query, derived from the schemas of the streams.

A schema declares a table: columns, types and descriptions, the primary key, and in
``x-references`` the table to which a column refers. Columns that no stream brings are declared
here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from typing import Any, LiteralString

TEXT = "text"
"""The kind of columns whose texts may be about anybody."""

PERSONS = "users"
"""The table with one row for each person. Rows that refer to it are that person's data."""

SEARCHED = {PERSONS: "login", "projects": "slug", "campuses": "name"}
"""Columns by which people look up rows, besides the keys."""

_SQL_TYPES = {
    "boolean": "boolean",
    "integer": "bigint",
    "number": "numeric",
    "object": "jsonb",
    "string": "text",
}


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    description: str
    references: str | None = None
    """The table to which it refers."""
    nullable: bool = True
    merged: LiteralString | None = None
    """SQL that computes it from all landed copies ``l`` of a row; None if it comes from the
    copy that is published."""


@dataclass(frozen=True)
class Mention:
    """A place where rows name a person to whom they do not belong."""

    column: str
    steps: tuple[str, ...]
    """The path to the id in the column's JSON: ``*`` for each item of a list, else a key.
    Empty if the column itself holds the id."""


@dataclass(frozen=True)
class Part:
    """A table with a row for each item of a list that rows of another table hold."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    source: str
    """The column that holds the list."""
    values: tuple[tuple[str, str], ...]
    """By column, the source of its value: a column of the row, or ``*/`` and a field."""

    @property
    def parent(self) -> str:
        """The column that names the row which holds the list."""
        return self.key[0]


@dataclass(frozen=True)
class Table:
    """A published table."""

    name: str
    description: str
    key: tuple[str, ...]
    copy_key: tuple[str, ...]
    """The key of the landed rows; longer than `key` if a row lands once for each cursus."""
    landed: tuple[Column, ...]
    """Columns that the stream of the same name brings."""
    ages: tuple[str, ...]
    """Columns that decide which of several copies is the newest; the first counts most."""
    derived: tuple[Column, ...] = ()
    """Columns that ``sql/publish/derive_<name>.sql`` fills."""
    derived_from: tuple[str, ...] = field(default=(), repr=False)
    """Other tables that this file reads; not a part of the table's structure."""
    partition: str | None = None
    """Column of the parent to which a census can be limited."""
    follows: str | None = None
    """Table from whose rows its own are derived, so some of its rows never landed."""
    scope: LiteralString | None = None
    """Condition for a landed row ``l`` to be published at all."""
    job: str = "nightly"
    """The job that brings its changes soonest: ``x-job``. The job nightly brings all."""
    parts: tuple[Part, ...] = ()
    """Tables of its lists' items: ``x-rows``. Their rows come and go with its own."""
    persons: tuple[tuple[str, str], ...] = ()
    """Paths at which its rows name people, and what stands there: ``x-persons``."""

    @property
    def copied_by(self) -> str | None:
        """The column that only the landed key has, not the published one."""
        return next((column for column in self.copy_key if column not in self.key), None)

    @property
    def cursus(self) -> str | None:
        """The landed column that names the cursus of a row; None if it has no cursus."""
        return next(
            (column.name for column in self.landed if column.name == _COPIED), self.copied_by
        )

    @property
    def has_derived_rows(self) -> bool:
        """Whether it can hold rows that never landed."""
        return self.follows is not None

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns except the two instants that `publish` keeps."""
        return self.landed + self.derived

    @property
    def references(self) -> tuple[Column, ...]:
        """Landed columns that must refer to a published row."""
        return tuple(column for column in self.landed if column.references)

    @property
    def person(self) -> str | None:
        """The column that says whose data a row is; None if it is nobody's."""
        if self.name == PERSONS:
            return "id"
        return next((c.name for c in self.references if c.references == PERSONS), None)

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """Places where its rows name other persons than their own."""
        return tuple(
            Mention(column, tuple(steps))
            for path, kind in self.persons
            if kind == "id" and path != self.person
            for column, *steps in [path.split("/")]
        )

    @property
    def naming_lists(self) -> tuple[str, ...]:
        """The columns whose JSON has more about people than their ids."""
        paths = (path.split("/") for path, kind in self.persons if kind != "id")
        return tuple(dict.fromkeys(column for column, *steps in paths if steps))

    @property
    def naming(self) -> dict[str, str]:
        """The columns with more about people than their ids, and their kind."""
        names = {column.name for column in self.landed}
        return {path: kind for path, kind in self.persons if kind != "id" and path in names}

    @property
    def named_by(self) -> dict[str, dict[str, str]]:
        """The columns of `naming`, by the column with the id of the person whom they name.

        Beside ``closer_id``, ``closer_login`` names the closer. Texts are left to the row's
        own person, and so is a column that begins like no id.
        """
        ids = [path for path, kind in self.persons if kind == "id" and "/" not in path]
        found: dict[str, dict[str, str]] = {}
        for column, kind in self.naming.items():
            alike = [name for name in ids if column.startswith(name.removesuffix("id"))]
            person = max(alike, key=len) if alike and kind != TEXT else self.person
            if person is not None:
                found.setdefault(person, {})[column] = kind
        return found

    @property
    def looked_up(self) -> dict[str, tuple[str, str]]:
        """The columns that repeat one of a person's own row: which, and the person's id."""
        if self.name == PERSONS:
            return {}
        return {
            column: (kind, person)
            for person, columns in self.named_by.items()
            for column, kind in columns.items()
            if kind in {"login", "url"}
        }


_DERIVED = {
    "coalitions": (
        Column("bloc_id", "bigint", "Bloc that lists the coalition.", "blocs"),
        Column("campus_id", "bigint", "Campus of that bloc.", "campuses"),
    ),
    "coalitions_users": (
        Column("campus_id", "bigint", "Campus of the coalition.", "campuses"),
        Column(
            "rank", "bigint",
            "Rank by score among the published members of the coalition. Equal scores share "
            "a rank, and the next rank is skipped. Computed here, as the API's gets old.",
        ),
    ),
}  # fmt: skip

_DERIVED_FROM = {
    "campus_achievements": ("achievements", "campuses"),
    "coalitions": ("blocs",),
    "coalitions_users": ("coalitions",),
}

_COPIED = "cursus_id"
"""Column that only the landed key has, not the published one."""

_CURSUS_IDS = Column(
    "cursus_ids", "bigint[]", "Cursus that the row was read for.",
    merged="{warehouse}.distinct_ids(array_agg(l.cursus_id) OVER (PARTITION BY l.id))",
)  # fmt: skip
"""The published column that replaces `cursus_id`, if the stream has no other one."""

# A single run over all campuses and cursus would keep these values, whichever copy is newest.
_MERGED: dict[str, dict[str, LiteralString]] = {
    "projects_users": {
        "campus_id": "max(l.campus_id) OVER (PARTITION BY l.id)",
        "cursus_id": "max(l.cursus_id) OVER (PARTITION BY l.id)",
    },
}

_AGES = ("updated_at", "_sdc_extracted_at")

_FOLLOWS = {"campus_achievements": "achievements"}
"""The names in ``achievements.campus`` give the links without a request."""

# The tap asks only for these people, but a row can change between request and answer.
SCOPES: dict[str, LiteralString] = {
    PERSONS: "l.kind = 'student' AND l.alumni IS NOT TRUE",
}
"""Conditions for a landed row ``l`` to be published, by table."""

_BOOKKEEPING = {"census", "rejected_records", "sync_requests", "sync_runs"}
"""Streams about the reading itself, which stay in the landing schema."""


def stream_schemas() -> Iterator[dict[str, Any]]:
    """Yield the schema of each stream, as in ``schemas/``, by name."""
    directory = files("ft42_warehouse") / "schemas"
    for file in sorted(directory.iterdir(), key=lambda file: file.name):
        yield json.loads(file.read_text(encoding="utf-8"))


def json_path(steps: Iterable[str]) -> str:
    """Return the JSON path of PostgreSQL for the steps of a `Mention`."""
    return "$" + "".join("[*]" if step == "*" else f'."{step}"' for step in steps)


def declared_items(title: str, column: str, *, naming: bool | None = None) -> dict[str, Any]:
    """Return the kept fields of objects in JSON, in the form of ``sql/init/declared_only.sql``.

    Args:
        title: The stream.
        column: The column that holds an object, or a list of objects.
        naming: Whether logins and addresses of people are kept; texts never are. If None, all
            declared fields are kept.
    """
    schema = next(schema for schema in stream_schemas() if schema["title"] == title)
    shape: dict[str, Any] = {}
    is_list = "array" in _as_list(schema["properties"][column]["type"])
    for path in schema["x-items"][column]:
        kind = schema["x-persons"].get(
            f"{column}/*/{path}" if is_list else f"{column}/{path}", "id"
        )
        if naming is None or kind == "id" or (naming and kind != "text"):
            below = shape
            for step in path.split("/"):
                if step != "*":
                    below = below.setdefault(step, {})
    return shape


@cache
def published_tables() -> tuple[Table, ...]:
    """Return the published tables, each after the tables to which it refers."""
    tables = {
        schema["title"]: _table(schema)
        for schema in stream_schemas()
        if schema["title"] not in _BOOKKEEPING
    }
    parents = {
        name: sorted({column.references for column in table.columns if column.references})
        for name, table in sorted(tables.items())
    }
    return tuple(tables[name] for name in TopologicalSorter(parents).static_order())


@cache
def tables_by_name() -> dict[str, Table]:
    """Return the published tables by their names, in the same order."""
    return {table.name: table for table in published_tables()}


@cache
def parent_tables() -> frozenset[str]:
    """Return the names of the tables to whose rows others refer."""
    return frozenset(
        column.references
        for table in published_tables()
        for column in table.references
        if column.references
    )


def parts() -> Iterator[tuple[Table, Part]]:
    """Yield the tables of lists' items, each with the table whose rows hold the list."""
    for table in published_tables():
        for part in table.parts:
            yield table, part


def sql_type(column: dict[str, Any]) -> str:
    """Return the PostgreSQL type of a column, given its JSON Schema.

    It is the type that the stock target would choose, except for instants.
    """
    (kind,) = {*_as_list(column["type"])} - {"null"}
    if column.get("format") == "date-time":
        return "timestamptz"
    if kind == "array":
        items = column.get("items")
        return "jsonb" if items is None else f"{sql_type(items)}[]"
    return _SQL_TYPES[kind]


def _table(schema: dict[str, Any]) -> Table:
    title, properties = schema["title"], schema["properties"]
    copy_key = tuple(schema["x-primary-key"])
    derived = _DERIVED.get(title, ())
    merged = _MERGED.get(title, {})
    taken = {column.name for column in derived}
    adds_cursus = _COPIED in copy_key and _COPIED not in merged
    if adds_cursus:
        taken.add(_COPIED)
    landed = tuple(
        _column(name, column, merged.get(name))
        for name, column in properties.items()
        if name not in taken
    )
    return Table(
        name=title,
        description=schema["description"],
        key=tuple(column for column in copy_key if column != _COPIED),
        copy_key=copy_key,
        landed=(*landed, _CURSUS_IDS) if adds_cursus else landed,
        ages=tuple(name for name in _AGES if name in properties or name.startswith("_sdc_")),
        derived=derived,
        derived_from=_DERIVED_FROM.get(title, ()),
        partition=schema.get("x-partition"),
        follows=_FOLLOWS.get(title),
        scope=SCOPES.get(title),
        job=schema.get("x-job", "nightly"),
        parts=tuple(_part(source, rows) for source, rows in schema.get("x-rows", {}).items()),
        persons=tuple(schema.get("x-persons", {}).items()),
    )


def _part(source: str, schema: dict[str, Any]) -> Part:
    properties = schema["properties"]
    return Part(
        name=schema["title"],
        description=schema["description"],
        key=tuple(schema["x-primary-key"]),
        columns=tuple(_column(name, column) for name, column in properties.items()),
        source=source,
        values=tuple(
            (name, column.get("x-source", name).removeprefix(f"{source}/"))
            for name, column in properties.items()
        ),
    )


def _column(name: str, column: dict[str, Any], merged: LiteralString | None = None) -> Column:
    return Column(
        name,
        sql_type(column),
        column["description"],
        column.get("x-references"),
        nullable="null" in _as_list(column["type"]),
        merged=merged,
    )


def _as_list(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds
