"""What coalitions gained."""

from __future__ import annotations

from tap_ft42.declared.listing import Listing
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams.reference import CoalitionsStream


class ScoresStream(FT42Stream):
    """Gains, coalition by coalition: a list that can be narrowed by nothing."""

    listing = Listing(
        name="scores",
        path="/v2/coalitions/{coalition_id}/scores",
        parent=CoalitionsStream.listing,
        parent_id="coalition_id",
        has_ranges=False,
    )
