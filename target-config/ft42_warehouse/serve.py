"""``warehouse report --serve``: serves the page, /health and /metrics, on this machine only."""

from __future__ import annotations

import signal
from collections.abc import Callable
from errno import EADDRINUSE
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

import click
from prometheus_client import CONTENT_TYPE_LATEST
from typing_extensions import override

from ft42_warehouse.database import Database
from ft42_warehouse.metrics import metrics
from ft42_warehouse.overview import Overview, inspection, overview, unreachable
from ft42_warehouse.report import report
from ft42_warehouse.schedule import Schedule
from ft42_warehouse.shown import as_json
from ft42_warehouse.statements import Schemas

HOST = "127.0.0.1"
_NAMES = {HOST, "localhost"}
"""The names by which a browser may call this server. Any other name is an attack: a page that
lets its own name point here, to read the report (DNS rebinding)."""

_SECONDS_FOR_A_REQUEST = 10

_Answer = tuple[HTTPStatus, str, bytes]


class ReportServer(ThreadingHTTPServer):
    """Asks the database again for each request."""

    daemon_threads = True

    def __init__(
        self, port: int, database: Database, schemas: Schemas, schedule: Schedule
    ) -> None:
        """Listen on a port of 127.0.0.1; 0 takes a free one.

        Raises:
            click.ClickException: The port is taken, or this account may not use it.
        """
        self._looked_at = (database, schemas, schedule)
        self._one_at_a_time = Lock()
        self.answers: dict[str, Callable[[], _Answer]] = {
            "/": self._page,
            "/health": self._health,
            "/metrics": self._metrics,
        }
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            reason = (
                "is taken" if error.errno == EADDRINUSE else f"cannot be used: {error.strerror}"
            )
            message = f"Port {port} of {HOST} {reason}. Choose another one with --port."
            raise click.ClickException(message) from None

    @property
    def url(self) -> str:
        """The URL of the page."""
        return f"http://{HOST}:{self.server_port}/"

    def run(self) -> None:
        """Print the URL, and serve until Ctrl-C or SIGTERM."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            click.echo(f"The report is at {self.url} until Ctrl-C")
            self.serve_forever()
        except KeyboardInterrupt:
            click.echo("Stopped")
        finally:
            self.server_close()

    def _page(self) -> _Answer:
        with self._one_at_a_time:
            try:
                with inspection(*self._looked_at) as seen:
                    page = report(seen.overview, seen)
            except click.ClickException as error:
                page = report(Overview([unreachable(error)]))
        return HTTPStatus.OK, "text/html; charset=utf-8", page.encode()

    def _health(self) -> _Answer:
        seen = self._overview()
        status = HTTPStatus.SERVICE_UNAVAILABLE if seen.is_broken else HTTPStatus.OK
        return status, "application/json", as_json(seen.as_json()).encode()

    def _metrics(self) -> _Answer:
        return HTTPStatus.OK, CONTENT_TYPE_LATEST, metrics(self._overview())

    def _overview(self) -> Overview:
        with self._one_at_a_time:
            return overview(*self._looked_at)


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer
    server_version = "warehouse"
    sys_version = ""
    timeout = _SECONDS_FOR_A_REQUEST

    def do_GET(self) -> None:
        name = self.headers.get("Host", "").rsplit(":", maxsplit=1)[0].lower()
        answer = self.server.answers.get(self.path.split("?", maxsplit=1)[0])
        if name not in _NAMES:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, explain=f"Use the host {HOST}.")
        elif answer is None:
            self.send_error(HTTPStatus.NOT_FOUND, explain="Try /, /health or /metrics.")
        else:
            self._send(*answer())

    def do_HEAD(self) -> None:
        self.do_GET()

    @override
    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        # The page has its own, longer policy; this one also protects error pages.
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        super().end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a scrape each minute is not worth a line."""

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
