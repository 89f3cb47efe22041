"""How old the tables may become, and which job updates them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ft42_warehouse.tables import Table, published_tables

JOBS = ("incremental", "nightly")

_TURN = {"incremental": 15 / 45, "nightly": 24 / 26}
"""The interval of a job, as a part of the age that its tables may reach: a quarter of an hour
of three, and a day of a day and two hours."""


def loaded_by(job: str) -> list[str]:
    """Return the streams that a job loads; the job nightly loads all."""
    tables = published_tables()
    wanted = [one for one in tables if job == "nightly" or one.job == "incremental"]
    return [table.follows or table.name for table in wanted]


@dataclass(frozen=True)
class Schedule:
    """The age that tables may reach: the job's interval, and time for the job to run."""

    incremental: timedelta = timedelta(minutes=45)
    nightly: timedelta = timedelta(hours=26)

    def job(self, table: Table) -> str:
        """Return the job that brings the changes of a table soonest."""
        return table.job

    def allowed(self, job: str) -> timedelta:
        """Return the age that the tables of a job may reach."""
        return self.incremental if job == "incremental" else self.nightly

    def turn(self, job: str) -> timedelta:
        """Return the time between two turns of a job."""
        return self.allowed(job) * _TURN[job]

    def jobs(self) -> list[dict[str, Any]]:
        """Return the time between two turns of each job, in JSON's types."""
        return [
            {"job": job, "turn": f"{self.turn(job).total_seconds()} seconds"} for job in JOBS
        ]

    def as_rows(self) -> list[dict[str, Any]]:
        """Return what SQL statements need to know of each table, in JSON's types."""
        return [
            {
                "name": table.name,
                "stream": table.follows or table.name,
                "job": self.job(table),
                "allowed": f"{self.allowed(self.job(table)).total_seconds()} seconds",
                "is_counted": table.job == "incremental",
            }
            for table in published_tables()
        ]
