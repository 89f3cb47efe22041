"""What ``make demo`` shows: a night's load from the sandbox into a real PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import click
import psycopg

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv/bin"
LOG = ROOT / ".local/demo.log"

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

_METRIC = re.compile(r"METRIC: (\{.*\})")


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

    click.echo("\nLoading: meltano run nightly")
    started = time.time()
    load(environment)
    seconds = time.time() - started

    click.echo(f"\n{'stream':<22}{'rows landed':>12}{'requests':>10}{'seconds':>9}")
    requests, durations = tap_metrics(LOG.read_text())
    rows = rows_landed(environment, since=started)
    for stream, count in rows.items():
        if stream not in durations:  # off by default
            continue
        click.echo(f"{stream:<22}{count:>12,}{requests[stream]:>10,}{durations[stream]:>9.1f}")
    click.echo(
        f"{'all':<22}{sum(rows.values()):>12,}{sum(requests.values()):>10,}{seconds:>9.1f}"
    )
    click.echo(
        "\nOnly rows that changed are read again: run `make demo` once more and compare.\n"
        "\nPublished, with keys that hold; orphans are rows of people who are no students:\n"
    )
    run("warehouse", "status", environment=environment)
    click.echo()
    if not own_server:
        run("ft42-postgres", "status")
    click.echo(
        "\nWhat next\n"
        "  look at the tables   connect with psql, then: \\dt ft42.*\n"
        "  load again           .venv/bin/meltano run nightly\n"
        f"  look at the sandbox  {SANDBOX['TAP_FT42_API_URL']}\n"
        "  use the real API     README.md, “The real API”\n"
        "  stop the servers     make down"
    )


def run(program: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
    """Run a command of the project; its own message is enough if it fails."""
    done = subprocess.run([BIN / program, *arguments], cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def load(environment: dict[str, str]) -> None:
    """Run the nightly job, with its output in a log and a sign of life here."""
    with LOG.open("w") as log:
        job = subprocess.Popen(
            [BIN / "meltano", "run", "nightly"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        while job.poll() is None:
            time.sleep(1)
            click.echo(".", nl=False)
    click.echo()
    if job.returncode != 0:
        click.echo("".join(LOG.read_text().splitlines(keepends=True)[-20:]), err=True)
        click.echo(f"The load failed; all of its output is in {LOG}", err=True)
        sys.exit(1)


def tap_metrics(log: str) -> tuple[Counter[str], Counter[str]]:
    """Add up, by stream, the requests and the seconds that the tap's log tells of."""
    requests: Counter[str] = Counter()
    durations: Counter[str] = Counter()
    for found in _METRIC.finditer(log):
        point = json.loads(found[1])
        stream = point["tags"].get("stream")
        if point["metric"] == "http_request_count":
            requests[stream] += point["value"]
        elif point["metric"] == "sync_duration":
            durations[stream] += point["value"]
    return requests, durations


def rows_landed(environment: dict[str, str], *, since: float) -> dict[str, int]:
    """Count, by table, the rows that were written after a moment (Unix time)."""
    with psycopg.connect(
        host=environment["TARGET_POSTGRES_HOST"],
        port=environment.get("TARGET_POSTGRES_PORT", "5432"),
        user=environment["TARGET_POSTGRES_USER"],
        password=environment.get("TARGET_POSTGRES_PASSWORD"),
        dbname=environment["TARGET_POSTGRES_DATABASE"],
    ) as connection:
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


if __name__ == "__main__":
    main()
