"""The gate of every request to the API: token, limits, latency and faults."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus
from uuid import uuid4

from starlette.requests import Request

from ft42_sandbox import answer as answers
from ft42_sandbox.damage import Struck, damaged, replaced
from ft42_sandbox.outgoing import conditional, send_answer
from ft42_sandbox.traffic import LoggedRequest

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ft42_sandbox.answer import Answer
    from ft42_sandbox.api import Handler
    from ft42_sandbox.sandbox import Sandbox
    from ft42_sandbox.tokens import Application

DROPPED = ("drop", "timeout")


@dataclass(frozen=True)
class GuardedRoute:
    """One route of the API as an ASGI application.

    Attributes:
        sandbox: the sandbox of the route.
        pattern: the path with `:id`, which counts and faults use.
        handler: makes the right answer.
    """

    sandbox: Sandbox
    pattern: str
    handler: Handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        started = time.perf_counter()
        sandbox, request = self.sandbox, Request(scope, receive)
        struck = sandbox.faults.strike(self.pattern, unquote_plus(request.url.query))
        sandbox.traffic.in_flight += 1
        try:
            found, wait = self._answer(request, struck)
            conditional(found, request.headers.get("if-none-match"))
            if wait:
                await asyncio.sleep(wait)
            seconds = time.perf_counter() - started
            found.headers["X-Request-Id"] = str(uuid4())
            found.headers["X-Runtime"] = f"{seconds:.6f}"
            await send_answer(found, struck, scope, receive, send)
        finally:
            sandbox.traffic.in_flight -= 1
        sandbox.traffic.note(
            LoggedRequest(
                at=scope.get("ft42.at") or time.time(),
                client_id=scope.get("ft42.client", ""),
                token=bearer_token(request)[:8],
                route=f"{request.method} {self.pattern}",
                target=_target(request),
                status=0 if any(kind in struck for kind in DROPPED) else int(found.status),
                seconds=time.perf_counter() - started,
                bytes=len(found.body),
                reason=found.reason or ", ".join(struck),
            )
        )

    def _answer(self, request: Request, struck: Struck) -> tuple[Answer, float]:
        """The answer, and the seconds it takes."""
        sandbox, behaviour = self.sandbox, self.sandbox.behaviour
        if behaviour.require_user_agent and not request.headers.get("user-agent"):
            return answers.challenge(), 0.0
        if "expire_token" in struck:
            sandbox.tokens.expire()
        value = bearer_token(request)
        owner = sandbox.tokens.owner(value) if value else None
        if owner is None:
            return answers.unauthorized("The access token is invalid"), 0.0
        application, token = owner
        request.scope["ft42.client"] = application.uid
        if token.expires_at <= time.time():
            return answers.unauthorized("The access token expired"), 0.0
        per_second, per_hour = limits_of(sandbox, application)
        if "use_up_hour" in struck:
            sandbox.windows.use_up_hour(application.uid, per_hour)
        verdict = sandbox.windows.count(
            application.uid,
            per_second,
            per_hour,
            refused_count=behaviour.refused_requests_count,
        )
        request.scope["ft42.at"] = verdict.at
        found, profile, rows = self._judged(request, struck, verdict.allowed, verdict.wait)
        found.headers = {
            **verdict.headers,
            "X-Application-Id": str(application.number),
            "X-Application-Name": application.name,
            "X-Application-Roles": application.roles,
            **found.headers,
        }
        return found, sandbox.latency.seconds(profile, rows)

    def _judged(
        self,
        request: Request,
        struck: Struck,
        allowed: bool,
        wait: int,
    ) -> tuple[Answer, str, int]:
        """The right answer, a refusal by the limits, or the answer of a fault."""
        sandbox, retry_after = self.sandbox, self.sandbox.behaviour.retry_after
        if not allowed:
            return answers.too_many_requests(wait, retry_after=retry_after), "refused", 0
        if sandbox.faults.chance(sandbox.behaviour.stray_429):
            return answers.too_many_requests(1, retry_after=retry_after), "refused", 0
        instead = replaced(struck, retry_after=retry_after)
        if instead is not None:
            return instead, "refused", 0
        request.scope["ft42.struck"] = struck
        outcome = self.handler(request)
        damaged(outcome[0], struck)
        return outcome


def limits_of(sandbox: Sandbox, application: Application) -> tuple[int, int]:
    """An application's own limits, or the common ones if it has none."""
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
    return request.url.path + (f"?{unquote_plus(query)}" if query else "")
