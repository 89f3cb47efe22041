"""Names a row that 42 cannot show."""

from __future__ import annotations

from collections.abc import Mapping

from tap_ft42.api.page import id_within
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import ID


def label_of_unshown(row: Mapping[str, tuple[int, int]], *, hides_ids: bool) -> str:
    """Name a row for people, given as in `Page.unshown`."""
    if (number := id_within(row)) is not None and not hides_ids:
        return f"{ID} {number}"
    windows = [
        f"{key} from {from_milliseconds(begins)} to {from_milliseconds(ends)}"
        for key, (begins, ends) in row.items()
        if key != ID
    ]
    return f"a row with {' and '.join(windows)}" if windows else "a row"
