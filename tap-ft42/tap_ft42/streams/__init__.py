"""The streams of the tap, in the order in which a run reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_ft42.streams.activity import (
    AchievementsUsersStream,
    CoalitionsUsersStream,
    ProjectsUsersStream,
)
from tap_ft42.streams.people import CampusUsersStream, CursusUsersStream, UsersStream
from tap_ft42.streams.reference import (
    AchievementsStream,
    BlocsStream,
    CampusAchievementsStream,
    CampusesStream,
    CoalitionsStream,
    CursusStream,
    ProjectsStream,
)

if TYPE_CHECKING:
    from tap_ft42.singer.stream import FT42Stream

STREAMS: tuple[type[FT42Stream], ...] = (
    CursusStream,
    ProjectsStream,
    AchievementsStream,
    UsersStream,
    CursusUsersStream,
    CampusesStream,
    CampusAchievementsStream,
    ProjectsUsersStream,
    CampusUsersStream,
    BlocsStream,
    CoalitionsStream,
    CoalitionsUsersStream,
    AchievementsUsersStream,
)
"""Parents before children, and what rows refer to before the rows."""

__all__ = ["STREAMS"]
