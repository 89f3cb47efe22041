"""The connection settings of the stock target, which ``warehouse`` uses, too.

Both programs share one set of settings. A setting that only one of them could use is refused
before a job begins, and not in the middle of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

_SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
_NO_PLACE_IN_A_URL = set("/@?#")
"""Characters that a host cannot have: the target puts it into a URL without escaping it."""

_DRIVER = "postgresql+psycopg"
"""The only driver whose COPY the target can use."""


@dataclass(frozen=True)
class LoaderSettings:
    """The settings of the stock target, by its own names."""

    host: str | None = None
    port: int = 5432
    user: str | None = None
    database: str | None = None
    password: str | None = None
    sqlalchemy_url: str | None = None
    """Replaces all other settings except ``ssh_tunnel_enable``."""
    ssl_enable: bool = False
    ssl_mode: str = "verify-full"
    ssl_certificate_authority: str | None = None
    """The path of a file, or its text."""
    ssl_client_certificate_enable: bool = False
    ssl_client_certificate: str | None = None
    ssl_client_private_key: str | None = None
    ssl_storage_directory: str = ".secrets"
    ssh_tunnel_enable: bool = False

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of libpq with which the target connects.

        Certificates that are given as text are skipped: see `certificates`.

        Raises:
            click.ClickException: Only one of the two programs could use the settings.
        """
        if self.ssh_tunnel_enable:
            message = (
                "TARGET_POSTGRES_SSH_TUNNEL_ENABLE works only for the loader. Open the tunnel "
                "yourself (ssh -N -L 5433:DATABASE_HOST:5432 BASTION), and set "
                "TARGET_POSTGRES_HOST=127.0.0.1 and TARGET_POSTGRES_PORT=5433 instead."
            )
            raise click.ClickException(message)
        if self.sqlalchemy_url:
            return _parameters_of(self.sqlalchemy_url)
        if _NO_PLACE_IN_A_URL & set(self.host or ""):
            message = (
                "TARGET_POSTGRES_HOST is no host name, and the loader cannot take a folder of "
                "sockets there. Set TARGET_POSTGRES_SQLALCHEMY_URL="
                f"{_DRIVER}://USER:PASSWORD@/DATABASE?host=/var/run/postgresql instead."
            )
            raise click.ClickException(message)
        if self.ssl_enable and self.ssl_mode not in _SSL_MODES:
            message = (
                f"TARGET_POSTGRES_SSL_MODE cannot be {self.ssl_mode}. Take one of "
                f"{', '.join(sorted(_SSL_MODES))}."
            )
            raise click.ClickException(message)
        if self.ssl_enable and not self.ssl_certificate_authority:
            message = (
                "TARGET_POSTGRES_SSL_ENABLE needs TARGET_POSTGRES_SSL_CERTIFICATE_AUTHORITY: "
                "the loader needs it in every mode. Name the file of the server's authority; "
                "or, for TLS that does not verify the server, remove "
                "TARGET_POSTGRES_SSL_ENABLE and set PGSSLMODE=require."
            )
            raise click.ClickException(message)
        if self.ssl_client_certificate_enable and not (
            self.ssl_client_certificate and self.ssl_client_private_key
        ):
            message = (
                "TARGET_POSTGRES_SSL_CLIENT_CERTIFICATE_ENABLE needs "
                "TARGET_POSTGRES_SSL_CLIENT_CERTIFICATE and _SSL_CLIENT_PRIVATE_KEY."
            )
            raise click.ClickException(message)
        named = {
            "host": self.host, "port": self.port, "user": self.user, "dbname": self.database,
            "password": self.password, "sslmode": self.ssl_mode if self.ssl_enable else None,
        }  # fmt: skip
        files = {
            parameter: value
            for parameter, (_, value) in self._files().items()
            if not _is_text(value)
        }
        for parameter, path in files.items():
            # Like the target: a text that is too long for a path is no file.
            if not os.path.isfile(path):  # noqa: PTH113
                name, _ = self._files()[parameter]
                message = (
                    f"TARGET_POSTGRES_{name} is neither the path of a file nor a file's text. "
                    "Write a path without ~, or the text with its line breaks."
                )
                raise click.ClickException(message)
        return {name: value for name, value in named.items() if value is not None} | files

    def certificates(self) -> dict[str, str]:
        """Return the certificates and keys that are given as text, by libpq's parameter."""
        return {
            parameter: value
            for parameter, (_, value) in self._files().items()
            if _is_text(value)
        }

    def make_storage(self) -> None:
        """Make the folder for certificates that are given as text: the target does not.

        Raises:
            click.ClickException: The folder cannot be made.
        """
        if self.certificates():
            try:
                Path(self.ssl_storage_directory).mkdir(0o700, parents=True, exist_ok=True)
            except OSError as error:
                message = (
                    f"TARGET_POSTGRES_SSL_STORAGE_DIRECTORY cannot be made: {error.strerror}."
                )
                raise click.ClickException(message) from None

    def _files(self) -> dict[str, tuple[str, str]]:
        """Return by libpq's parameter: the name of the target's setting, and its value."""
        if self.sqlalchemy_url:
            return {}
        files = {}
        if self.ssl_enable:
            files["sslrootcert"] = "SSL_CERTIFICATE_AUTHORITY", self.ssl_certificate_authority
        if self.ssl_client_certificate_enable:
            files["sslcert"] = "SSL_CLIENT_CERTIFICATE", self.ssl_client_certificate
            files["sslkey"] = "SSL_CLIENT_PRIVATE_KEY", self.ssl_client_private_key
        return {name: (setting, value or "") for name, (setting, value) in files.items()}


def _is_text(value: str) -> bool:
    return value.lstrip().startswith("-----BEGIN") and "\n" in value.strip()


def _parameters_of(url: str) -> dict[str, Any]:
    """Return the parameters that the target's own library reads from a URL."""
    # These imports take a quarter of a second, and few users have a URL.
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg  # noqa: PLC0415
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # of a port
        parsed = None
    if parsed is None or parsed.drivername != _DRIVER:
        message = (
            f"TARGET_POSTGRES_SQLALCHEMY_URL must be {_DRIVER}://USER:PASSWORD@HOST/DATABASE, "
            "with this driver and with %40 for an @ in the password."
        )
        raise click.ClickException(message)
    try:
        # The library gives its dialects no types.
        _, parameters = PGDialect_psycopg().create_connect_args(parsed)  # type: ignore[no-untyped-call]
    except ArgumentError as error:
        message = f"TARGET_POSTGRES_SQLALCHEMY_URL cannot be used: {error}."
        raise click.ClickException(message) from None
    return dict(parameters)
