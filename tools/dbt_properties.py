"""What dbt knows about each table, from ``schemas/``: meanings, keys, parents, freshness.

``make docs`` writes it into the dbt package; a test holds it against the schemas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tools.derived import DERIVED, OWN, ROOT, all_schemas

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = ROOT / "target-config/dbt"

_HEAD = "# Written by `make docs` from the schemas of the streams; changes here are lost.\n"
_FRESHNESS = {
    # A run of the night that is missing, and a second one.
    "sync_runs": ("ended_at", 26, 50),
    "census": ("counted_at", 50, 74),
}


def properties() -> dict[Path, str]:
    """Return the property files of the package, by path."""
    schemas = all_schemas()
    tables = [name for name in schemas if name not in OWN]
    staged = [schemas[name] for name in tables if name != DERIVED]
    published = [schemas[name] for name in tables]
    published += [rows for schema in published for rows in schema.get("x-rows", {}).values()]
    models = PACKAGE / "models"
    return {
        models / "sources.yml": _dumped(_sources(schemas)),
        models / "staging/staging.yml": _dumped(
            {"version": 2, "models": [_gone(), *map(_staged, staged)]}
        ),
        models / "marts/marts.yml": _dumped(
            {
                "version": 2,
                "models": [*map(_published, published), *_orphans()],
            }
        ),
    }


def _sources(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": 2,
        "sources": [
            {
                "name": "ft42_raw",
                "description": "What the API said, as the target has written it.",
                "schema": "{{ var('ft42_landing_schema', 'ft42_raw') }}",
                "database": "{{ var('ft42_landing_database', none) or target.database }}",
                "tables": [_source(schema) for schema in schemas.values()],
            },
        ],
    }


def _source(schema: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {"name": schema["title"], "description": schema["description"]}
    if schema["title"] in _FRESHNESS:
        column, warn, error = _FRESHNESS[schema["title"]]
        table["config"] = {
            "loaded_at_field": column,
            "freshness": {
                "warn_after": {"count": warn, "period": "hour"},
                "error_after": {"count": error, "period": "hour"},
            },
        }
    table["columns"] = _columns(schema)
    return table


def _staged(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"stg_ft42__{schema['title']}",
        "description": f"{schema['description']} Without rows that a census proved gone.",
        "data_tests": [{"ft42.is_unique_together": _of(columns=schema["x-primary-key"])}],
        "columns": _columns(schema),
    }


def _published(schema: dict[str, Any]) -> dict[str, Any]:
    # What lands for each cursus is published once.
    key = [column for column in schema["x-primary-key"] if column != "cursus_id"]
    columns = [column for column in _columns(schema) if column["name"] != "extra"]
    if schema["title"] == DERIVED:
        columns = [column for column in columns if column["name"] in key]
    for column in columns:
        declared = schema["properties"][column["name"]]
        tests: list[Any] = []
        if column["name"] in key:
            tests += ["not_null"]
            tests += ["unique"] if len(key) == 1 else []
        if parent := declared.get("x-references"):
            tests.append({"relationships": _of(to=f"ref('{parent}')", field="id")})
        if tests:
            column["data_tests"] = tests
    model = {
        "name": schema["title"],
        "description": f"{schema['description']} Only rows whose parents are there.",
        "columns": columns,
    }
    if len(key) > 1:
        model["data_tests"] = [{"ft42.is_unique_together": _of(columns=key)}]
    return model


def _gone() -> dict[str, Any]:
    return {
        "name": "gone",
        "description": "Landed rows that 42 no longer has, as a census proved.",
        "columns": [
            {"name": "stream", "description": "Stream of the row."},
            {"name": "id", "description": "Id of the row."},
            {"name": "cursus_id", "description": "Cursus that it was read for; 0 for all."},
        ],
    }


def _orphans() -> list[dict[str, Any]]:
    columns = [
        {"name": "table_name", "description": "Table that the row would stand in."},
        {"name": "foreign_key", "description": "Column that points to nothing."},
        {"name": "missing_from", "description": "Table that lacks the row it points to."},
        {"name": "missing_id", "description": "Id of that row."},
    ]
    return [
        {
            "name": "orphan_rows",
            "description": "Landed rows that are not published because a row that they point "
            "to is not, once for each such column.",
            "columns": [*columns, {"name": "row_id", "description": "Id of the row."}],
        },
        {
            "name": "orphans",
            "description": "How many landed rows wait, by what they lack.",
            "columns": [*columns, {"name": "row_count", "description": "How many wait."}],
        },
    ]


def _columns(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "description": column["description"]}
        for name, column in schema["properties"].items()
    ]


def _of(**arguments: object) -> dict[str, object]:
    return {"arguments": arguments}


def _dumped(content: dict[str, Any]) -> str:
    return _HEAD + yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )


if __name__ == "__main__":
    for file, text in properties().items():
        file.write_text(text, encoding="utf-8")
