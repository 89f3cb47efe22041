"""Traits: what only some lists do, a module each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tap_ft42.lists.traits.campuses import CampusByPerson
from tap_ft42.lists.traits.filtered import Filtered
from tap_ft42.lists.traits.movers import SilentChanges
from tap_ft42.lists.traits.newcomers import Newcomers
from tap_ft42.lists.traits.points import PointsOfParents
from tap_ft42.lists.traits.trait import Trait
from tap_ft42.run.list_in_run import ListInRun


def traits_of(of: ListInRun, other: Callable[[str], ListInRun]) -> Iterator[Trait]:
    """Yield the traits of a list, as its listing asks for them."""
    listing = of.listing
    if listing.filters or listing.cursus_column is not None:
        yield Filtered(of)
    if listing.campus_by_person:
        yield CampusByPerson(of)
    if listing.people_filter is not None:
        yield Newcomers(of)
    if listing.points is not None:
        yield PointsOfParents(of, listing.points)
    if listing.movers is not None:
        marks = partial(other, listing.movers.marks)
        yield SilentChanges(of, listing.movers, marks)
