"""Sends answers, complete or as faults spoil them."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from ft42_sandbox.answer import Answer
    from ft42_sandbox.damage import Struck

DRIPS = 20
TRANSPORT = "ft42.transport"


def conditional(found: Answer, if_none_match: str | None) -> None:
    """Give an answer 200 its ETag; make it a 304 if the client has the same content."""
    if found.status != HTTPStatus.OK:
        found.headers.setdefault("Cache-Control", "no-cache")
        return
    etag = f'W/"{crc32(found.body):08x}{len(found.body):x}"'
    found.headers |= {"ETag": etag, "Cache-Control": "max-age=0, private, must-revalidate"}
    if if_none_match == etag:
        found.status, found.body = HTTPStatus.NOT_MODIFIED, b""


async def send_answer(
    found: Answer, struck: Struck, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send an answer; uvicorn writes the names of headers in lower case, like HTTP/2."""
    head = {
        "Date": formatdate(time.time(), usegmt=True),
        "Content-Type": found.content_type,
        "Vary": "Accept, Origin",
        **found.headers,
    }
    if found.status != HTTPStatus.NOT_MODIFIED:
        head["Content-Length"] = str(len(found.body))
    body = b"" if scope["method"] == "HEAD" else found.body
    if "timeout" in struck:
        await _gone(receive, struck["timeout"].seconds)
        drop(scope, at_once=True)
        return
    if "drop" in struck:
        drop(scope, at_once=True)
        return
    half = body[: len(body) // 2]
    if "cut_clean" in struck:
        body = half
        head["Content-Length"] = str(len(body))
    start: Message = {
        "type": "http.response.start",
        "status": int(found.status),
        "headers": [
            (n.encode("latin-1"), v.encode("latin-1", "replace")) for n, v in head.items()
        ],
    }
    await send(start)
    if "cut" in struck:
        await send({"type": "http.response.body", "body": half, "more_body": True})
        drop(scope, at_once=False)
        return
    if "drip" in struck:
        await _drip(body, struck["drip"].seconds, send)
        return
    await send({"type": "http.response.body", "body": body})


def drop(scope: Scope, *, at_once: bool) -> None:
    """Close the connection at once, or after the sent data has left.

    Raises:
        RuntimeError: if the server's transport is not known.
    """
    transport = scope.get(TRANSPORT)
    if transport is None:
        msg = "the server does not let its transport be closed"
        raise RuntimeError(msg)
    if at_once:
        transport.abort()
    else:
        transport.close()


def note_transport(scope: Scope, send: Send) -> None:
    """Remember the connection's transport, so that faults can close it.

    ASGI has no message for that. The transport is taken from uvicorn's request cycle: the
    outermost `send` is a bound method of it.
    """
    scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)


async def _gone(receive: Receive, seconds: float) -> None:
    """Wait until the client closes the connection, for some seconds at most."""

    async def disconnected() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(disconnected(), seconds)
    except TimeoutError:
        return


async def _drip(body: bytes, seconds: float, send: Send) -> None:
    step = max(1, -(-len(body) // DRIPS))
    for begin in range(0, len(body), step):
        await asyncio.sleep(seconds / DRIPS)
        await send(
            {
                "type": "http.response.body",
                "body": body[begin : begin + step],
                "more_body": True,
            }
        )
    await send({"type": "http.response.body", "body": b""})
