"""The HTTP server: the API's routes, the token endpoint, the control plane, the status page."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from ft42_sandbox.api import handlers
from ft42_sandbox.control import control_routes
from ft42_sandbox.gate import GuardedRoute
from ft42_sandbox.oauth import TokenEndpoint
from ft42_sandbox.outgoing import note_transport
from ft42_sandbox.status_page import status_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from ft42_sandbox.sandbox import Sandbox

HEARTBEAT = 1.0
NAME = re.compile(r":(\w+)")
EVERYTHING = ("/v2", "/v2/{rest:path}")


def create_app(sandbox: Sandbox) -> ASGIApp:
    """The sandbox as an ASGI application."""
    routes = [
        Route("/", status_page(sandbox), methods=["GET"]),
        *(
            Route(path, TokenEndpoint(sandbox), methods=["POST"])
            for path in ("/oauth/token", "/v2/oauth/token")
        ),
        *control_routes(sandbox),
    ]
    for pattern, handler in handlers(sandbox):
        known = (NAME.sub(r"{\1}", pattern),)
        routes += [
            Route(path, GuardedRoute(sandbox, pattern, handler), methods=["GET"])
            for path in (EVERYTHING if pattern == "other" else known)
        ]

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        heart = asyncio.create_task(_beat(sandbox))
        yield
        heart.cancel()

    app = Starlette(routes=routes, lifespan=lifespan)
    # The entrance removes the slash to which this would redirect clients, for ever.
    app.router.redirect_slashes = False
    return Entrance(app)


async def _beat(sandbox: Sandbox) -> None:
    """Let life follow the clock, if the setting says so."""
    while True:
        await asyncio.sleep(HEARTBEAT)
        if sandbox.behaviour.life == "clock":
            sandbox.life.catch_up(sandbox.behaviour.life_rate)
        else:
            sandbox.life.rest()


class Entrance:
    """The entrance of all requests: it does what Rails does before it looks at its routes.

    Rails treats `/v2/cursus/` like `/v2/cursus`; so does the sandbox.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Pass requests to this application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on without its trailing slash."""
        if scope["type"] == "http":
            note_transport(scope, send)
            scope["path"] = scope["path"].rstrip("/") or "/"
        await self._app(scope, receive, send)
