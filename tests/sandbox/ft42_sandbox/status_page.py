"""The page a browser sees at `/`: routes, settings, the last minutes, what was refused."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from ft42_sandbox.resources import LISTINGS, SINGLES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from ft42_sandbox.sandbox import Sandbox

REFRESH_SECONDS = 5
BAR_WIDTH = 40
STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;"
    "color:#1b1f24}h1{font-size:1.5rem}h2{font-size:1.05rem;margin-top:2rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.15rem .8rem "
    ".15rem 0;border-bottom:1px solid #e5e8eb;vertical-align:top}"
    "code,td.n{font-family:ui-monospace,monospace;font-size:12.5px}.n{text-align:right}"
    ".bar{background:#00babc;height:.8rem;display:inline-block}.two{display:grid;"
    "grid-template-columns:1fr 1fr;gap:0 3rem}@media(max-width:50rem){.two{display:block}}"
)


def status_page(sandbox: Sandbox) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of the status page. It shows no secret and no token."""

    async def serve(_request: Request) -> Response:
        return HTMLResponse(page(sandbox))

    return serve


def page(sandbox: Sandbox) -> str:
    """The whole page as HTML."""
    told = sandbox.traffic.describe()
    world = sandbox.world
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<meta http-equiv=refresh content={REFRESH_SECONDS}><title>ft42-sandbox</title>"
        f"<style>{STYLE}</style><h1>ft42-sandbox</h1>"
        f"<p>A stand-in for the 42 API v2. Seed {world.seed}, "
        f"data as of {escape(world.epoch)}, clock at {sandbox.clock.describe()['now']}. "
        f"{told['total']} requests, "
        f"{told['token']} for tokens, {sandbox.traffic.in_flight} being answered now.</p>"
        "<div class=two><div><h2>The last minutes</h2>"
        f"{_minutes(sandbox)}</div><div><h2>Rows</h2>{_rows(sandbox)}</div></div>"
        f"<h2>Requests by route</h2>{_routes(told['routes'])}"
        f"<h2>Refused or failed lately</h2>{_refusals(sandbox)}"
        f"<div class=two><div><h2>Settings</h2>{_settings(sandbox)}</div>"
        f"<div><h2>Faults</h2>{_faults(sandbox)}"
        f"<h2>Routes</h2>{_known_routes()}</div></div>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    if not body:
        return "<p>None.</p>"
    return f"<table><tr>{''.join(f'<th>{escape(h)}</th>' for h in head)}</tr>{body}</table>"


def _minutes(sandbox: Sandbox) -> str:
    minutes = sandbox.traffic.minutes()
    most = max(count for _, count in minutes) or 1
    lines = "".join(
        f"<tr><td>{'now' if not ago else f'{ago} min ago'}<td class=n>{count}<td>"
        f"<span class=bar style=width:{count / most * BAR_WIDTH / 4:.1f}rem></span>"
        for ago, count in minutes
    )
    return f"<table>{lines}</table>"


def _rows(sandbox: Sandbox) -> str:
    return _table(("table", "rows"), ((n, len(t)) for n, t in sandbox.store.tables.items()))


def _routes(routes: dict[str, dict[str, object]]) -> str:
    return _table(
        ("route", "requests", "statuses", "seconds", "bytes"),
        (
            (
                name,
                told["count"],
                ", ".join(f"{s}: {n}" for s, n in dict(_items(told["statuses"])).items()),
                told["seconds"],
                told["bytes"],
            )
            for name, told in routes.items()
        ),
    )


def _items(statuses: object) -> Iterable[tuple[str, int]]:
    return statuses.items() if isinstance(statuses, dict) else ()


def _refusals(sandbox: Sandbox) -> str:
    now = time.time()
    return _table(
        ("ago", "status", "what was asked", "why not"),
        (
            (f"{now - r.at:.0f} s", r.status or "dropped", r.target, r.reason)
            for r in reversed(sandbox.traffic.refusals)
        ),
    )


def _settings(sandbox: Sandbox) -> str:
    return _table(("setting", "value"), sandbox.behaviour.describe().items())


def _faults(sandbox: Sandbox) -> str:
    return _table(
        ("fault", "route", "struck", "of"),
        ((f["kind"], f["route"], f["struck"], f["seen"]) for f in sandbox.faults.describe()),
    )


def _known_routes() -> str:
    paths = sorted({route.path for route in LISTINGS} | {route.path for route in SINGLES})
    return "<br>".join(f"<code>{escape(path)}</code>" for path in paths)
