"""One set of connection settings works for both programs, or is refused in one line."""

from __future__ import annotations

import json
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import NAME

from tests.end_to_end.conftest import BIN, ROOT
from tests.end_to_end.pair import TARGET
from tests.tls_server import needs_tls_server, tls_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.tls_server import TlsServer
    from tests.warehouse.conftest import Warehouse

Settings = dict[str, str]

_BOOLEANS = {
    "ssl_enable", "ssl_client_certificate_enable", "use_copy", "activate_version",
    "validate_records",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(memory: Path) -> Iterator[TlsServer]:
    with tls_server(memory / "tls") as server:
        yield server


def text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def with_authority(mode: str, server: TlsServer) -> Settings:
    return {
        "ssl_enable": "true",
        "ssl_mode": mode,
        "ssl_certificate_authority": server.file("authority.pem"),
    }


def client_certificate(server: TlsServer, read: Callable[[str], str]) -> Settings:
    return {
        "database": "certified",
        "ssl_enable": "true",
        "ssl_certificate_authority": read(server.file("authority.pem")),
        "ssl_client_certificate_enable": "true",
        "ssl_client_certificate": read(server.file("client.pem")),
        "ssl_client_private_key": read(server.file("client.key")),
        "password": "of-nobody",
    }


WAYS: dict[str, Callable[[TlsServer], Settings]] = {
    **{
        f"{mode}, with a file": partial(with_authority, mode)
        for mode in ("require", "verify-full")
    },
    "verify-full, with a text": lambda server: {
        "ssl_enable": "true",
        "ssl_certificate_authority": text(server.file("authority.pem")),
    },
    "a client certificate": lambda server: client_certificate(server, str),
    "a client certificate as text": lambda server: client_certificate(server, text),
    "nobody vouches": lambda _: {"PGSSLMODE": "require"},
    "a URL": lambda server: {
        "sqlalchemy_url": f"postgresql+psycopg://{NAME}:{NAME}@localhost:{server.port}/{NAME}"
        f"?sslmode=verify-full&sslrootcert={server.file('authority.pem')}",
        "host": "nowhere.invalid",
    },
    "a folder of sockets": lambda server: {
        "sqlalchemy_url": f"postgresql+psycopg://{NAME}:{NAME}@/{NAME}"
        f"?host={server.folder}&port={server.port}"
    },
}


@pytest.mark.few(1)
@needs_tls_server
@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_connect_works_for_both(way: str, server: TlsServer, tmp_path: Path) -> None:
    settings = WAYS[way](server)
    names = {name: value for name, value in settings.items() if name.islower()}
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME")},
        **server.environment,
        **{f"TARGET_POSTGRES_{name.upper()}": value for name, value in names.items()},
        **{name: value for name, value in settings.items() if not name.islower()},
    }
    done = subprocess.run(
        [BIN / "warehouse", "init"],
        env=environment, cwd=tmp_path, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loader = {
        **{
            name.removeprefix("TARGET_POSTGRES_").lower(): value
            for name, value in environment.items()
            if name.startswith("TARGET_POSTGRES_")
        },
        "default_target_schema": "ft42_raw",
        "use_copy": "true",
        "activate_version": "false",
        "validate_records": "false",
    }
    (tmp_path / "target.json").write_text(
        json.dumps(
            {
                name: value == "true"
                if name in _BOOLEANS
                else int(value)
                if name == "port"
                else value
                for name, value in loader.items()
            }
        )
    )
    schema = json.loads((ROOT / "schemas/cursus.json").read_text(encoding="utf-8"))
    messages = [
        {"type": "SCHEMA", "stream": "cursus", "schema": schema, "key_properties": ["id"]},
        {"type": "RECORD", "stream": "cursus", "record": {"id": 21, "name": way}},
    ]
    loaded = subprocess.run(
        [TARGET, "--config", "target.json"],
        input="\n".join(map(json.dumps, messages)),
        env=environment, cwd=tmp_path, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr[-2000:]
    published = subprocess.run(
        [BIN / "warehouse", "publish"],
        env=environment, cwd=tmp_path, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert "cursus" in published.stdout, published.stderr


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"HOST": "/var/run/postgresql"}, "?host=/var/run/postgresql"),
        ({"HOST": "@abstract"}, "?host=/var/run/postgresql"),
        ({"SSH_TUNNEL_ENABLE": "true"}, "ssh -N -L"),
        ({"SSL_ENABLE": "true", "SSL_MODE": "require"}, "PGSSLMODE=require"),
        ({"SSL_ENABLE": "true"}, "PGSSLMODE=require"),
        ({"SSL_ENABLE": "true", "SSL_MODE": "on"}, "verify-full"),
        (
            {"SSL_ENABLE": "true", "SSL_CERTIFICATE_AUTHORITY": "~/root.crt"},
            "TARGET_POSTGRES_SSL_CERTIFICATE_AUTHORITY is neither the path of a file",
        ),
        (
            {"SSL_ENABLE": "true", "SSL_CERTIFICATE_AUTHORITY": "-----BEGIN\\nMII\\n-----END"},
            "with its line breaks",
        ),
        ({"SSL_CLIENT_CERTIFICATE_ENABLE": "true"}, "_SSL_CLIENT_PRIVATE_KEY"),
        ({"SQLALCHEMY_URL": "postgresql://ft42@127.0.0.1/ft42"}, "postgresql+psycopg://"),
        ({"SQLALCHEMY_URL": "nonsense"}, "postgresql+psycopg://"),
        ({"PASSWORD": ""}, "TARGET_POSTGRES_SQLALCHEMY_URL"),
    ],
)
def test_what_only_one_of_them_could_use_is_refused_in_one_line(
    empty: Warehouse, settings: Settings, advice: str
) -> None:
    done = empty.attempt(
        "init", "--job", "nightly",
        **{f"TARGET_POSTGRES_{name}": value for name, value in settings.items()},
    )  # fmt: skip
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert advice in line
