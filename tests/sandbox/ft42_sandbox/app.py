"""The HTTP server: every route goes through the same gate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4
from zlib import crc32

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ft42_sandbox import answer as answers
from ft42_sandbox.answer import Answer
from ft42_sandbox.api import Handler, handlers
from ft42_sandbox.control import control_routes
from ft42_sandbox.oauth import token_endpoint
from ft42_sandbox.sandbox import Sandbox
from ft42_sandbox.status_page import status_page
from ft42_sandbox.tokens import Application

METHODS = ["GET"]


def create_app(sandbox: Sandbox) -> ASGIApp:
    """The sandbox as an ASGI application."""
    gate = Gate(sandbox)
    routes = [
        Route("/", status_page(sandbox), methods=METHODS),
        *(
            Route(path, token_endpoint(sandbox), methods=["POST"])
            for path in ("/oauth/token", "/v2/oauth/token")
        ),
        *control_routes(sandbox),
    ]
    for pattern, handler in handlers(sandbox):
        path = pattern.replace(":id", "{id}")
        routes.append(Route(path, gate.endpoint(pattern, handler), methods=METHODS))
    return TrailingSlash(Starlette(routes=routes))


class TrailingSlash:
    """Rails takes `/v2/cursus/` for `/v2/cursus`; so does the sandbox."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on without its trailing slash."""
        if scope["type"] == "http" and len(scope["path"]) > 1:
            scope["path"] = scope["path"].rstrip("/") or "/"
        await self._app(scope, receive, send)


class Gate:
    """What every request of the API passes: who asks, how often, how fast, how unluckily."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Guard this sandbox."""
        self._sandbox = sandbox

    def endpoint(
        self, pattern: str, handler: Handler
    ) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a route."""

        async def serve(request: Request) -> Response:
            started = time.perf_counter()
            sandbox = self._sandbox
            found, waited = self._answer(request, handler)
            if waited:
                await asyncio.sleep(waited)
            seconds = time.perf_counter() - started
            found.headers["X-Request-Id"] = str(uuid4())
            found.headers["X-Runtime"] = f"{seconds:.6f}"
            response = _response(request, found)
            sandbox.traffic.note(
                f"{request.method} {pattern}", response.status_code, seconds, len(found.body),
                _target(request), found.reason,
            )  # fmt: skip
            return response

        return serve

    def _answer(self, request: Request, handler: Handler) -> tuple[Answer, float]:
        """The answer, and the seconds it takes."""
        sandbox, behaviour = self._sandbox, self._sandbox.behaviour
        if behaviour.require_user_agent and not request.headers.get("user-agent"):
            return answers.challenge(), 0.0
        value = bearer_token(request)
        owner = sandbox.tokens.owner(value) if value else None
        if owner is None:
            return answers.unauthorized("The access token is invalid"), 0.0
        application, token = owner
        if token.expires_at <= time.time():
            return answers.unauthorized("The access token expired"), 0.0
        per_second, per_hour = limits_of(sandbox, application)
        verdict = sandbox.windows.count(
            application.uid, per_second, per_hour,
            refused_count=behaviour.refused_requests_count,
        )  # fmt: skip
        if verdict.allowed:
            found, profile, rows = handler(request)
        else:
            found = answers.too_many_requests(verdict.wait, retry_after=behaviour.retry_after)
            profile, rows = "refused", 0
        found.headers |= verdict.headers
        found.headers |= {
            "X-Application-Id": str(application.number),
            "X-Application-Name": application.name,
            "X-Application-Roles": application.roles,
        }
        return found, sandbox.latency.seconds(profile, rows)


def limits_of(sandbox: Sandbox, application: Application) -> tuple[int, int]:
    """An application's own limits, or everybody's where it has none."""
    second, hour = application.requests_per_second, application.requests_per_hour
    return (
        sandbox.behaviour.requests_per_second if second is None else second,
        sandbox.behaviour.requests_per_hour if hour is None else hour,
    )


def bearer_token(request: Request) -> str:
    """The access token of a request, from its header or the query; empty if there is none."""
    header = request.headers.get("authorization", "")
    if header[:7].lower() == "bearer ":
        return header[7:].strip()
    return request.query_params.get("access_token", "")


def _target(request: Request) -> str:
    query = "&".join(
        part for part in request.url.query.split("&") if not part.startswith("access_token")
    )
    return request.url.path + (f"?{query}" if query else "")


def _response(request: Request, found: Answer) -> Response:
    headers = {"Vary": "Accept, Origin", **found.headers}
    if found.status == 200:
        etag = f'W/"{crc32(found.body):08x}{len(found.body):x}"'
        headers |= {"ETag": etag, "Cache-Control": "max-age=0, private, must-revalidate"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
    else:
        headers.setdefault("Cache-Control", "no-cache")
    return Response(found.body, found.status, headers, found.content_type)
