"""The listing of a list, corrected by what was observed of the API."""

from __future__ import annotations

from dataclasses import replace
from sys import maxsize

from tap_ft42.declared.instants import DAY
from tap_ft42.declared.listing import Listing
from tap_ft42.run.list_in_run import ListInRun


def corrected(of: ListInRun) -> Listing:
    """Return the listing as declared, corrected by what was observed of the API."""
    listing, can = of.listing, of.facts.can
    of_sweeps, is_whole = of.facts_of_sweeps.can, _is_whole(of)
    widest = (one.widest_ranges.get(listing.key) for one in (can, of_sweeps))
    return replace(
        listing,
        is_sortable=of.facts.is_sortable,
        has_ranges=bool(can.ranges),
        widest_window=min((width for width in widest if width is not None), default=None),
        changes=listing.changes if tells_changes(of) else None,
        # If no parameter names the parents, one read serves any number of them.
        parent_filter=None if is_whole else listing.parent_filter,
        largest_sweep=maxsize if is_whole else _longest_sweep(of),
    )


def tells_changes(of: ListInRun) -> bool:
    """Tell whether the API can be asked for the changes of a list that is read in full."""
    changes, facts = of.listing.changes, of.facts
    if changes is None or not facts.narrows_by(changes.column):
        return False
    # Windows of changes overlap by a day. If only shorter ones are possible, they cost more
    # than the whole list once a day.
    return facts.can.widest_ranges.get(changes.column, 2 * DAY) >= 2 * DAY


def is_read_at_once(of: ListInRun) -> bool:
    """Tell whether the rows of all campuses are read at once, and dealt by their people."""
    listing = of.listing
    is_narrowed = listing.parent_filter is not None and not _is_whole(of)
    is_silent = listing.campus_by_person and not is_narrowed
    at_once = of.run.people.people_per_request
    return is_silent and (of.is_campus_ignored or at_once > 1)


def _longest_sweep(of: ListInRun) -> int:
    """Return how many partitions one sweep may read."""
    listing = of.listing
    if listing.parent_filter is None:
        return listing.largest_sweep
    return min(listing.largest_sweep, of.facts_of_sweeps.can.longest_list)


def _is_whole(of: ListInRun) -> bool:
    """Tell whether the whole list is read, though a filter could narrow it to parents."""
    listing, run = of.listing, of.run
    if of.is_campus_ignored:
        return True
    if _longest_sweep(of) == listing.largest_sweep or run.scope.campus_ids:
        return False
    # Its rows have to tell to which of the parents they belong.
    is_told = listing.campus_by_person and run.people.tells_campuses
    return of.whole_path is not None and (is_told or not listing.parent_columns)
