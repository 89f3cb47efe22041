"""Who studies, where, and at which level."""

from __future__ import annotations

from tap_ft42.declared.listing import Census, Graph, Listing, Movers
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams.cursors import UPDATED_AT


class UsersStream(FT42Stream):
    """Students of the run's cursus who are not alumni; once for each cursus."""

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
        # The API has no graph of a single cursus.
        graph=Graph("/v2/users/graph", counts_others=True),
        census=Census(
            refresh_factor=1,  # active? and the dates of erasure change silently
            share=1,  # when people disappear, so do their rows in other lists
            left_filters={"filter[kind]": "student", "filter[alumni?]": "true"},
        ),
    )


class CursusUsersStream(FT42Stream):
    """Level, grade and black hole of everybody in the run's cursus.

    ``updated_at`` moves when somebody begins or ends, but not when these three change.
    """

    listing = Listing(
        name="cursus_users",
        path="/v2/cursus/{cursus_id}/cursus_users",
        by_cursus=True,
        cursus_filter="filter[cursus_id]",
        cursor=UPDATED_AT,
        campus_filter="filter[campus_id]",  # this is the primary campus
        is_nightly=True,
        weight=2,
        graph=Graph("/v2/cursus_users/graph"),
        movers=Movers(
            people_filter="filter[user_id]",
            marks="projects_users",
            mark="final_mark",
            deadline="blackholed_at",
        ),
        census=Census(refresh_factor=0),  # `movers` reads all people in turn
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
