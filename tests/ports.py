"""Ports that nobody uses."""

from __future__ import annotations

import socket

from ft42_warehouse.embedded import HOST


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
