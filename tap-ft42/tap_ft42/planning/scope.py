"""Which part of the network a run reads: which cursus, and all campuses or some.

The API can narrow users and enrolments by campus. Badges know
nothing of campuses but their users. Who these are, the stream ``users`` tells once it has
been read; where it is not selected, they are looked up.

Nor does an enrolment tell a campus: it belongs to those of its user. The scope looks up
the campuses of users, each once a run.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigValidationError, FatalAPIError

from tap_ft42.planning.cursus import MAIN, cursus_ids
from tap_ft42.planning.sweeps import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_ft42.singer.stream import FT42Stream
    from tap_ft42.tap import TapFT42


_LISTED = "listed"
"""Key in the state, below the stream that lists them: ids of settings that exist."""


class Scope:
    """What the settings ``cursus_ids`` and ``campus_ids`` name, and what hangs on that."""

    def __init__(self, tap: TapFT42) -> None:
        """Read the setting; the look-ups come later.

        Args:
            tap: The tap whose streams do the look-ups.
        """
        self._tap = tap
        self.campus_ids: frozenset[int] = frozenset(tap.config.get("campus_ids") or ())
        """Ids of the campuses in scope; empty for all of them."""
        self.cursus_ids: tuple[int, ...] = cursus_ids(tap.config)
        """Ids of the cursus that are read."""
        self._campuses_of: dict[int, set[int]] = {}

    def has_campus(self, campus_id: object) -> bool:
        """Tell whether a campus is in scope."""
        return not self.campus_ids or campus_id in self.campus_ids

    def has_user(self, user_id: object) -> bool:
        """Tell whether somebody studies at a campus in scope."""
        return not self.campus_ids or user_id in self.user_ids

    @property
    def users(self) -> FT42Stream:
        """The stream that knows who belongs to a campus."""
        return self._stream("users")

    @cached_property
    def user_batches(self) -> list[str] | None:
        """The users in scope as values for an id filter, or None for everybody.

        A scope without users has one batch that matches nobody: the API ignores
        an empty filter and would send everybody's rows.
        """
        if not self.campus_ids:
            return None
        return id_lists(self.user_ids or {0})

    @cached_property
    def user_ids(self) -> frozenset[int]:
        """Ids of the students of a scope, of whichever cursus.

        Raises:
            RunEnds: The run has to end.
        """
        known = self.users.presence.ids if self.users.selected else None
        if known is None:
            known = [
                user["id"]
                for whole in self.users.lists
                for user in self.users.look_up(self.users.query(whole), whole)
            ]
        return frozenset(known)

    def unlisted(self) -> Iterator[tuple[str, str]]:
        """Look up whether what the settings name exists, once for each id.

        Yields:
            The name of a setting, and what is wrong with it.

        Raises:
            RunEnds: The run has to end.
            ConfigValidationError: Nothing that a setting names exists.
        """
        for name, ids in (("campus_ids", self.campus_ids), ("cursus_ids", self.cursus_ids)):
            if name == "cursus_ids" and ids == (MAIN,):
                continue
            stream = self._stream("campuses" if name == "campus_ids" else "cursus")
            listed: set[int] = set(stream.stream_state.get(_LISTED, ()))
            unknown = set(ids) - listed
            try:
                for batch in id_lists(unknown):
                    listed |= {row["id"] for row in stream.look_up({"filter[id]": batch})}
            except FatalAPIError:
                continue  # nobody can tell
            stream.stream_state[_LISTED] = sorted(listed & set(ids))
            if missing := sorted(unknown - listed):
                why = f"42 lists none with the id {', '.join(map(str, missing))}"
                if len(missing) == len(set(ids)):
                    message = f"{name}: {why}. Correct the setting."
                    raise ConfigValidationError(message, errors=[message])
                yield name, f"{why}, so that nothing is read of it. Correct the setting"

    # Campuses of users

    def learn_campuses(self, user_ids: Iterable[int]) -> None:
        """Look up the campuses of users, as far as they are not known.

        Args:
            user_ids: Ids of the users.

        Raises:
            RunEnds: The run has to end.
        """
        stream = self._stream("campus_users")
        unknown = set(user_ids) - self._campuses_of.keys()
        for batch in id_lists(unknown):
            for row in stream.look_up({**stream.scope_params(), "filter[user_id]": batch}):
                self._campuses_of.setdefault(row["user_id"], set()).add(row["campus_id"])
        for user_id in unknown:
            self._campuses_of.setdefault(user_id, set())

    def campuses_of(self, user_id: int | None) -> set[int]:
        """Return the ids of somebody's campuses, in scope at least, that are known."""
        return self._campuses_of.get(user_id, set()) if user_id is not None else set()

    def _stream(self, name: str) -> FT42Stream:
        return self._tap.api_streams[name]


def id_lists(ids: Iterable[int]) -> list[str]:
    """Write ids as values for filters, each with as many as the API takes."""
    ordered = sorted(ids)
    return [
        ",".join(map(str, ordered[start : start + LARGEST]))
        for start in range(0, len(ordered), LARGEST)
    ]
