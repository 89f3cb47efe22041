"""The listing of a list, corrected by what was observed of the API."""

from __future__ import annotations

from dataclasses import replace
from sys import maxsize
from typing import TYPE_CHECKING

from tap_ft42.declared.listing import ID

if TYPE_CHECKING:
    from tap_ft42.declared.listing import Listing
    from tap_ft42.run.partitions import Partitions


def fitted(partitions: Partitions) -> Listing:
    """Return the listing as declared, corrected by what was observed of the API."""
    listing, facts, of_sweeps = partitions.listing, partitions.facts, partitions.facts_of_sweeps
    # If no parameter names the parents, one read serves any number of them.
    is_whole, longest = _is_whole(partitions), _longest_sweep(partitions)
    return replace(
        listing,
        is_sortable=_is_sortable(partitions),
        has_ranges=bool(facts.can.ranges),
        widest_window=_widest_window(partitions),
        is_newest_first=of_sweeps.can.is_newest_first,
        changes=listing.changes if partitions.tells_changes else None,
        parent_filter=None if is_whole else listing.parent_filter,
        largest_sweep=maxsize if is_whole else longest,
    )


def is_read_at_once(partitions: Partitions) -> bool:
    """Tell whether the rows of all campuses are read at once, and dealt by their people."""
    listing = partitions.listing
    is_narrowed = listing.parent_filter is not None and not _is_whole(partitions)
    is_silent = listing.campus_by_person and not is_narrowed
    at_once = partitions.run.people.people_per_request
    return is_silent and (partitions.is_campus_ignored or at_once > 1)


def _is_whole(partitions: Partitions) -> bool:
    """Tell whether the whole list is read, though a filter could narrow it to parents."""
    if partitions.is_campus_ignored:
        return True
    is_short = _longest_sweep(partitions) < partitions.listing.largest_sweep
    return is_short and _is_whole_in_scope(partitions)


def _longest_sweep(partitions: Partitions) -> int:
    """Return how many partitions one sweep may read."""
    listing = partitions.listing
    if listing.parent_filter is None:
        return listing.largest_sweep
    return min(listing.largest_sweep, partitions.facts_of_sweeps.can.longest_list)


def _is_whole_in_scope(partitions: Partitions) -> bool:
    """Tell whether all parents are in scope, and the rows tell to which one they belong."""
    listing, run = partitions.listing, partitions.run
    is_told = not listing.parent_columns or (
        listing.campus_by_person and run.people.tells_campuses
    )
    return is_told and not run.scope.campus_ids and partitions.whole_path is not None


def _is_sortable(partitions: Partitions) -> bool:
    listing, can = partitions.listing, partitions.facts.can
    if "sorts" not in can.observed:
        return listing.is_sortable
    return {ID, listing.cursor.column if listing.cursor else ID} <= {*can.sorts}


def _widest_window(partitions: Partitions) -> int | None:
    cursor = partitions.listing.cursor
    column = cursor.column if cursor else ""
    known = [
        facts.can.widest_ranges for facts in (partitions.facts, partitions.facts_of_sweeps)
    ]
    return min((ranges[column] for ranges in known if column in ranges), default=None)
