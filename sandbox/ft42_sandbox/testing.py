"""A sandbox for tests: it is started in its own process, controlled, and closed at the end."""

from __future__ import annotations

import os
import secrets
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from http.client import HTTPMessage

    Start = Callable[[Sequence[str], Mapping[str, str]], AbstractContextManager[str]]

CONTROL_ENV = "FT42_SANDBOX_CONTROL_TOKEN"
SECRET_ENV = "FT42_SANDBOX_CLIENT_SECRET"  # noqa: S105 - a variable's name
# By default tests do not wait for limits.
TEST_DEFAULTS: dict[str, object] = {"requests_per_second": 0, "requests_per_hour": 0}
USER_AGENT = "ft42-sandbox-tests"
GREETING = "ft42-sandbox: "
"""The text that a sandbox prints before its address, when it listens."""
TIMEOUT = 120


class ControlError(Exception):
    """The control plane refused; the message is its reason."""


@dataclass(frozen=True)
class Reply:
    """An answer of the sandbox, whatever its status.

    Attributes:
        status: the HTTP status.
        headers: the headers; names count in any case.
        body: the body's bytes.
    """

    status: int
    headers: HTTPMessage
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body as JSON."""
        return orjson.loads(self.body)

    @property
    def ids(self) -> list[int]:
        """The ids of the rows of a list, in order."""
        return [row["id"] for row in self.json()]

    @property
    def total(self) -> int:
        """The number in X-Total."""
        return int(self.headers["X-Total"])


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers at `url`.

    Attributes:
        url: its address, without a slash at the end.
        client_id: an application that it knows.
        client_secret: the secret of this application.
        control_token: the token of its control plane.
        tls: how its certificate is checked, if it serves https.
    """

    url: str
    client_id: str
    client_secret: str
    control_token: str
    tls: ssl.SSLContext | None = None
    _token: list[str] = field(default_factory=list)

    def token(self) -> str:
        """An access token of the application, asked for once."""
        if not self._token:
            reply = self.send(
                "POST",
                "/oauth/token",
                form={
                    "grant_type": "client_credentials",
                    "client_id": self.client_id,
                    "client_secret": self.client_secret,
                },
            )
            self._token.append(reply.json()["access_token"])
        return self._token[0]

    def get(self, path: str, *, method: str = "GET", **headers: str) -> Reply:
        """Ask the API as the application.

        Args:
            path: path and query; brackets need no quoting.
            method: `GET` or `HEAD`.
            headers: more headers; an underscore in a name stands for a dash.
        """
        return self.send(method, path, {"Authorization": f"Bearer {self.token()}", **headers})

    def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Send any request, and return its answer, whatever the status."""
        data = urllib.parse.urlencode(form).encode() if form is not None else body
        quoted = urllib.parse.quote(path, safe="/?&=%:,+~*()!$;@'")
        request = urllib.request.Request(  # noqa: S310 - our own address
            self.url + quoted,
            data=data,
            method=method,
            headers={
                "User-Agent": USER_AGENT,
                **{name.replace("_", "-"): value for name, value in (headers or {}).items()},
            },
        )
        try:
            answer = urllib.request.urlopen(request, timeout=TIMEOUT, context=self.tls)  # noqa: S310 - our own address
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            return Reply(answer.status, answer.headers, answer.read())

    def requests(self) -> dict[str, Any]:
        """Counts of requests by route: `{"total": n, "token": n, "routes": {...}}`."""
        counts: dict[str, Any] = self.control("GET", "requests")
        return counts

    def log(self, after: int = 0) -> list[dict[str, Any]]:
        """Single requests after a number, oldest first.

        Each has `seq`, `at` (seconds since 1970, when the limits judged it), `client_id`,
        `token` (its first digits), `route`, `target`, `status`, `seconds`, `bytes` and
        `reason`.
        """
        asked: list[dict[str, Any]] = self.control("GET", f"log?after={after}")
        return asked

    def reset_requests(self) -> None:
        """Forget the counts and the log."""
        self.control("POST", "requests/reset")

    def use_quota(self, requests: int) -> None:
        """Count so many requests of other clients in this hour, for every application."""
        self.control("POST", "quota", {"use": requests})

    def reset_quota(self) -> None:
        """Reset the limits of the second and the hour."""
        self.control("POST", "quota", {"reset": True})

    def changes(self, since: str | None = None, after: int = 0) -> list[dict[str, Any]]:
        """Changes of rows at an instant and later, and after a number, oldest first.

        Each has `seq`, `at`, `table`, `id`, `op` (insert, update, delete), `columns`,
        `silent` (whether `updated_at` stood still) and `event`.
        """
        params = {"after": str(after)} | ({"since": since} if since else {})
        changes: list[dict[str, Any]] = self.control(
            "GET", f"changes?{urllib.parse.urlencode(params)}"
        )
        return changes

    def truth(self, table: str, **params: str) -> list[dict[str, Any]]:
        """Every row of a table in the API's list form, by id.

        Args:
            table: its name.
            params: `columns="id,updated_at"` for these columns of the store only, which
                is much faster; `hidden="true"` for campuses that are not listed too.
        """
        query = f"?{urllib.parse.urlencode(params)}" if params else ""
        rows: list[dict[str, Any]] = self.control("GET", f"truth/{table}{query}")
        return rows

    def truth_of(self, path: str, **params: str) -> list[dict[str, Any]]:
        """Every row that a list of the API has now, in its order.

        Args:
            path: the list's path and query.
            params: `columns="id,updated_at"` as in `truth`.
        """
        query = urllib.parse.urlencode({"path": path, **params})
        rows: list[dict[str, Any]] = self.control("GET", f"truth?{query}")
        return rows

    def live(
        self,
        seconds: float = 900,
        seed: int | None = None,
        within: float | None = None,
        events: dict[str, int] | None = None,
        *,
        advance: bool = False,
    ) -> list[dict[str, Any]]:
        """Let life go on for some seconds that end now, and return what changed.

        Args:
            seconds: how many seconds.
            seed: a seed for the same changes every time.
            within: all changes happen in this many last seconds.
            events: exactly these happen, such as `{"mark": 3, "disappear": 1}`.
            advance: move the clock by these seconds first, so that all changes are later than
                anything that was read before.
        """
        body = {
            "seconds": seconds,
            "seed": seed,
            "within": within,
            "events": events,
            "advance": advance or None,
        }
        given = {name: value for name, value in body.items() if value is not None}
        changes: list[dict[str, Any]] = self.control("POST", "live", given)
        return changes

    def configure(self, **settings: object) -> dict[str, Any]:
        """Change settings, such as `latency` or `requests_per_second`, and return all."""
        changed: dict[str, Any] = self.control("POST", "settings", settings)
        return changed

    def fault(self, kind: str, **rule: object) -> dict[str, Any]:
        """Make a fault, such as `fault("502", route="/v2/users", count=1)`."""
        made: dict[str, Any] = self.control("POST", "faults", {"kind": kind, **rule})
        return made

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.control("DELETE", "faults")

    def insert(self, table: str, **values: object) -> int:
        """Insert a row; columns are the table's, and an id is chosen if none is given."""
        answer = self.control("POST", f"rows/{table}", {"op": "insert", "values": values})
        return int(answer["id"])

    def update(
        self, table: str, row_id: int | list[int], *, silent: bool = False, **values: object
    ) -> None:
        """Change a row, or several alike; `updated_at` is now unless the change is silent."""
        body = {"op": "update", "id": row_id, "silent": silent, "values": values}
        self.control("POST", f"rows/{table}", body)

    def delete(self, table: str, row_id: int | list[int]) -> None:
        """Remove a row, or several."""
        self.control("POST", f"rows/{table}", {"op": "delete", "id": row_id})

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask the control plane for `/_sandbox/<path>`.

        Raises:
            ControlError: if it refuses.
        """
        reply = self.send(
            method,
            f"/_sandbox/{path}",
            {"Authorization": f"Bearer {self.control_token}"},
            body=orjson.dumps(body) if body is not None else None,
        )
        if reply.status != 200:
            raise ControlError(reply.body.decode("utf-8", "replace"))
        return reply.json()


@contextmanager
def _process(words: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """Start a sandbox in a process; return its first line, or the error if there is none."""
    with (
        complaints() as errors,
        subprocess.Popen(
            [sys.executable, "-m", "ft42_sandbox", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        ) as process,
    ):
        try:
            said = process.stdout.readline() if process.stdout else ""
            yield said.strip() or written(errors)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def complaints() -> Iterator[IO[bytes]]:
    """A file for the error output of a sandbox, which is shown at the end.

    A pipe that nobody reads would become full, and the sandbox would wait for ever.
    """
    with tempfile.TemporaryFile() as errors:
        yield errors
        sys.stderr.write(written(errors))


def written(errors: IO[bytes]) -> str:
    """The content of such a file."""
    errors.seek(0)
    return errors.read().decode("utf-8", "replace").strip()


@contextmanager
def running_sandbox(
    *, ca_file: str | None = None, **settings: object
) -> Iterator[RunningSandbox]:
    """Start a sandbox on a free port and close it afterwards.

    Args:
        ca_file: the authority that verifies the certificate, if `tls_cert` is set.
        settings: options of `ft42-sandbox serve` with underscores, such as `users=300`. Limits
            are off by default. `client_secret` is passed in the environment.

    Raises:
        RuntimeError: if it does not start; the message says why.
    """
    with started(_process, settings, ca_file) as sandbox:
        yield sandbox


@contextmanager
def started(
    start: Start, settings: Mapping[str, object], ca_file: str | None
) -> Iterator[RunningSandbox]:
    """Start a sandbox like `running_sandbox`, but with your own function.

    Args:
        start: starts a command line of `ft42-sandbox` with an environment. It returns the line
            with the address, or the whole output if there is none.
        settings: as for `running_sandbox`.
        ca_file: as for `running_sandbox`.

    Raises:
        RuntimeError: if it does not start; the message says why.
    """
    options = {**TEST_DEFAULTS, "client_id": "sandbox", **settings}
    client_secret = str(options.pop("client_secret", "sandbox"))
    control_token = secrets.token_hex(16)
    environment = {
        **{n: v for n, v in os.environ.items() if not n.startswith("FT42_SANDBOX_")},
        CONTROL_ENV: control_token,
        SECRET_ENV: client_secret,
    }
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    with start(["serve", "--port", "0", *_words(options)], environment) as said:
        if not said.startswith(GREETING):
            raise RuntimeError(said)
        url = said.removeprefix(GREETING)
        yield RunningSandbox(
            url, str(options["client_id"]), client_secret, control_token, context
        )


def _words(options: dict[str, object]) -> list[str]:
    words: list[str] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    return words
