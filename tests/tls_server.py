"""A PostgreSQL that refuses all without TLS: Debian's, as the wheel's has no TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from ft42_warehouse.embedded import HOST, NAME

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)

needs_tls_server = pytest.mark.skipif(
    _PROGRAMS is None, reason="there is no PostgreSQL here: apt-get install postgresql"
)


@dataclass(frozen=True)
class TlsServer:
    """A server that runs, with an authority and a client's certificate beside it."""

    folder: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name it, without a word of TLS."""
        return {
            "TARGET_POSTGRES_HOST": "localhost",
            "TARGET_POSTGRES_PORT": str(self.port),
            "TARGET_POSTGRES_USER": NAME,
            "TARGET_POSTGRES_PASSWORD": NAME,
            "TARGET_POSTGRES_DATABASE": NAME,
        }

    def file(self, name: str) -> str:
        """Return the path of one of authority.pem, client.pem and client.key."""
        return str(self.folder / name)


@contextmanager
def tls_server(folder: Path) -> Iterator[TlsServer]:
    """Run a server.

    Args:
        folder: is made; the folder above it is opened to the server's user.
    """
    assert _PROGRAMS is not None
    # The server refuses to run as root.
    account = "postgres" if os.geteuid() == 0 else None
    folder.mkdir()
    if account:
        folder.parent.chmod(0o755)
        shutil.chown(folder, account, account)
    authority = trustme.CA()
    server, client = authority.issue_cert("localhost"), authority.issue_cert(common_name=NAME)
    secrets = {
        "authority.pem": authority.cert_pem.bytes(),
        "server.pem": server.cert_chain_pems[0].bytes(),
        "server.key": server.private_key_pem.bytes(),
        "client.pem": client.cert_chain_pems[0].bytes(),
        "client.key": client.private_key_pem.bytes(),
        "password": NAME.encode(),
    }
    for name, content in secrets.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        if account and not name.startswith("client"):
            shutil.chown(path, account, account)
    (folder / "authority.pem").chmod(0o644)
    (folder / "client.pem").chmod(0o644)
    port, data = free_port(), folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [_PROGRAMS / program, "-D", data, *arguments],
            user=account, cwd=folder, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    run(
        "initdb", "--username", NAME, "--pwfile", str(folder / "password"), "--no-sync",
        "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256",
    )  # fmt: skip
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(
            f"listen_addresses = '{HOST}'\nport = {port}\nfsync = off\n"
            f"unix_socket_directories = '{folder}'\nssl = on\n"
            f"ssl_cert_file = '{folder}/server.pem'\nssl_key_file = '{folder}/server.key'\n"
            f"ssl_ca_file = '{folder}/authority.pem'\n"
        )
    (data / "pg_hba.conf").write_text(
        "local all all scram-sha-256\n"
        f"hostssl certified all {HOST}/32 cert\n"
        f"hostssl all all {HOST}/32 scram-sha-256\n"
    )
    run("pg_ctl", "start", "--wait", "--silent", "--log", str(folder / "log"))
    try:
        for database in (NAME, "certified"):
            subprocess.run(
                [_PROGRAMS / "createdb", "-h", folder, "-p", str(port), "-U", NAME, database],
                env={"PGPASSWORD": NAME}, check=True,
            )  # fmt: skip
        yield TlsServer(folder, port)
    finally:
        run("pg_ctl", "stop", "--mode=immediate", "--silent")
