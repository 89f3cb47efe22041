"""Running the sandbox in this process."""

from __future__ import annotations

import gc
import socket
from typing import TYPE_CHECKING

import uvicorn

from ft42_sandbox.app import create_app

if TYPE_CHECKING:
    from ft42_sandbox.sandbox import Sandbox


BACKLOG = 512


class PortTakenError(Exception):
    """The address cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        PortTakenError: if the address is in use or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        msg = (
            f"cannot listen on {host}:{port}: {error.strerror}. "
            "Stop what does, or choose another port: --port or FT42_SANDBOX_PORT."
        )
        raise PortTakenError(msg) from error
    return listener


def address(listener: socket.socket, *, tls: bool) -> str:
    """The URL of a listening socket."""
    scheme = "https" if tls else "http"
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def run(sandbox: Sandbox, listener: socket.socket, *, tls: tuple[str, str] | None) -> None:
    """Serve until the process is told to end.

    Args:
        sandbox: what to serve.
        listener: a socket that listens.
        tls: the files of a certificate and its key, to serve https.
    """
    # The generated rows stay, so garbage collection need not look at them: that takes time.
    gc.collect()
    gc.freeze()
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        create_app(sandbox),
        log_level="error",
        server_header=False,
        # Answers have their own exact header; the server's may be a second old.
        date_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    uvicorn.Server(config).run(sockets=[listener])
