"""What an endpoint is: the rows of a table, their filters and sorts, and their routes."""

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
"""Makes the rows of a table from a world and the tables that were made before."""
UsersById = Callable[[NDArray[Any]], list[str]]
"""Returns the short form of the users with these ids, as JSON."""
Render = Callable[[Store, Positions, UsersById], list[Json]]
"""Turns rows of a table into JSON, with the embedded users."""


@dataclass(frozen=True)
class Listing:
    """A route that lists rows.

    Attributes:
        path: the path, with `:id` in the place of the parent's id, slug or login.
        model: the model of the listed rows.
        parent: the parent's table.
        scope: makes the condition by which the parent narrows the list.
        always: a condition that all rows meet.
        latency: the name of its latency profile; if empty, that of the table.
        graphed: the fields with a graph; none for most lists.
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
    """Everything that the sandbox needs to know of one table.

    Attributes:
        model: the filters, ranges and sorts of the table.
        listings: the routes that list its rows.
        render: turns rows into JSON.
        generate: makes the table; None if `ft42_sandbox.generate` does.
        owner: the column of the account whose end removes the row; empty if the row stays.
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
