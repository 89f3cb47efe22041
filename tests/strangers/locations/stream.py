"""Who sits where."""

from __future__ import annotations

from tap_ft42.declared.listing import Cursor, Listing
from tap_ft42.singer.stream import FT42Stream


class LocationsStream(FT42Stream):
    """Sessions at the computers of a campus."""

    listing = Listing(
        name="locations",
        path="/v2/locations",
        cursor=Cursor("begin_at", moves=False, looks_back=86_400),  # they end within a day
        campus_filter="filter[campus_id]",
    )
