"""People who sign in for the tests of the desk. How they sign in is here and nowhere else."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from catalog.access.person import Person, Post

CSRF = "a-token-of-the-session"
SIGNED_IN = "x-test-account"


def person(account: str, name: str, dept: str, *posts: Post) -> Person:
    return Person(account, name, dept, frozenset(posts))


PEOPLE = {
    p.account: p
    for p in (
        person("li", "李申请", "wjw", Post.APPLICANT),
        person("wang", "王处长", "wjw", Post.HEAD),
        person("zhao", "赵处长", "gaj", Post.HEAD),
        person("qian", "钱编目", "gaj", Post.CATALOGUER),
        person("sun", "孙审核", "dsjj", Post.REVIEWER),
        person("zhou", "周旁观", "jyj", Post.APPLICANT, Post.HEAD),
        person("admin", "吴管理", "dsjj", Post.SYSTEM_ADMIN),
        person("wu", "吴工", "gaj", Post.ENGINEER),
    )
}


class SignInByHeader:
    """Puts the person of a test's header into the request, where the session layer would put them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            account = dict(scope["headers"]).get(SIGNED_IN.encode(), b"").decode()
            state: dict[str, Any] = scope.setdefault("state", {})
            state |= {"person": PEOPLE.get(account), "csrf": CSRF if account else ""}
        await self._app(scope, receive, send)
