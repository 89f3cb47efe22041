"""Opens the account of a limit: in a file, in Redis or PostgreSQL, or in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from filelock import FileLock
from pyrate_limiter import (
    AbstractBucket,
    InMemoryBucket,
    LogAlgorithm,
    PostgresBucket,
    Rate,
    RedisBucket,
    SQLiteBucket,
)
from pyrate_limiter.buckets.postgres import Queries

from tap_ft42.api.errors import SettingError
from tap_ft42.declared.events import EVENTS

_PATIENCE = 10
"""Seconds for the store to answer when it is opened."""


def open_bucket(
    name: str, store: str | None, rate: Rate, algorithm: LogAlgorithm
) -> AbstractBucket:
    """Open the account of one limit.

    Raises:
        SettingError: The store cannot be opened.
    """
    if store is None:
        return InMemoryBucket([rate], algorithm=algorithm)
    match urlsplit(store).scheme:
        case "redis" | "rediss":
            opened = _in_redis
        case "postgresql" | "postgres":
            opened = _in_postgres
        case _:
            opened = _in_sqlite
    try:
        return opened(name, store, rate, algorithm)
    except ImportError as error:
        message = f"`quota_store` needs the package {error.name}: see tap-ft42's README."
        raise SettingError(message) from error
    except Exception as error:  # each store has exceptions of its own
        message = (
            f"`quota_store` cannot be opened ({type(error).__name__}). "
            "Check its path or URL, and that it is running."
        )
        raise SettingError(message) from error


def _in_redis(name: str, store: str, rate: Rate, algorithm: LogAlgorithm) -> AbstractBucket:
    import redis  # noqa: PLC0415 - an optional dependency

    bucket = RedisBucket.init([rate], redis.Redis.from_url(store), name, algorithm)
    return cast("AbstractBucket", bucket)


def _in_postgres(name: str, store: str, rate: Rate, algorithm: LogAlgorithm) -> AbstractBucket:
    from psycopg import connect  # noqa: PLC0415 - an optional dependency
    from psycopg_pool import ConnectionPool  # noqa: PLC0415 - an optional dependency

    # A pool tries until its time is over, and does not say why it failed; this says why.
    connect(store, connect_timeout=_PATIENCE).close()
    pool = ConnectionPool(store, min_size=1, max_size=2, open=False)
    pool.open(wait=True, timeout=_PATIENCE)
    # It would refuse a request while another process charges it; so it waits for its turn.
    Queries.LOCK_TABLE = Queries.LOCK_TABLE.replace("NOWAIT", "")
    return PostgresBucket(pool, name, [rate], algorithm)


def _in_sqlite(name: str, store: str, rate: Rate, algorithm: LogAlgorithm) -> AbstractBucket:
    file = Path(store.removeprefix("sqlite:///")).expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        if file.exists() and not _is_whole(file):
            aside = file.with_name(f"{file.name}.damaged")
            file.replace(aside)
            for suffix in ("-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
            EVENTS.warning(
                "The account of requests, %s, was damaged. A new one was begun, and the old "
                "file is now %s.",
                file,
                aside.name,
                happened="quota_store_damaged",
            )
    return SQLiteBucket.init_from_file(
        [rate], table=name, db_path=str(file), use_file_lock=True, algorithm=algorithm
    )


def _is_whole(file: Path) -> bool:
    """Tell whether a file is a database that can be read."""
    with closing(sqlite3.connect(file)) as database:
        try:
            found = database.execute("PRAGMA quick_check").fetchall()
        except sqlite3.OperationalError:
            return True  # another process is writing to it, or we may not read it
        except sqlite3.DatabaseError:
            return False
    return found == [("ok",)]
