"""A client of Nessie's API v2: references, the tables of a reference, commits with compare-and-swap.

Reads are tried again, and so is a commit that cannot have been received. A commit whose acknowledgement was lost is
looked for in the reference's log by its id, and never sent twice.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx

from lakehouse.connect.servers import ReferenceGone, ServerUnavailable

COMMIT_ID = "citybrain.commit"
EMPTY_HASH = "2e1cfa82b035c26cbbbdae632cea070514eb8b773f616aaeaf668e2f0be8f10d"  # of a reference without commits
TABLE = "ICEBERG_TABLE"
NAMESPACE = "NAMESPACE"
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_READ_ATTEMPTS = 3
_PAGE = 500

Content = dict[str, Any]


class CommitConflict(RuntimeError):
    """Another writer changed one of the same tables, or moved the reference."""


@dataclass(frozen=True)
class Put:
    """Let a key have this content; a content with ``id`` is the next version of that one, without it a new one."""

    key: tuple[str, ...]
    content: Content

    def to_json(self) -> dict[str, Any]:
        """Return the operation as Nessie reads it."""
        return {"type": "PUT", "key": {"elements": list(self.key)}, "content": self.content}


@dataclass(frozen=True)
class Delete:
    """Take a key away."""

    key: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the operation as Nessie reads it."""
        return {"type": "DELETE", "key": {"elements": list(self.key)}}


@dataclass(frozen=True)
class Entries:
    """All that a reference holds at one of its commits."""

    hash: str
    tables: dict[str, Content] = field(default_factory=dict)  # identifier -> content
    namespaces: dict[tuple[str, ...], Content] = field(default_factory=dict)


class Nessie:
    """One Nessie server; safe to use from several threads."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")

    def head(self, reference: str) -> str:
        """Return the newest commit of a reference.

        Raises:
            ReferenceGone: there is no such reference.
        """
        found = self._read(f"/trees/{quote(reference, safe='')}")
        return str(found["reference"]["hash"])

    def references(self) -> dict[str, str]:
        """Return every branch with its newest commit."""
        pages = self._pages("/trees", "references", {})
        return {ref["name"]: ref["hash"] for ref in pages if ref["type"] == "BRANCH"}

    def create(self, reference: str, at: str, source: str) -> None:
        """Make a reference at a commit of another one.

        Raises:
            CommitConflict: there is one of that name.
        """
        body: dict[str, Any] = {"type": "BRANCH", "name": source, "hash": at}
        if at == EMPTY_HASH:
            body = {"type": "DETACHED", "hash": at}
        self._send("POST", "/trees", body, {"name": reference, "type": "BRANCH"})

    def delete(self, reference: str) -> None:
        """Delete a reference, wherever it is by now; it may be gone already."""
        for _ in range(10):
            try:
                at = self.head(reference)
                self._send("DELETE", f"/trees/{quote(reference, safe='')}@{at}", None, {"type": "BRANCH"})
            except ReferenceGone:
                return
            except CommitConflict:
                continue  # a writer that is fenced off with this deletion was faster once more
            return
        raise CommitConflict(f"reference {reference!r} moves on too fast to be deleted; stop its writer")

    def entries(self, reference: str, at: str | None = None) -> Entries:
        """Return the tables and namespaces of a reference, now or at one of its commits."""
        return _entries(self, reference, at or self.head(reference))

    def content(self, reference: str, key: Sequence[str]) -> tuple[str, Content | None]:
        """Return the reference's newest commit, and what it holds under a key."""
        body = {"requestedKeys": [{"elements": list(key)}]}
        found = self._retry("POST", f"/trees/{quote(reference, safe='')}/contents", body, {})
        contents = [dict(item["content"]) for item in found["contents"]]
        return str(found["effectiveReference"]["hash"]), contents[0] if contents else None

    def commit(
        self,
        reference: str,
        expected: str,
        operations: Sequence[Put | Delete],
        message: str,
        *,
        commit_id: str | None = None,
    ) -> str:
        """Apply operations as one commit and return it; the keys must be as they were at ``expected``.

        Raises:
            CommitConflict: one of them was changed since.
            ReferenceGone: the reference is gone.
            ServerUnavailable: with ``is_unknown``, the commit may still arrive.
        """
        commit_id = commit_id or uuid.uuid4().hex
        body = {
            "commitMeta": {"message": message, "properties": {COMMIT_ID: commit_id}},
            "operations": [operation.to_json() for operation in operations],
        }
        try:
            done = self._send("POST", f"/trees/{quote(reference, safe='')}@{expected}/history/commit", body, {})
        except ServerUnavailable as lost:
            landed = self.find_commit(reference, commit_id, since=expected) if lost.is_unknown else None
            if landed is None:
                raise
            return landed
        return str(done["targetBranch"]["hash"])

    def find_commit(self, reference: str, commit_id: str, *, since: str) -> str | None:
        """Return the commit of a reference after ``since`` that has an id; None when it has not."""
        for entry in self._pages(f"/trees/{quote(reference, safe='')}/history", "logEntries", {"max-records": "50"}):
            meta = entry["commitMeta"]
            if meta["hash"] == since:
                return None
            if commit_id in (meta.get("allProperties") or {}).get(COMMIT_ID, []):
                return str(meta["hash"])
        return None

    def _pages(self, path: str, items: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            page = {"max-records": str(_PAGE), **params} | ({"page-token": token} if token else {})
            found = self._read(path, page)
            yield from found[items]
            token = found.get("token")
            if not found.get("hasMore"):
                return

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._retry("GET", path, None, params or {})

    def _retry(self, method: str, path: str, body: Any, params: Mapping[str, str]) -> dict[str, Any]:
        """Send a request that changes nothing, again when the server does not answer."""
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                return self._send(method, path, body, params)
            except ServerUnavailable:
                if attempt == _READ_ATTEMPTS:
                    raise
                time.sleep(0.2 * attempt)
        raise AssertionError

    def _send(self, method: str, path: str, body: Any, params: Mapping[str, str]) -> dict[str, Any]:
        url = f"{self.uri}/api/v2{path}"
        try:
            answer = _client(os.getpid()).request(method, url, json=body, params=dict(params))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as fault:
            raise ServerUnavailable("Nessie", self.uri, f"no connection ({fault})") from fault
        except httpx.HTTPError as fault:
            detail = f"no answer ({type(fault).__name__})"
            raise ServerUnavailable("Nessie", self.uri, detail, is_unknown=True) from fault
        if answer.is_success:
            return dict(answer.json()) if answer.content else {}
        self._refuse(answer)
        raise AssertionError

    def _refuse(self, answer: httpx.Response) -> None:
        try:
            fault: dict[str, Any] = answer.json()
        except ValueError:
            fault = {}
        message, code = str(fault.get("message", answer.reason_phrase)), fault.get("errorCode", "")
        if code == "REFERENCE_NOT_FOUND":
            raise ReferenceGone(message)
        if answer.status_code == httpx.codes.CONFLICT:
            raise CommitConflict(message)
        unknown = answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
        raise ServerUnavailable("Nessie", self.uri, f"HTTP {answer.status_code} {message}", is_unknown=unknown)


@lru_cache(maxsize=4)
def _client(_process: int) -> httpx.Client:
    """One pool of connections a process: a child must not share its parent's."""
    return httpx.Client(timeout=_TIMEOUT, trust_env=False)


@lru_cache(maxsize=256)
def _cached_entries(uri: str, reference: str, at: str) -> Entries:
    found = Entries(at)
    path, params = f"/trees/{quote(reference, safe='')}@{at}/entries", {"content": "true"}
    for entry in Nessie(uri)._pages(path, "entries", params):
        key, content = tuple(entry["name"]["elements"]), entry.get("content") or {}
        if entry["type"] == TABLE and len(key) == 2:
            found.tables[".".join(key)] = content
        elif entry["type"] == NAMESPACE:
            found.namespaces[key] = content
    return found


def _entries(nessie: Nessie, reference: str, at: str) -> Entries:
    """What a commit holds never changes, so it is read once."""
    return Entries(at) if at == EMPTY_HASH else _cached_entries(nessie.uri, reference, at)
