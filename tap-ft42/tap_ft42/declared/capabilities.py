"""What this API and this application can do with a list: as declared, then as observed.

A `Listing` says what its list is assumed to do. What an answer shows otherwise corrects it,
and stands in the state of the stream, below ``capabilities``, by the route with names in
braces: only what differs, each with the day on which it was seen::

    {"/v2/projects_users": {"page_size": {"is": 50, "on": "2026-11-28"}}}

After a month an observation no longer counts, so that the list is tried as declared again;
but for that of lists of ids, as a list may be cut in silence, so that it is looked at first.
Which bounds a range includes is looked at first, too.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read by msgspec
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

from tap_ft42.declared.listing import ID, LARGEST

if TYPE_CHECKING:
    from tap_ft42.declared.listing import Listing

STATE_KEY = "capabilities"
"""Where the state of a stream holds what was observed of its routes."""

Totals: TypeAlias = Literal["exact", "wrong", "none"]
"""What ``X-Total`` is worth: it counts the rows, it counts something else, or it is not sent.
A total that is capped is wrong."""

Zone: TypeAlias = Literal["UTC", "Europe/Paris"]
"""A time zone whose midnights may cut the days of a graph."""

Bounds: TypeAlias = Literal["both", "lower", "upper", "none"]
"""Which of its two bounds a range includes."""

_Some: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
_RENEWED = timedelta(days=30)


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a list can do."""

    is_allowed: bool = True
    """Whether the application may read it."""
    is_paged: bool = True
    """Whether it comes in pages; else one answer holds all of it."""
    page_size: _Some = LARGEST
    """Rows of a page, at most."""
    sorts: tuple[str, ...] = ()
    """Columns by which it can be sorted."""
    sorts_by_several: bool = True
    """Whether it can be sorted by several of them at once."""
    is_newest_first: bool = False
    """Whether the latest change comes first by itself."""
    ranges: tuple[str, ...] = ()
    """Columns whose ranges narrow it."""
    bounds: Bounds = "both"
    """Which of its two bounds a range includes."""
    widest_ranges: Mapping[str, int] = {}
    """How far ranges of a column may reach, in ids or milliseconds, where that is limited."""
    whole_ranges: Mapping[str, int] = {}
    """How wide ranges of a column were seen not to be cut in silence, in milliseconds."""
    longest_list: _Some = LARGEST
    """Ids in one filter, at most."""
    totals: Totals = "exact"
    """What its totals are worth."""
    ignored_filters: tuple[str, ...] = ()
    """Parameters of its requests that do not narrow it."""
    day_zone: Zone = "UTC"
    """Whose midnights cut its days, if it is a graph."""

    observed: Mapping[str, date] = {}
    """The day on which each of the above was observed, by its name, where it is not as
    declared."""

    @classmethod
    def of(cls, listing: Listing) -> Capabilities:
        """Return what a list is assumed to do."""
        columns = dict.fromkeys((ID, listing.cursor.column) if listing.cursor else (ID,))
        changes = (listing.changes.column,) if listing.changes else ()
        return cls(
            page_size=listing.largest_page,
            sorts=tuple(columns) if listing.is_sortable else (),
            ranges=(*columns, *changes) if listing.has_ranges else (),
        )

    def corrected(self, on: date, **seen: Any) -> Capabilities:  # noqa: ANN401 - fields
        """Return them with what an answer has shown."""
        observed = {**self.observed, **dict.fromkeys(seen, on)}
        return msgspec.structs.replace(self, **seen, observed=observed)

    @property
    def margins(self) -> tuple[int, int]:
        """By how much further a range is asked for, so that it includes its bounds."""
        return int(self.bounds in {"upper", "none"}), int(self.bounds in {"lower", "none"})

    def is_due(self, name: str, today: date) -> bool:
        """Tell whether something has not been observed for a month."""
        return name not in self.observed or today >= self.observed[name] + _RENEWED

    def as_json(self) -> dict[str, Any]:
        """Return all of them, without days, as a report has them."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        del told["observed"]
        return told

    def written(self) -> dict[str, Any]:
        """Return what was observed, as the state has it."""
        told = self.as_json()
        return {
            name: {"is": told[name], "on": day.isoformat()}
            for name, day in self.observed.items()
        }


def bounds_of(*, lower: bool, upper: bool) -> Bounds:
    """Name the bounds that a range includes."""
    if lower == upper:
        return "both" if lower else "none"
    return "lower" if lower else "upper"


class _Observation(msgspec.Struct, rename={"value": "is"}):
    value: Any
    on: date


def read(listing: Listing, written: object, today: date) -> Capabilities:
    """Return what a list can do, as far as that is known.

    Args:
        listing: The list.
        written: What `Capabilities.written` returned, perhaps long ago; what is none of it
            says nothing.
        today: The day.
    """
    known = Capabilities.of(listing)
    for name, told in written.items() if isinstance(written, dict) else ():
        try:
            seen = msgspec.convert(told, _Observation)
            is_fresh = seen.on <= today and (
                name == "longest_list" or today < seen.on + _RENEWED
            )
            value = msgspec.convert({name: seen.value}, Capabilities)
        except (msgspec.ValidationError, OverflowError):
            continue
        if is_fresh and name in known.as_json():
            known = known.corrected(seen.on, **{name: getattr(value, name)})
    return known
