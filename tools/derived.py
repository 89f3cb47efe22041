"""What follows from the declarations of the streams: ``make docs`` writes it.

A stream is declared by its `Listing`, its schema in ``schemas/``, and its endpoint of the
sandbox. Where a file of somebody else's format has to name streams, the part that does is
written here, between two comments; dbt's plain models are files of their own. A test
checks that all are current.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from tap_ft42.singer.own.census import CensusStream
from tap_ft42.singer.own.rejections import RejectedRecordsStream
from tap_ft42.singer.own.runs import LEDGER_STREAMS
from tap_ft42.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_ft42.declared.listing import Listing

ROOT = Path(__file__).resolve().parent.parent
DBT = ROOT / "target-config/dbt"

_BEGIN, _END = "written by `make docs`", "/written"
_MARKS = {".yml": "# {}", ".md": "<!-- {} -->"}
_MODEL = (
    "{# Written by `make docs`; for logic of its own, replace the file with this line. #}\n"
)
_MACROS = """\
«# Written by `make docs` from the declarations of the streams; changes here are lost. #»

«% macro streams() %»
    «# The streams with an id, and the column of the parent that a census can be limited to. #»
    «%- set partitions = «
{always}    » -%»
    «%- set optional = «
{optional}    » -%»
    «%- for stream in var('ft42_optional_streams', []) -%»
        «%- do partitions.update(«stream: optional[stream]») -%»
    «%- endfor -%»
    «« return(partitions) »»
«% endmacro %»

«% macro landed_for_each_cursus() %»
    «# Streams with a row for each cursus that they were read for. #»
    «« return({copied}) »»
«% endmacro %»

«% macro parents(table) %»
    «# Which rows of which table must be published before a row of this one is, by column. #»
    «%- set references = «
{parents}    » -%»
    «« return(references.get(table, «»)) »»
«% endmacro %»
"""
"""With other braces, as these are format's and dbt's."""

_SQL_TYPES = {
    "integer": "dbt.type_bigint()",
    "number": "ft42.type_double()",
    "boolean": "dbt.type_boolean()",
}

OWN = (RejectedRecordsStream.name, CensusStream.name, *(own.name for own in LEDGER_STREAMS))
"""The streams about the reading itself."""

DERIVED = "campus_achievements"
"""The table whose rows dbt and `warehouse` work out from another one."""


@dataclass(frozen=True)
class Declared:
    """A stream of the API, as its two declarations say."""

    listing: Listing
    schema: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return self.listing.name

    @property
    def is_frequent(self) -> bool:
        """Whether each quarter of an hour reads it, or else what tells of its changes."""
        is_told = self.listing.movers is not None
        return is_told or bool(self.schema.get("x-job") == "incremental")

    @property
    def is_read_by_campus(self) -> bool:
        """Whether groups of campuses can share it out."""
        return self.listing.parent is not None and self.listing.parent.is_campus

    @property
    def is_shared(self) -> bool:
        """Whether campuses read the same rows, as nothing narrows it to some of them."""
        narrowed = self.listing.campus_filter or self.listing.people_filter
        return not narrowed and (self.listing.is_reference or self.listing.parent is None)

    @property
    def is_derived(self) -> bool:
        """Whether dbt works it out from another table."""
        return self.name == DERIVED

    @cached_property
    def references(self) -> dict[str, str]:
        """The tables that its columns refer to."""
        return {
            name: column["x-references"]
            for name, column in self.schema["properties"].items()
            if "x-references" in column
        }


def declared() -> list[Declared]:
    """Return the streams of the API, in the order of a run."""
    schemas = all_schemas()
    return [Declared(stream.listing, schemas[stream.listing.name]) for stream in STREAMS]


def all_schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each stream, those about the reading included, by name."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / "schemas").glob("*.json"))
    }


def _selection(streams: list[Declared]) -> dict[str, str]:
    frequent = [stream for stream in streams if stream.is_frequent]
    people = [stream.name for stream in frequent if not stream.is_read_by_campus]
    enrolments = [stream.name for stream in frequent if stream.is_read_by_campus]
    own = sorted(OWN)
    filters = {
        "live": [*(stream.name for stream in frequent), *own],
        "people": [*people, *own],
        "enrolments": [*enrolments, *own],
        "reference": [f"!{stream.name}" for stream in frequent],
        "campuses": [f"!{stream.name}" for stream in streams if stream.is_shared],
    }
    off = [f"!{stream.name}.*" for stream in streams if not stream.listing.is_selected]
    return {"off": "".join(f"    - '{pattern}'\n" for pattern in off)} | {
        name: f"    select_filter: {_flow(words)}\n" for name, words in filters.items()
    }


def _flow(words: list[str]) -> str:
    written = yaml.safe_dump(words, default_flow_style=True, width=10_000)
    return written.strip()


def _csv() -> str:
    """Say which columns are lists and objects, which CSV needs as JSON."""
    maps = {
        name: {
            column: f"json.dumps(record.get('{column}'), default=float)"
            for column, declared in schema["properties"].items()
            if _is_nested(declared)
        }
        for name, schema in all_schemas().items()
    }
    written = yaml.safe_dump(
        {name: columns for name, columns in maps.items() if columns},
        sort_keys=False,
        width=10_000,
    )
    return "".join(f"        {line}\n" for line in written.splitlines())


def _is_nested(column: dict[str, Any]) -> bool:
    return bool({"array", "object"} & set(_types(column)))


def _types(column: dict[str, Any]) -> list[str]:
    kinds = column["type"]
    return [kinds] if isinstance(kinds, str) else kinds


def _readme(streams: list[Declared]) -> str:
    heads = "| stream | incremental by | parent | on by default |\n|---|---|---|---|\n"
    rows = [_readme_row(stream.listing) for stream in streams]
    own = [f"| `{name}` | | | yes |\n" for name in OWN]
    return heads + "".join(rows + own)


def _readme_row(listing: Listing) -> str:
    cursor = f"`{listing.cursor.column}` " if listing.cursor else ""
    parent = f"`{listing.parent.name}` " if listing.parent else ""
    selected = "yes" if listing.is_selected else "no"
    return f"| `{listing.name}` | {cursor}| {parent}| {selected} |\n"


def parts() -> dict[Path, dict[str, str]]:
    """Return what stands between the comments of each file, by the name in the comment."""
    streams = declared()
    return {
        ROOT / "meltano.yml": _selection(streams),
        ROOT / "target-config/others/other-targets.meltano.yml": {"csv": _csv()},
        ROOT / "tap-ft42/README.md": {"streams": _readme(streams)},
        DBT / "dbt_project.yml": {"optional": _optional(streams)},
    }


def _optional(streams: list[Declared]) -> str:
    names = [stream.name for stream in streams if _is_optional(stream)]
    return f"    # Those of these that have landed: {', '.join(sorted(names))}.\n"


def _is_optional(stream: Declared) -> bool:
    return not stream.listing.is_selected and not stream.is_derived


def _macros(streams: list[Declared]) -> str:
    landed = sorted((s for s in streams if not s.is_derived), key=lambda s: s.name)
    return _MACROS.format(
        always="".join(_partition(s) for s in landed if not _is_optional(s)),
        optional="".join(_partition(s) for s in landed if _is_optional(s)),
        copied=[s.name for s in landed if "cursus_id" in s.schema["x-primary-key"]],
        parents="".join(
            f"        '{s.name}': {s.references},\n"
            for s in sorted(streams, key=lambda s: s.name)
            if s.references
        ),
    ).translate({ord("«"): "{", ord("»"): "}"})


def _partition(stream: Declared) -> str:
    column = stream.schema.get("x-partition")
    return f"        '{stream.name}': {repr(column) if column else 'none'},\n"


def models() -> Iterator[tuple[Path, str]]:
    """Yield dbt's plain models: those that no file with logic of its own stands for."""
    for stream in declared():
        if stream.is_derived:
            continue
        switch = ""
        if _is_optional(stream):
            is_on = f"'{stream.name}' in var('ft42_optional_streams', [])"
            switch = f"{{{{ config(enabled={is_on}) }}}}\n"
        queries = {
            f"staging/stg_ft42__{stream.name}.sql": f"current_rows('{stream.name}')",
            f"marts/{stream.name}.sql": f"published('{stream.name}')",
        }
        for column, rows in stream.schema.get("x-rows", {}).items():
            queries[f"marts/{rows['title']}.sql"] = _rows_of(stream.name, column, rows)
        for file, query in queries.items():
            path = DBT / "models" / file
            if not path.exists() or path.read_text(encoding="utf-8").startswith(_MODEL):
                yield path, f"{_MODEL}{switch}{{{{ ft42.{query} }}}}\n"


def _rows_of(table: str, column: str, schema: dict[str, Any]) -> str:
    """Ask for the rows of a table that a list of another one holds."""
    kept, taken = [], []
    for name, declared in schema["properties"].items():
        before, is_in_list, field = declared.get("x-source", name).partition(f"{column}/*/")
        if is_in_list:
            path = field.replace("/", ".")
            taken.append(f"'{name}': ['{path}', {_sql_type(declared)}]")
        else:
            kept.append(f"'{name}': '{before}'")
    return (
        f"rows_of(\n    '{table}', '{column}',\n    {{{', '.join(kept)}}},\n"
        f"    {{{', '.join(taken)}}},\n    {schema['x-primary-key']}\n)"
    )


def _sql_type(column: dict[str, Any]) -> str:
    if column.get("format") == "date-time":
        return "dbt.type_timestamp()"
    (kind,) = set(_types(column)) - {"null"}
    return _SQL_TYPES.get(kind, "dbt.type_string()")


def leftovers() -> Iterator[Path]:
    """Yield the plain models of streams that are not declared any more."""
    current = {path for path, _ in models()}
    for path in sorted((DBT / "models").glob("*/*.sql")):
        if path not in current and path.read_text(encoding="utf-8").startswith(_MODEL):
            yield path


def files() -> dict[Path, str]:
    """Return all that is written, by path."""
    written = {path: with_parts(path, named) for path, named in parts().items()}
    written[DBT / "macros/streams.sql"] = _macros(declared())
    return written | dict(models())


def with_parts(path: Path, named: dict[str, str]) -> str:
    """Return a file with its parts brought up to date.

    Args:
        path: The file.
        named: The parts by the name in the comment before them.

    Raises:
        ValueError: The file lacks a comment.
    """
    page = path.read_text(encoding="utf-8")
    mark = _MARKS[path.suffix]
    end_mark = f"{mark.format(_END)}\n"
    for name, part in named.items():
        begin = f"{mark.format(f'{_BEGIN}: {name}')}\n"
        before, found, rest = page.partition(begin)
        _, end, after = rest.partition(end_mark)
        if not found or not end:
            message = f"{path} lacks the comments around {name}"
            raise ValueError(message)
        indent = before[before.rfind("\n") + 1 :]
        page = f"{before}{begin}{part}{indent}{end_mark}{after}"
    return page


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
    for path in leftovers():
        path.unlink()
