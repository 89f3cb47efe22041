"""Who studies, where, and how far they have come."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_ft42.client import FT42Stream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record


class UsersStream(FT42Stream):
    """Students of the run's cursus who are not alumni."""

    name = "users"
    path = "/v2/cursus/{cursus_id}/users"
    replication_key = "updated_at"
    filters = MappingProxyType({"filter[kind]": "student", "filter[alumni?]": "false"})
    campus_filter = "filter[primary_campus_id]"
    weight = 4

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        if (user := super().post_process(row, context)) is not None:
            self._tap.scope.note_user(user["id"])
        return user


class CursusUsersStream(FT42Stream):
    """Level, grade and black hole of everybody in the run's cursus.

    Off by default and always read in full: ``updated_at`` does not move with
    the level.
    """

    name = "cursus_users"
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
