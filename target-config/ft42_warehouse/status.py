"""``warehouse status``: the state of the pipeline, in about ten lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.health import Finding, gathered
from ft42_warehouse.overview import Overview, Row
from ft42_warehouse.published import end_of_the_last_publish, waiting
from ft42_warehouse.shards import with_shards
from ft42_warehouse.shown import duration, shown
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import PERSONS, published_tables

_WORDS = {
    "ok": "all is well",
    "warning": "fresh and right, but something should be looked at",
    "broken": "something is stale or broken",
}


def status_lines(overview: Overview) -> Iterator[str]:
    """Yield the status, line by line."""
    yield _line("status", _WORDS[overview.status])
    for job in sorted({row["job"] for row in overview.tables}):
        yield _line(job, _freshness([row for row in overview.tables if row["job"] == job]))
    for row in overview.publishes:
        yield _line(
            "published",
            f"{shown(row['published_at'])} in {row['seconds']} s; in 24 h {row['inserted']:,} "
            f"rows new, {row['changed']:,} changed, {row['deleted']:,} deleted",
        )
    for run, jobs in _jobs_of_runs(overview.runs):
        yield _line(f"last {'run' if len(jobs) > 1 else jobs[0]}", _run(run))
    for row in overview.quota:
        yield _line("quota", _quota(row))
    if overview.audits:
        yield _line("complete", _proof(overview.audits))
    if overview.tables:
        yield _line("orphans", _counts(overview.orphans, "table_name", "rows"))
        yield _line("rejected", _counts(overview.rejected, "stream", "records"))
    for finding, others in gathered(overview.findings):
        yield from finding_lines(finding, others)


def table_lines(connection: Connection[Any], schemas: Schemas) -> Iterator[str]:
    """Yield for each table its numbers of rows, and when a row last changed.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    schemas = with_shards(connection, schemas)
    since = sql.Literal(end_of_the_last_publish(connection, schemas))
    rows_waiting = dict(connection.execute(waiting(schemas, since)).fetchall())
    yield f"{'table':<20}{'published':>12}{'landed':>12}{'orphans':>12}  last change"
    for table in published_tables():
        published, changed, landed = connection.execute(
            schemas.of_table("overview/counts", table)
        ).fetchone() or (0, None, 0)
        when = f"{changed:%Y-%m-%d %H:%M:%S}" if changed else "never"
        yield (
            f"{table.name:<20}{published:>12,}{landed:>12,}"
            f"{rows_waiting.get(table.name, 0):>12,}  {when}"
        )
    yield from _unlisted(connection, schemas)


def _unlisted(connection: Connection[Any], schemas: Schemas) -> Iterator[str]:
    """Yield the numbers of orphans that wait for other rows than people, such as campuses."""
    orphans = connection.execute(schemas.statement("report/orphans")).fetchall()
    for table, key, missing_from, rows, parents, examples in orphans:
        if missing_from not in {PERSONS, table}:  # rows of graduates and visitors are normal
            named = ", ".join(map(str, examples)) + (", …" if parents > len(examples) else "")
            yield f"{table}: {rows:,} orphans: {missing_from} lacks {key} {named}"


def _line(title: str, text: str) -> str:
    return f"{title:<18}{text}"


def _freshness(tables: list[Row]) -> str:
    read = [row for row in tables if row["is_read"]]
    stale = [row["name"] for row in read if row["is_stale"]]
    if not read:
        return "no run has read its tables yet"
    oldest = min((row["as_of"] for row in read if row["as_of"]), default=None)
    allowed = duration(read[0]["allowed_seconds"])
    if stale and oldest is None:
        return f"not complete yet: {', '.join(stale)}"
    if stale:
        return f"stale: {', '.join(stale)} ({allowed} allowed)"
    age = duration(max(row["age_seconds"] for row in read))
    return f"fresh: {len(read)} tables as of {shown(oldest)}, {age} ago ({allowed} allowed)"


def _jobs_of_runs(rows: list[Row]) -> Iterator[tuple[Row, list[str]]]:
    """Yield each run once, with the jobs whose last run it is; it may be that of both."""
    for row in {row["run_id"]: row for row in rows}.values():
        yield row, [other["job"] for other in rows if other["run_id"] == row["run_id"]]


def _run(row: Row) -> str:
    outcome = row["outcome"] + (f" ({row['reason']})" if row["reason"] else "")
    return (
        f"{outcome}, {shown(row['started_at'])}, {duration(row['seconds'])}: "
        f"{row['requests']:,} requests ({row['lower_bound']:,} needed), {row['rows']:,} rows"
    )


def _quota(row: Row) -> str:
    limit = f" of {row['requests_per_hour']:,}" if row["requests_per_hour"] else ""
    return (
        f"{row['requests_last_hour']:,}{limit} requests in the last hour{_limits(row)}; "
        f"{row['refusals_last_day']:,} refused as too many in 24 h"
    )


def _limits(row: Row) -> str:
    """Say whether a setting or 42 limits the requests."""
    kept, allowed = row["requests_per_hour"], row["allowed_per_hour"]
    if allowed is None:
        return ""
    if kept == allowed:
        return " (as many as 42 allows)"
    ceiling = f"`requests_per_hour` allows {kept:,}" if kept else "no setting limits them"
    return f" ({ceiling}, 42 allows {allowed:,})"


def _proof(audits: list[Row]) -> str:
    """Say for which lists it is proven that no row is missing, and what the audit found."""
    proven = [row for row in audits if not row["unsettled"]]
    figures = ("days", "missing", "gone")
    days, missing, gone = (sum(row[name] for row in audits) for name in figures)
    still = [
        f"{row['unsettled']:,} days of {row['stream']}" for row in audits if row["unsettled"]
    ]
    of_days = f" of {days:,} days" if days else ""  # else they are only counted as a whole
    open_days = f"; not proven: {', '.join(still)}" if still else ""
    found = (
        f"; {missing:,} missing rows were read, and {gone:,} had disappeared"
        if missing or gone
        else ""
    )
    return (
        f"as of {shown(min(row['as_of'] for row in audits))}: {len(proven)} of {len(audits)} "
        f"lists agree with 42's counts{of_days}{open_days}{found}"
    )


def _counts(rows: list[Row], name: str, count: str) -> str:
    return ", ".join(f"{shown(row[name])} {row[count]:,}" for row in rows) or "none"


def finding_lines(finding: Finding, others: list[str]) -> Iterator[str]:
    """Yield the lines of a finding: what is wrong, and what to do.

    `others` are further subjects with the same finding, as `gathered` gives them.
    """
    likewise = f" Likewise {', '.join(others)}." if others else ""
    yield f"{finding.severity.upper()}: {finding.what}{likewise}"
    yield f"  {finding.advice}"
