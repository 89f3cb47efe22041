"""Who studies, where, and how far they have come."""

from __future__ import annotations

from types import MappingProxyType

from typing_extensions import override

from tap_ft42.singer.stream import FT42Stream


class UsersStream(FT42Stream):
    """Students of the run's cursus who are not alumni; of several, once for each."""

    name = "users"
    is_by_cursus = True
    added_columns = ("cursus_id",)
    path = "/v2/cursus/{cursus_id}/users"
    replication_key = "updated_at"
    filters = MappingProxyType({"filter[kind]": "student", "filter[alumni?]": "false"})
    campus_filter = "filter[primary_campus_id]"
    weight = 4
    refresh_factor = 1  # active? and the dates of erasure change silently
    census_share = 1  # with people goes all that hangs on them
    left_filters = MappingProxyType({"filter[kind]": "student", "filter[alumni?]": "true"})

    @property
    @override
    def is_tallied(self) -> bool:
        is_read_whole = not self._tap.is_dry_run and self.backfill is None
        return super().is_tallied or (is_read_whole and bool(self._tap.scope.campus_ids))


class CursusUsersStream(FT42Stream):
    """Level, grade and black hole of everybody in the run's cursus.

    Off by default and always read in full: ``updated_at`` does not move with
    the level.
    """

    name = "cursus_users"
    is_by_cursus = True
    path = "/v2/cursus/{cursus_id}/cursus_users"
    selected_by_default = False
    campus_filter = "filter[campus_id]"


class CampusUsersStream(FT42Stream):
    """Which person belongs to which campus. Off by default."""

    name = "campus_users"
    path = "/v2/campus_users"
    replication_key = "updated_at"
    selected_by_default = False
    campus_filter = "filter[campus_id]"
