"""What the network consists of: curricula, places, projects, badges, houses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_ft42.client import FT42Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context, Record


class CursusStream(FT42Stream):
    """Every curriculum."""

    name = "cursus"
    path = "/v2/cursus"


class CampusesStream(FT42Stream):
    """Every active, public campus; parent of what is asked campus by campus."""

    name = "campuses"
    path = "/v2/campus"

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        if self._tap.scope.has_campus(record["id"]):
            yield {"campus_id": record["id"]}


class ProjectsStream(FT42Stream):
    """Projects of the run's cursus, with the sessions of every campus."""

    name = "projects"
    path = "/v2/cursus/{cursus_id}/projects"
    replication_key = "updated_at"
    largest_page = 30  # 100 projects are 4 MB, and the API often times out on them


class AchievementsStream(FT42Stream):
    """Every badge."""

    name = "achievements"
    path = "/v2/achievements"


class CampusAchievementsStream(FT42Stream):
    """Which campus awards which badge.

    Off by default: the names in ``achievements.campus`` say the same for twelve
    requests instead of one a campus.
    """

    name = "campus_achievements"
    path = "/v2/campus/{campus_id}/achievements"
    parent_stream_type = CampusesStream
    selected_by_default = False
    added_columns = ("campus_id",)


class BlocsStream(FT42Stream):
    """Groups of coalitions: the only tie from a coalition to a campus."""

    name = "blocs"
    path = "/v2/blocs"
    has_ranges = False


class CoalitionsStream(FT42Stream):
    """Every coalition; parent of the memberships."""

    name = "coalitions"
    path = "/v2/coalitions"
    has_ranges = False

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        if self._tap.scope.has_coalition(record["id"]):
            yield {"coalition_id": record["id"]}
