"""The route of a list: where it is asked for, and what a request needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tap_ft42.api.client import Client
from tap_ft42.api.ledger import Entry
from tap_ft42.declared.listing import Listing
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.looks import Looks
from tap_ft42.reading.spool import Spool


@dataclass(frozen=True, eq=False)
class Route:
    """Where a list is asked for, and what a request needs.

    Attributes:
        listing: The list.
        path: The route, with names in braces.
        client: Asks for pages.
        spool: Keeps pages until a state covers them.
        entry: Counts the requests and their rows.
        facts: What the route was found to do.
        looks: The tests of its ranges.
        permit: Waits until one more request may be sent; raises `RunEnds` if none may.
        widths: The widest range that 42 has answered for any list of the run: of ids (True)
            or of instants (False).
        examples: The id of one row that came, by the request that selects it.
        shown: By parameter: the longest list of ids for which rows came.
        proven: Filters with which requests were answered.
    """

    listing: Listing
    path: str
    client: Client
    spool: Spool
    entry: Entry
    facts: RouteFacts
    looks: Looks
    permit: Callable[[], None]
    widths: dict[bool, int] = field(default_factory=dict)
    examples: dict[str, int] = field(default_factory=dict)
    shown: dict[str, list[str]] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
