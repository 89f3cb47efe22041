"""Which part of the network a run reads: all of it, or some campuses.

The API can narrow users and enrolments by campus. Coalitions and badges know
nothing of campuses, so the scope looks up which coalitions and which users
belong to it, only if a stream needs to know. The users are remembered in the state of
the badges, below ``known``, until the day's first run from the census hour on; who joins
them meanwhile is told by the stream ``users``.

Nor does an enrolment tell a campus: it belongs to those of its user. The scope looks up
the campuses of users, each once a run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_ft42.instants import from_milliseconds
from tap_ft42.known import is_due
from tap_ft42.sweeps import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_ft42.client import FT42Stream
    from tap_ft42.tap import TapFT42


class Scope:
    """The campuses of the setting ``campus_ids`` and what hangs on them."""

    def __init__(self, tap: TapFT42) -> None:
        """Read the setting; the look-ups come later.

        Args:
            tap: The tap whose streams do the look-ups.
        """
        self._tap = tap
        self.campus_ids: frozenset[int] = frozenset(tap.config.get("campus_ids") or ())
        """Ids of the campuses in scope; empty for all of them."""
        self._users_noted: set[int] = set()
        self._campuses_of: dict[int, set[int]] = {}

    def as_state(self) -> dict[str, Any]:
        """Return what a bookmark is good for, as the state remembers it."""
        return {
            "cursus_id": self._tap.config["cursus_id"],
            "campus_ids": sorted(self.campus_ids),
        }

    def has_campus(self, campus_id: int) -> bool:
        """Tell whether a campus is in scope."""
        return not self.campus_ids or campus_id in self.campus_ids

    def has_coalition(self, coalition_id: int) -> bool:
        """Tell whether a coalition is in a bloc of a campus in scope."""
        return not self.campus_ids or coalition_id in self._coalition_ids

    def has_user(self, user_id: object) -> bool:
        """Tell whether somebody studies at a campus in scope."""
        return not self.campus_ids or user_id in self._user_ids

    def note_user(self, user_id: int) -> None:
        """Take in somebody who has been read and is in scope."""
        if self.campus_ids and (ids := self._remembered_user_ids()) is not None:
            self._users_noted = self._users_noted or set(ids)
            if user_id not in self._users_noted:
                self._users_noted.add(user_id)
                ids.append(user_id)

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
        user_ids = sorted(self._user_ids) or [0]
        return [
            ",".join(map(str, user_ids[start : start + LARGEST]))
            for start in range(0, len(user_ids), LARGEST)
        ]

    @cached_property
    def _coalition_ids(self) -> frozenset[int]:
        return frozenset(
            coalition["id"]
            for bloc in self._stream("blocs").look_up({})
            if bloc.get("campus_id") in self.campus_ids
            for coalition in bloc.get("coalitions") or ()
            if isinstance(coalition, dict) and "id" in coalition
        )

    @cached_property
    def _user_ids(self) -> frozenset[int]:
        # Without the stream nobody tells who has joined.
        ids = self._remembered_user_ids() if self.users.selected else None
        if ids is None:
            found = {user["id"] for user in self.users.look_up(self.users.scope_params())}
            ids = sorted(found)
            at = from_milliseconds(self._tap.initialized_at)
            self._badges_state["known"] = {"ids": ids, "scope": self.as_state(), "at": at}
        return frozenset(ids)

    def _remembered_user_ids(self) -> list[int] | None:
        known: dict[str, Any] = self._badges_state.get("known") or {}
        if known.get("scope") != self.as_state():
            return None
        now = datetime.fromtimestamp(self._tap.initialized_at / 1000, UTC)
        hour = max(0, self._tap.config["census_hour"])
        ids: list[int] = known["ids"]
        return None if is_due(datetime.fromisoformat(known["at"]), now, hour) else ids

    @property
    def _badges_state(self) -> dict[str, Any]:
        return self._stream("achievements_users").stream_state

    # Campuses of users

    def learn_campuses(self, user_ids: Iterable[int]) -> None:
        """Look up the campuses of users, as far as they are not known.

        Args:
            user_ids: Ids of the users.

        Raises:
            RunEnds: The run has to end.
        """
        stream = self._stream("campus_users")
        unknown = sorted(set(user_ids) - self._campuses_of.keys())
        for start in range(0, len(unknown), LARGEST):
            batch = unknown[start : start + LARGEST]
            found: dict[int, set[int]] = {user_id: set() for user_id in batch}
            joined = ",".join(map(str, batch))
            for row in stream.look_up({**stream.scope_params(), "filter[user_id]": joined}):
                found.setdefault(row["user_id"], set()).add(row["campus_id"])
            self._campuses_of |= found

    def campuses_of(self, user_id: int | None) -> set[int]:
        """Return the ids of somebody's campuses, in scope at least, that are known."""
        return self._campuses_of.get(user_id, set()) if user_id is not None else set()

    def _stream(self, name: str) -> FT42Stream:
        return self._tap.api_streams[name]
