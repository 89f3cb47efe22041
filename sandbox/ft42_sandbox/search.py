"""Finds the rows of a query, in order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ft42_sandbox import query as queries
from ft42_sandbox.conditions import Condition, between, one_of
from ft42_sandbox.models import BOOLEANS, Model
from ft42_sandbox.resources import plain_scope

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import Listing
    from ft42_sandbox.query import Query
    from ft42_sandbox.settings import Behaviour
    from ft42_sandbox.store import Positions, Store

Order = Sequence[tuple[str, bool]]
# The cached answers together take at most this many bytes.
CACHE_BYTES = 96 * 1024 * 1024
_SCORE_RANGE = "this_year_score_updated_at"
NEVER = Condition(("never",), lambda _store: np.zeros(0, dtype=bool))


class Search:
    """Finds rows, and caches their positions until a table changes.

    A page is a slice of the cached positions, so a read of a whole list costs one scan and one
    sort. When a row changes, the next page comes from a new result: rows move between pages
    exactly as they do with OFFSET.
    """

    def __init__(self, store: Store, behaviour: Behaviour) -> None:
        """Search this store; the behaviour decides where the facts about the API are open."""
        self._store = store
        self._behaviour = behaviour
        self._found: OrderedDict[tuple[object, ...], tuple[tuple[int, ...], Positions]] = (
            OrderedDict()
        )
        self._bytes = 0

    def rows(
        self, listing: Listing, parent: int | None, query: Query, now: int, shuffle: int = 0
    ) -> Positions:
        """All rows that a request asks for, in order.

        Args:
            listing: the route.
            parent: the id of the parent in the path, if the route has one.
            query: the parsed query string.
            now: the sandbox's time, for the filters that depend on it.
            shuffle: a seed for the order of rows that tie; 0 for the usual order.

        Raises:
            QueryError: for names or values that the route does not allow.
            TooManyValuesError: for a filter with which the real server would fail.
        """
        conditions = self._conditions(listing, parent, query, now)
        order = self._order(listing.model, query)
        table = self._store[listing.model.table]
        total_order = any(name == "id" for name, _ in order)
        key = (
            table.name,
            tuple(c.label for c in conditions),
            tuple(order),
            0 if total_order else shuffle,
        )
        versions = self._store.versions(
            (table.name, *(d for c in conditions for d in c.depends))
        )
        known = self._found.get(key)
        if known is not None and known[0] == versions:
            self._found.move_to_end(key)
            return known[1]
        found = self._sorted(table.name, conditions, order, 0 if total_order else shuffle)
        self._remember(key, versions, found)
        return found

    def _conditions(
        self, listing: Listing, parent: int | None, query: Query, now: int
    ) -> list[Condition]:
        model = listing.model
        conditions = [listing.always] if listing.always else []
        if listing.scope and parent is not None:
            conditions.append(listing.scope(parent))
        for name, value in query.others.items():
            plain = plain_scope(self._store, listing, name, value)
            if plain:
                conditions.append(plain)
        if model.filters is not None:
            limit = self._behaviour.max_filter_values
            for name, values in queries.filter_values(query, model.filters, limit).items():
                condition = self._filter(model, name, values, now)
                if condition:
                    conditions.append(condition)
        if model.ranges is not None:
            mode = self._behaviour.score_range
            refused = {_SCORE_RANGE} if mode == "refused" else set()
            allowed = [name for name in model.ranges if name not in refused]
            for name, (low, high) in queries.range_bounds(query, allowed).items():
                if name == _SCORE_RANGE and mode == "ignored":
                    continue
                column = model.columns.get(name, name)
                exists = column in self._store[model.table].columns
                conditions.append(
                    between(model.table, column, low, high, now) if exists else NEVER
                )
        return conditions

    def _filter(
        self, model: Model, name: str, values: Sequence[str], now: int
    ) -> Condition | None:
        if name in model.words:
            queries.check_words(name, values, BOOLEANS)
        if name in model.known:
            ids = self._store[model.known[name]].array("id").tolist()
            queries.check_words(name, values, [str(number) for number in sorted(ids)])
        if name == "cursus" and not self._behaviour.cursus_filter_restricts:
            return None
        if name in model.specials:
            return model.specials[name](values, now)
        column = model.columns.get(name, name)
        if column not in self._store[model.table].columns:
            return NEVER
        return one_of(model.table, column, values)

    def _order(self, model: Model, query: Query) -> list[tuple[str, bool]]:
        asked: list[tuple[str, bool]] = []
        sorts = model.sorts
        if model.table == "projects_users":
            # The documentation lists no sortable field here, but some clients sort.
            sorts = {"accepted": sorts, "ignored": None, "refused": ()}[
                self._behaviour.projects_users_sort
            ]
        if sorts is not None:
            asked = queries.sort_order(query, sorts)
        if not asked:
            asked = [
                (name.removeprefix("-"), name[0] == "-") for name in model.order.split(",")
            ]
        return [(model.columns.get(name, name), descends) for name, descends in asked]

    def _sorted(
        self, name: str, conditions: Sequence[Condition], order: Order, shuffle: int
    ) -> Positions:
        table = self._store[name]
        wanted = table.alive.copy()
        for condition in conditions:
            if condition is NEVER:
                wanted[:] = False
            else:
                wanted &= condition.mask(self._store)
        positions = np.flatnonzero(wanted).astype(np.int32)
        keys = []
        for column, descends in order:
            if column in table.columns:
                numbers = table.columns[column].sort_keys(positions)
                # Null is the largest number, so it comes first in descending order.
                keys.append(
                    -numbers.astype(np.int64)
                    if descends and numbers.dtype != np.float64
                    else -numbers
                    if descends
                    else numbers
                )
        if shuffle:
            keys.append((positions.astype(np.int64) * 2_654_435_761 * shuffle) % 1_000_003)
        if not keys:
            return positions
        order_of_rows = (
            np.argsort(keys[0], kind="stable") if len(keys) == 1 else np.lexsort(keys[::-1])
        )
        return np.asarray(positions[order_of_rows])

    def _remember(
        self, key: tuple[object, ...], versions: tuple[int, ...], found: Positions
    ) -> None:
        old = self._found.pop(key, None)
        if old:
            self._bytes -= old[1].nbytes
        self._found[key] = (versions, found)
        self._bytes += found.nbytes
        while self._bytes > CACHE_BYTES and len(self._found) > 1:
            self._bytes -= self._found.popitem(last=False)[1][1].nbytes
