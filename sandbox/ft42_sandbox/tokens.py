"""OAuth: applications, their secrets and their tokens, like Doorkeeper at 42."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

DAY = 24 * 3600
ROTATION = 28 * DAY
# Two captured values of secret_valid_until lie a multiple of 28 days after this one.
ROTATION_ANCHOR = 1_763_715_611
INVALID_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, "
    "or unsupported authentication method."
)


@dataclass
class Token:
    """An access token of an application."""

    value: str
    created_at: int
    expires_at: float
    scope: str


@dataclass
class Application:
    """A registered application.

    Attributes:
        uid: its client id.
        secrets: the secrets that are valid now; during a rotation, also the next one.
        number: the value of X-Application-Id.
        roles: the value of X-Application-Roles.
        requests_per_second: its own limit; None for the common one.
        requests_per_hour: its own limit; None for the common one.
    """

    uid: str
    secrets: list[str]
    number: int = 1
    name: str = "sandbox"
    roles: str = "None"
    requests_per_second: int | None = None
    requests_per_hour: int | None = None
    secret_valid_until: int = 0
    token: Token | None = None

    def __post_init__(self) -> None:
        """Let the secret be valid until the next rotation."""
        if not self.secret_valid_until:
            now = int(time.time())
            self.secret_valid_until = now + (ROTATION_ANCHOR - now) % ROTATION


class OAuthError(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, status: int, error: str, description: str) -> None:
        """Refuse with a status and the two texts of the body."""
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


@dataclass
class Tokens:
    """All applications and the tokens they were given.

    Time here is the real wall clock, not the sandbox's.
    """

    applications: dict[str, Application]
    _given: dict[str, tuple[Application, Token]] = field(default_factory=dict)

    def grant(
        self, params: dict[str, str], expires_in: int, *, newer: bool = False
    ) -> dict[str, object]:
        """The body of a token answer; as long as a token is valid, it is given again.

        Args:
            params: what the client sent.
            expires_in: seconds that a new token is valid.
            newer: answer like a capture of October 2026: with a capital in `token_type`, and
                without the end of the secret.

        Raises:
            OAuthError: for another grant type, an unknown application or a wrong secret.
        """
        application = self.applications.get(params.get("client_id", ""))
        now = time.time()
        if "grant_type" not in params:
            msg = "Missing required parameter: grant_type."
            raise OAuthError(400, "invalid_request", msg)
        if params["grant_type"] != "client_credentials":
            msg = "The authorization grant type is not supported by the authorization server."
            raise OAuthError(400, "unsupported_grant_type", msg)
        if (
            application is None
            or params.get("client_secret") not in application.secrets
            or application.secret_valid_until <= now
        ):
            raise OAuthError(401, "invalid_client", INVALID_CLIENT)
        token = application.token
        if token is None or token.expires_at <= now:
            token = Token(
                secrets.token_hex(32),
                int(now),
                now + expires_in,
                params.get("scope", "").strip() or "public",
            )
            application.token = token
            self._given[token.value] = (application, token)
        return {
            "access_token": token.value,
            "token_type": "Bearer" if newer else "bearer",
            "expires_in": max(0, int(token.expires_at - now)),
            "scope": token.scope,
            "created_at": token.created_at,
            "secret_valid_until": None if newer else application.secret_valid_until,
        }

    def owner(self, value: str) -> tuple[Application, Token] | None:
        """The application of a token, which may be expired; None for an unknown token."""
        return self._given.get(value)

    def expire(self) -> int:
        """Expire every token now, and return their number."""
        living = [token for _, token in self._given.values() if token.expires_at > time.time()]
        for token in living:
            token.expires_at = time.time()
        return len(living)

    def rotate(self, uid: str, secret: str, *, keep_old: bool) -> Application:
        """Give an application a new secret for the next 28 days.

        Args:
            uid: the application's client id.
            secret: the new secret.
            keep_old: whether the old secret stays valid, as before the swap at 42.

        Raises:
            ValueError: if there is no such application.
        """
        application = self.applications.get(uid)
        if application is None:
            msg = f"there is no application {uid}"
            raise ValueError(msg)
        if keep_old:
            application.secrets = [*application.secrets, secret]
        else:
            application.secrets = [secret]
            application.secret_valid_until = int(time.time()) + ROTATION
        return application

    def info(self, application: Application, token: Token) -> dict[str, object]:
        """The body of /oauth/token/info."""
        return {
            "resource_owner_id": None,
            "scopes": token.scope.split(),
            "expires_in_seconds": max(0, int(token.expires_at - time.time())),
            "application": {"uid": application.uid},
            "created_at": token.created_at,
        }
