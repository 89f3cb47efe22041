"""A sandbox for tests: started in a process of its own, controlled, and closed after."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

CONTROL_ENV = "FT42_SANDBOX_CONTROL_TOKEN"
SECRET_ENV = "FT42_SANDBOX_CLIENT_SECRET"  # noqa: S105 - a variable's name
# Tests are not about waiting, unless they say so.
TEST_DEFAULTS: dict[str, object] = {"requests_per_second": 0, "requests_per_hour": 0}


class ControlError(Exception):
    """The control plane refused; the message is its reason."""


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers at `url`."""

    url: str
    client_id: str
    client_secret: str
    control_token: str

    def requests(self) -> dict[str, Any]:
        """Counts of requests by route: `{"total": n, "token": n, "routes": {...}}`."""
        counts: dict[str, Any] = self.control("GET", "requests")
        return counts

    def reset_requests(self) -> None:
        """Forget the counts."""
        self.control("POST", "requests/reset")

    def truth(self, table: str, **params: str) -> list[dict[str, Any]]:
        """Every row of a table in the API's list form, by id."""
        query = f"?{urllib.parse.urlencode(params)}" if params else ""
        rows: list[dict[str, Any]] = self.control("GET", f"truth/{table}{query}")
        return rows

    def live(self, seconds: float = 900, seed: int | None = None) -> list[dict[str, Any]]:
        """Let life go on for some seconds that end now, and return what changed."""
        body: dict[str, object] = {"seconds": seconds}
        if seed is not None:
            body["seed"] = seed
        changes: list[dict[str, Any]] = self.control("POST", "live", body)
        return changes

    def configure(self, **settings: object) -> dict[str, Any]:
        """Change settings, such as `latency` or `requests_per_second`, and return all."""
        changed: dict[str, Any] = self.control("POST", "settings", settings)
        return changed

    def insert(self, table: str, **values: object) -> int:
        """Insert a row; columns are the table's, and an id is chosen if none is given."""
        return int(self.control("POST", f"rows/{table}", {"op": "insert", "values": values})["id"])

    def update(self, table: str, row_id: int, *, silent: bool = False, **values: object) -> None:
        """Change a row; its `updated_at` moves to now unless the change is silent."""
        body = {"op": "update", "id": row_id, "silent": silent, "values": values}
        self.control("POST", f"rows/{table}", body)

    def delete(self, table: str, row_id: int) -> None:
        """Remove a row."""
        self.control("POST", f"rows/{table}", {"op": "delete", "id": row_id})

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Ask the control plane for `/_sandbox/<path>`.

        Raises:
            ControlError: if it refuses.
        """
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}/_sandbox/{path}",
            data=orjson.dumps(body) if body is not None else None, method=method,
            headers={"Authorization": f"Bearer {self.control_token}",
                     "User-Agent": "ft42-sandbox"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - see above
                return orjson.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                reason = refusal.read().decode("utf-8", "replace")
            raise ControlError(reason) from None


@contextmanager
def running_sandbox(**settings: object) -> Iterator[RunningSandbox]:
    """Start a sandbox on a free port and close it afterwards.

    Args:
        settings: options of `ft42-sandbox serve` with underscores, such as `users=300`;
            limits are off unless given. `client_secret` is passed on by the environment.

    Raises:
        RuntimeError: if it does not start; the message says why.
    """
    options = {**TEST_DEFAULTS, "client_id": "sandbox", **settings}
    client_secret = str(options.pop("client_secret", "sandbox"))
    control_token = secrets.token_hex(16)
    words: list[str] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "ft42_sandbox", "serve", "--port", "0", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**_clean_environment(), CONTROL_ENV: control_token, SECRET_ENV: client_secret},
    )  # fmt: skip
    try:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        line = process.stdout.readline().strip()
        if not line.startswith("ft42-sandbox: "):
            process.wait(10)
            raise RuntimeError(line + process.stdout.read())
        yield RunningSandbox(
            line.removeprefix("ft42-sandbox: "), str(options["client_id"]), client_secret,
            control_token,
        )  # fmt: skip
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _clean_environment() -> dict[str, str]:
    """The environment without settings of another sandbox."""
    return {n: v for n, v in os.environ.items() if not n.startswith("FT42_SANDBOX_")}
