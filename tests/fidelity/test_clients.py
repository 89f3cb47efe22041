"""Clients that others wrote for the real API work against the sandbox unchanged."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import trustme
import yaml
from API42 import Api42, apiFilter, apiRange, apiSort
from otto_api42.intra import IntraAPIClient

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

REAL_HOST = "api.intra.42.fr"
SIZE = {"users": 400, "enrolments": 3_000, "seed": 7}


@pytest.fixture(scope="module")
def real_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningSandbox, str]]:
    """A sandbox with a certificate for the real API's name, and who vouches for it."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert(REAL_HOST, "127.0.0.1")
    chain, key, ca = (str(folder / name) for name in ("chain.pem", "key.pem", "ca.pem"))
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    with running_sandbox(**SIZE, tls_cert=chain, tls_key=key, ca_file=ca) as running:
        yield running, ca


@pytest.fixture
def redirected(
    real_host: tuple[RunningSandbox, str], monkeypatch: pytest.MonkeyPatch
) -> RunningSandbox:
    """The same, with the real API's name leading to it, as an entry in a hosts file would."""
    running, ca = real_host
    port = urlsplit(running.url).port
    look_up = socket.getaddrinfo

    def here(host: Any, asked: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as in socket
        if host == REAL_HOST:
            return look_up("127.0.0.1", port, *args, **kwargs)
        return look_up(host, asked, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca)
    return running


@pytest.fixture
def api42(redirected: RunningSandbox) -> Iterator[Api42]:
    client = Api42(redirected.client_id, redirected.client_secret, "public")
    yield client
    client.close()


def test_api42_reads_lists_to_their_end(redirected: RunningSandbox, api42: Api42) -> None:
    assert len(api42.getAllCursus()) == 76
    assert len(api42.getAllCampuses()) == 54
    users = api42.getAllUsers(apiFilter("kind", "student"), apiSort("id"))
    assert users == [u for u in redirected.truth("users") if u["kind"] == "student"]


def test_api42_reads_nested_lists_and_single_records(
    redirected: RunningSandbox, api42: Api42
) -> None:
    assert api42.getCursusByID(21)["slug"] == "42cursus"
    links = api42.getCursusCursusUsers(21, apiRange("level", 0, 3), apiSort("-level"))
    levels = [link["level"] for link in links]
    assert levels == sorted(levels, reverse=True)
    assert max(levels) <= 3
    assert len(links) == len(redirected.truth_of("/v2/cursus/21/cursus_users?range[level]=0,3"))


def test_api42_renews_a_token_that_expired(redirected: RunningSandbox, api42: Api42) -> None:
    redirected.control("POST", "tokens/expire")
    assert len(api42.getAllCursus()) == 76


def test_api42_waits_out_a_refusal(redirected: RunningSandbox, api42: Api42) -> None:
    redirected.fault("429", count=2)
    assert len(api42.getAllCampuses()) == 54


@pytest.fixture
def otto(sandbox: RunningSandbox, tmp_path: Path) -> IntraAPIClient:
    config = tmp_path / "config.yml"
    intra = {
        "client": sandbox.client_id,
        "secret": sandbox.client_secret,
        "uri": f"{sandbox.url}/v2/oauth/token",
        "endpoint": f"{sandbox.url}/v2",
        "scopes": "public",
    }
    config.write_text(yaml.safe_dump({"intra": intra}))
    return IntraAPIClient(str(config))


@pytest.mark.slow
def test_otto_api42_reads_pages_one_by_one_and_in_threads(
    sandbox: RunningSandbox, otto: IntraAPIClient
) -> None:
    path = "cursus/21/users"
    params = {"filter[kind]": "student", "filter[alumni?]": "false"}
    whole = sandbox.truth_of("/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false")
    assert otto.pages(path, params=params) == whole
    assert otto.pages_threaded(path, params=params) == whole


def test_otto_api42_understands_a_user_in_the_long_form(
    sandbox: RunningSandbox, otto: IntraAPIClient
) -> None:
    for known in sandbox.truth("users")[::40]:
        user = otto.user(known["login"])
        assert user is not None
        assert (user.login, user.email) == (known["login"], known["email"])
        assert len(user.campus_users) >= 1
    assert otto.user("nobody") is None


def test_otto_api42_renews_its_token_by_the_header_of_a_401(
    sandbox: RunningSandbox, otto: IntraAPIClient
) -> None:
    assert otto.get("cursus").status_code == 200
    sandbox.control("POST", "tokens/expire")
    assert otto.get("cursus").status_code == 200


def test_otto_api42_waits_as_long_as_retry_after_says(
    sandbox: RunningSandbox, otto: IntraAPIClient
) -> None:
    sandbox.fault("429", count=1)
    assert otto.get("campus").status_code == 200


def curl(*words: str) -> tuple[int, dict[str, str], str]:
    """Status, headers in small letters and body of what curl gets."""
    path = shutil.which("curl")
    assert path
    done = subprocess.run(
        [path, "--silent", "--globoff", "--include", *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.splitlines()
    headers = {
        name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
    }
    return int(first.split()[1]), headers, body


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_gets_what_the_guide_of_the_api_shows(sandbox: RunningSandbox) -> None:
    api = sandbox.url
    status, _, body = curl(
        "-X",
        "POST",
        f"{api}/oauth/token",
        "--data",
        "grant_type=client_credentials&client_id=sandbox&client_secret=sandbox",
    )
    assert status == 200
    token = json.loads(body)["access_token"]
    header = f"Authorization: Bearer {token}"

    status, headers, body = curl("-H", header, f"{api}/v2/campus/1/users?per_page=2")
    assert status == 200
    total = int(headers["x-total"])
    assert (headers["x-page"], headers["x-per-page"]) == ("1", "2")
    pages = -(-total // 2)
    assert headers["link"] == (
        f'<{api}/v2/campus/1/users?page={pages}&per_page=2>; rel="last", '
        f'<{api}/v2/campus/1/users?page=2&per_page=2>; rel="next"'
    )
    assert len(json.loads(body)) == 2

    status, headers, body = curl("-H", header, f"{api}/v2/achievements?filter[campus_id]=29")
    assert (status, json.loads(body)["error"]) == (400, "Filter Error")

    status, headers, body = curl("-H", "Authorization: Bearer old", f"{api}/v2/campus")
    assert status == 401
    assert headers["www-authenticate"].startswith(
        'Bearer realm="42 API", error="invalid_token"'
    )

    status, headers, body = curl("-H", header, f"{api}/oauth/token/info")
    assert json.loads(body)["application"] == {"uid": "sandbox"}

    sandbox.configure(requests_per_hour=1)
    for _ in range(2):
        status, headers, body = curl("-H", header, f"{api}/v2/campus")
    assert (status, body) == (429, "429 Too Many Requests (Spam Rate Limit Exceeded)")
    assert headers["content-type"] == "text/plain"
    assert int(headers["retry-after"]) > 0
