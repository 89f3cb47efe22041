"""The listing of a list, corrected by what was observed of the API."""

from __future__ import annotations

from dataclasses import replace
from sys import maxsize

from tap_ft42.declared.capabilities import Capabilities
from tap_ft42.declared.listing import Listing
from tap_ft42.run.list_in_run import ListInRun


def corrected(of: ListInRun) -> Listing:
    """Return the listing as declared, corrected by what was observed of the API."""
    listing, facts, of_sweeps = of.listing, of.facts, of.facts_of_sweeps.can
    key, is_whole, largest = listing.key, _is_whole(of, of_sweeps), listing.largest_sweep
    if listing.parent_filter is not None:
        largest = min(largest, of_sweeps.longest_list)
    widest = (one.widest_ranges.get(key) for one in (facts.can, of_sweeps))
    return replace(
        listing,
        is_sortable=facts.is_sortable,
        has_ranges=bool(facts.can.ranges),
        widest_window=min((width for width in widest if width is not None), default=None),
        changes=listing.changes if facts.tells_changes else None,
        # If no parameter names the parents, one read serves any number of them.
        parent_filter=None if is_whole else listing.parent_filter,
        largest_sweep=maxsize if is_whole else largest,
    )


def is_read_at_once(of: ListInRun) -> bool:
    """Tell whether the rows of all campuses are read at once, and dealt by their people."""
    listing, is_silent = of.listing, of.listing.campus_by_person
    if listing.parent_filter is not None:
        is_silent = is_silent and _is_whole(of, of.facts_of_sweeps.can)
    at_once = of.run.people.people_per_request
    return is_silent and (of.is_campus_ignored or at_once > 1)


def _is_whole(of: ListInRun, of_sweeps: Capabilities) -> bool:
    """Tell whether the whole list is read, though a filter could narrow it to parents."""
    listing, run = of.listing, of.run
    if of.is_campus_ignored:
        return True
    is_cut = listing.parent_filter and of_sweeps.longest_list < listing.largest_sweep
    if not is_cut or run.scope.campus_ids:
        return False
    # Its rows have to tell to which of the parents they belong.
    is_told = listing.campus_by_person and run.people.tells_campuses
    return of.whole_path is not None and (is_told or not listing.parent_columns)
