"""Who corrects whom."""

from __future__ import annotations

from tap_ft42.declared.listing import Listing
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams.cursors import UPDATED_AT
from tap_ft42.streams.reference import CampusesStream


class ScaleTeamsStream(FT42Stream):
    """Evaluations, campus by campus, each with its own bookmark."""

    listing = Listing(
        name="scale_teams",
        path="/v2/scale_teams",
        parent=CampusesStream.listing,
        parent_id="campus_id",
        parent_filter="filter[campus_id]",
        campus_filter="filter[campus_id]",
        added=("campus_id",),
        cursor=UPDATED_AT,
        largest_page=30,  # an evaluation is 9 kB
    )
