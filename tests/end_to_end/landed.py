"""What has landed, by table and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.end_to_end.oracle import Table
    from tests.postgres import Database

TABLES = (
    "cursus", "campuses", "projects", "achievements", "campus_achievements", "blocs",
    "coalitions", "users", "cursus_users", "projects_users", "achievements_users",
    "coalitions_users", "campus_users",
)  # fmt: skip
ALL_STREAMS = '["*.*"]'
KEYS = {"campus_achievements": ("campus_id", "achievement_id")}


def landed_tables(database: Database) -> dict[str, Table]:
    return {
        table: {
            tuple(row[column] for column in KEYS.get(table, ("id",))): row
            for row in database.rows(table)
        }
        for table in TABLES
    }
