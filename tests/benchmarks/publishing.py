"""How long a publish takes on tables of the real size.

Run with ``python -m tests.benchmarks.publishing``. The rows are made by the server, with
teams as large as 42's; nothing is read from any API.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import click
from ft42_warehouse.init import create_all
from ft42_warehouse.publish import publish
from ft42_warehouse.statements import Schemas

from tests.benchmarks.job import Warehouse, running_warehouse

ROWS = """
INSERT INTO ft42_raw.cursus (id) VALUES (21);
INSERT INTO ft42_raw.campuses (id) SELECT generate_series(1, 54);
INSERT INTO ft42_raw.projects (id, cursus_id) SELECT generate_series(1, 540), 21;
INSERT INTO ft42_raw.achievements (id) SELECT generate_series(1, 1152);
INSERT INTO ft42_raw.coalitions (id) SELECT generate_series(1, 350);
INSERT INTO ft42_raw.users (id, cursus_id, login, kind, updated_at)
SELECT n, 21, 'person' || n, 'student', now() FROM generate_series(1, {enrolments} / 25) AS n;
INSERT INTO ft42_raw.coalitions_users (id, coalition_id, user_id, score, updated_at)
SELECT n, n % 350 + 1, n / 2 + 1, n % 997, now()
FROM generate_series(1, {enrolments} / 11) AS n;
INSERT INTO ft42_raw.achievements_users (id, achievement_id, user_id, updated_at)
SELECT n, n % 1152 + 1, n / 40 + 1, now() FROM generate_series(1, {enrolments} * 2) AS n;
INSERT INTO ft42_raw.projects_users
    (id, user_id, project_id, campus_id, cursus_id, final_mark, updated_at, teams)
SELECT n, n / 25 + 1, n % 540 + 1, n % 54 + 1, 21, n % 126, now(), jsonb_build_array(
    jsonb_build_object('id', n, 'name', 'group ' || n, 'repo_url', repeat(md5(n::text), 10),
    'users', jsonb_build_array(jsonb_build_object('id', n / 25 + 1, 'projects_users_id', n)))
)
FROM generate_series(1, {enrolments}) AS n;
ANALYZE
"""
QUARTER_HOUR = """
UPDATE ft42_raw.projects_users SET final_mark = final_mark + 1 WHERE id % 700 = {round};
UPDATE ft42_raw.users SET wallet = {round} WHERE id % 200 = {round};
UPDATE ft42_raw.achievements_users SET nbr_of_success = {round} WHERE id % 5000 = {round};
UPDATE ft42_raw.coalitions_users SET score = score + 7 WHERE id % 300 = {round}
"""
ERASED = "UPDATE ft42_raw.users SET login = '3b3-' || id WHERE id = 100 + {round}"


@click.command()
@click.option("--enrolments", default=1_000_000, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(enrolments: int, rounds: int) -> None:
    """Measure publishes: the first one, quiet ones, and those after some changes."""
    with (
        tempfile.TemporaryDirectory(prefix="ft42-bench-") as folder,
        running_warehouse(Path(folder)) as warehouse,
    ):
        execute(warehouse, "")
        click.echo(f"{enrolments:,} enrolments, {2 * enrolments:,} badges")
        execute(warehouse, ROWS.format(enrolments=enrolments))
        click.echo(f"first publish     {published(warehouse):8.2f} s")
        for name, changes in (
            ("quiet", ""), ("quarter-hour", QUARTER_HOUR), ("one erased", ERASED),
        ):  # fmt: skip
            seconds = []
            for number in range(rounds):
                execute(warehouse, changes.format(round=number))
                seconds.append(published(warehouse))
            click.echo(
                f"{name:<18}{statistics.median(seconds):8.2f} s, at most {max(seconds):.2f}"
            )


def execute(warehouse: Warehouse, statements: str) -> None:
    """Prepare the tables, then run statements as the loader would."""
    with warehouse.connect() as connection:
        connection.autocommit = True
        create_all(connection, Schemas())
        for statement in filter(str.strip, statements.split(";")):
            connection.execute(statement)


def published(warehouse: Warehouse) -> float:
    """Publish, and return the seconds that it took."""
    with warehouse.connect() as connection:
        connection.autocommit = True
        began = time.monotonic()
        publish(connection, Schemas())
        return time.monotonic() - began


if __name__ == "__main__":
    main()
