"""Finds out what is wrong now: each finding says what is wrong, and what to do.

Each cause is a statement of ``sql/health``, with two sentences for each row that it returns.
`findings` runs all of them; ``warehouse status``, the report and monitors only show the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any, LiteralString

from psycopg import Connection, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ft42_warehouse.objects import REMEMBERED, Objects, have_all
from ft42_warehouse.published import end_of_the_last_publish, required_objects, waiting
from ft42_warehouse.schedule import Schedule
from ft42_warehouse.shown import shown
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import published_tables, stream_schemas

THRESHOLDS = {
    "early_runs": 4,
    "unpublished": timedelta(hours=2),
    "silent_days": 3,
    "orphan_percent": 5,
    "secret_notice": timedelta(days=7),
    "quota_percent": 90,
    "census_age": timedelta(hours=50),
}
"""Limits beyond which something is wrong. `Schedule` has the limits of a table's age."""


_ALIKE = {"missing", "never-loaded", "stale"}
"""Causes that many tables share: if a job does not run, all its tables become stale."""


class Severity(StrEnum):
    """How bad a finding is."""

    WARNING = "warning"
    """The data are right and fresh, but somebody should look."""
    BROKEN = "broken"
    """The data are old or wrong, or a job fails."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong now."""

    kind: str
    """The cause, such as ``stale``."""
    subject: str | None
    """The table, stream or job that is concerned; None if all are."""
    severity: Severity
    what: str
    """What is wrong, in a sentence."""
    advice: str
    """What to do, in a sentence."""

    @property
    def key(self) -> str:
        """The name of the cause, such as ``stale:projects_users``; it does not change."""
        return self.kind if self.subject is None else f"{self.kind}:{self.subject}"

    def as_json(self) -> dict[str, Any]:
        """Return the finding in the form for programs."""
        return {"key": self.key, **asdict(self)}


@dataclass(frozen=True)
class _Cause:
    """A statement of ``sql/health``, and the sentences for its rows."""

    name: str
    severity: Severity
    what: LiteralString
    advice: LiteralString

    def finding(self, row: dict[str, Any]) -> Finding:
        figures = {name: shown(value) for name, value in row.items()}
        return Finding(
            self.name.replace("_", "-"),
            figures.get("subject"),
            self.severity,
            self.what.format(**figures),
            self.advice.format(**figures),
        )


_CAUSES = (
    _Cause(
        "never_published", Severity.BROKEN,
        "Nothing was published yet.",
        "Run the job nightly: `meltano run nightly`.",
    ),
    _Cause(
        "clock_wrong", Severity.BROKEN,
        "{subject} holds the time {at}, which is {ahead} in the future: a clock was wrong, or "
        "this server's clock is.",
        "Set the clocks of this server and of the machine that runs the jobs. The wrong time "
        "is ignored, and the next run adds a right one.",
    ),
    _Cause(
        "delete_guard", Severity.BROKEN,
        "A publish at {refused_at} would have deleted {would_delete} of the {of_rows} rows of "
        "{subject}, {percent} %. It changed nothing, and later publishes change nothing, too.",
        "If so many rows disappeared at 42, run `warehouse publish --allow-deletes` once.",
    ),
    _Cause(
        "secret_expired", Severity.BROKEN,
        "The application's secret ended at {valid_until}.",
        "Copy the new one from the application's page on the intranet into "
        "TAP_FT42_CLIENT_SECRET.",
    ),
    _Cause(
        "run_failed", Severity.BROKEN,
        "The last run of the job {subject} failed at {ended_at}: {reason}.",
        "Its log says more; the next run continues where this one stopped.",
    ),
    _Cause(
        "job_failed", Severity.BROKEN,
        "The job {subject} ended at {ended_at} and published nothing.",
        "Its log says why; the next run continues where this one stopped.",
    ),
    _Cause(
        "not_published", Severity.BROKEN,
        "{runs} runs have landed and were not published, the first one {age} ago.",
        "Run `warehouse publish`: it publishes them, or says why it cannot.",
    ),
    _Cause(
        "never_loaded", Severity.BROKEN,
        "No complete run of {subject} was published yet.",
        "A first load takes several runs: let the jobs continue.",
    ),
    _Cause(
        "stale", Severity.BROKEN,
        "The data of {subject} are of {as_of}, {age} ago; {allowed} is allowed.",
        "If no other finding explains it, check whether cron or systemd starts the job {job}.",
    ),
    _Cause(
        "broken_promises", Severity.BROKEN,
        "The check of {checked_at} found {promises} promises broken: {first}.",
        "Run `warehouse rebuild`, then `warehouse check`.",
    ),
    _Cause(
        "never_run", Severity.WARNING,
        "No run of the tap is known, so the age of the tables is not known.",
        "Select the stream sync_runs, as meltano.yml does.",
    ),
    _Cause(
        "secret_expires", Severity.WARNING,
        "The application's secret ends at {valid_until}, in {rest}.",
        "Renew it on the application's page on the intranet and copy it into "
        "TAP_FT42_CLIENT_SECRET.",
    ),
    _Cause(
        "running_late", Severity.WARNING,
        "The job {subject} began {age} ago, at {began_at}, and has not ended; its next turn "
        "was due after {turn}.",
        "Check whether it still runs, and read its log. If it was killed, the next run "
        "continues where it stopped.",
    ),
    _Cause(
        "runs_end_early", Severity.WARNING,
        "The last {runs} runs of the job {subject} ended early: {reason}.",
        "Unless this is the first load, raise TAP_FT42_MAX_MINUTES or TAP_FT42_MAX_REQUESTS.",
    ),
    _Cause(
        "quota_used_up", Severity.WARNING,
        "Of the hour's {requests_per_hour} requests, {requests} are used.",
        "During a first load this is normal; else see in the report which runs sent them.",
    ),
    _Cause(
        "too_many_requests", Severity.WARNING,
        "The API refused {refusals} requests as too many in the last 24 h.",
        "If other programs use the application, let all share one TAP_FT42_QUOTA_STORE, or "
        "raise TAP_FT42_RESERVE_PERCENT.",
    ),
    _Cause(
        "rejected", Severity.WARNING,
        "{records} records of {subject} were rejected in the last 24 h, most of them for "
        "this reason: {reason}.",
        "Look at them in the landing table rejected_records; the API may have changed.",
    ),
    _Cause(
        "orphans_grew", Severity.WARNING,
        "{rows} rows of {subject} wait for a parent, {more} more than at {checked_at}: "
        "{percent} % of all.",
        "See in the view orphans which parents are missing; perhaps they are no longer read.",
    ),
    _Cause(
        "silent", Severity.WARNING,
        "{subject} used to change every day, but has not changed since {last_changed}.",
        "Look for new rows on the intranet; if there are any, the API or its filters changed.",
    ),
    _Cause(
        "census_missing", Severity.WARNING,
        "The last census of {subject} is {age} old, so disappeared rows are still published.",
        "Check whether a run starts after TAP_FT42_CENSUS_HOUR, and whether it ends early.",
    ),
)  # fmt: skip


def findings(
    connection: Connection[Any], schemas: Schemas, schedule: Schedule
) -> list[Finding]:
    """Return all findings, the worst first; nothing is changed.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    return missing(connection, schemas) or wrong(
        connection, schemas, schedule, shared_parts(connection, schemas)
    )


def wrong(
    connection: Connection[Any],
    schemas: Schemas,
    schedule: Schedule,
    parts: Mapping[str, sql.Composable],
) -> list[Finding]:
    """Return the findings of all causes; all objects must exist, and nothing is changed.

    `parts` is the result of `shared_parts`.
    """
    parameters = {
        "tables": Jsonb(schedule.as_rows()), "jobs": Jsonb(schedule.jobs()), **THRESHOLDS
    }  # fmt: skip
    rows = connection.cursor(row_factory=dict_row)
    return [
        cause.finding(row)
        for cause in _CAUSES
        for row in rows.execute(
            schemas.statement(f"health/{cause.name}", **parts), parameters
        ).fetchall()
    ]


def shared_parts(connection: Connection[Any], schemas: Schemas) -> dict[str, sql.Composable]:
    """Return the subqueries that several statements share, by their names in ``sql/parts``.

    All objects must exist.
    """
    # This count is made once for all statements.
    since = sql.Literal(end_of_the_last_publish(connection, schemas))
    counts = connection.execute(waiting(schemas, since)).fetchall()
    return {
        **subqueries(schemas),
        "waiting": sql.SQL(
            "(SELECT * FROM jsonb_to_recordset({}) AS w (table_name text, rows bigint))"
        ).format(
            sql.Literal(Jsonb([{"table_name": name, "rows": rows} for name, rows in counts]))
        ),
    }


def subqueries(schemas: Schemas) -> dict[str, sql.Composable]:
    """Return the subqueries of ``sql/parts`` that need no query before, by name."""
    names = ("freshness", "last_hour", "last_runs", "valid_until")
    landing_names = sql.Literal([*schemas.landings])
    counts = sql.SQL(" UNION ALL ").join(
        schemas.of_table("parts/landed_rows", table, landing_names=landing_names)
        for table in published_tables()
    )
    return {
        **{name: schemas.statement(f"parts/{name}") for name in names},
        "landed_rows": sql.SQL("({})").format(counts),
    }


def gathered(found: Iterable[Finding]) -> Iterator[tuple[Finding, list[str]]]:
    """Yield each finding, with further subjects that have the same finding."""
    for _, group in groupby(found, key=_said):
        first, *others = group
        yield first, [finding.subject or "" for finding in others]


def _said(finding: Finding) -> tuple[str, str, str]:
    """Return the content of a finding without its subject."""
    if finding.kind in _ALIKE or finding.subject is None:
        return finding.kind, finding.advice, ""
    return finding.kind, finding.advice, finding.what.replace(finding.subject, "")


def missing(connection: Connection[Any], schemas: Schemas) -> list[Finding]:
    """Return findings for required objects that are missing; without them, stop here."""
    return list(_missing(connection, schemas))


def _missing(connection: Connection[Any], schemas: Schemas) -> Iterator[Finding]:
    advice = "Run `warehouse init`, then `warehouse publish`."
    if not have_all(connection, schemas, REMEMBERED):
        yield Finding(
            "not-prepared", None, Severity.BROKEN,
            "The database is not prepared, or an older version prepared it.", advice,
        )  # fmt: skip
        return
    objects = Objects(connection, schemas)
    landed = [
        f"table {name}.{schema['title']}"
        for name in schemas.landings
        for schema in stream_schemas()
    ]
    for name in [*landed, *required_objects(schemas)]:
        if name.startswith(("table", "view")) and not objects.exists(name):
            kind, path = name.split(" ", maxsplit=1)
            yield Finding(
                "missing", path, Severity.BROKEN, f"The {kind} {path} is missing.", advice
            )
