"""A server that says what a test tells it, for what the sandbox would never say."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import override

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from email.message import Message

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        path: the path.
        query: the query's parameters, unquoted.
        headers: the headers; names count in any case.
        at: seconds on the clock that only goes forward.
    """

    path: str
    query: dict[str, str]
    headers: Message
    at: float = field(default_factory=time.monotonic)

    @property
    def page(self) -> int:
        """The number of the page that is asked for."""
        return int(self.query.get("page[number]") or self.query.get("page") or 1)

    @property
    def size(self) -> int:
        """The number of rows a page that is asked for."""
        return int(self.query.get("page[size]") or self.query.get("per_page") or 30)


@dataclass(frozen=True)
class Reply:
    """An answer."""

    content: object = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The content's bytes: bytes as they are, all else as JSON."""
        if isinstance(self.content, bytes):
            return self.content
        return json.dumps(self.content).encode()


DENIED = Reply({"error": "Access Denied"}, 403)
"""The answer to an application that may not read a list."""


@dataclass(frozen=True)
class Held(Reply):
    """An answer that is held back, for some seconds at most, until something has happened."""

    until: Event = field(default_factory=Event)
    seconds: float = 5

    @property
    @override
    def body(self) -> bytes:
        self.until.wait(self.seconds)
        return super().body


@dataclass
class ScriptedApi:
    """The server, its script, and what it has been asked."""

    url: str = ""
    client_id: str = "scripted-application"
    client_secret: str = "scripted-secret"  # noqa: S105 - made up
    asked: list[Asked] = field(default_factory=list)
    script: dict[str, Callable[[Asked], Reply]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    ahead: float = 0.0
    """Seconds by which its clock is ahead of this machine's."""
    date: str | None = None
    """What it says instead of the time."""

    def answer(self, asked: Asked) -> Reply:
        """Answer a request as the script says; 404 for what it does not mention."""
        with self.lock:
            self.asked.append(asked)
            answer = self.script.get(asked.path)
            return answer(asked) if answer else Reply({}, 404)

    def asked_for(self, path: str) -> list[Asked]:
        """The requests for a path, in order."""
        return [asked for asked in self.asked if asked.path == path]


@contextmanager
def scripted_api(tls: ssl.SSLContext | None = None) -> Iterator[ScriptedApi]:
    """Start a server on a free port that gives tokens and nothing else, and stop it after.

    Args:
        tls: with which certificate it answers; without TLS if it is left out.
    """
    api = ScriptedApi()
    token = {"access_token": "f" * 64, "token_type": "bearer", "expires_in": 7200}
    api.script[TOKEN_PATH] = always(Reply(token))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = urlsplit(self.path)
            reply = api.answer(Asked(url.path, dict(parse_qsl(url.query)), self.headers))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_GET  # noqa: N815 - the protocol's name

        def date_time_string(self, timestamp: float | None = None) -> str:
            if api.date is not None:
                return api.date
            return super().date_time_string((timestamp or time.time()) + api.ahead)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        api.url = api.url.replace("http", "https")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def always(reply: Reply) -> Callable[[Asked], Reply]:
    """The same answer every time."""
    return lambda _asked: reply


def in_turn(*answers: Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
    """One answer after the other; the last one stays."""
    left = list(answers)

    def answer(asked: Asked) -> Reply:
        return (left.pop(0) if len(left) > 1 else left[0])(asked)

    return answer


def paged(
    content: Sequence[object],
    *,
    largest: int = 100,
    told: bool = True,
    **headers: str,
) -> Callable[[Asked], Reply]:
    """A list in pages.

    Args:
        content: the rows.
        largest: how many rows a page has at most, whatever is asked for.
        told: whether `X-Total`, `X-Page` and `X-Per-Page` are sent.
        headers: more headers; an underscore in a name stands for a dash.
    """

    def answer(asked: Asked) -> Reply:
        rows = _selected(content, asked)
        size = min(asked.size, largest)
        first = (asked.page - 1) * size
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if told:
            sent |= {
                "X-Total": str(len(rows)),
                "X-Page": str(asked.page),
                "X-Per-Page": str(size),
            }
        return Reply(rows[first : first + size], headers=sent)

    return answer


def _selected(content: Sequence[object], asked: Asked) -> Sequence[object]:
    """The rows that are asked for in the order that is asked for, where they have ids."""
    rows = [row for row in content if isinstance(row, dict) and isinstance(row.get("id"), int)]
    if len(rows) < len(content):
        return content
    if "range[id]" in asked.query:
        low, high = map(int, asked.query["range[id]"].split(","))
        rows = [row for row in rows if low <= row["id"] <= high]
    if asked.query.get("sort", "").lstrip("-") == "id":
        rows.sort(key=lambda row: row["id"], reverse=asked.query["sort"] == "-id")
    return rows
