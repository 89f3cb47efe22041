"""Whatever makes the stock loader fail, its log names no person."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ft42_warehouse.embedded import HOST, NAME

from tests.end_to_end.conftest import ROOT
from tests.end_to_end.pair import PLUGIN, TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Database

LOGIN, NAMED = "jdoe-hapax", "Jane-Hapax"


def record(**row: object) -> dict[str, Any]:
    return {"type": "RECORD", "stream": "people", "record": row}


def schema(**columns: str) -> dict[str, Any]:
    types = {name: {"type": [kind, "null"]} for name, kind in columns.items()}
    return {
        "type": "SCHEMA",
        "stream": "people",
        "key_properties": ["id"],
        "schema": {"type": "object", "properties": types},
    }


PEOPLE = schema(id="integer", login="string", name="string")
ROW = record(id=1, login=LOGIN, name=NAMED)
FAILURES: dict[str, tuple[str, dict[str, Any], list[dict[str, Any] | str], str]] = {
    "a constraint, while it copies": (
        ("CREATE TABLE ft42_raw.people (id bigint PRIMARY KEY, login text,"
        " name text CONSTRAINT short CHECK (length(name) < 4))"),
        {},
        [PEOPLE, ROW],
        "constraint short",
    ),
    "a value too long, while it copies": (
        "CREATE TABLE ft42_raw.people (id bigint PRIMARY KEY, login varchar(3), name text)",
        {},
        [PEOPLE, ROW],
        "SQLSTATE 22001, column login",
    ),
    "a value too long, while it inserts": (
        "CREATE TABLE ft42_raw.people (id bigint PRIMARY KEY, login varchar(3), name text)",
        {"use_copy": False},
        [PEOPLE, ROW],
        "SQLSTATE 22001",
    ),
    "a trigger that tells what it saw": (
        ("CREATE TABLE ft42_raw.people (id bigint PRIMARY KEY, login text, name text);"
        "CREATE FUNCTION ft42_raw.tell() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no %', NEW.login USING DETAIL = NEW.name; END $$;"
        "CREATE TRIGGER tell BEFORE INSERT ON ft42_raw.people FOR EACH ROW"
        " EXECUTE FUNCTION ft42_raw.tell()"),
        {},
        [PEOPLE, ROW],
        "P0001",
    ),
    "a record that breaks its schema": (
        "",
        {"validate_records": True},
        [PEOPLE, record(id=1, login=[LOGIN], name=NAMED)],
        "InvalidRecord",
    ),
    "an instant that is none": (
        "",
        {"validate_records": True},
        [
            {
                **PEOPLE,
                "schema": {
                    "properties": {
                        "id": {"type": "integer"},
                        "login": {"type": ["string", "null"], "format": "date-time"},
                    }
                },
            },
            record(id=1, login=LOGIN),
        ],
        "",
    ),
    "a record that was cut": ("", {}, [PEOPLE, json.dumps(ROW)[:-3]], "JSONDecodeError"),
}  # fmt: skip
ALSO_FAST = "a constraint, while it copies"


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind == ALSO_FAST else pytest.mark.long)
        for kind in FAILURES
    ],
)
def test_no_value_of_a_row_is_in_the_loader_s_log(
    database: Database, tmp_path: Path, kind: str
) -> None:
    before, settings, messages, told = FAILURES[kind]
    database.reset()
    database.execute(f"CREATE SCHEMA ft42_raw; {before}")
    (tmp_path / "target.json").write_text(
        json.dumps(
            {
                "host": HOST, "port": database.port, "user": NAME, "password": NAME,
                "database": NAME, **PLUGIN["config"], **settings,
            }
        )
    )  # fmt: skip
    done = subprocess.run(
        [TARGET, "--config", tmp_path / "target.json"],
        input="".join(
            f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in messages
        ),
        cwd=ROOT,
        env=PLUGIN["env"],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.stderr
    assert told in done.stderr
    for value in (LOGIN, NAMED):
        assert value not in done.stderr + done.stdout
