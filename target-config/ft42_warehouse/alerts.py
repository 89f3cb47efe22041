"""``warehouse alert``: posts new problems, and those that are over, once each.

What was told is kept in the database, and in a file beside it where the database cannot
be asked. A cause that could not be told is still news the next time.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import click
import psycopg
from filelock import FileLock, Timeout
from psycopg import sql
from psycopg.rows import class_row

from ft42_warehouse.health import Finding, Severity, findings, gathered
from ft42_warehouse.shown import as_json, duration, shown
from ft42_warehouse.status import finding_lines
from ft42_warehouse.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg import Connection

    from ft42_warehouse.database import Database
    from ft42_warehouse.schedule import Schedule
    from ft42_warehouse.statements import Schemas
    from ft42_warehouse.webhook import Webhook

_NOT_PREPARED = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)

_UNREACHABLE = Finding(
    "unreachable", None, Severity.BROKEN,
    "The database could not be asked.",
    "Run `warehouse status`: it says why. Nothing else can be told until then.",
)  # fmt: skip
"""Without the server's words: they name hosts and accounts, and this leaves the house."""


@dataclass(frozen=True)
class Told:
    """A cause that was told."""

    key: str
    severity: str
    text: str
    """What was so then."""
    told_at: datetime

    @property
    def kind(self) -> str:
        """The cause without its subject."""
        return self.key.partition(":")[0]

    @property
    def subject(self) -> str:
        """What it was about; empty if it was about everything."""
        return self.key.partition(":")[2]

    def as_json(self) -> dict[str, Any]:
        """Return it as programs get it."""
        return asdict(self) | {"told_at": self.told_at.isoformat()}


@dataclass(frozen=True)
class News:
    """What a message tells."""

    new: list[Finding] = field(default_factory=list)
    over: list[Told] = field(default_factory=list)

    @classmethod
    def of(cls, found: list[Finding], told: list[Told], *, is_all: bool = True) -> News:
        """Compare what is wrong with what was told and was not over then.

        Args:
            found: What is wrong now.
            told: What was told.
            is_all: Whether what was not found is over; else it could not be looked for.
        """
        now = {finding.key for finding in found}
        before = {cause.key for cause in told}
        return cls(
            [finding for finding in found if finding.key not in before],
            [cause for cause in told if is_all and cause.key not in now],
        )

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
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
            yield f"OVER: {kind}{about}, told at {shown(causes[0].told_at)}"

    def as_json(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {
            "new": [finding.as_json() for finding in self.new],
            "over": [cause.as_json() for cause in self.over],
        }


def tell(
    database: Database, schemas: Schemas, schedule: Schedule, webhook: Webhook, beside: Path
) -> News:
    """Post what is new, and remember that it was told.

    Another call is waited for, so that each cause is told once.

    Args:
        database: Where to look.
        schemas: Names of the schemas.
        schedule: How old the tables may be.
        webhook: Where to post.
        beside: File that remembers what the database cannot.

    Returns:
        What was told.

    Raises:
        WebhookError: The message was not taken; nothing counts as told.
        OSError: The file cannot be written.
    """
    name = f"{database.address}/{schemas.published}"
    with _Beside.opened(beside, name, database.wait_seconds) as file:
        try:
            with database.connect() as connection:
                return _tell(connection, schemas, schedule, webhook, file)
        except click.ClickException:
            news = News.of([_UNREACHABLE], file.told, is_all=False)
            _post(webhook, news, database.name)
            file.remember(news)
            return news


def _tell(
    connection: Connection[Any],
    schemas: Schemas,
    schedule: Schedule,
    webhook: Webhook,
    file: _Beside,
) -> News:
    # The post is in it, too, so that others do not tell the same meanwhile.
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with suppress(*_NOT_PREPARED), connection.transaction():
            connection.execute(schemas.statement("session/take_turn", turn=sql.SQL("alerts")))
        found = findings(connection, schemas, schedule)
        kinds = {finding.kind for finding in found}
        if "not-prepared" in kinds:
            outside, inside = News.of(found, file.told), News()
        else:
            outside = News.of([], file.told)
            told = connection.cursor(row_factory=class_row(Told)).execute(
                schemas.statement("alerts/standing")
            )
            inside = News.of(found, told.fetchall(), is_all="missing" not in kinds)
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
                {"keys": [cause.key for cause in inside.over]},
            )
    file.remember(outside)
    return news


def _post(webhook: Webhook, news: News, database: str) -> None:
    if news:
        webhook.post(list(news.lines(database)), news.as_json())


class _Beside:
    """What was told of a database that could not remember it itself."""

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
        """Read the file, and keep others from it.

        Raises:
            click.ClickException: Somebody else has kept it for too long.
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
                f"Gave up: another `warehouse alert` has kept {lock.lock_file} for "
                f"{duration(wait_seconds)}. End it, and run this again."
            )
            raise click.ClickException(message) from None
        with lock:
            lock.release()  # which it holds twice now
            yield cls(path, name)

    @property
    def told(self) -> list[Told]:
        """What was told and was not over then."""
        return [
            Told(**(cause | {"told_at": datetime.fromisoformat(cause["told_at"])}))
            for cause in self._all.get(self._name, [])
        ]

    def remember(self, news: News) -> None:
        """Note what was told just now."""
        if not news:
            return
        over = {cause.key for cause in news.over}
        new = [
            Told(finding.key, finding.severity, finding.what, datetime.now(UTC))
            for finding in news.new
        ]
        told = [cause for cause in self.told if cause.key not in over] + new
        self._all[self._name] = [cause.as_json() for cause in told]
        written = self._path.with_suffix(".new")
        written.write_text(as_json(self._all), "utf-8")
        written.replace(self._path)
