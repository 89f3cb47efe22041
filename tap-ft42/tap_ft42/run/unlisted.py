"""Whether the campuses and cursus that the settings name exist at 42."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_ft42.api.errors import FatalAPIError, SettingError
from tap_ft42.planning.cursus import MAIN
from tap_ft42.planning.scope import id_lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_ft42.planning.scope import Scope
    from tap_ft42.run.partitions import Partitions

_LISTED = "listed"
"""Key in the state of the stream that lists them: ids of settings that exist."""


def unlisted(scope: Scope, lists: Sequence[Partitions]) -> Iterator[tuple[str, str]]:
    """Look up whether what the settings name exists, once for each id.

    Args:
        scope: What they name.
        lists: The lists of the run.

    Yields:
        The name of a setting, and what is wrong with it.

    Raises:
        RunEnds: The run has to end.
        SettingError: Nothing that a setting names exists.
    """
    for listed_by in lists:
        listing = listed_by.listing
        name = "campus_ids" if listing.is_campus else "cursus_ids"
        ids = scope.campus_ids if listing.is_campus else scope.cursus_ids
        if not (listing.is_campus or listing.is_cursus) or ids == (MAIN,):
            continue
        listed: set[int] = set(listed_by.output.stream_state.get(_LISTED, ()))
        unknown = set(ids) - listed
        try:
            for batch in id_lists(unknown):
                listed |= {row["id"] for row in listed_by.look_up({"filter[id]": batch})}
        except FatalAPIError:
            continue  # nobody can tell
        listed_by.output.stream_state[_LISTED] = sorted(listed & set(ids))
        if missing := sorted(unknown - listed):
            why = f"42 lists none with the id {', '.join(map(str, missing))}"
            if len(missing) == len(ids):
                message = f"{name}: {why}. Correct the setting."
                raise SettingError(message)
            yield name, f"{why}, so that nothing is read of it. Correct the setting"
