"""Tokens and data are asked for in the same way: trust, proxies, and nobody else's password."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.tap.scripted import TOKEN_PATH, Reply, always, in_turn, paged, scripted_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tap.running import Tap
    from tests.tap.scripted import ScriptedApi

CURSUS = {"id": 21, "created_at": None, "name": "42cursus", "slug": "42cursus", "kind": "main"}


UNTOLD = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), "")
"""The variables of a machine that trusts whom all trust."""


@pytest.fixture
def authority() -> trustme.CA:
    """Whom no machine trusts of itself."""
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[ScriptedApi]:
    """An API with a certificate of that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with scripted_api(context) as api:
        api.script["/v2/cursus"] = paged([CURSUS])
        yield api


@pytest.mark.few(1)
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_whom_the_machine_trusts_is_trusted_for_tokens_and_data(
    tap: Tap, secure: ScriptedApi, authority: trustme.CA, tmp_path: Path, variable: str
) -> None:
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    here = tap.within(**(UNTOLD | {variable: str(file)})).pointed_at(secure)
    assert here.run("cursus").ids("cursus") == [21]
    assert len(secure.asked_for(TOKEN_PATH)) == 1


def test_a_certificate_that_is_not_trusted_is_named_at_once(
    tap: Tap, secure: ScriptedApi
) -> None:
    run = tap.within(**UNTOLD).pointed_at(secure).fail("cursus")
    assert f"The certificate of {secure.url} is not trusted: " in run.last_word
    assert "REQUESTS_CA_BUNDLE" in run.last_word
    assert "next one follows" not in run.log
    assert secure.asked == []


def test_a_file_of_certificates_that_is_not_there_is_named(
    tap: Tap, secure: ScriptedApi
) -> None:
    run = (
        tap.within(**(UNTOLD | {"SSL_CERT_FILE": "/nowhere.pem"}))
        .pointed_at(secure)
        .fail("cursus")
    )
    assert "/nowhere.pem" in run.last_word
    assert "Traceback" not in run.log


@pytest.mark.parametrize("entry", ["default", "machine 127.0.0.1"])
def test_a_password_of_the_machine_s_goes_to_nobody(
    tap: Tap, api: ScriptedApi, tmp_path: Path, entry: str
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"{entry} login somebody password of-another-service\n")
    netrc.chmod(0o600)
    # With the renewal of a token, too.
    api.script["/v2/cursus"] = in_turn(always(Reply({}, 401)), paged([CURSUS]))
    assert tap.within(NETRC=str(netrc)).pointed_at(api).run("cursus").ids("cursus") == [21]
    told = {asked.path: asked.headers["Authorization"] for asked in api.asked}
    assert told == {TOKEN_PATH: None, "/v2/cursus": f"Bearer {'f' * 64}"}
    assert "of-another-service" not in str([list(asked.headers.items()) for asked in api.asked])


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that leads nowhere, and the hosts that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_error(403)

        do_GET = do_POST = do_CONNECT  # noqa: N815 - the protocol's names

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://somebody:hunter2@127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_what_is_on_this_machine_needs_no_proxy(
    tap: Tap, api: ScriptedApi, proxy: tuple[str, list[str]]
) -> None:
    api.script["/v2/cursus"] = paged([CURSUS])
    url, asked = proxy
    here = tap.within(HTTP_PROXY=url, http_proxy=url, NO_PROXY="", no_proxy="")
    assert here.pointed_at(api).run("cursus").ids("cursus") == [21]
    assert asked == []


def test_all_else_goes_through_the_proxy(
    tap: Tap, api: ScriptedApi, proxy: tuple[str, list[str]]
) -> None:
    url, asked = proxy
    here = tap.within(HTTPS_PROXY=url, https_proxy=url, NO_PROXY="", no_proxy="")
    run = here.pointed_at(api, api_url="https://api.example.org").fail("cursus")
    assert set(asked) == {"api.example.org:443"}
    assert "The proxy of this machine does not lead to https://api.example.org" in run.last_word
    assert "hunter2" not in run.log


def test_a_limit_that_holds_for_ever_holds_to_the_end_of_the_hour(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script["/v2/cursus"] = always(Reply(b"", 429, {"Retry-After": "999999999"}))
    almost = 1_800_000_000 // 3600 * 3600 + 3590
    api.ahead = almost - time.time()
    run = replace(tap, now=almost).pointed_at(api).fail("cursus")
    assert len(api.asked_for("/v2/cursus")) == 2
    assert "asks to wait for 999,999,999 s" in run.last_word


def test_a_server_that_fails_for_ever_is_not_waited_for_beyond_the_run(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script["/v2/cursus"] = always(Reply(b"", 503, {"Retry-After": "999999999"}))
    half_past = 1_800_000_000 // 3600 * 3600 + 1800
    api.ahead = half_past - time.time()
    run = replace(tap, now=half_past).pointed_at(api, max_minutes=1).start("cursus").finish()
    assert "the API asks to wait until" in run.log
    assert len(api.asked_for("/v2/cursus")) == 1
