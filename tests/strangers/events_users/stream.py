"""Who comes to what."""

from __future__ import annotations

from tap_ft42.declared.listing import Cursor, Listing
from tap_ft42.singer.stream import FT42Stream


class EventsUsersStream(FT42Stream):
    """Registrations to events, which never change."""

    listing = Listing(
        name="events_users",
        path="/v2/events_users",
        cursor=Cursor("id", kind="id", moves=False),
    )
