"""A TCP proxy in front of a server that tests can cut at a chosen point."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit


def _whole_request(client: socket.socket, data: bytes) -> bytes:
    """Receive the rest of an HTTP request that has begun."""
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    while length and len(body) < int(length[1]) and (more := client.recv(1 << 20)):
        body += more
    return head + b"\r\n\r\n" + body


class CuttingProxy:
    """Forwards connections to a server until told otherwise.

    ``lose_request``: a request that matches is not forwarded, but kept in ``lost``, and the connection is cut.
    ``lose_answer``: a request that matches is forwarded; its answer is not, and the connection is cut.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.lose_request: Callable[[bytes], bool] | None = None
        self.lose_answer: Callable[[bytes], bool] | None = None
        self.after_lost_answer: Callable[[], None] | None = None
        self.lost: list[bytes] = []
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.address = f"{parts.scheme}://127.0.0.1:{self.port}"
        self._accepting = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuse new connections and cut those that are open."""
        self._accepting = False
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def reopen(self) -> None:
        """Take connections again, on the same port."""
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._accepting = True
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut the connections that are open."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def send_lost(self) -> bytes:
        """Send the lost request to the server after all, as a network that held it back would; return the answer's start."""
        with socket.create_connection(self._target) as server:
            server.sendall(self.lost[-1])
            return server.recv(65536)

    def _accept(self) -> None:
        server = self._server
        while self._accepting:
            try:
                client, _ = server.accept()
            except OSError:
                return
            try:
                upstream = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            self._open |= {client, upstream}
            state = {"drop": False}
            threading.Thread(target=self._requests, args=(client, upstream, state), daemon=True).start()
            threading.Thread(target=self._answers, args=(upstream, client, state), daemon=True).start()

    def _requests(self, client: socket.socket, upstream: socket.socket, state: dict[str, bool]) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                if self.lose_request and self.lose_request(data):
                    self.lost.append(_whole_request(client, data))
                    break
                if self.lose_answer and self.lose_answer(data):
                    state["drop"] = True
                upstream.sendall(data)
        self._end(client, upstream)

    def _answers(self, upstream: socket.socket, client: socket.socket, state: dict[str, bool]) -> None:
        with suppress(OSError):
            while data := upstream.recv(1 << 20):
                if state["drop"]:
                    if self.after_lost_answer:
                        self.after_lost_answer()
                    break
                client.sendall(data)
        self._end(client, upstream)

    def _end(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
            self._open.discard(one)
