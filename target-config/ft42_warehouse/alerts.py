"""``warehouse alert``: posts each new problem once, and once more when it is over.

The database remembers which problems were posted; if it cannot be reached, a file does. If a
post fails, the next call posts the problem again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import click
import psycopg
from filelock import FileLock, Timeout
from psycopg import Connection, sql
from psycopg.rows import class_row

from ft42_warehouse.database import Database
from ft42_warehouse.health import Finding, Severity, findings, gathered
from ft42_warehouse.schedule import Schedule
from ft42_warehouse.shown import as_json, duration, shown
from ft42_warehouse.statements import Schemas
from ft42_warehouse.status import finding_lines
from ft42_warehouse.waiting import PATIENCE
from ft42_warehouse.webhook import Webhook

_NOT_PREPARED = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)

_UNREACHABLE = Finding(
    "unreachable", None, Severity.BROKEN,
    "The database cannot be reached.",
    "Run `warehouse status`: it says why. Until then nothing else can be checked.",
)  # fmt: skip
"""Without the server's message: it names hosts and accounts, and alerts go to outsiders."""


@dataclass(frozen=True)
class PostedProblem:
    """A problem that was posted."""

    key: str
    severity: str
    text: str
    """What was wrong then."""
    told_at: datetime

    @property
    def kind(self) -> str:
        """The cause without its subject."""
        return self.key.partition(":")[0]

    @property
    def subject(self) -> str:
        """The table, stream or job; empty if all were concerned."""
        return self.key.partition(":")[2]

    def as_json(self) -> dict[str, Any]:
        """Return the problem in the form for programs."""
        return asdict(self) | {"told_at": self.told_at.isoformat()}


@dataclass(frozen=True)
class News:
    """The content of a message: new problems, and problems that are over."""

    new: list[Finding] = field(default_factory=list)
    over: list[PostedProblem] = field(default_factory=list)

    @classmethod
    def of(
        cls, found: list[Finding], posted: list[PostedProblem], *, is_all: bool = True
    ) -> News:
        """Compare what is wrong now with the problems that were posted and not over.

        Args:
            found: What is wrong now.
            posted: The posted problems.
            is_all: Whether everything was checked, so problems that were not found are over.
        """
        now = {finding.key for finding in found}
        before = {problem.key for problem in posted}
        return cls(
            [finding for finding in found if finding.key not in before],
            [problem for problem in posted if is_all and problem.key not in now],
        )

    def __bool__(self) -> bool:
        """Whether there is anything to post."""
        return bool(self.new or self.over)

    def lines(self, database: str) -> Iterator[str]:
        """Yield the message about a database, line by line."""
        yield f"Database {database}: {len(self.new)} new, {len(self.over)} over"
        for finding, others in gathered(self.new):
            yield from finding_lines(finding, others)
        for kind, group in groupby(self.over, key=attrgetter("kind")):
            causes = list(group)
            subjects = ", ".join(cause.subject for cause in causes if cause.subject)
            about = f" ({subjects})" if subjects else ""
            yield f"OVER: {kind}{about}, reported at {shown(causes[0].told_at)}"

    def as_json(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {
            "new": [finding.as_json() for finding in self.new],
            "over": [problem.as_json() for problem in self.over],
        }


def post_news(
    database: Database, schemas: Schemas, schedule: Schedule, webhook: Webhook, beside: Path
) -> News:
    """Post what is new, and remember that it was posted.

    It waits for another call to end, so that each problem is posted once.

    Args:
        database: The database to check.
        schemas: Names of the schemas.
        schedule: How old the tables may be.
        webhook: Where to post.
        beside: The file that remembers posts while the database cannot.

    Returns:
        What was posted.

    Raises:
        WebhookError: The message was not posted; the next call tries again.
        OSError: The file cannot be written.
    """
    name = f"{database.address}/{schemas.published}"
    with _Beside.opened(beside, name, database.wait_seconds) as file:
        try:
            with database.connect() as connection:
                return _post_news(connection, schemas, schedule, webhook, file)
        except click.ClickException:
            news = News.of([_UNREACHABLE], file.posted, is_all=False)
            _post(webhook, news, database.name)
            file.remember(news)
            return news


def _post_news(
    connection: Connection[Any],
    schemas: Schemas,
    schedule: Schedule,
    webhook: Webhook,
    file: _Beside,
) -> News:
    # The transaction includes the post, so that another call does not post the same.
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with suppress(*_NOT_PREPARED), connection.transaction():
            connection.execute(schemas.statement("session/take_turn", turn=sql.SQL("alerts")))
        found = findings(connection, schemas, schedule)
        kinds = {finding.kind for finding in found}
        if "not-prepared" in kinds:
            outside, inside = News.of(found, file.posted), News()
        else:
            outside = News.of([], file.posted)
            posted = connection.cursor(row_factory=class_row(PostedProblem)).execute(
                schemas.statement("alerts/standing")
            )
            inside = News.of(found, posted.fetchall(), is_all="missing" not in kinds)
        news = News(outside.new + inside.new, outside.over + inside.over)
        _post(webhook, news, connection.info.dbname)
        for finding in inside.new:
            connection.execute(
                schemas.statement("alerts/told"),
                {"key": finding.key, "severity": finding.severity, "text": finding.what},
            )
        if inside.over:
            connection.execute(
                schemas.statement("alerts/over"),
                {"keys": [problem.key for problem in inside.over]},
            )
    file.remember(outside)
    return news


def _post(webhook: Webhook, news: News, database: str) -> None:
    if news:
        webhook.post(list(news.lines(database)), news.as_json())


class _Beside:
    """The file that remembers posts about a database which could not remember them."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        try:
            self._all: dict[str, list[dict[str, Any]]] = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            self._all = {}

    @classmethod
    @contextmanager
    def opened(cls, path: Path, name: str, wait_seconds: float) -> Iterator[_Beside]:
        """Lock and read the file.

        Raises:
            click.ClickException: Another call has held the lock for too long.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock")
        patience = min(PATIENCE, wait_seconds / 2)
        try:
            with suppress(Timeout):
                lock.acquire(timeout=patience)
            if not lock.is_locked:
                click.echo(f"Waiting for another `warehouse alert`: {lock.lock_file}", err=True)
                lock.acquire(timeout=wait_seconds - patience)
        except Timeout:
            message = (
                f"Gave up: another `warehouse alert` has held {lock.lock_file} for "
                f"{duration(wait_seconds)}. End it, and run this again."
            )
            raise click.ClickException(message) from None
        with lock:
            lock.release()  # it was acquired twice
            yield cls(path, name)

    @property
    def posted(self) -> list[PostedProblem]:
        """The problems that were posted and are not over."""
        return [
            PostedProblem(**(one | {"told_at": datetime.fromisoformat(one["told_at"])}))
            for one in self._all.get(self._name, [])
        ]

    def remember(self, news: News) -> None:
        """Note what was posted just now."""
        if not news:
            return
        over = {problem.key for problem in news.over}
        new = [
            PostedProblem(finding.key, finding.severity, finding.what, datetime.now(UTC))
            for finding in news.new
        ]
        posted = [problem for problem in self.posted if problem.key not in over] + new
        self._all[self._name] = [problem.as_json() for problem in posted]
        written = self._path.with_suffix(".new")
        written.write_text(as_json(self._all), "utf-8")
        written.replace(self._path)
