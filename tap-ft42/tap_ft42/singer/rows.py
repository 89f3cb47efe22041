"""Makes rows of records, and reports what did not fit the schema."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from singer_sdk.schema.source import SchemaDirectory

from tap_ft42.declared.events import Events
from tap_ft42.declared.records import EXTRA, RecordShape
from tap_ft42.lists.rejections import REJECTED_RECORDS, Rejections

SCHEMAS = SchemaDirectory(files("tap_ft42") / "schemas")
"""One JSON Schema a stream, named like the stream."""


class Rows:
    """Makes the rows of a stream, and remembers what did not fit the schema."""

    def __init__(self, name: str, schema: Mapping[str, Any], rejections: Rejections) -> None:
        self._name = name
        self.shape = RecordShape(schema)
        """The rules by which records become rows."""
        self._rejections = rejections
        self._undeclared: set[str] = set()
        self._words: set[str] = set()

    def row(self, record: object, added: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a record into a row, and count it; raises as `RecordShape.row`."""
        row = self.shape.row(record, added)
        self._rejections.note(reason=None)
        for name, value in row.get(EXTRA, {}).items():
            is_word = isinstance(value, str) and self.shape.declares(name)
            (self._words if is_word else self._undeclared).add(name)
        return row

    def report(self, *, may_name: bool) -> None:
        """Log what broke the schema, and which fields the schema does not declare.

        `may_name` says whether the names of such fields may be logged: a name may hold
        personal data, like a value.
        """
        if self._words:
            Events(self._name).warning(
                "the API sends a word in place of an object or list: %s.",
                ", ".join(sorted(self._words)),
                happened="words",
                fields=sorted(self._words),
            )
        if self._undeclared and not may_name:
            Events(self._name).warning(
                "the API sends %d fields that no column declares. They are dropped, as "
                "the setting privacy demands.",
                len(self._undeclared),
                happened="undeclared_fields",
                count=len(self._undeclared),
            )
        elif self._undeclared:
            Events(self._name).warning(
                "the API sends fields that no column declares: %s. They are in the column %s.",
                ", ".join(sorted(self._undeclared)),
                EXTRA,
                happened="undeclared_fields",
                fields=sorted(self._undeclared),
            )
        rejected = self._rejections
        if rejected.total:
            Events(self._name).warning(
                "%d records break the schema, mostly for this reason: %s. %s.",
                rejected.total,
                next(iter(rejected.reasons)),
                f"They are in the stream {REJECTED_RECORDS}, with the reasons"
                if rejected.is_kept
                else f"They are lost, as the stream {REJECTED_RECORDS} is not selected",
                happened="rejected_records",
                rejected=rejected.total,
                reasons=rejected.reasons,
            )
