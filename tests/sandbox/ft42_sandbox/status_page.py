"""The page a browser sees at `/`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ft42_sandbox.sandbox import Sandbox


def status_page(sandbox: Sandbox) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of the status page."""

    async def serve(_request: Request) -> Response:
        return HTMLResponse(f"<h1>ft42-sandbox</h1><p>{sandbox.traffic.describe()['total']}</p>")

    return serve
