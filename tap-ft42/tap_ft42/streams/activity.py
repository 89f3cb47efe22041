"""What people do: projects, badges, points for their house."""

from __future__ import annotations

from sys import maxsize

from tap_ft42.declared.listing import LARGEST, Census, Graph, Listing, Points
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams.cursors import UPDATED_AT
from tap_ft42.streams.reference import CampusesStream, CoalitionsStream


class ProjectsUsersStream(FT42Stream):
    """Enrolments in projects. Each campus and cursus has its own bookmark."""

    listing = Listing(
        name="projects_users",
        path="/v2/projects_users",
        parent=CampusesStream.listing,
        parent_id="campus_id",
        parent_filter="filter[campus]",
        campus_filter="filter[campus]",
        campus_by_person=True,
        by_cursus=True,
        cursus_filter="filter[cursus]",
        cursus_column="cursus_ids",  # the filter has been seen to let others through
        added=("campus_id", "cursus_id"),
        cursor=UPDATED_AT,
        is_sortable=False,
        largest_sweep=LARGEST,
        weight=4,
        graph=Graph("/v2/projects_users/graph"),
        census=Census(
            share=0.8,
            settled=("status", "finished"),  # nobody unregisters from what is finished
            kind=("project", "filter[project_id]"),
        ),
    )


class AchievementsUsersStream(FT42Stream):
    """Badges that people earned."""

    listing = Listing(
        name="achievements_users",
        path="/v2/achievements_users",
        cursor=UPDATED_AT,
        people_filter="filter[user_id]",
        largest_sweep=maxsize,  # everybody's window serves all batches of people
        weight=2,
    )


class CoalitionsUsersStream(FT42Stream):
    """Memberships in coalitions, coalition by coalition."""

    listing = Listing(
        name="coalitions_users",
        path="/v2/coalitions/{coalition_id}/coalitions_users",
        all_path="/v2/coalitions_users",
        parent=CoalitionsStream.listing,
        parent_id="coalition_id",
        parent_filter="filter[coalition_id]",
        cursor=UPDATED_AT,
        points=Points(total="score", moved_at="this_year_score_updated_at"),
        largest_sweep=LARGEST,
        weight=2,
        census=Census(share=0.05),  # a person who disappeared takes their memberships along
    )
