"""The page at `/`: the requests to the sandbox, its refusals and its settings."""

from __future__ import annotations

import time
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from ft42_sandbox.api import BELOW
from ft42_sandbox.gate import limits_of
from ft42_sandbox.resources import FORBIDDEN, LISTINGS, SINGLES
from ft42_sandbox.settings import Behaviour

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from ft42_sandbox.sandbox import Sandbox
    from ft42_sandbox.traffic import LoggedRequest

REFRESH_SECONDS = 5
LATEST_SHOWN = 12
CHART_WIDTH, CHART_HEIGHT = 1180, 120
STYLE = resources.files("ft42_sandbox").joinpath("data", "status.css").read_text("utf-8")


def status_page(sandbox: Sandbox) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of the status page. It shows no secret and no token."""

    async def serve(_request: Request) -> Response:
        return HTMLResponse(page(sandbox))

    return serve


def page(sandbox: Sandbox) -> str:
    """The whole page as HTML."""
    world, traffic = sandbox.world, sandbox.traffic
    now = str(sandbox.clock.describe()["now"])[:19].replace("T", " ")
    refused = list(reversed(traffic.refusals))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<meta http-equiv=refresh content={REFRESH_SECONDS}><title>ft42-sandbox</title>"
        f"<style>{STYLE}</style><h1>ft42-sandbox</h1>"
        f"<p>A stand-in for the 42 API v2. Data of seed {world.seed} as of "
        f"{escape(world.epoch[:10])}, its clock says {escape(now)} UTC.</p>"
        f"{_cards(sandbox)}"
        "<h2>Requests of the last minutes: <i class=good>answered</i>, <i class=bad>refused</i>"
        f"</h2>{_chart(sandbox)}"
        f"<h2>Requests by route</h2>{_routes(sandbox)}"
        f"<h2>Refused or failed lately</h2>{_asked(refused[:LATEST_SHOWN])}"
        f"<h2>Latest requests</h2>{_asked(traffic.latest(LATEST_SHOWN))}"
        f"<div class=two><div><h2>Settings</h2>{_settings(sandbox)}</div>"
        f"<div><h2>Faults</h2>{_faults(sandbox)}<h2>Rows</h2>{_rows(sandbox)}</div></div>"
        f"<h2>Routes</h2>{_known_routes()}"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], none: str = "None.") -> str:
    """An HTML table; the cells are HTML. A column whose title ends with `#` holds numbers."""
    kinds = [" class=n" if title.endswith("#") else "" for title in head]
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}" for kind, cell in zip(kinds, row, strict=True))
        for row in rows
    )
    if not body:
        return f"<p>{none}</p>"
    titles = "".join(
        f"<th{kind}>{escape(title.rstrip('#'))}"
        for kind, title in zip(kinds, head, strict=True)
    )
    return f"<div class=wide><table><tr>{titles}{body}</table></div>"


def _cards(sandbox: Sandbox) -> str:
    counts = sandbox.traffic.describe()
    refused = sum(
        count
        for name, route in counts["routes"].items()
        for status, count in route["statuses"].items()
        if name != "token" and not 200 <= int(status) < 400
    )
    cards = [
        ("requests", f"{counts['total']:,}"),
        ("refused or failed", f"{refused:,}"),
        ("being answered now", f"{sandbox.traffic.in_flight:,}"),
        ("tokens asked for", f"{counts['token']:,}"),
    ]
    for application in sandbox.tokens.applications.values():
        limit = limits_of(sandbox, application)[1]
        used = f"{sandbox.windows.used_this_hour(application.uid):,}"
        cards.append(
            (f"this hour by {application.uid}", f"{used} / {limit:,}" if limit else used)
        )
    return (
        "<div class=cards>"
        + "".join(f"<div class=card><b>{b}</b><span>{escape(n)}</span></div>" for n, b in cards)
        + "</div>"
    )


def _chart(sandbox: Sandbox) -> str:
    """A bar for each minute: answered requests at the bottom, refused ones above."""
    minutes = sandbox.traffic.minutes()
    most = max(minute.answered + minute.refused for minute in minutes) or 1
    width = CHART_WIDTH / len(minutes)
    bars = []
    for n, minute in enumerate(minutes):
        left, floor = n * width, CHART_HEIGHT - 14.0
        for count, colour in ((minute.answered, "good"), (minute.refused, "bad")):
            height = count / most * (CHART_HEIGHT - 30)
            floor -= height
            bars.append(
                f"<rect x={left:.1f} y={floor:.1f} width={width - 6:.1f} height={height:.1f} "
                f"fill='var(--{colour})'/>"
            )
        total = minute.answered + minute.refused
        ago = f"&minus;{minute.ago} min" if minute.ago else "now"
        bars.append(f"<text x={left:.1f} y={CHART_HEIGHT - 2}>{ago}</text>")
        if total:
            bars.append(f"<text x={left:.1f} y={floor - 3:.1f}>{total:,}</text>")
    chart = f"<svg viewBox='0 0 {CHART_WIDTH} {CHART_HEIGHT}'>{''.join(bars)}</svg>"
    return f"<div class=chart>{chart}</div>"


def _status(status: int, count: int | None = None) -> str:
    times = "" if count is None else f" &times; {count:,}"
    return f"<span class='s s{status // 100}'>{status or 'dropped'}{times}</span>"


def _routes(sandbox: Sandbox) -> str:
    return _table(
        ("route", "requests#", "statuses", "each takes#", "sent#"),
        (
            (
                f"<code>{escape(name)}</code>",
                f"{route['count']:,}",
                " ".join(_status(int(s), n) for s, n in route["statuses"].items()),
                f"{route['seconds'] / route['count'] * 1000:,.1f} ms",
                f"{route['bytes'] / 1e6:,.2f} MB",
            )
            for name, route in sandbox.traffic.describe()["routes"].items()
        ),
        "Nothing was asked yet.",
    )


def _asked(requests: Sequence[LoggedRequest]) -> str:
    now = time.time()
    return _table(
        ("ago#", "status", "by", "what was asked", "took#", "why not"),
        (
            (
                f"{now - asked.at:.0f} s",
                _status(asked.status),
                escape(asked.client_id),
                f"<code>{escape(asked.target)}</code>",
                f"{asked.seconds * 1000:,.1f} ms",
                escape(asked.reason),
            )
            for asked in requests
        ),
    )


def _settings(sandbox: Sandbox) -> str:
    """All settings; those that differ from the defaults are marked."""
    usual = Behaviour().describe()
    return _table(
        ("setting", "value"),
        (
            (
                f"<code>{escape(name)}</code>",
                escape(str(value)) if value == usual[name] else f"<b>{escape(str(value))}</b>",
            )
            for name, value in sandbox.behaviour.describe().items()
        ),
    )


def _faults(sandbox: Sandbox) -> str:
    return _table(
        ("fault", "route", "struck#", "of#"),
        (
            (f["kind"], f"<code>{escape(f['route'])}</code>", str(f["struck"]), str(f["seen"]))
            for f in sandbox.faults.describe()
        ),
    )


def _rows(sandbox: Sandbox) -> str:
    return _table(
        ("table", "rows#"),
        ((name, f"{len(table):,}") for name, table in sandbox.store.tables.items()),
    )


def _known_routes() -> str:
    graphs = {f"{route.path}{BELOW}" for route in LISTINGS if route.graphed}
    rows = {route.path for route in LISTINGS} | {route.path for route in SINGLES}
    paths = sorted(graphs | rows)
    refused = [f"{path} (refused)" for path in FORBIDDEN]
    lines = "<br>".join(f"<code>{escape(path)}</code>" for path in [*paths, *refused])
    return f"<div class=routes>{lines}</div>"
