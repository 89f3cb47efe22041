"""A webhook on this machine that keeps what is posted to it, and who posts."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tests.end_to_end.conftest import BIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme
    from click.testing import Result

    from tests.warehouse.conftest import Warehouse

SECRET = "of-the-tests-not-to-be-told"  # noqa: S105 - of a server that lives for a test


@dataclass
class Hook:
    """What was posted, and how the next post is answered."""

    port: int
    scheme: str = "http"
    posts: list[dict[str, Any]] = field(default_factory=list)
    authorized_by: list[str | None] = field(default_factory=list)
    status: int = 200
    location: str | None = None
    may_answer: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        """The URL to post to, whose path is its secret."""
        return f"{self.scheme}://127.0.0.1:{self.port}/hooks/{SECRET}"

    def taken(self) -> list[dict[str, Any]]:
        """Return what was posted since the last call."""
        posts, self.posts = self.posts, []
        return posts


@contextmanager
def listening(authority: trustme.CA | None = None) -> Iterator[Hook]:
    """Listen on a free port, with TLS where an authority vouches for it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/json"
            hook.posts.append(json.loads(body))
            hook.authorized_by.append(self.headers["Authorization"])
            hook.may_answer.wait(timeout=60)
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Hook(server.server_port)
        hook.may_answer.set()
        if authority is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.issue_cert("127.0.0.1").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            hook.scheme = "https"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


class Alerts:
    """The command, a warehouse it looks at and a webhook it posts to."""

    def __init__(self, warehouse: Warehouse, hook: Hook, folder: Path) -> None:
        self.warehouse = warehouse
        self.hook = hook
        self.environment = {
            "WAREHOUSE_ALERT_URL": hook.url,
            "WAREHOUSE_ALERT_STATE": f"{folder}/alerts.json",
        }

    def attempt(self, *options: str, **environment: str) -> Result:
        """Run the command, which never names the secret."""
        done = self.warehouse.attempt("alert", *options, **(self.environment | environment))
        assert SECRET not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start the command as a process of its own."""
        return subprocess.Popen(
            [BIN / "warehouse", "alert"],
            env=os.environ | self.warehouse.database.environment | self.environment
            | environment,
        )  # fmt: skip

    def post(self, *options: str, **environment: str) -> dict[str, Any]:
        """Run the command, which must post once, and return what it posts."""
        done = self.attempt(*options, **environment)
        assert done.exit_code == 0, done.output
        (post,) = self.hook.taken()
        return post

    def news(self, *options: str, **environment: str) -> tuple[list[str], list[str]]:
        """Run the command; return the keys of what it tells as new and as over."""
        done = self.attempt(*options, **environment)
        assert done.exit_code == 0, done.output
        posts = self.hook.taken()
        assert len(posts) <= 1
        assert bool(posts) == ("Nothing new" not in done.output)
        return (
            [cause["key"] for post in posts for cause in post["new"]],
            [cause["key"] for post in posts for cause in post["over"]],
        )


def expire(warehouse: Warehouse, days: int) -> None:
    warehouse.execute(
        "UPDATE ft42_raw.sync_runs SET secret_valid_until = now() + %s * interval '1 day'", days
    )
    warehouse.run("publish")


def reject(warehouse: Warehouse, **columns: object) -> None:
    warehouse.land(
        "rejected_records",
        {
            "rejection_id": "x", "stream": "users", "record_id": "3",
            "reason": "login: missing", "rejected_at": datetime.now(UTC), **columns,
        },
    )  # fmt: skip
