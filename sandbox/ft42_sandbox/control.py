"""The control plane at `/_sandbox/`: not a part of the API, and open only with its token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ft42_sandbox.instants import SECOND, parse_instant, to_text
from ft42_sandbox.life import check_events
from ft42_sandbox.query import QueryError, TooManyValuesError
from ft42_sandbox.tokens import Application
from ft42_sandbox.truth import NotThereError, Truth

if TYPE_CHECKING:
    from ft42_sandbox.sandbox import Sandbox

Body = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]
Action = Callable[[Request, Body], object]
JSON = "application/json"


def control_routes(sandbox: Sandbox) -> list[Route]:
    """The routes of the control plane; only the counts are open to everybody."""
    control = Control(sandbox)
    actions: tuple[tuple[str, str, Action], ...] = (
        ("POST", "requests/reset", control.reset_requests),
        ("GET", "log", control.log),
        ("GET", "truth/{table}", control.truth),
        ("GET", "truth", control.truth_of_path),
        ("GET", "changes", control.changes),
        ("POST", "live", control.live),
        ("GET", "clock", control.clock),
        ("POST", "clock", control.clock),
        ("GET", "settings", control.settings),
        ("POST", "settings", control.settings),
        ("GET", "faults", control.faults),
        ("POST", "faults", control.add_fault),
        ("DELETE", "faults", control.clear_faults),
        ("POST", "rows/{table}", control.rows),
        ("POST", "tokens/expire", control.expire_tokens),
        ("POST", "secret", control.rotate_secret),
        ("POST", "applications", control.add_application),
        ("POST", "quota", control.quota),
    )
    return [
        Route("/_sandbox/requests", control.open(control.requests), methods=["GET"]),
        *(
            Route(f"/_sandbox/{path}", control.guarded(action), methods=[method])
            for method, path, action in actions
        ),
    ]


class Control:
    """The endpoints of the control plane."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Control this sandbox."""
        self._sandbox = sandbox
        self._truth = Truth(sandbox)

    def open(self, action: Action) -> Endpoint:
        """An endpoint for everybody."""

        async def serve(request: Request) -> Response:
            return await _run(action, request)

        return serve

    def guarded(self, action: Action) -> Endpoint:
        """An endpoint for callers who know the control token."""

        async def serve(request: Request) -> Response:
            token = self._sandbox.control_token
            if not token:
                return _json(403, {"error": "the sandbox was started without a control token"})
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), token.encode()):
                return _json(403, {"error": "the control token is wrong or missing"})
            return await _run(action, request)

        return serve

    def requests(self, _request: Request, _body: Body) -> object:
        """Counts of requests by route."""
        return self._sandbox.traffic.describe()

    def reset_requests(self, _request: Request, _body: Body) -> object:
        """Forget the counts."""
        self._sandbox.traffic.reset()
        return self._sandbox.traffic.describe()

    def log(self, request: Request, _body: Body) -> object:
        """Single requests after the number `after`: who asked what and when, and the answer."""
        return self._sandbox.traffic.log(int(request.query_params.get("after", "0")))

    def truth(self, request: Request, _body: Body) -> object:
        """Every row of a table by id, in the API's list form or with some `columns` only.

        `?hidden=true` includes the campuses that the API does not list.
        """
        body = self._truth.table(
            request.path_params["table"],
            hidden=request.query_params.get("hidden") == "true",
            columns=_columns(request),
        )
        return Response(body, media_type=JSON)

    def truth_of_path(self, request: Request, _body: Body) -> object:
        """All rows of a list of the API, given as `?path=/v2/…?filter[…]=…`, in its order."""
        path = request.query_params.get("path", "")
        return Response(self._truth.path(path, _columns(request)), media_type=JSON)

    def changes(self, request: Request, _body: Body) -> object:
        """Changes since an instant (`since`) or after a number (`after`), oldest first."""
        since = request.query_params.get("since")
        # A plus sign that was not quoted arrives as a blank.
        at = parse_instant(since.replace(" ", "+")) if since else None
        after = int(request.query_params.get("after", "0"))
        return self._sandbox.ledger.since(after, at)

    def live(self, _request: Request, body: Body) -> object:
        """Let life go on for `seconds`; with `advance`, the clock goes on too."""
        seconds = float(body.get("seconds", 900))
        if seconds < 0:
            msg = "seconds must not be negative"
            raise ValueError(msg)
        if body.get("advance"):
            self._sandbox.clock.move(seconds)
            self._sandbox.life.rest()
        within, events = body.get("within"), body.get("events")
        return self._sandbox.life.live(
            seconds,
            body.get("seed"),
            None if within is None else float(within),
            None if events is None else {str(n): int(c) for n, c in dict(events).items()},
        )

    def clock(self, _request: Request, body: Body) -> object:
        """Set, move (seconds), freeze or resume the clock, and show it."""
        clock = self._sandbox.clock
        if "freeze" in body:
            (clock.freeze if body["freeze"] else clock.resume)()
        if "set" in body:
            clock.set(parse_instant(str(body["set"])))
        if "move" in body:
            clock.move(float(body["move"]))
        if self._sandbox.behaviour.life == "clock":
            self._sandbox.life.catch_up(self._sandbox.behaviour.life_rate)
        return clock.describe()

    def settings(self, _request: Request, body: Body) -> object:
        """Change settings, and show all."""
        check_events(dict(body.get("life_events_per_request", {})))
        self._sandbox.behaviour.change(body)
        return self._sandbox.behaviour.describe()

    def faults(self, _request: Request, _body: Body) -> object:
        """All faults, and how often each struck."""
        return self._sandbox.faults.describe()

    def add_fault(self, _request: Request, body: Body) -> object:
        """Make a fault."""
        return self._sandbox.faults.add(body)

    def clear_faults(self, request: Request, _body: Body) -> object:
        """Remove the fault `number`, or all."""
        number = request.query_params.get("number")
        self._sandbox.faults.clear(int(number) if number else None)
        return self._sandbox.faults.describe()

    def rows(self, request: Request, body: Body) -> object:
        """Insert, update or delete one row, and change nothing else.

        Several rows, whose ids are a list, are changed alike.
        """
        name = self._truth.name(request.path_params["table"])
        table, ledger = self._sandbox.store[name], self._sandbox.ledger
        now, op = self._sandbox.clock.now(), body.get("op", "update")
        values = {
            c: _instant(table.columns, c, v) for c, v in dict(body.get("values", {})).items()
        }
        row_id = body.get("id", values.get("id"))
        if op == "insert":
            values |= {} if row_id is None else {"id": int(row_id)}
            return {"id": ledger.insert(name, values, now, "control"), "op": op}
        if op not in {"update", "delete"}:
            msg = f"op must be insert, update or delete, not {op}"
            raise ValueError(msg)
        for one in row_id if isinstance(row_id, list) else [row_id]:
            position = table.find(int(one)) if one is not None else None
            if position is None:
                msg = f"{name} has no row {one}"
                raise NotThereError(msg)
            if op == "delete":
                ledger.delete(name, position, now, "control")
            else:
                silent = bool(body.get("silent"))
                ledger.update(name, position, values, now, "control", silent=silent)
        return {"id": row_id, "op": op, "at": to_text(now)}

    def expire_tokens(self, _request: Request, _body: Body) -> object:
        """Expire every token now."""
        return {"expired": self._sandbox.tokens.expire()}

    def rotate_secret(self, _request: Request, body: Body) -> object:
        """Give an application the next `secret`; with `keep_old` the old one stays valid."""
        uid = str(body.get("client_id", next(iter(self._sandbox.tokens.applications))))
        application = self._sandbox.tokens.rotate(
            uid, str(body["secret"]), keep_old=bool(body.get("keep_old"))
        )
        if "valid_until" in body:
            application.secret_valid_until = int(body["valid_until"])
        return {"client_id": uid, "secret_valid_until": application.secret_valid_until}

    def add_application(self, _request: Request, body: Body) -> object:
        """Register another application, perhaps with its own limits and roles."""
        applications = self._sandbox.tokens.applications
        uid = str(body["client_id"])
        applications[uid] = Application(
            uid,
            [str(body["client_secret"])],
            len(applications) + 1,
            str(body.get("name", uid)),
            str(body.get("roles", "None")),
            body.get("requests_per_second"),
            body.get("requests_per_hour"),
        )
        return {"client_id": uid, "number": applications[uid].number}

    def quota(self, _request: Request, body: Body) -> object:
        """Reset the limits (`reset`), or count requests of other clients.

        It counts `use` requests in this hour, or with `use_up_hour` all that are left; for
        every application, or only for `client_id`.
        """
        sandbox, used = self._sandbox, int(body.get("use", 0))
        uid = body.get("client_id")
        if body.get("reset"):
            sandbox.windows.reset()
        for application in sandbox.tokens.applications.values():
            if uid not in {None, application.uid}:
                continue
            if used:
                sandbox.windows.use(application.uid, used)
            if body.get("use_up_hour"):
                limit = application.requests_per_hour
                sandbox.windows.use_up_hour(
                    application.uid,
                    sandbox.behaviour.requests_per_hour if limit is None else limit,
                )
        return {
            "reset": bool(body.get("reset")),
            "used": used,
            "used_up": bool(body.get("use_up_hour")),
        }


def _columns(request: Request) -> tuple[str, ...]:
    """The names in the query's `columns`, none if it has no such parameter."""
    return tuple(name for name in request.query_params.get("columns", "").split(",") if name)


def _instant(columns: dict[str, Any], name: str, value: object) -> object:
    """Instants come as text, and are kept as microseconds."""
    if isinstance(value, str) and name in columns and columns[name].kind == "instant":
        return parse_instant(value)
    if isinstance(value, float) and name in columns and columns[name].kind == "instant":
        return int(value * SECOND)
    return value


async def _run(action: Action, request: Request) -> Response:
    raw = await request.body()
    try:
        body = orjson.loads(raw) if raw else {}
        if not isinstance(body, dict):
            return _json(400, {"error": "the body must be a JSON object"})
        result = action(request, body)
    except NotThereError as unknown:
        return _json(404, {"error": str(unknown)})
    except KeyError as missing:
        return _json(400, {"error": f"{missing.args[0]} is missing"})
    except (ValueError, TypeError, OverflowError, QueryError, TooManyValuesError) as error:
        return _json(400, {"error": str(error)})
    return result if isinstance(result, Response) else _json(200, result)


def _json(status: int, content: object) -> Response:
    return Response(orjson.dumps(content), status, media_type=JSON)
