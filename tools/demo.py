"""What ``make demo`` shows: a night's load from the sandbox into a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import psycopg
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools.derived import DERIVED

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv/bin"
LOG = ROOT / ".local/demo.log"
REPORT = ROOT / ".local/demo-report.html"

STAGES = {
    "warehouse:init-nightly": "Prepare the tables",
    "tap-ft42-reference target-postgres": "Load campuses, projects, badges and coalitions",
    "tap-ft42-live target-postgres": "Load people, enrolments and earned badges",
    "warehouse:publish-nightly": "Publish what has landed",
    "warehouse:check": "Check all that the tables promise",
    "warehouse:outcome-nightly": "See whether everything came",
}
"""What the tasks of the job do, in words."""
_TASK_IS_DONE = "Block run completed"

SANDBOX_PORT = os.environ.get("FT42_SANDBOX_PORT", "4242")
SANDBOX = {
    "TAP_FT42_API_URL": f"http://127.0.0.1:{SANDBOX_PORT}",
    "TAP_FT42_CLIENT_ID": "sandbox",
    "TAP_FT42_CLIENT_SECRET": "sandbox",
}
EMBEDDED = {
    "TARGET_POSTGRES_HOST": "127.0.0.1",
    "TARGET_POSTGRES_PORT": os.environ.get("TARGET_POSTGRES_PORT", "5442"),
    "TARGET_POSTGRES_USER": "ft42",
    "TARGET_POSTGRES_PASSWORD": "ft42",
    "TARGET_POSTGRES_DATABASE": "ft42",
}


def main() -> None:
    """Start what is needed, load, and show what was loaded."""
    # Set here rather than read from .env: real credentials may be there, and a real
    # server, which the sandbox's people must not get into.
    own_server = "TARGET_POSTGRES_HOST" in os.environ
    environment = {**os.environ, **SANDBOX, **({} if own_server else EMBEDDED)}
    run(
        "ft42-sandbox", "start", "--port", SANDBOX_PORT,
        "--requests-per-second", "0", "--requests-per-hour", "0",
    )  # fmt: skip
    run("ft42-postgres", "start")

    click.echo("\nLoading: meltano run nightly, as it runs every night")
    started = time.time()
    load(environment)
    seconds = time.time() - started

    click.echo(f"\n{'stream':<22}{'rows landed':>12}{'requests':>10}{'answers s':>11}")
    asked = asked_for(environment, since=started)
    rows = {
        stream: count
        for stream, count in rows_landed(environment, since=started).items()
        if count or stream in asked
    }
    for stream, count in rows.items():
        requests, answers = asked.get(stream, (0, 0.0))
        click.echo(f"{stream:<22}{count:>12,}{requests:>10,}{answers:>11.1f}")
    all_requests, all_answers = map(sum, zip(*asked.values(), strict=True))
    click.echo(f"{'all':<22}{sum(rows.values()):>12,}{all_requests:>10,}{all_answers:>11.1f}")
    click.echo(f"\nThe job took {seconds:.1f} s. Answers of the API overlap.")
    click.echo(
        "\nOnly rows that changed are read again: run `make demo` once more and compare.\n"
        "\nWhat people query, in the schema ft42. Orphans wait: most are not of students.\n"
    )
    run("warehouse", "status", "--tables", environment=environment)
    click.echo(
        f"\n{DERIVED} lands no rows: it is derived from `achievements.campus`."
        "\nEmpty tables belong to streams that are off by default; "
        "of campus_users, only who studies where was asked.\n"
    )
    run("warehouse", "report", "--output", str(REPORT), environment=environment)
    click.echo()
    if not own_server:
        run("ft42-postgres", "status")
    click.echo(
        "\nWhat next\n"
        f"  look at the report   {REPORT.as_uri()}\n"
        "  look at the tables   connect with psql, then: \\dt ft42.*\n"
        "  load again           .venv/bin/meltano run nightly\n"
        f"  look at the sandbox  {SANDBOX['TAP_FT42_API_URL']}\n"
        "  use the real API     docs/how-to/first-contact.md\n"
        "  stop the servers     make down"
    )


def run(program: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
    """Run a command of the project; its own message is enough if it fails."""
    done = subprocess.run([BIN / program, *arguments], cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def load(environment: dict[str, str]) -> None:
    """Run the nightly job; its output goes to a log, and its stages are shown here."""
    with LOG.open("w") as log:
        job = subprocess.Popen(
            [BIN / "meltano", "run", "nightly"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        show_stages(job)
    if job.returncode != 0:
        click.echo("".join(LOG.read_text().splitlines(keepends=True)[-20:]), err=True)
        click.echo(f"The load failed; all of its output is in {LOG}", err=True)
        sys.exit(1)


def show_stages(job: subprocess.Popen[bytes]) -> None:
    """Show which task of the job runs, until it ends: a bar on a terminal, else lines."""
    declared = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (tasks,) = (each["tasks"] for each in declared["jobs"] if each["name"] == "nightly")
    stages = [STAGES[task] for task in tasks]
    console = Console()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("", total=len(stages))
        begun = 0
        while True:
            has_ended = job.poll() is not None
            done = LOG.read_text(encoding="utf-8", errors="replace").count(_TASK_IS_DONE)
            for stage in stages[begun : done + 1]:
                progress.update(bar, description=stage)
                if not console.is_terminal:
                    click.echo(f"  {stage}")
            begun = done + 1
            progress.update(bar, completed=done)
            if has_ended:
                break
            time.sleep(0.5)


def asked_for(environment: dict[str, str], *, since: float) -> dict[str, tuple[int, float]]:
    """Add up what the runs asked for that ended after a moment (Unix time).

    Returns:
        By stream, the requests, and how many seconds their answers took.
    """
    with connected(environment) as connection:
        rows = connection.execute(
            "SELECT stream, sum(q.requests)::int, sum(q.api_seconds)::float "
            "FROM ft42_raw.sync_requests AS q JOIN ft42_raw.sync_runs AS r USING (run_id) "
            "WHERE r.ended_at >= to_timestamp(%s) GROUP BY stream",
            (since,),
        ).fetchall()
    return {stream: (requests, seconds) for stream, requests, seconds in rows}


def rows_landed(environment: dict[str, str], *, since: float) -> dict[str, int]:
    """Count, by table, the rows that were written after a moment (Unix time)."""
    with connected(environment) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'ft42_raw' ORDER BY 1"
        ).fetchall()
        return {
            table: count
            for (table,) in tables
            for (count,) in connection.execute(
                psycopg.sql.SQL(
                    "SELECT count(*) FROM ft42_raw.{} WHERE _sdc_batched_at >= to_timestamp(%s)"
                ).format(psycopg.sql.Identifier(table)),
                (since,),
            )
        }


def connected(environment: dict[str, str]) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect to the database that was loaded."""
    return psycopg.connect(
        host=environment["TARGET_POSTGRES_HOST"],
        port=environment.get("TARGET_POSTGRES_PORT", "5432"),
        user=environment["TARGET_POSTGRES_USER"],
        password=environment.get("TARGET_POSTGRES_PASSWORD"),
        dbname=environment["TARGET_POSTGRES_DATABASE"],
    )


if __name__ == "__main__":
    main()
