"""Landed rows of a network of any size, and what happens to them afterwards.

The server makes the rows itself, nothing is read from any API. Every person, name and
address is made up. As at 42, a person's rows lie all over the tables, an enrolment has
one row for all tries, and its teams are most of its weight.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from ft42_warehouse.init import create_all
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import stream_schemas
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import LiteralString

    from tools.benchmarks.job import Warehouse

SCHEMAS = Schemas()

_REFERENCE: LiteralString = """
INSERT INTO ft42_raw.cursus (id, name) VALUES (21, '42cursus');
INSERT INTO ft42_raw.campuses (id, name)
SELECT n, 'Campus ' || n FROM generate_series(1, 54) AS n;
INSERT INTO ft42_raw.projects (id, cursus_id, name, slug)
SELECT n, 21, 'Project ' || n, 'project-' || n FROM generate_series(1, 540) AS n;
INSERT INTO ft42_raw.achievements (id, name)
SELECT n, 'Badge ' || n FROM generate_series(1, 1152) AS n;
INSERT INTO ft42_raw.coalitions (id, name)
SELECT n, 'Coalition ' || n FROM generate_series(1, 350) AS n;
INSERT INTO ft42_raw.blocs (id, campus_id, cursus_id, coalitions)
SELECT n, n %% 54 + 1, 21, jsonb_agg(jsonb_build_object('id', coalition))
FROM generate_series(1, 100) AS n, generate_series(n, 350, 100) AS coalition
GROUP BY n
"""
_PEOPLE: LiteralString = """
INSERT INTO ft42_raw.users (
    id, cursus_id, login, email, first_name, last_name, usual_full_name, displayname, url,
    kind, staff, alumni, active, image_link, image_large, image_medium, image_small,
    image_micro,
    correction_point, wallet, pool_month, pool_year, anonymize_date, data_erasure_date,
    created_at, updated_at, _sdc_extracted_at, _sdc_batched_at
)
SELECT
    n, 21, 'person' || n, 'person' || n || '@student.example', 'First' || n, 'Last' || n,
    'First' || n || ' Last' || n, 'First' || n || ' Last' || n,
    'https://api.example/v2/users/person' || n, 'student', false, false, true,
    'https://cdn.example/users/' || md5(n::text) || '/person' || n || '.jpg',
    'https://cdn.example/users/' || md5(n::text) || '/large_person' || n || '.jpg',
    'https://cdn.example/users/' || md5(n::text) || '/medium_person' || n || '.jpg',
    'https://cdn.example/users/' || md5(n::text) || '/small_person' || n || '.jpg',
    'https://cdn.example/users/' || md5(n::text) || '/micro_person' || n || '.jpg',
    n %% 12, n %% 3000, 'july', '2024', now() + interval '2 years', now() + interval '2 years',
    now() - n %% 1500 * interval '1 day', now() - n %% 1500 * interval '1 day', now(), now()
FROM generate_series(1, %(people)s) AS n
"""
_MEMBERSHIPS: LiteralString = """
INSERT INTO ft42_raw.coalitions_users (
    id, coalition_id, user_id, score, rank, created_at, updated_at,
    _sdc_extracted_at, _sdc_batched_at
)
SELECT
    n, n %% 350 + 1, n::bigint * 7919 %% %(people)s + 1, n * 31 %% 9973, 1,
    now() - n %% 1500 * interval '1 day', now() - n %% 1500 * interval '1 day', now(), now()
FROM generate_series(1, %(memberships)s) AS n
"""
_BADGES: LiteralString = """
INSERT INTO ft42_raw.achievements_users (
    id, achievement_id, user_id, login, nbr_of_success, url, created_at, updated_at,
    _sdc_extracted_at, _sdc_batched_at
)
SELECT
    n, n * 13 %% 1152 + 1, person, 'person' || person, 0,
    'https://api.example/v2/users/person' || person,
    now() - n %% 1500 * interval '1 day', now() - n %% 1500 * interval '1 day', now(), now()
FROM generate_series(1, %(badges)s) AS n, LATERAL (
    SELECT n::bigint * 104729 %% %(people)s + 1 AS person
) AS p
"""
_ENROLMENTS: LiteralString = """
INSERT INTO ft42_raw.projects_users (
    id, user_id, project_id, campus_id, cursus_ids, cursus_id, occurrence, final_mark, status,
    validated, current_team_id, marked_at, marked, retriable_at, created_at, updated_at, teams,
    _sdc_extracted_at, _sdc_batched_at
)
SELECT
    n, person, n * 17 %% 540 + 1, person %% 54 + 1, '{21}', 21, 0, n %% 126, 'finished',
    n %% 126 > 49, n, at, true, at, at, at,
    jsonb_build_array(jsonb_build_object(
        'id', n, 'final_mark', n %% 126, 'project_id', n * 17 %% 540 + 1, 'status', 'finished',
        'created_at', at, 'updated_at', at, 'locked?', true, 'validated?', true,
        'closed?', true, 'closed_at', at,
        'project_session_id', n %% 4000,
        'users', jsonb_build_array(jsonb_build_object(
            'id', person, 'leader', true, 'occurrence', 0,
            'validated', true, 'projects_user_id', n
        ))
    )),
    now(), now()
FROM generate_series(1, %(enrolments)s) AS n, LATERAL (
    SELECT
        n::bigint * 7919 %% %(people)s + 1 AS person,
        now() - n %% 1500 * interval '1 day' AS at
) AS p
"""

_RUN: LiteralString = """
INSERT INTO ft42_raw.sync_runs (
    run_id, streams, started_at, ended_at, outcome, requests, lower_bound, refusals, retries,
    rows, rows_emitted, requests_per_hour
)
SELECT
    'night', %(streams)s, now() - interval '1 minute', now(), 'complete',
    1, 1, 0, 0, 1, 1, 1200
"""

# What the loader brings: rows whose key is there are written anew. Each round changes
# others; to name their ids spares the look at all rows that the loader does not need.
_CHANGES: LiteralString = """
UPDATE ft42_raw.projects_users AS l
SET final_mark = final_mark + 1, updated_at = now(), _sdc_extracted_at = now()
FROM generate_series(%(round)s + 1, %(enrolments)s, %(enrolments_apart)s) AS n WHERE l.id = n;
UPDATE ft42_raw.users AS l
SET wallet = wallet + 1, updated_at = now(), _sdc_extracted_at = now()
FROM generate_series(%(round)s + 1, %(people)s, %(people_apart)s) AS n WHERE l.id = n;
UPDATE ft42_raw.achievements_users AS l
SET nbr_of_success = nbr_of_success + 1, updated_at = now(), _sdc_extracted_at = now()
FROM generate_series(%(round)s + 1, %(badges)s, %(badges_apart)s) AS n WHERE l.id = n;
"""
_POINTS: LiteralString = """
UPDATE ft42_raw.coalitions_users AS l SET score = score + 150, _sdc_extracted_at = now()
FROM generate_series(%(round)s + 1, %(memberships)s, 300) AS n WHERE l.id = n
"""
_BUSY = {"enrolments_apart": 700, "people_apart": 200, "badges_apart": 5_000}
# As many as were counted at 42 on average: a thousandth of the people, and so on; no points,
# which a quarter-hour does not read.
_USUAL = {"enrolments_apart": 15_000, "people_apart": 575, "badges_apart": 137_000}
_ERASED: LiteralString = """
UPDATE ft42_raw.users SET login = '3b3-' || id WHERE id = 100 + %(round)s
"""

# The reference data come again, and so does a thirtieth of the enrolments, unchanged; a
# hundredth of all ids is counted, of which one in two thousand is no longer there.
_NIGHT: LiteralString = """
UPDATE ft42_raw.projects SET _sdc_extracted_at = now();
UPDATE ft42_raw.achievements SET _sdc_extracted_at = now();
UPDATE ft42_raw.coalitions SET _sdc_extracted_at = now();
UPDATE ft42_raw.projects_users SET _sdc_extracted_at = now() WHERE id <= %(enrolments)s / 30;
UPDATE ft42_raw.coalitions_users AS l SET score = score + id %% 50, _sdc_extracted_at = now()
FROM generate_series(5, %(memberships)s, 10) AS n WHERE l.id = n;
INSERT INTO ft42_raw.census (
    stream, cursus_id, parent_id, first_id, last_id, total, ids, counted_at
)
SELECT stream, 0, 0, first, first + 999, count(*), jsonb_agg(id), now() + interval '1 second'
FROM (VALUES
    ('users', %(people)s), ('projects_users', %(enrolments)s),
    ('achievements_users', %(badges)s)
) AS counted (stream, rows),
LATERAL generate_series(1, rows - 999, 100000) AS first,
LATERAL generate_series(first, first + 999) AS id
WHERE id %% 2000 <> 7
GROUP BY stream, first
"""


@dataclass(frozen=True)
class Population:
    """How many rows there are, in the proportions of the network.

    Attributes:
        enrolments: rows of projects_users; all others follow from it.
    """

    enrolments: int

    @property
    def counts(self) -> dict[str, int]:
        """Rows by what they are."""
        return {
            "enrolments": self.enrolments,
            "people": self.enrolments // 25,
            "memberships": self.enrolments // 11,
            "badges": self.enrolments * 2,
        }

    def land(self, warehouse: Warehouse) -> None:
        """Create all tables and fill those of the landing schema.

        Keys hold from the beginning; triggers and other indexes come when the rows are
        there, as that is faster.

        Args:
            warehouse: A server in which nothing has been made yet.
        """
        with _connected(warehouse) as connection:
            create_all(connection, SCHEMAS)
            for (index,) in connection.execute(
                "SELECT indexrelid::regclass::text FROM pg_index "
                "JOIN pg_class AS c ON c.oid = indrelid "
                "WHERE relnamespace = 'ft42_raw'::regnamespace AND NOT indisprimary"
            ).fetchall():
                connection.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(index)))
            tables = [
                sql.Identifier("ft42_raw", name)
                for (name,) in connection.execute(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'ft42_raw'"
                ).fetchall()
            ]
            for table in tables:
                connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table))
                # Instead of the trigger that stamps rows.
                connection.execute(
                    sql.SQL(
                        "ALTER TABLE {} ALTER landed_in "
                        "SET DEFAULT pg_current_xact_id()::text::bigint"
                    ).format(table)
                )
            streams = [stream["title"] for stream in stream_schemas()]
            for statement in (_REFERENCE, _PEOPLE, _MEMBERSHIPS, _BADGES, _ENROLMENTS, _RUN):
                connection.execute(statement, {"streams": streams, **self.counts})
            for table in tables:
                connection.execute(
                    sql.SQL("ALTER TABLE {} ALTER landed_in DROP DEFAULT").format(table)
                )
                connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table))
            create_all(connection, SCHEMAS)
            connection.execute("ANALYZE")

    def live_a_quarter_hour(self, warehouse: Warehouse, number: int) -> None:
        """Land more than a busy quarter of an hour brings: one enrolment in 700, and points.

        Args:
            warehouse: The server.
            number: Which time it is; each changes other rows.
        """
        self._change(warehouse, _CHANGES + _POINTS, number, _BUSY)

    def live_a_usual_quarter_hour(self, warehouse: Warehouse, number: int) -> None:
        """Land what an average quarter of an hour brings: one enrolment in 15,000."""
        self._change(warehouse, _CHANGES, number, _USUAL)

    def erase_one(self, warehouse: Warehouse, number: int) -> None:
        """Land that a person was anonymised."""
        self._change(warehouse, _ERASED, number)

    def live_a_night(self, warehouse: Warehouse) -> None:
        """Land what a night reads again, and what it finds gone."""
        self._change(warehouse, _NIGHT, 0)

    def _change(
        self,
        warehouse: Warehouse,
        statements: LiteralString,
        number: int,
        apart: Mapping[str, int] | None = None,
    ) -> None:
        with _connected(warehouse) as connection:
            connection.execute(statements, {"round": number, **self.counts, **(apart or {})})


@contextmanager
def _connected(warehouse: Warehouse) -> Iterator[psycopg.Connection[Any]]:
    with warehouse.connect() as connection:
        connection.autocommit = True
        # The server binds no values in several statements at once.
        connection.cursor_factory = psycopg.ClientCursor
        yield connection
