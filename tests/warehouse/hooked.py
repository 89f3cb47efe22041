"""A webhook on this machine that keeps what is posted to it."""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

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
