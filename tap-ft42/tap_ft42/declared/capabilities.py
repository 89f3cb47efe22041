"""What a list of this API can do for this application: as declared, then as observed.

A `Listing` says what its list is assumed to do. An answer that shows something else corrects
it. Only what differs is kept, in the state of the stream, below ``capabilities`` and the route,
with the day of the observation::

    {"/v2/projects_users": {"page_size": {"is": 50, "on": "2026-11-28"}}}

After a month an observation expires, and the list is tried as declared again. The longest
list of ids is an exception: 42 may cut a list silently, so the run tests a longer one before
it uses it. The bounds of ranges are tested before use, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from tap_ft42.declared.listing import ID, LARGEST, Listing

STATE_KEY = "capabilities"
"""Where the state of a stream holds what was observed of its routes."""

Totals: TypeAlias = Literal["exact", "doubted", "wrong", "none"]
"""Whether ``X-Total`` counts the rows, did not for once, counts something else, or is not sent.
A total that stops at a maximum is wrong."""

Zone: TypeAlias = Literal["UTC", "Europe/Paris"]
"""A time zone in which a graph may count its days."""

Bounds: TypeAlias = Literal["both", "lower", "upper", "none"]
"""Which of its two bounds a range includes."""

_Some: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
_RENEWED = timedelta(days=30)


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a list can do."""

    is_allowed: bool = True
    """Whether the application may read it."""
    is_paged: bool = True
    """Whether it comes in pages; otherwise one answer holds all rows."""
    page_size: _Some = LARGEST
    """Rows of a page, at most."""
    sorts: tuple[str, ...] = ()
    """Columns by which it can be sorted."""
    sorts_by_several: bool = True
    """Whether it can be sorted by several columns at once."""
    is_newest_first: bool = False
    """Whether the latest change comes first if no order is asked for."""
    ranges: tuple[str, ...] = ()
    """Columns by whose ranges it can be narrowed."""
    bounds: Bounds = "both"
    """Which of its two bounds a range includes."""
    widest_ranges: Mapping[str, int] = {}
    """By column: the width of the widest possible range, in ids or milliseconds."""
    whole_ranges: Mapping[str, int] = {}
    """By column: a width of ranges that 42 was seen not to cut silently, in milliseconds."""
    fullest_page: int = 0
    """Rows of the fullest page without a total that came: a page of fewer rows is the last."""
    longest_list: _Some = LARGEST
    """Ids in one filter, at most."""
    totals: Totals = "exact"
    """Whether its totals can be trusted."""
    ignored_filters: tuple[str, ...] = ()
    """Parameters of its requests that do not narrow it."""
    has_odd_ids: bool = False
    """Whether rows have ids for which no range asks."""
    day_zone: Zone = "UTC"
    """The time zone of its days, if it is a graph."""

    observed: Mapping[str, date] = {}
    """By name of an attribute that is not as declared: the day of the observation."""

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
        """Return the capabilities with what an answer has shown."""
        observed = {**self.observed, **dict.fromkeys(seen, on)}
        return msgspec.structs.replace(self, **seen, observed=observed)

    def is_due(self, name: str, today: date) -> bool:
        """Tell whether an attribute has not been observed for a month."""
        return name not in self.observed or today >= self.observed[name] + _RENEWED

    def as_json(self) -> dict[str, Any]:
        """Return all capabilities, without days, in the form of the doctor's report."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        del values["observed"]
        return values

    def written(self) -> dict[str, Any]:
        """Return what was observed, in the form of the state."""
        values = self.as_json()
        return {
            name: {"is": values[name], "on": day.isoformat()}
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
    """Return what a list can do: as declared, corrected by what the state says.

    Args:
        listing: The list.
        written: What `Capabilities.written` returned, perhaps long ago. Parts in any other
            form are ignored.
        today: The day of the run.
    """
    known = Capabilities.of(listing)
    for name, observation in written.items() if isinstance(written, dict) else ():
        try:
            seen = msgspec.convert(observation, _Observation)
            is_fresh = seen.on <= today and (
                name == "longest_list" or today < seen.on + _RENEWED
            )
            value = msgspec.convert({name: seen.value}, Capabilities)
        except (msgspec.ValidationError, OverflowError):
            continue
        if is_fresh and name in known.as_json():
            known = known.corrected(seen.on, **{name: getattr(value, name)})
    return known
