"""Generates the tables of the sandbox; the same seed and sizes give the same tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ft42_sandbox.endpoints import ENDPOINTS
from ft42_sandbox.generate.activity import achievements_users_table, projects_users_table
from ft42_sandbox.generate.people import people
from ft42_sandbox.generate.reference import campus_table, cursus_table, projects_table
from ft42_sandbox.generate.rewards import (
    achievements_table,
    blocs_and_coalitions,
    coalitions_users_table,
)
from ft42_sandbox.store import Store

if TYPE_CHECKING:
    from ft42_sandbox.settings import World


def generate(world: World) -> Store:
    """All tables of a world."""
    cursus = cursus_table()
    campus = campus_table(world)
    projects = projects_table(world, campus, cursus)
    achievements = achievements_table(world, campus, projects)
    persons = people(world, campus, cursus)
    blocs, coalitions = blocs_and_coalitions(world, campus, persons)
    store = Store(
        [
            cursus,
            campus,
            projects,
            achievements,
            blocs,
            coalitions,
            persons.users,
            persons.campus_users,
            persons.cursus_users,
            projects_users_table(world, persons, projects),
            achievements_users_table(world, persons, achievements),
            coalitions_users_table(world, persons, blocs, coalitions),
        ],
        world.seed,
    )
    for endpoint in ENDPOINTS:
        if endpoint.generate is not None:
            store.tables[endpoint.table] = endpoint.generate(world, store)
    return store
