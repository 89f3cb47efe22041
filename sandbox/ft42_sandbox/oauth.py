"""The token endpoint over HTTP; it accepts credentials in every form that clients use."""

from __future__ import annotations

import time
from base64 import b64decode
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.requests import Request

from ft42_sandbox.answer import Answer, challenge, json_answer
from ft42_sandbox.damage import replaced
from ft42_sandbox.faults import TOKEN
from ft42_sandbox.outgoing import send_answer
from ft42_sandbox.tokens import OAuthError
from ft42_sandbox.traffic import LoggedRequest

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ft42_sandbox.sandbox import Sandbox


class TokenEndpoint:
    """/oauth/token as an ASGI application. It has no rate limit and sends no such headers."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Give out the tokens of this sandbox."""
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a token request."""
        started = time.perf_counter()
        sandbox, request = self._sandbox, Request(scope, receive)
        struck = sandbox.faults.strike(TOKEN, "")
        params = await credentials(request)
        if sandbox.behaviour.require_user_agent and not request.headers.get("user-agent"):
            found = challenge()
        else:
            instead = replaced(struck, retry_after=sandbox.behaviour.retry_after)
            found = instead or self._grant(params)
        # Like 42's servers: the header comes from the clock that stamps the rows.
        found.headers["Date"] = formatdate(sandbox.clock.now() / 1e6, usegmt=True)
        await send_answer(found, struck, scope, receive, send)
        sandbox.traffic.note(
            LoggedRequest(
                at=time.time(),
                client_id=params.get("client_id", ""),
                token="",
                route=TOKEN,
                target="/oauth/token",
                status=int(found.status),
                seconds=time.perf_counter() - started,
                bytes=len(found.body),
                reason=found.reason,
            )
        )

    def _grant(self, params: dict[str, str]) -> Answer:
        sandbox, behaviour = self._sandbox, self._sandbox.behaviour
        try:
            body = sandbox.tokens.grant(
                params, behaviour.expires_in, newer=behaviour.newer_token_answer
            )
            found = json_answer(200, body)
        except OAuthError as refusal:
            body = {"error": refusal.error, "error_description": refusal.description}
            found = json_answer(refusal.status, body, refusal.description)
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                found.headers["WWW-Authenticate"] = (
                    f'Bearer realm="Doorkeeper", error="{refusal.error}", '
                    f'error_description="{refusal.description}"'
                )
        found.headers |= {"Cache-Control": "no-store", "Pragma": "no-cache"}
        return found


async def credentials(request: Request) -> dict[str, str]:
    """The credentials in the query, the body and the header; the last of these wins."""
    params = dict(request.query_params)
    body = await request.body()
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        params |= _from_json(body)
    elif kind.startswith("multipart/form-data"):
        params |= _from_multipart(kind, body)
    else:
        params |= dict(parse_qsl(body.decode("utf-8", "replace")))
    header = request.headers.get("authorization", "")
    if header[:6].lower() == "basic ":
        params |= _from_basic(header[6:])
    return params


def _from_json(body: bytes) -> dict[str, str]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(name): str(value) for name, value in content.items() if value is not None}


def _from_multipart(kind: str, body: bytes) -> dict[str, str]:
    message = message_from_bytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=policy.HTTP
    )
    params = {}
    for part in message.iter_parts() if isinstance(message, EmailMessage) else ():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            params[name] = payload.decode("utf-8", "replace").strip("\r\n")
    return params


def _from_basic(encoded: str) -> dict[str, str]:
    try:
        uid, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": unquote(uid), "client_secret": unquote(secret)}
