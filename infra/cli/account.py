"""``citybrain account``: the accounts of people who sign in. Passwords are generated, shown once, and changed by their owners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import UserError, err, out, print_json

if TYPE_CHECKING:
    from catalog.access.accounts import AccountStore
    from catalog.access.person import Post

JsonFlag = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
ADMINISTRATORS = {"sysadmin": "SYSTEM_ADMIN", "secadmin": "SECURITY_ADMIN", "auditor": "AUDITOR"}

app = typer.Typer(help="Accounts of people who sign in: stewards, heads of departments, reviewers, administrators.")


@app.command("init")
def init(json: JsonFlag = False) -> None:
    """Make the three administrators of a new installation: system, security, audit. Once only."""
    from catalog.access.accounts import Actor
    from catalog.access.person import BUREAU, Post

    with accounts() as store:
        if store.all():
            raise UserError("there are accounts already", hint="citybrain account add makes more")
        made = {
            name: store.add(name, Post[post].value, BUREAU, [Post[post]], Actor())
            for name, post in ADMINISTRATORS.items()
        }
    _show([{"account": name, "password": password} for name, password in made.items()], json)


@app.command("add")
def add(
    account: Annotated[str, typer.Argument(help="name to sign in with: lower-case letters, digits, . _ -")],
    name: Annotated[str, typer.Option(help="name to show")],
    dept: Annotated[str, typer.Option(help="department code, such as gaj")],
    post: Annotated[list[str], typer.Option(help="post, such as HEAD or 部门负责人; repeatable")],
    json: JsonFlag = False,
) -> None:
    """Make an account; its generated password is shown once."""
    from catalog.access.accounts import AccountError, Actor
    from catalog.contract.load import load_vocabulary

    departments = load_vocabulary().departments
    if dept not in departments:
        raise UserError(f"no department {dept!r}", hint=f"one of: {', '.join(sorted(departments))}")
    with accounts() as store:
        try:
            password = store.add(account, name, dept, posts_named(post), Actor())
        except AccountError as error:
            raise UserError(str(error)) from error
    _show([{"account": account, "password": password}], json)


def posts_named(names: list[str]) -> frozenset[Post]:
    """Return the posts of these names, in code or in Chinese; raise :class:`UserError` for another."""
    from catalog.access.person import Post

    known = {post.name: post for post in Post} | {post.value: post for post in Post}
    for name in names:
        if name not in known:
            listed = ", ".join(f"{post.name} ({post.value})" for post in Post)
            raise UserError(f"no post {name!r}", hint=f"one of: {listed}")
    return frozenset(known[name] for name in names)


@contextmanager
def accounts() -> Iterator[AccountStore]:
    """Open the accounts of this installation."""
    from catalog.access.accounts import AccountStore
    from lakehouse.connect.app_database import app_database
    from lakehouse.connect.settings import Settings

    store = AccountStore(app_database(Settings()))
    try:
        yield store
    finally:
        store.close()


def _show(made: list[dict[str, str]], json: bool) -> None:
    if json:
        print_json(made)
        return
    for row in made:
        out.print(f"{row['account']}  {row['password']}", highlight=False)
    err.print("[dim]只显示这一次，首次登录时须修改 shown this once; to be changed at the first sign-in[/]")
