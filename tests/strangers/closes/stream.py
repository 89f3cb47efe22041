"""Whose account is closed, and by whom."""

from __future__ import annotations

from tap_ft42.declared.listing import Listing
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams.cursors import UPDATED_AT


class ClosesStream(FT42Stream):
    """Closed accounts: each row names two people, whose logins stand beside their ids."""

    listing = Listing(
        name="closes",
        path="/v2/closes",
        cursor=UPDATED_AT,
        campus_filter="filter[campus_id]",
    )
