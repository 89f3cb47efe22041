"""A route of a list, and what a run knows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_ft42.api.client import Client
    from tap_ft42.api.ledger import Entry
    from tap_ft42.declared.listing import Listing
    from tap_ft42.reading.fitting import Fit
    from tap_ft42.reading.spool import Spool


@dataclass(frozen=True, eq=False)
class Route:
    """Where a list is asked for, and by what.

    Attributes:
        listing: The list.
        path: The route, with names in braces.
        client: Asks for pages.
        spool: Keeps pages until a state covers them.
        entry: Counts what is asked for.
        fit: What the route was found to do.
        examples: By what selects them, the id of one of the rows that came.
    """

    listing: Listing
    path: str
    client: Client
    spool: Spool
    entry: Entry
    fit: Fit
    examples: dict[str, int] = field(default_factory=dict)
