"""The exact state of the data at one moment, which no client of the API can see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import orjson

from ft42_sandbox.query import parse
from ft42_sandbox.render.rows import columns_as_json
from ft42_sandbox.resources import LISTED_CAMPUS, LISTINGS, find_row

if TYPE_CHECKING:
    from ft42_sandbox.sandbox import Sandbox
    from ft42_sandbox.store import Positions

# Names by which tables are also known.
ALIASES = {"campuses": "campus"}
CHUNK = 1000


class NotThereError(Exception):
    """There is no such table, row or list."""


class Truth:
    """Whole tables and whole lists, rendered as the API would."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Show the data of this sandbox."""
        self._sandbox = sandbox

    def name(self, table: str) -> str:
        """A table's own name.

        Raises:
            NotThereError: if there is none of this name.
        """
        name = ALIASES.get(table, table)
        if name not in self._sandbox.store.tables:
            known = ", ".join(sorted(self._sandbox.store.tables))
            msg = f"there is no table {table}; tables are: {known}"
            raise NotThereError(msg)
        return name

    def table(self, table: str, *, hidden: bool, columns: tuple[str, ...] = ()) -> bytes:
        """All rows of a table in list form, by id, as a JSON list.

        Args:
            table: its name.
            hidden: whether to include campuses that the API never lists.
            columns: only these columns of the store, instead of the list form. That is many
                times faster for a table of a million rows.

        Raises:
            NotThereError: if there is no such table.
        """
        name = self.name(table)
        held = self._sandbox.store[name]
        wanted = held.alive
        if name == "campus" and not hidden:
            wanted = wanted & LISTED_CAMPUS.mask(self._sandbox.store)
        positions = np.flatnonzero(wanted).astype(np.int32)
        order = np.argsort(held.array("id")[positions], kind="stable")
        return self._json(name, positions[order], columns)

    def path(self, path: str, columns: tuple[str, ...] = ()) -> bytes:
        """All rows that a request would find, without paging.

        Args:
            path: a path of the API with its query.
            columns: as for `table`.

        Raises:
            NotThereError: if it is not a list of the API, or its parent does not exist.
        """
        parts = urlsplit(path)
        for listing in LISTINGS:
            found = re.fullmatch(listing.path.replace(":id", "([^/]+)"), parts.path)
            if not found:
                continue
            store, parent = self._sandbox.store, None
            if listing.parent:
                place = find_row(store, listing.parent, found.group(1))
                if place is None:
                    break
                parent = int(store[listing.parent].array("id")[place])
            rows = self._sandbox.search.rows(
                listing, parent, parse(parts.query), self._sandbox.clock.now()
            )
            return self._json(listing.model.table, rows, columns)
        msg = f"there is no list {parts.path or '(path is missing)'}"
        raise NotThereError(msg)

    def _json(self, form: str, positions: Positions, columns: tuple[str, ...]) -> bytes:
        table = self._sandbox.store[form]
        unknown = sorted(set(columns) - set(table.columns))
        if unknown:
            msg = (
                f"{form} has no column {', '.join(unknown)}; it has: {', '.join(table.columns)}"
            )
            raise NotThereError(msg)
        if columns:
            return orjson.dumps(columns_as_json(table, positions, columns))
        page = self._sandbox.renderer.page
        pages = [
            page(form, positions[n : n + CHUNK])[1:-1] for n in range(0, len(positions), CHUNK)
        ]
        return b"[" + b",".join(pages) + b"]"
