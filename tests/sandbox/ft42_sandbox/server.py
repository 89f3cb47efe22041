"""Running the sandbox in this process."""

from __future__ import annotations

import socket

import uvicorn

from ft42_sandbox.app import create_app
from ft42_sandbox.sandbox import Sandbox


class PortTaken(Exception):  # noqa: N818 - the port is, and the user reads the line
    """The address cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        PortTaken: if the address is in use or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        msg = f"cannot listen on {host}:{port}: {error.strerror}"
        raise PortTaken(msg) from error
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(sandbox: Sandbox, listener: socket.socket, *, verbose: bool) -> None:
    """Serve until the process is told to end."""
    config = uvicorn.Config(
        create_app(sandbox), log_level="info" if verbose else "error", access_log=verbose,
        lifespan="off", server_header=False, timeout_keep_alive=60,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listener])
