"""Who signs in to the desk, and how they fill in its forms."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient
from httpx import Response

from catalog.access.person import Person, Post

PEOPLE = {
    "steward": Person("gaj-steward", "王编目", "gaj", frozenset({Post.CATALOGUER})),
    "head": Person("gaj-head", "李局长", "gaj", frozenset({Post.HEAD})),
    "reviewer": Person("dsjj-reviewer", "赵审核", "dsjj", frozenset({Post.REVIEWER})),
    "admin": Person("dsjj-admin", "钱目录", "dsjj", frozenset({Post.CATALOGUE_ADMIN})),
    "stranger": Person("mzj-steward", "孙民政", "mzj", frozenset({Post.CATALOGUER})),
}
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_SEEN = re.compile(r'name="seen" value="(\d+)"')


class Visitor:
    """Somebody signed in, who fills in forms."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str) -> Response:
        return self.client.get(path)

    def json(self, path: str) -> dict[str, object]:
        answer = self.client.get(path, headers={"accept": "application/json"})
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    def post(
        self, path: str, fields: dict[str, object], *, page: str = "/cataloguing", seen: str = "", **more: object
    ) -> Response:
        text = self.client.get(page).text
        token = _TOKEN.search(text)
        assert token, page
        held = _SEEN.search(text)
        stated = {"seen": seen or (held[1] if held else "0")}
        return self.client.post(path, data={"csrf": token[1], **stated, **fields}, **more)  # type: ignore[arg-type]

    def upload(self, content: bytes, name: str = "目录.xlsx") -> Response:
        return self.post("/catalogue/import", {}, page="/catalogue/import", files={"file": (name, content)})
