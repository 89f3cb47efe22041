"""What a comparison by the day has found, as the warehouse remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tap_ft42.declared.capabilities import Zone


@dataclass
class Findings:
    """What an audit has found.

    Attributes:
        stream: The stream whose rows were counted.
        cursus_id: The cursus; 0 for all.
        zone: The time zone of the days.
        days: How many days were compared.
        differed: Days on which the API's count differed.
        unsettled: Days that would have needed too many requests.
        missing: Rows that were unknown, and have been read now.
        gone: Known rows that are gone.
        along: Rows that left with their people.
        requests: Requests that the audit took.
        until: The instant up to which rows were counted.
        counts: How many rows each proven day has.
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
