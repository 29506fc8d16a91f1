"""Ports of the loopback interface: nothing that is started here listens anywhere else."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def bindable(port: int) -> int | None:
    """Return the port that can be bound now (any free one for 0), or None when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return None
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Say whether the port can be bound now."""
    return bindable(port) == port
