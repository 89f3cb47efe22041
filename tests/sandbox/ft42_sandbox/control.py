"""The control plane: truth, changes, life, clock, settings and counts under `/_sandbox/`."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ft42_sandbox.clock import parse_instant
from ft42_sandbox.sandbox import Sandbox

Endpoint = Callable[[Request], Awaitable[Response]]
Action = Callable[[Request, dict[str, Any]], object]
# Names by which tables are also known.
ALIASES = {"campuses": "campus"}
CHUNK = 1000


def control_routes(sandbox: Sandbox) -> list[Route]:
    """The routes of the control plane; only the counts are open to everybody."""
    control = Control(sandbox)
    open_routes = [Route("/_sandbox/requests", control.open(control.requests), methods=["GET"])]
    actions: list[tuple[str, str, Action]] = [
        ("POST", "/_sandbox/requests/reset", control.reset_requests),
        ("GET", "/_sandbox/truth/{table}", control.truth),
        ("GET", "/_sandbox/changes", control.changes),
        ("POST", "/_sandbox/live", control.live),
        ("POST", "/_sandbox/clock", control.clock),
        ("GET", "/_sandbox/settings", control.settings),
        ("POST", "/_sandbox/settings", control.settings),
        ("POST", "/_sandbox/rows/{table}", control.rows),
    ]
    return open_routes + [
        Route(path, control.guarded(action), methods=[method]) for method, path, action in actions
    ]


class Refused(Exception):  # noqa: N818 - a refusal, reported as an HTTP status
    """A control request that cannot be done."""

    def __init__(self, status: int, reason: str) -> None:
        """Refuse with a status and a line."""
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Control:
    """What the control plane can do to a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Control this sandbox."""
        self._sandbox = sandbox

    def open(self, action: Action) -> Endpoint:
        """An endpoint for everybody."""

        async def serve(request: Request) -> Response:
            return await _run(action, request)

        return serve

    def guarded(self, action: Action) -> Endpoint:
        """An endpoint for whoever knows the control token."""

        async def serve(request: Request) -> Response:
            token = self._sandbox.control_token
            if not token:
                return _json(403, {"error": "the sandbox was started without a control token"})
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), token.encode()):
                return _json(403, {"error": "the control token is wrong or missing"})
            return await _run(action, request)

        return serve

    def requests(self, _request: Request, _body: dict[str, Any]) -> object:
        """Counts of requests by route."""
        return self._sandbox.traffic.describe()

    def reset_requests(self, _request: Request, _body: dict[str, Any]) -> object:
        """Forget the counts."""
        self._sandbox.traffic.reset()
        return self._sandbox.traffic.describe()

    def truth(self, request: Request, _body: dict[str, Any]) -> object:
        """Every row of a table in the API's list form, by id."""
        table = self._table(request)
        positions = table.positions
        if table.name == "campus" and request.query_params.get("hidden") != "true":
            positions = positions[table.array("public")[positions] == 1]
        positions = positions[np.argsort(table.array("id")[positions], kind="stable")]
        pages = [
            self._sandbox.renderer.page(table.name, positions[n : n + CHUNK])
            for n in range(0, len(positions), CHUNK)
        ]
        body = b",".join(page[1:-1] for page in pages)
        return Response(b"[" + body + b"]", media_type="application/json")

    def changes(self, request: Request, _body: dict[str, Any]) -> object:
        """All changes since an instant."""
        del request
        return self._sandbox.life.changes

    def live(self, _request: Request, body: dict[str, Any]) -> object:
        """Let life go on for some seconds."""
        return self._sandbox.life.live(float(body.get("seconds", 900)), body.get("seed"))

    def clock(self, _request: Request, body: dict[str, Any]) -> object:
        """Set, move, freeze or resume the clock."""
        clock = self._sandbox.clock
        if "set" in body:
            clock.set(parse_instant(str(body["set"])))
        if "move" in body:
            clock.move(float(body["move"]))
        if "freeze" in body:
            (clock.freeze if body["freeze"] else clock.resume)()
        return clock.describe()

    def settings(self, _request: Request, body: dict[str, Any]) -> object:
        """Change settings, and show them."""
        self._sandbox.behaviour.change(body)
        return self._sandbox.behaviour.describe()

    def rows(self, request: Request, body: dict[str, Any]) -> object:
        """Insert, update or delete one row."""
        table = self._table(request)
        values = dict(body.get("values", {}))
        row_id = body.get("id", values.get("id"))
        for name, value in values.items():
            if isinstance(value, str) and name in table.columns and table.columns[name].kind == "instant":
                values[name] = int(parse_instant(value).timestamp() * 1e6)
        now = self._sandbox.clock.now()
        op = body.get("op", "update")
        if op == "insert":
            values = {"created_at": now, "updated_at": now, **values, "id": row_id or table.next_id()}
            values = {k: v for k, v in values.items() if k in table.columns}
            position = table.insert(values)
        else:
            found = table.find(int(row_id or 0))
            if found is None:
                raise Refused(404, f"{table.name} has no row {row_id}")
            position = found
            if op == "delete":
                table.delete(position)
            elif not body.get("silent") and "updated_at" in table.columns:
                table.update(position, {"updated_at": now, **values})
            else:
                table.update(position, values)
        return {"id": table.value(position, "id"), "op": op}

    def _table(self, request: Request) -> Any:  # noqa: ANN401 - a table
        name = request.path_params["table"]
        name = ALIASES.get(name, name)
        if name not in self._sandbox.store.tables:
            known = ", ".join(sorted(self._sandbox.store.tables))
            raise Refused(404, f"there is no table {name}; tables are: {known}")
        return self._sandbox.store[name]


async def _run(action: Action, request: Request) -> Response:
    raw = await request.body()
    try:
        body = orjson.loads(raw) if raw else {}
        if not isinstance(body, dict):
            return _json(400, {"error": "the body must be a JSON object"})
        result = action(request, body)
    except Refused as refusal:
        return _json(refusal.status, {"error": refusal.reason})
    except (ValueError, TypeError, KeyError) as error:
        return _json(400, {"error": str(error)})
    return result if isinstance(result, Response) else _json(200, result)


def _json(status: int, content: object) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
