"""Who may call themselves what."""

from __future__ import annotations

from tap_ft42.declared.listing import Listing
from tap_ft42.singer.stream import FT42Stream


class TitlesUsersStream(FT42Stream):
    """Titles of people: a list that can be neither sorted nor narrowed."""

    listing = Listing(
        name="titles_users", path="/v2/titles_users", is_sortable=False, has_ranges=False
    )
