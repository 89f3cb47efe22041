"""A dry run: each list is only tried out, with one request."""

from __future__ import annotations

from typing import Any

from tap_ft42.declared.contexts import Context
from tap_ft42.declared.listing import ID
from tap_ft42.run.list_in_run import ListInRun


def tried_out(of: ListInRun, context: Context | None) -> list[Any]:
    """Return one record of a partition's first page: if possible, one that has children."""

    def leads_on(record: object) -> bool:
        if not isinstance(record, dict) or ID not in record:
            return False
        return bool(of.contexts_below(record))

    reader, query = of.reader, of.query(context)
    size = None if of.children else 1
    source = reader.source(context, query, path=of.path, size=size)
    records = of.unpacked(reader.one_of(reader.ask_first(source))).records()
    return sorted(records, key=leads_on, reverse=True)[:1]
