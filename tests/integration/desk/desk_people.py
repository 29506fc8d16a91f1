"""The people of the desk's tests, signed in through the real door once; each test begins with them signed in."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI
from signed_in import csrf, sign_in

from catalog.access.person import Person, Post
from catalog.web.signin import SESSION_COOKIE


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


@dataclass(frozen=True)
class Session:
    """What a browser holds after signing in: the cookie, and the token that its forms carry."""

    cookie: str
    csrf: str


def signed_in_people(app: FastAPI, address: str) -> dict[str, Session]:
    """Sign everybody in at the real door and return their sessions by account."""
    found = {}
    for account, who in PEOPLE.items():
        client = sign_in(app, address, who)
        found[account] = Session(client.cookies[SESSION_COOKIE], csrf(client))
    return found
