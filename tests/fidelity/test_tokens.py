"""Tokens: how they are asked for, that they stay the same, how they and secrets end."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from ft42_sandbox.testing import Reply, RunningSandbox

CREDENTIALS = {"client_id": "sandbox", "client_secret": "sandbox"}
GRANT = {"grant_type": "client_credentials", **CREDENTIALS}
KEYS = ["access_token", "token_type", "expires_in", "scope", "created_at", "secret_valid_until"]
QUERY = "&".join(f"{name}={value}" for name, value in GRANT.items())
MULTIPART = "".join(
    f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    for name, value in GRANT.items()
)
BASIC = base64.b64encode(b"sandbox:sandbox").decode()
WAYS: dict[str, tuple[str, dict[str, str], bytes]] = {
    "form": ("", {"Content-Type": "application/x-www-form-urlencoded"}, QUERY.encode()),
    "query": (f"?{QUERY}", {}, b""),
    "json": ("", {"Content-Type": "application/json"}, json.dumps(GRANT).encode()),
    "multipart": (
        "",
        {"Content-Type": "multipart/form-data; boundary=cut"},
        f"{MULTIPART}--cut--\r\n".encode(),
    ),
    "basic": ("", {"Authorization": f"Basic {BASIC}"}, b"grant_type=client_credentials"),
}


def ask(sandbox: RunningSandbox, **params: str) -> Reply:
    return sandbox.send("POST", "/oauth/token", form={**GRANT, **params})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", ["/oauth/token", "/v2/oauth/token"])
def test_credentials_are_taken_in_every_usual_way(
    sandbox: RunningSandbox, path: str, way: str
) -> None:
    query, headers, body = WAYS[way]
    reply = sandbox.send("POST", path + query, headers, body=body)
    assert reply.status == 200
    assert list(reply.json()) == KEYS
    assert len(reply.json()["access_token"]) == 64
    assert reply.json()["token_type"] == "bearer"  # noqa: S105 - OAuth's word, no secret
    assert reply.headers["X-Hourly-RateLimit-Limit"] is None


def test_the_same_token_comes_again_with_the_seconds_that_are_left() -> None:
    with running_sandbox(users=50, enrolments=0, expires_in=7200) as sandbox:
        first = ask(sandbox).json()
        again = ask(sandbox, scope="public projects").json()
        assert again["access_token"] == first["access_token"]
        assert again["created_at"] == first["created_at"]
        assert 7200 - 60 < again["expires_in"] <= first["expires_in"] <= 7200


def test_the_newer_form_of_the_answer_can_be_had(sandbox: RunningSandbox) -> None:
    usual = ask(sandbox).json()
    sandbox.configure(newer_token_answer=True)
    newer = ask(sandbox).json()
    assert list(newer) == KEYS
    assert newer["access_token"] == usual["access_token"]
    assert (newer["token_type"], newer["secret_valid_until"]) == ("Bearer", None)


def test_an_expired_token_is_refused_and_a_new_one_given(sandbox: RunningSandbox) -> None:
    old = sandbox.token()
    assert sandbox.control("POST", "tokens/expire")["expired"] >= 1
    reply = sandbox.get("/v2/cursus")
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"] == (
        'Bearer realm="42 API", error="invalid_token", '
        'error_description="The access token expired"'
    )
    new = ask(sandbox).json()["access_token"]
    assert new != old
    assert sandbox.get("/v2/cursus", Authorization=f"Bearer {new}").status == 200


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}])
def test_an_unknown_token_is_invalid(sandbox: RunningSandbox, header: dict[str, str]) -> None:
    reply = sandbox.send("GET", "/v2/cursus", header)
    assert reply.status == 401
    assert "The access token is invalid" in reply.headers["WWW-Authenticate"]


def test_a_token_may_come_in_the_query(sandbox: RunningSandbox) -> None:
    assert sandbox.send("GET", f"/v2/cursus?access_token={sandbox.token()}").status == 200


@pytest.mark.parametrize(
    ("params", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "unknown"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_refuses_as_doorkeeper_does(
    sandbox: RunningSandbox, params: dict[str, str], status: int, error: str
) -> None:
    reply = ask(sandbox, **params)
    assert (reply.status, reply.json()["error"]) == (status, error)
    assert reply.json()["error_description"]


def test_a_secret_ends_and_the_next_one_is_valid_before(sandbox: RunningSandbox) -> None:
    until = ask(sandbox).json()["secret_valid_until"]
    assert time.time() < until <= time.time() + 28 * 24 * 3600
    sandbox.control("POST", "applications", {"client_id": "other", "client_secret": "old"})
    other = {"client_id": "other", "client_secret": "old"}
    sandbox.control("POST", "secret", {"client_id": "other", "secret": "new", "keep_old": True})
    before = ask(sandbox, **other).json()
    assert ask(sandbox, **{**other, "client_secret": "new"}).status == 200
    sandbox.control("POST", "secret", {"client_id": "other", "secret": "new"})
    assert ask(sandbox, **other).status == 401
    after = ask(sandbox, **{**other, "client_secret": "new"}).json()
    assert after["access_token"] == before["access_token"]
    assert after["secret_valid_until"] > before["secret_valid_until"]


def test_token_info_tells_about_the_token(sandbox: RunningSandbox) -> None:
    info = sandbox.get("/oauth/token/info").json()
    assert list(info) == [
        "resource_owner_id",
        "scopes",
        "expires_in_seconds",
        "application",
        "created_at",
    ]
    assert info["resource_owner_id"] is None
    assert info["scopes"] == ["public"]
    assert info["application"] == {"uid": "sandbox"}
