"""Checks whether the campuses and cursus that the settings name exist at 42.

42 lists only campuses that are active and public. For a campus that it does not list, one
student is asked for: 42 answers if the campus exists, and refuses if not. An unlisted campus
that exists is read, and reported once. An id that does not exist is reported by each run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tap_ft42.api.errors import FatalAPIError, SettingError, is_missing
from tap_ft42.declared.events import EVENTS
from tap_ft42.lists.lookups import LookUps
from tap_ft42.planning.cursus import MAIN
from tap_ft42.planning.scope import Scope
from tap_ft42.reading.id_lists import id_lists
from tap_ft42.run.list_in_run import ListInRun

_LISTED = "listed"
"""Key in the state of a stream: ids that settings name and that exist."""

_STUDENTS = "/{id}/users"
"""Path of the students of a campus or cursus, below the path of its list."""


def missing_ids(scope: Scope, lists: Sequence[ListInRun]) -> Iterator[tuple[str, str]]:
    """Look up whether the ids in the settings exist, once for each id.

    Yields:
        The name of a setting, and what is wrong with it.

    Raises:
        RunEnds: The run has to end.
        SettingError: None of the ids in a setting exists.
    """
    for listed_by in lists:
        listing = listed_by.listing
        name = "campus_ids" if listing.is_campus else "cursus_ids"
        ids = scope.campus_ids if listing.is_campus else scope.cursus_ids
        if not (listing.is_campus or listing.is_cursus) or ids == (MAIN,):
            continue
        known = known_to_exist(listed_by.output.stream_state)
        unknown = set(ids) - known
        try:
            for batch in id_lists(unknown):
                known |= {row["id"] for row in LookUps(listed_by).rows(id=batch)}
        except FatalAPIError:
            continue  # 42 does not tell
        others = sorted(unknown - known)
        if hidden := [own for own in others if _refusal(listed_by, own) is None]:
            known.update(hidden)
            EVENTS.warning(
                "%s: 42 does not list %s, but it exists; perhaps it is no longer active. "
                "It is read as far as 42 shows it.",
                name,
                ", ".join(map(str, hidden)),
                happened="not_listed",
                setting=name,
                ids=hidden,
            )
        listed_by.output.stream_state[_LISTED] = sorted(known & set(ids))
        if missing := sorted(unknown - known):
            why = f"42 lists none with the id {', '.join(map(str, missing))}"
            if len(missing) == len(ids):
                message = f"{name}: {why}. Correct the setting."
                raise SettingError(message)
            yield name, f"{why}, so that nothing is read of it. Correct the setting"


def known_to_exist(stream_state: dict[str, Any]) -> set[int]:
    """Return the ids that settings have named and that exist, listed or not."""
    return set(stream_state.get(_LISTED, ()))


def is_gone(listed_by: ListInRun, own: int) -> bool:
    """Tell whether a campus or cursus has disappeared since it was listed."""
    refusal = _refusal(listed_by, own)
    return refusal is not None and is_missing(refusal)


def _refusal(listed_by: ListInRun, own: int) -> FatalAPIError | None:
    """Ask for one student; return why 42 refuses that, as it does if the id does not exist."""
    path, reader = listed_by.listing.path + _STUDENTS, listed_by.reader
    try:
        reader.one_of(reader.ask_one(path, {}, context={"id": own}))
    except FatalAPIError as refusal:
        return refusal
    return None
