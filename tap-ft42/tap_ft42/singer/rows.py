"""How records become rows, and what a stream reports about those that do not."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from singer_sdk.schema.source import SchemaDirectory

from tap_ft42.declared.records import EXTRA, RecordShape
from tap_ft42.run.rejections import KEEPER

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from tap_ft42.run.rejections import Rejections

SCHEMAS = SchemaDirectory(files("tap_ft42") / "schemas")
"""One JSON Schema a stream, named like the stream."""


class Rows:
    """Makes the rows of a stream, and remembers which records did not become one."""

    def __init__(self, name: str, schema: Mapping[str, Any], rejections: Rejections) -> None:
        self._name = name
        self.shape = RecordShape(schema)
        """What its records become."""
        self._rejections = rejections
        self._undeclared: set[str] = set()
        self._words: set[str] = set()

    def row(self, record: object, added: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a record into a row, and account for it; raises as `RecordShape.row`."""
        row = self.shape.row(record, added)
        self._rejections.note(reason=None)
        for name, value in row.get(EXTRA, {}).items():
            is_word = isinstance(value, str) and self.shape.declares(name)
            (self._words if is_word else self._undeclared).add(name)
        return row

    def tell(self, logger: logging.Logger, *, may_name: bool) -> None:
        """Say once what broke the schema, and what no schema declares.

        Args:
            logger: The stream's logger.
            may_name: Whether the names of undeclared fields may leave the tap: they may
                hold anything, as the fields do.
        """
        if self._words:
            logger.warning(
                "%s: the API sends a word in the place of %s.",
                self._name,
                ", ".join(sorted(self._words)),
                extra={"happened": "words", "fields": sorted(self._words)},
            )
        if self._undeclared and not may_name:
            logger.warning(
                "%s: the API sends %d fields that no column declares. They are dropped, as "
                "the setting privacy demands.",
                self._name,
                len(self._undeclared),
                extra={"happened": "undeclared_fields", "count": len(self._undeclared)},
            )
        elif self._undeclared:
            logger.warning(
                "%s: the API sends fields that no column declares: %s. "
                "They are in the column %s.",
                self._name,
                ", ".join(sorted(self._undeclared)),
                EXTRA,
                extra={"happened": "undeclared_fields", "fields": sorted(self._undeclared)},
            )
        rejected = self._rejections
        if rejected.total:
            logger.warning(
                "%s: %d records break the schema, mostly for this reason: %s. %s.",
                self._name,
                rejected.total,
                next(iter(rejected.reasons)),
                f"They are in the stream {KEEPER}, with the reasons"
                if rejected.is_kept
                else f"They are nowhere, as the stream {KEEPER} is not selected",
                extra={
                    "happened": "rejected_records",
                    "rejected": rejected.total,
                    "reasons": rejected.reasons,
                },
            )
