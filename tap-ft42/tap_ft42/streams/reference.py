"""What the network consists of: curricula, places, projects, badges, houses."""

from __future__ import annotations

from tap_ft42.declared.listing import Carrier, Listing
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams.cursors import UPDATED_AT


class CursusStream(FT42Stream):
    """Every curriculum."""

    listing = Listing(name="cursus", path="/v2/cursus", is_cursus=True, refresh_hours=168)


class CampusesStream(FT42Stream):
    """Every active, public campus; parent of the lists that are read campus by campus."""

    listing = Listing(name="campuses", path="/v2/campus", is_campus=True, refresh_hours=24)


class ProjectsStream(FT42Stream):
    """Projects of the run's cursus, with the sessions of every campus.

    A project that belongs to several cursus comes once for each.
    """

    listing = Listing(
        name="projects",
        path="/v2/cursus/{cursus_id}/projects",
        by_cursus=True,
        added=("cursus_id",),
        cursor=UPDATED_AT,
        refresh_hours=672,
        largest_page=30,  # 100 projects are 4 MB, and the API often times out on them
    )


class AchievementsStream(FT42Stream):
    """Every badge."""

    listing = Listing(
        name="achievements", path="/v2/achievements", changes=UPDATED_AT, refresh_hours=672
    )


class CampusAchievementsStream(FT42Stream):
    """Which campus awards which badge.

    Off by default: the names in ``achievements.campus`` say the same, and cost twelve requests
    instead of one for each campus.
    """

    listing = Listing(
        name="campus_achievements",
        path="/v2/campus/{campus_id}/achievements",
        parent=CampusesStream.listing,
        parent_id="campus_id",
        added=("campus_id",),
        is_selected=False,
        refresh_hours=168,
    )


class BlocsStream(FT42Stream):
    """Groups of coalitions: the only tie from a coalition to a campus."""

    listing = Listing(
        name="blocs",
        path="/v2/blocs",
        campus_filter="filter[campus_id]",
        has_ranges=False,
        refresh_hours=168,
    )


class CoalitionsStream(FT42Stream):
    """Every coalition; parent of the memberships.

    The API cannot narrow this list, and may refuse it. If a scope names campuses, or if the API
    refuses the list, the blocs are read instead: they carry their coalitions with all columns.
    """

    listing = Listing(
        name="coalitions",
        path="/v2/coalitions",
        campus_filter="filter[campus_id]",
        carrier=Carrier("/v2/blocs", column="coalitions", campus_column="campus_id"),
        has_ranges=False,
        refresh_hours=24,
    )
