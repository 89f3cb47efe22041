"""Who studies, where, and how far they have come."""

from __future__ import annotations

from tap_ft42.declared.listing import Census, Graph, Listing
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams.cursors import UPDATED_AT


class UsersStream(FT42Stream):
    """Students of the run's cursus who are not alumni; of several, once for each."""

    listing = Listing(
        name="users",
        path="/v2/cursus/{cursus_id}/users",
        by_cursus=True,
        added=("cursus_id",),
        cursor=UPDATED_AT,
        filters={"filter[kind]": "student", "filter[alumni?]": "false"},
        campus_filter="filter[primary_campus_id]",
        tells="people",
        weight=4,
        # No graph is of one cursus alone.
        graph=Graph("/v2/users/graph", counts_others=True),
        census=Census(
            refresh_factor=1,  # active? and the dates of erasure change silently
            share=1,  # with people goes all that hangs on them
            left_filters={"filter[kind]": "student", "filter[alumni?]": "true"},
        ),
    )


class CursusUsersStream(FT42Stream):
    """Level, grade and black hole of everybody in the run's cursus.

    Off by default and always read in full: ``updated_at`` does not move with
    the level.
    """

    listing = Listing(
        name="cursus_users",
        path="/v2/cursus/{cursus_id}/cursus_users",
        by_cursus=True,
        campus_filter="filter[campus_id]",
        is_selected=False,
    )


class CampusUsersStream(FT42Stream):
    """Which person belongs to which campus. Off by default."""

    listing = Listing(
        name="campus_users",
        path="/v2/campus_users",
        cursor=UPDATED_AT,
        campus_filter="filter[campus_id]",
        tells="campuses of people",
        is_selected=False,
    )
