"""Plain HTTP to servers of this machine, for those that ask often whether one is up."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

import httpx


def local_http() -> httpx.Client:
    """Return this process's client for ``http://`` on the loopback interface; every request is a new connection.

    A client of its own for each question reads all certificate authorities of the machine first, which takes longer
    than the question; this one knows none, so it speaks no HTTPS.
    """
    return _client(os.getpid())


@lru_cache(maxsize=1)
def _client(_process: int) -> httpx.Client:
    """A child must not share its parent's."""
    return httpx.Client(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),
    )
