"""Trims Meltano's system database, which keeps the state of every run for ever.

Meltano reads the last state from its table ``state``. Once a later run has ended, it does not
read the copies in ``runs`` any more. For the whole network they grow by 200 MB a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_STATES_KEPT = timedelta(hours=3)
_EVERY_HOURS = 3
_TURN_MINUTES = 15
_PATIENCE = 30
"""Seconds to wait while Meltano writes to the same file."""


def is_due(job: str | None, now: datetime) -> bool:
    """Tell whether a publish trims: the night's, and the first one of each third hour.

    The others save the import of the library for databases.

    Args:
        job: Name of the job; None if none publishes.
        now: The time.
    """
    is_turn = now.hour % _EVERY_HOURS == 0 and now.minute < _TURN_MINUTES
    return job == "nightly" or (job is not None and is_turn)


def trim(uri: str, *, days: float) -> str | None:
    """Delete old runs, and the states of runs that are older than three hours.

    The last run of each load stays as it is.

    Args:
        uri: Meltano's setting ``database_uri``.
        days: Days for which a run is kept.

    Returns:
        Why this failed; None if it did not.
    """
    # This import takes a quarter of a second, and is seldom needed.
    import sqlalchemy as sa  # noqa: PLC0415

    runs = sa.table(
        "runs", sa.column("id"), sa.column("job_name"), sa.column("started_at", sa.DateTime),
        sa.column("payload"), sa.column("payload_flags"),
    )  # fmt: skip
    now = datetime.now(UTC).replace(tzinfo=None)  # as Meltano writes it
    is_last = runs.c.id.in_(sa.select(sa.func.max(runs.c.id)).group_by(runs.c.job_name))
    try:
        engine = sa.create_engine(uri, connect_args=_waiting(uri), poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(
                sa.delete(runs).where(runs.c.started_at < now - timedelta(days=days), ~is_last)
            )
            connection.execute(
                sa.update(runs)
                .where(
                    runs.c.started_at < now - _STATES_KEPT,
                    runs.c.payload_flags != 0,
                    ~is_last,
                )
                .values(payload="{}", payload_flags=0)
            )
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        # Without the text: it can quote the URI, which can hold a password.
        return (
            f"Meltano's runs were not trimmed ({type(error).__name__}): see whether this "
            "account may write to MELTANO_DATABASE_URI. The next time tries again"
        )
    return None


def _waiting(uri: str) -> dict[str, int]:
    return {"timeout": _PATIENCE} if uri.startswith("sqlite") else {}
