"""What a comparison by the day has found, as the warehouse remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_ft42.declared.capabilities import Zone


@dataclass
class Findings:
    """What an audit has found.

    Attributes:
        stream: Whose rows were counted.
        cursus_id: Of which cursus; 0 for all.
        zone: Whose midnights cut the days.
        days: Days that were compared.
        differed: Those of them on which the API counted other rows.
        unsettled: Those of them about which too many requests would have been needed, and
            those whose rows are believed to have gone with their people.
        missing: Rows that were not known, and have been read now.
        gone: Rows that were known, and are gone.
        along: Rows that went with their people.
        requests: What it took.
        until: The instant up to which rows were counted.
        counts: How many rows there were of each day that is proven.
    """

    stream: str
    cursus_id: int
    zone: Zone = "UTC"
    days: int = 0
    differed: int = 0
    unsettled: int = 0
    missing: int = 0
    gone: int = 0
    along: int = 0
    requests: int = 0
    until: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
