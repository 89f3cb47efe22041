"""How old the tables may become, and which job keeps them young."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ft42_warehouse.tables import published_tables

if TYPE_CHECKING:
    from ft42_warehouse.tables import Table

JOBS = ("incremental", "nightly")

_TURN = {"incremental": 15 / 45, "nightly": 24 / 26}
"""A turn of a job, of the age that its tables may reach: three quarter-hours are allowed,
and a day and two hours for the night to run."""


def loaded_by(job: str) -> list[str]:
    """Return the streams that a job loads: the night loads all."""
    tables = published_tables()
    wanted = [one for one in tables if job == "nightly" or one.job == "incremental"]
    return [table.follows or table.name for table in wanted]


@dataclass(frozen=True)
class Schedule:
    """What age a table may reach: its job's interval, and time for the job to run."""

    incremental: timedelta = timedelta(minutes=45)
    nightly: timedelta = timedelta(hours=26)

    def job(self, table: Table) -> str:
        """Return the job that brings the changes of a table soonest."""
        return table.job

    def allowed(self, job: str) -> timedelta:
        """Return the age that the tables of a job may reach."""
        return self.incremental if job == "incremental" else self.nightly

    def turn(self, job: str) -> timedelta:
        """Return after what time a job has its next turn."""
        return self.allowed(job) * _TURN[job]

    def jobs(self) -> list[dict[str, Any]]:
        """Return when each job has its next turn after one, in JSON's types."""
        return [
            {"job": job, "turn": f"{self.turn(job).total_seconds()} seconds"} for job in JOBS
        ]

    def as_rows(self) -> list[dict[str, Any]]:
        """Return what SQL needs to know of each table, in JSON's types."""
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
