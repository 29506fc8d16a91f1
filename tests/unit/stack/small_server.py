"""A server that starts at once, for what does not depend on what a server is."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import httpx

from infra.host.ports import HOST
from infra.stack.service import Launch, StackService, Unhealthy


class SmallServer(StackService):
    """Serves its folder over HTTP."""

    name = "small"
    title = "Small"
    port = 0
    program = "import http.server; http.server.test(HandlerClass=http.server.SimpleHTTPRequestHandler, port={port}, bind='{host}')"

    @property
    def ports(self) -> Mapping[str, int]:
        return {"http": self.port}

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def launch(self) -> Launch:
        return Launch([sys.executable, "-c", self.program.format(port=self.port, host=HOST)])

    def check(self) -> None:
        try:
            httpx.get(f"http://{HOST}:{self.port}/", timeout=2, trust_env=False)
        except httpx.HTTPError as fault:
            raise Unhealthy(str(fault)) from None
