"""What an endpoint is: the rows of a table, what can be asked of them, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ft42_sandbox.render.rows import Json
from ft42_sandbox.settings import World
from ft42_sandbox.store import Positions, Store, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.conditions import Condition
    from ft42_sandbox.models import Model, Scope

Generate = Callable[[World, Store], Table]
"""Makes the rows of a table from a world and the tables that are there before it."""
UsersById = Callable[[NDArray[Any]], list[str]]
"""Returns the short form of the users with these ids, as JSON."""
Render = Callable[[Store, Positions, UsersById], list[Json]]
"""Turns rows of a table into JSON, with the users that they embed."""


@dataclass(frozen=True)
class Listing:
    """A route that lists rows.

    Attributes:
        path: with `:id` where the parent's id, slug or login stands.
        model: what is listed.
        parent: the parent's table.
        scope: what the parent narrows the list to.
        always: a condition that always holds.
        latency: the name of its latency profile, that of the table if empty.
        graphed: the fields whose graphs stand below it; none for most lists.
    """

    path: str
    model: Model
    parent: str = ""
    scope: Scope | None = None
    always: Condition | None = None
    latency: str = ""
    graphed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Single:
    """A route that shows one row: `form` is a name in the renderer's forms."""

    path: str
    table: str
    form: str


@dataclass(frozen=True)
class Endpoint:
    """All that the sandbox has to know of one table, in one place.

    Attributes:
        model: what can be asked of the table.
        listings: the routes that list its rows.
        render: turns rows into JSON.
        generate: makes the table; None if `ft42_sandbox.generate` does.
        owner: the column of the account with which a row disappears; empty if it stays.
    """

    model: Model
    listings: tuple[Listing, ...]
    render: Render
    generate: Generate | None = None
    owner: str = ""

    @property
    def table(self) -> str:
        """The name of the table, and of the form of its rows."""
        return self.model.table

    @property
    def singles(self) -> Iterator[Single]:
        """The route that shows one row."""
        yield Single(f"/v2/{self.table}/:id", self.table, self.table)
