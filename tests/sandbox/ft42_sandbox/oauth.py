"""The token endpoint over HTTP: every way in which clients send their credentials."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ft42_sandbox.sandbox import Sandbox
from ft42_sandbox.tokens import OAuthError

TOKEN = "token"  # noqa: S105 - a route's name in the books, not a secret


def token_endpoint(sandbox: Sandbox) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of /oauth/token. It has no rate limit and sends no such headers."""

    async def serve(request: Request) -> Response:
        started = time.perf_counter()
        params = await credentials(request)
        reason = ""
        try:
            status, body = 200, sandbox.tokens.grant(params, sandbox.behaviour.expires_in)
        except OAuthError as refusal:
            status, reason = refusal.status, refusal.description
            body = {"error": refusal.error, "error_description": refusal.description}
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        if status == 401:
            headers["WWW-Authenticate"] = (
                f'Bearer realm="Doorkeeper", error="{body["error"]}", '
                f'error_description="{reason}"'
            )
        response = Response(
            orjson.dumps(body), status, headers, "application/json; charset=utf-8"
        )
        seconds = time.perf_counter() - started
        sandbox.traffic.note(TOKEN, status, seconds, len(response.body), "/oauth/token", reason)
        return response

    return serve


async def credentials(request: Request) -> dict[str, str]:
    """What a token request says, from the query, the body and the header, the later winning."""
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
