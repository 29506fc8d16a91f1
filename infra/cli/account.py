"""``citybrain account``: the accounts of people who sign in. Passwords are generated, shown once, and changed by their owners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.output import UserError, err, out, print_json

if TYPE_CHECKING:
    from catalog.access.accounts import AccountStore, Actor
    from catalog.access.person import Post

AccountName = Annotated[str, typer.Argument(help="the account's name, as citybrain account list shows it")]
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


@app.command("list")
def list_accounts(json: JsonFlag = False) -> None:
    """List the accounts: department, posts, state."""
    from catalog.access.accounts import Actor
    from catalog.access.person import Post

    with accounts() as store:
        found, locked = store.all(), store.locked(Actor().at)
    rows = [
        {
            "account": held.account,
            "name": held.name,
            "dept": held.dept,
            "posts": [post.name for post in Post if post in held.posts],
            "is_disabled": held.is_disabled,
            "must_change": held.must_change,
            "locked_until": locked.get(held.account),
            "created_at": held.created_at,
        }
        for held in found
    ]
    if json:
        print_json(rows)
        return
    if not rows:
        err.print("no accounts yet; make the three administrators: citybrain account init")
        return
    table = Table("account", "name", "dept", "posts", "state")
    for held, row in zip(found, rows, strict=True):
        posts = "、".join(post for post in Post if post in held.posts)
        table.add_row(held.account, escape(held.name), held.dept, posts, _state(row))
    out.print(table)


@app.command("disable")
def disable(account: AccountName, json: JsonFlag = False) -> None:
    """Close an account; its sessions end at once."""
    with _changing(account) as store:
        store.disable(account, _operator())
    _say({"account": account, "is_disabled": True}, f"disabled {account}", json)


@app.command("enable")
def enable(account: AccountName, json: JsonFlag = False) -> None:
    """Open a disabled account again."""
    with _changing(account) as store:
        store.disable(account, _operator(), is_disabled=False)
    _say({"account": account, "is_disabled": False}, f"enabled {account}", json)


@app.command("posts")
def appoint(
    account: AccountName,
    post: Annotated[list[str], typer.Option(help="post, such as HEAD or 部门负责人; repeatable; these and no others")],
    json: JsonFlag = False,
) -> None:
    """Give an account these posts and no others; its sessions end."""
    held = posts_named(post)
    with _changing(account) as store:
        store.set_posts(account, held, _operator())
    names = sorted(post.name for post in held)
    _say({"account": account, "posts": names}, f"{account}: {', '.join(names)}", json)


@app.command("reset-password")
def reset_password(account: AccountName, json: JsonFlag = False) -> None:
    """Give an account a generated password, shown once; its sessions end."""
    with _changing(account) as store:
        password = store.reset_password(account, _operator())
    _show([{"account": account, "password": password}], json)


@app.command("reset-codes")
def reset_codes(account: AccountName, json: JsonFlag = False) -> None:
    """Take an account's one-time codes away, such as after a lost telephone; its sessions end."""
    with _changing(account) as store:
        store.remove_codes(account, _operator())
    _say({"account": account, "has_code": False}, f"one-time codes of {account} taken away", json)


@app.command("unlock")
def unlock(account: AccountName, json: JsonFlag = False) -> None:
    """Let an account that wrong passwords closed be tried again at once."""
    with _changing(account) as store:
        store.unlock(account, _operator())
    _say({"account": account, "locked_until": None}, f"unlocked {account}", json)


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


@contextmanager
def _changing(account: str) -> Iterator[AccountStore]:
    """Open the accounts for a change of one; what cannot be done is told as a person's error."""
    from catalog.access.accounts import AccountError

    with accounts() as store:
        try:
            yield store
        except AccountError as error:
            raise UserError(str(error), hint="citybrain account list shows the accounts") from error


def _operator() -> Actor:
    from catalog.access.accounts import Actor

    return Actor()


def _state(row: dict[str, Any]) -> str:
    if row["is_disabled"]:
        return "disabled"
    if row["locked_until"]:
        return "locked"
    return "first password" if row["must_change"] else "in use"


def _say(facts: dict[str, Any], text: str, json: bool) -> None:
    if json:
        print_json(facts)
    else:
        out.print(text)


def _show(made: list[dict[str, str]], json: bool) -> None:
    if json:
        print_json(made)
        return
    for row in made:
        out.print(f"{row['account']}  {row['password']}", highlight=False)
    err.print("[dim]只显示这一次，首次登录时须修改 shown this once; to be changed at the first sign-in[/]")
